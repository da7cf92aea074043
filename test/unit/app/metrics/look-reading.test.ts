import { describe, expect, test } from 'vitest';
import type { ReleaseStatus, SpecInput } from '../../../../src/api/release.ts';
import type { MetricsAnswer, Series } from '../../../../src/ports/metrics.ts';
import { contour } from '../../../../src/sources/contour.ts';
import { linkerd } from '../../../../src/sources/linkerd.ts';
import { after, aReleaseStatus, aStatus, NAMESPACE, timeAfter } from '../../../fixtures/builders.ts';
import { LOOK_AT, readLook, FakeReader, found, counter, code, canaryCounts, servingCounts, latencyCounts, question } from './looks.ts';

describe('the requests of a look', () => {
  test('the requests of a look are the increments of the window, summed over the codes', async () => {
    const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000), code('503', 2), code('404', 3), code('100', 99))]);
    const look = await readLook(reader, question(), LOOK_AT);
    expect(look.requests).toEqual({ kind: 'facts', facts: { requests: 330, serverErrors: 12, clientErrors: 18, spanSeconds: 60 } });
    expect(look).toMatchObject({ atMs: LOOK_AT, newestSampleMs: LOOK_AT - 100, scrapeIntervalMs: 10_000, own: {} });
    expect(look.latency).toBeUndefined();
    expect(reader.asked).toEqual([{ query: `${canaryCounts}[7m]`, atMs: LOOK_AT }]);
  });

  test('the requests of a look begin with the present weight where that is younger than the window', async () => {
    const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000))]);
    const look = await readLook(reader, question({}, {}, { shiftedAt: timeAfter(100), stageIndex: 1 }), LOOK_AT);
    expect(look.requests).toMatchObject({ facts: { requests: 100, spanSeconds: 20 } });
  });

  test('the requests of a look begin with the release where no weight was wanted yet, and never behind the look', async () => {
    const { shiftedAt: _shifted, ...release } = aReleaseStatus();
    const status = aStatus({ release: { ...release, startedAt: timeAfter(110) } });
    const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000))]);
    expect((await readLook(reader, question({}, { status }), LOOK_AT)).requests).toMatchObject({ facts: { spanSeconds: 10 } });
    const { release: _release, ...bare } = status;
    expect((await readLook(reader, question({}, { status: bare }), LOOK_AT)).requests.kind).toBe('noTraffic');
  });

  test('the requests of a look count a series that was born in the window from 0: the first bad answers are not lost', async () => {
    const born: Series = { labels: { envoy_response_code: '503' }, samples: [{ atMs: after(115), value: 7 }] };
    const look = await readLook(new FakeReader([canaryCounts, found(code('200', 50), born)]), question(), LOOK_AT);
    expect(look.requests).toMatchObject({ facts: { serverErrors: 7 } });
  });

  test('requests since the look before are counted for the stage, by the status or by the look that is asked in the same go', async () => {
    const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000), code('100', 99))]);
    const since = async (release: Partial<ReleaseStatus>, previous?: number) =>
      (await readLook(reader, question({}, {}, release), LOOK_AT, { previousMs: previous })).newRequests;
    expect(await since({ lookGridAt: timeAfter(110) })).toBe(50);
    expect(await since({ lookGridAt: timeAfter(10) }, after(90))).toBe(150);
    expect(await since({ lookGridAt: timeAfter(10), stageStartedAt: timeAfter(100) })).toBe(100);
    expect(await since({})).toBe(600);
  });

  test('requests that failed since the look before are counted whatever stage they fell into', async () => {
    const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000), code('503', 2), code('404', 3))]);
    const errors = async (release: Partial<ReleaseStatus>, previous?: number) =>
      (await readLook(reader, question({}, {}, release), LOOK_AT, { previousMs: previous })).newErrors;
    expect(await errors({ lookGridAt: timeAfter(90), stageStartedAt: timeAfter(110) })).toBe(6);
    expect(await errors({ lookGridAt: timeAfter(10) }, after(100))).toBe(4);
    expect((await readLook(reader, question({}, { parts: [] }), LOOK_AT)).newErrors).toBeUndefined();
  });

  test('requests of several rules whose queries are equal are asked for and counted once', async () => {
    const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000))]);
    const [backend] = question().canary;
    const look = await readLook(reader, question({}, { canary: backend === undefined ? [] : [backend, backend] }), LOOK_AT);
    expect(reader.asked).toHaveLength(1);
    expect(look.requests).toMatchObject({ facts: { requests: 300 } });
  });

  test('the requests of a look are asked for no more than an hour back', async () => {
    const reader = new FakeReader();
    await readLook(reader, question({ window: '24h' }, {}, { shiftedAt: timeAfter(-100_000) }), LOOK_AT);
    expect(reader.asked[0]?.query).toBe(`${canaryCounts}[1h]`);
  });
});

