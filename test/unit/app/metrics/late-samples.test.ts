import { describe, expect, test } from 'vitest';
import type { MetricsReader, Series } from '../../../../src/ports/metrics.ts';
import { timeAfter } from '../../../fixtures/builders.ts';
import { LOOK_AT, readLook, FakeReader, found, code, canaryCounts, servingCounts, question } from './looks.ts';

describe('samples that arrive late', () => {
  /** Nothing is there of the last seconds before the look. */
  const late = (seconds: number, series: Series): Series => ({
    ...series,
    samples: series.samples.filter(({ atMs }) => atMs <= LOOK_AT - seconds * 1_000),
  });
  const delayed = { sampleAt: timeAfter(70), sampleDelayMs: 40_000, scrapeIntervalMs: 10_000 };

  test('the window ends with the newest sample, so that a rate is one of the time it was counted in', async () => {
    const reader = new FakeReader([canaryCounts, found(late(40, code('200', 50, 1_000)))]);
    const look = await readLook(reader, question({}, {}, delayed), LOOK_AT, { askedAtMs: LOOK_AT + 500 });
    expect(look.requests).toMatchObject({ kind: 'facts', facts: { requests: 300, spanSeconds: 60 } });
    expect(look).toMatchObject({ newestSampleMs: LOOK_AT - 40_100, sampleAgeMs: 40_600 });
  });

  test('before a sample of the present weight has arrived nothing is known, and that is no missing traffic', async () => {
    const reader = new FakeReader(
      [canaryCounts, found(late(40, code('200', 50, 1_000)))],
      [servingCounts, found(late(40, code('200', 9)))],
    );
    const young = { ...delayed, shiftedAt: timeAfter(90), stageStartedAt: timeAfter(90) };
    const look = await readLook(reader, question({ comparison: { mode: 'Enforce' } }, {}, young), LOOK_AT);
    expect(look.requests).toEqual({ kind: 'partial', message: 'no sample since the present weight was set: the newest one is 40 s old' });
    expect(look).toMatchObject({ newRequests: 0 });
    expect(look.servingRequests).toBeUndefined();
    expect(look.sampleAgeMs).toBeUndefined();
  });

  test('a gateway that is scraped is not late, though it has forgotten the counters of the canary', async () => {
    const reader = new FakeReader([canaryCounts, found(late(40, code('200', 50, 1_000)))], [servingCounts, found(code('200', 9))]);
    const look = await readLook(reader, question({ comparison: { mode: 'Enforce' } }), LOOK_AT, { askedAtMs: LOOK_AT });
    expect(look).toMatchObject({ newestSampleMs: LOOK_AT - 40_100, sampleAgeMs: 100, requests: { facts: { spanSeconds: 60 } } });
  });

  test('a query of the user that returns nothing for now is asked for the time of the newest samples', async () => {
    const asked: number[] = [];
    const reader: MetricsReader = {
      query: (_target, query, atMs) => {
        if (!query.startsWith('orders')) return Promise.resolve(found());
        asked.push(atMs);
        return Promise.resolve(atMs === LOOK_AT ? found() : found({ labels: {}, samples: [{ atMs, value: 7 }] }));
      },
      refusal: () => undefined,
    };
    const analysis = { checks: [{ name: 'orders', query: 'orders', min: '1' }] };
    const look = await readLook(reader, question(analysis, {}, delayed, { weight: 10 }), LOOK_AT);
    expect(look.own).toEqual({ orders: { kind: 'facts', facts: 7 } });
    expect(asked).toEqual([LOOK_AT, LOOK_AT - 40_000]);
    expect((await readLook(reader, question(analysis, {}, {}, { weight: 10 }), LOOK_AT)).own['orders']?.kind).toBe('noData');
  });
});
