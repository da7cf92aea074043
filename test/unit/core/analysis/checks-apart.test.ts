// Limits of latency where several metrics sources count: each is judged by its own buckets.

import { describe, expect, test } from 'vitest';
import { judgeCheck, judgeServingApart } from '../../../../src/core/analysis/checks.ts';
import type { Bucket } from '../../../../src/core/analysis/histogram.ts';
import type { SourceReading } from '../../../../src/core/analysis/reading.ts';
import { aCheck, aLook } from '../../../fixtures/builders.ts';

const P90 = aCheck({ name: 'p90', metric: 'Latency', quantile: '0.9', max: '500ms' });

/** 100 requests, so many of them within half a second. */
function within(quick: number): readonly Bucket[] {
  return [
    { upper: 0.5, count: quick },
    { upper: 1, count: 100 },
    { upper: Number.POSITIVE_INFINITY, count: 100 },
  ];
}

function reading(source: string, quick: number | undefined, servingQuick?: number): SourceReading {
  const counts = { requests: 100, serverErrors: 0, clientErrors: 0, spanSeconds: 60 };
  return {
    source,
    requests: 100,
    serverErrors: 0,
    latency: quick === undefined ? { kind: 'noTraffic', message: 'none' } : { kind: 'facts', facts: within(quick) },
    ...(servingQuick === undefined ? {} : { serving: { requests: counts, latency: within(servingQuick) } }),
  };
}

const judge = (...sources: readonly SourceReading[]) => judgeCheck(P90, aLook(60, { sources })).tell();

describe('a limit of latency where several sources count', () => {
  test('the worst source decides, and the value says whose it is', () => {
    expect(judge(reading('Contour', 99), reading('Traefik', 20))).toMatchObject({
      verdict: 'Fail',
      value: expect.stringMatching(/ at Traefik$/),
    });
    expect(judge(reading('Contour', 99), reading('Traefik', 88))).toMatchObject({ verdict: 'Inconclusive' });
    expect(judge(reading('Contour', 99), reading('Traefik', 98))).toMatchObject({ verdict: 'Pass' });
  });

  test('a source that timed nothing has no say, unless none timed anything', () => {
    expect(judge(reading('Contour', 99), reading('Traefik', undefined))).toMatchObject({ verdict: 'Pass' });
    expect(judge(reading('Contour', undefined))).toMatchObject({
      verdict: 'Inconclusive',
      message: 'no canary request was timed in the window',
    });
  });

  test('serving is held against the limit at the gateways where the canary breaks it', () => {
    expect(judgeServingApart(P90, [reading('Contour', 99, 20), reading('Traefik', 20, 99)])).toBe('keeps');
    expect(judgeServingApart(P90, [reading('Contour', 99, 99), reading('Traefik', 20, 20)])).toBe('breaks');
    expect(judgeServingApart(P90, [reading('Contour', 20, 20), reading('Traefik', 20)])).toBe('unsure');
    expect(judgeServingApart(P90, [reading('Contour', 99, 99)])).toBe('unsure');
  });
});