describe('rule 6: what is no evidence', () => {
  test('a silent canary behind a scraped gateway has no traffic', async () => {
    const silent = await readLook(new FakeReader([canaryCounts, found(code('200', 0, 5))]), question(), LOOK_AT);
    expect(silent).toMatchObject({ requests: { kind: 'noTraffic' }, newRequests: 0, newestSampleMs: LOOK_AT - 100 });
    const absent = await readLook(new FakeReader([servingCounts, found(code('200', 50))]), question(), LOOK_AT);
    expect(absent).toMatchObject({ requests: { kind: 'noTraffic' }, newRequests: 0, newestSampleMs: LOOK_AT - 100 });
  });

  test('a canary has no data where neither backend has a series', async () => {
    const look = await readLook(new FakeReader(), question(), LOOK_AT);
    expect(look.requests).toEqual({
      kind: 'noData',
      message: 'Prometheus has no series of either backend (source Contour); is the gateway scraped?',
    });
    expect(look.newestSampleMs).toBeUndefined();
    expect(look.scrapeIntervalMs).toBeUndefined();
  });

  test.each([
    ['unavailable', 'unavailable'],
    ['badQuery', 'unusable'],
    ['unusable', 'unusable'],
  ] as const)('an answer that is %s is %s', async (kind, expected) => {
    const answer = { ok: false, kind, message: 'why' } as const;
    expect((await readLook(new FakeReader([canaryCounts, answer]), question(), LOOK_AT)).requests).toEqual({
      kind: expected,
      message: 'why',
    });
    expect((await readLook(new FakeReader([servingCounts, answer]), question(), LOOK_AT)).requests).toEqual({
      kind: expected,
      message: 'why',
    });
  });

  test('an answer with a warning is partial: it is no proof of anything', async () => {
    const answer: MetricsAnswer = { ok: true, series: [code('200', 50)], warnings: ['a store is away'] };
    const look = await readLook(new FakeReader([canaryCounts, answer]), question(), LOOK_AT);
    expect(look.requests).toEqual({ kind: 'partial', message: 'Prometheus warns that the answer is incomplete: a store is away' });
  });

  test('serving that could not be read whole is unknown, and not a backend without requests', async () => {
    const compared = () => question({ comparison: { mode: 'Enforce' } });
    const whole = found(code('200', 50));
    const look = async (serving: MetricsAnswer) =>
      readLook(new FakeReader([canaryCounts, whole], [servingCounts, serving]), compared(), LOOK_AT);
    expect((await look(whole)).servingRequests).toBeGreaterThan(0);
    expect((await look(found(code('200', 0, 100)))).servingRequests).toBe(0);
    const unknown = await look({ ok: true, series: [code('200', 50)], warnings: ['a store is away'] });
    expect(unknown.requests.kind).toBe('facts');
    expect(unknown).not.toHaveProperty('servingRequests');
  });

  test('without a metrics source nothing is counted and nothing is asked', async () => {
    const reader = new FakeReader();
    const look = await readLook(reader, question({}, { parts: [] }), LOOK_AT);
    expect(look).toMatchObject({ requests: { kind: 'unusable' }, newRequests: 0 });
    expect(reader.asked).toEqual([]);
  });

  test('without weight the serving backend is asked, to learn when the gateway is scraped, and of the canary whose its series are', async () => {
    const reader = new FakeReader([servingCounts, found(code('200', 50))]);
    const analysis: SpecInput['analysis'] = {
      checks: [
        { name: 'slow', metric: 'Latency', quantile: '0.99', max: '1s' },
        { name: 'own', query: 'up', min: '1' },
      ],
    };
    const { weight: _weight, ...unweighted } = question(analysis).status;
    for (const status of [aStatus({ weight: 0 }), unweighted]) {
      const look = await readLook(reader, question(analysis, { status }), LOOK_AT);
      expect(look).toMatchObject({ requests: { kind: 'noTraffic' }, newRequests: 0, newestSampleMs: LOOK_AT - 100, own: {} });
    }
    expect(reader.asked.every(({ query }) => query.startsWith(servingCounts) || query.startsWith(canaryCounts))).toBe(true);
  });

  test('series of several clusters are none of this one, and the setting that separates them is named', async () => {
    const other = { ...code('503', 5), labels: { envoy_response_code: '503', cluster: 'us-2' } };
    for (const status of [aStatus({ weight: 0 }), aStatus({ weight: 5 })]) {
      const reader = new FakeReader([servingCounts, found(code('200', 50))], [canaryCounts, found(other)]);
      const look = await readLook(reader, question({ comparison: { mode: 'Enforce' } }, { status }), LOOK_AT);
      expect(look.mixed).toContain('are of several clusters (no cluster, cluster="us-2")');
      expect(look.requests).toEqual({ kind: 'unusable', message: look.mixed });
      expect(look).toMatchObject({ newRequests: 0, newErrors: 0 });
    }
  });
});

describe('the latency of a look', () => {
  const analysis: SpecInput['analysis'] = { checks: [{ name: 'slow', metric: 'Latency', quantile: '0.99', max: '1s' }] };
  const bucket = (le: string, each: number) => counter({ le }, each, 100);

  test('the latency of a look is summed by bucket over all series, in seconds and in order', async () => {
    const reader = new FakeReader([
      latencyCounts,
      found(bucket('+Inf', 10), bucket('500', 8), bucket('50', 2), bucket('500', 1), counter({}, 5), bucket('x', 5)),
    ]);
    expect((await readLook(reader, question(analysis), LOOK_AT)).latency).toEqual({
      kind: 'facts',
      facts: [
        { upper: 0.05, count: 12 },
        { upper: 0.5, count: 54 },
        { upper: Number.POSITIVE_INFINITY, count: 60 },
      ],
    });
  });

  test('a latency without buckets is no traffic', async () => {
    expect((await readLook(new FakeReader(), question(analysis), LOOK_AT)).latency?.kind).toBe('noTraffic');
  });

  test('a latency that cannot be asked for is unavailable', async () => {
    const reader = new FakeReader([latencyCounts, { ok: false, kind: 'unavailable', message: 'timeout' }]);
    expect((await readLook(reader, question(analysis), LOOK_AT)).latency).toEqual({ kind: 'unavailable', message: 'timeout' });
  });

  test('a latency without a histogram of the source asks for an own query', async () => {
    const { latency: _latency, ...source } = contour;
    expect((await readLook(new FakeReader(), question(analysis, { source }), LOOK_AT)).latency).toEqual({
      kind: 'unusable',
      message: 'metrics source Contour has no latency histogram; use a check with a query of your own',
    });
    expect((await readLook(new FakeReader(), question(analysis, { parts: [] }), LOOK_AT)).latency?.kind).toBe('unusable');
  });

  test('the latency of a look is asked in the unit of the source', async () => {
    expect(
      linkerd.latency?.(
        {
          namespace: NAMESPACE,
          service: 'v2',
          port: 80,
          route: { kind: 'HTTPRoute', namespace: NAMESPACE, name: 'store', ruleIndex: 0, backendIndex: 1 },
        },
        60_000,
      ).unit,
    ).toBe('s');
    const source = { ...contour, latency: () => ({ query: latencyCounts, unit: 's' as const }) };
    const look = await readLook(new FakeReader([latencyCounts, found(bucket('0.5', 1))]), question(analysis, { source }), LOOK_AT);
    expect(look.latency).toEqual({ kind: 'facts', facts: [{ upper: 0.5, count: 6 }] });
  });
});

describe('an own query of a look', () => {
  const own = (query: string): SpecInput['analysis'] => ({ window: '90s', checks: [{ name: 'orders', query, min: '1' }] });
  const value = (...values: readonly number[]): Series => ({ labels: {}, samples: values.map((one) => ({ atMs: LOOK_AT, value: one })) });
  const read = async (answer: MetricsAnswer) =>
    (await readLook(new FakeReader(['orders', answer]), question(own('orders')), LOOK_AT)).own['orders'];

  test('own queries are not asked at a glance, in which nothing would come of them', async () => {
    const ask = async (atMs: number) => {
      const reader = new FakeReader([canaryCounts, found(code('200', 50))], ['orders_total', found(counter({}, 1))]);
      const young = { scrapeIntervalMs: 1_000, lookGridAt: timeAfter(110) };
      const look = await readLook(reader, question({ ...own('orders_total'), comparison: { mode: 'Enforce' } }, {}, young), atMs);
      return [look.glance, Object.keys(look.own), reader.asked.some(({ query }) => query === 'orders_total')];
    };
    expect(await ask(after(112))).toEqual([true, [], false]);
    expect(await ask(after(120))).toEqual([undefined, ['orders'], true]);
  });

  test('an own query of a look is filled in and asked at the time of the look', async () => {
    const reader = new FakeReader(['orders', found(value(5))]);
    const text = 'sum(rate(orders{ns="$(namespace)",c="$(canary)",s="$(serving)",r="$(revision)",n="$(release)"}[$(window)]))';
    const look = await readLook(reader, question(own(text)), LOOK_AT);
    expect(look.own).toEqual({ orders: { kind: 'facts', facts: 5 } });
    expect(reader.asked.find(({ query }) => query.includes('orders'))).toEqual({
      query: 'sum(rate(orders{ns="shop",c="v2",s="v1",r="2",n="web"}[90s]))',
      atMs: LOOK_AT,
    });
  });

  test('an own query of a look reaches back to the first traffic at most, and too little of a rate counts once two scrapes are in that', async () => {
    const ask = async (age: number, shown: number, release: Partial<ReleaseStatus> = {}) => {
      const reader = new FakeReader(['orders', found(value(shown))]);
      const text = 'sum(rate(orders[$(window)]))';
      const asked = { shiftedAt: timeAfter(120 - age), startedAt: timeAfter(120 - age - 5), ...release };
      const look = await readLook(reader, question(own(text), {}, asked), LOOK_AT);
      const query = reader.asked.find((one) => one.query.includes('orders'))?.query ?? '';
      return [/\[(.*)\]/.exec(query)?.[1], look.own['orders']?.kind];
    };
    // The minimum is 1. Where no scrape interval is known half of the window counts.
    expect(await ask(10, 0.5)).toEqual(['45s', 'noData']);
    expect(await ask(10, 2)).toEqual(['45s', 'facts']);
    expect(await ask(50, 0.5)).toEqual(['50s', 'facts']);
    expect(await ask(100, 0.5)).toEqual(['90s', 'facts']);
    expect(await ask(10, 0.5, { scrapeIntervalMs: 15_000 })).toEqual(['31s', 'noData']);
    expect(await ask(35, 0.5, { scrapeIntervalMs: 15_000 })).toEqual(['35s', 'facts']);
    expect(await ask(10, 0.5, { stageIndex: 1, startedAt: timeAfter(50) })).toEqual(['70s', 'facts']);
  });

  test('an own query of a look must come to one number', async () => {
    expect(await read(found())).toEqual({
      kind: 'noData',
      message: 'check orders: the query returned nothing; if that means that all is well, add "or vector(0)" to it',
    });
    expect(await read(found(value(1), value(2)))).toMatchObject({
      kind: 'unusable',
      message: expect.stringContaining('returned 2 series'),
    });
    expect(await read(found(value(Number.NaN)))).toEqual({ kind: 'noData', message: 'check orders: the query returned no number' });
    expect(await read(found(value()))).toMatchObject({ kind: 'noData' });
  });

  test('an own query of a look keeps an outage, a wrong query and a partial answer apart', async () => {
    expect(await read({ ok: false, kind: 'unavailable', message: 'timeout' })).toEqual({ kind: 'unavailable', message: 'timeout' });
    expect(await read({ ok: false, kind: 'badQuery', message: 'parse error' })).toEqual({ kind: 'unusable', message: 'parse error' });
    expect((await read({ ok: true, series: [value(1)], warnings: ['partial'] }))?.kind).toBe('partial');
  });

  test('an own query that names something unknown is not asked', async () => {
    const reader = new FakeReader();
    const look = await readLook(reader, question(own('orders{c="$(canari)"}')), LOOK_AT);
    expect(look.own['orders']).toMatchObject({
      kind: 'unusable',
      message: expect.stringContaining('check orders: $(canari) is not known'),
    });
    expect(reader.asked.some(({ query }) => query.includes('orders'))).toBe(false);
  });

  test('an own query of a look is filled with nothing where no release is there', async () => {
    const { release: _release, ...status } = aStatus();
    const reader = new FakeReader(['orders', found(value(5))]);
    await readLook(reader, question(own('orders{c="$(canary)$(serving)$(revision)"}'), { status }), LOOK_AT);
    expect(reader.asked.map(({ query }) => query)).toContain('orders{c=""}');
  });
});

describe('what Prometheus has lost', () => {
  /** Samples from a restart of Prometheus on: counters that are old, seen for the first time. */
  const late = (series: Series): Series => ({ ...series, samples: series.samples.slice(-2) });
  const known = { sampleAt: timeAfter(60) };

  test('rule 6: old counters that come back after a gap are not counted as new requests', async () => {
    const reader = new FakeReader([canaryCounts, found(late(code('500', 10, 900)))], [servingCounts, found(late(code('200', 50)))]);
    const look = await readLook(reader, question({}, {}, known), LOOK_AT);
    expect(look.requests).toMatchObject({ kind: 'facts', facts: { requests: 10, serverErrors: 10 } });
  });

  test('a canary whose series are new beside a serving backend that was there all the time counts from its first answer', async () => {
    const reader = new FakeReader([canaryCounts, found(late(code('500', 10, 0)))], [servingCounts, found(code('200', 50))]);
    const look = await readLook(reader, question({}, {}, known), LOOK_AT);
    expect(look.requests).toMatchObject({ kind: 'facts', facts: { requests: 120, serverErrors: 120 } });
  });

  test('other series are not asked for as long as the canary has older samples', async () => {
    const reader = new FakeReader([canaryCounts, found(code('200', 10))]);
    await readLook(reader, question({}, {}, known), LOOK_AT);
    expect(reader.asked.filter(({ query }) => query.includes('shop_v1_80'))).toEqual([]);
  });
});

test('requests of a sample that came too late for its look are new at the next one', async () => {
  // Samples lie 100 ms before each look, and the last look saw only the one before its own.
  const reader = new FakeReader([canaryCounts, found(code('200', 50, 1_000))]);
  const late = question(
    {},
    {},
    { stageStartedAt: timeAfter(0), lookGridAt: timeAfter(110), sampleAt: new Date(after(100) - 100).toISOString() },
  );
  expect((await readLook(reader, late, LOOK_AT)).newRequests).toBe(100);
  const punctual = question(
    {},
    {},
    { stageStartedAt: timeAfter(0), lookGridAt: timeAfter(110), sampleAt: new Date(after(110) - 100).toISOString() },
  );
  expect((await readLook(reader, punctual, LOOK_AT)).newRequests).toBe(50);
});
