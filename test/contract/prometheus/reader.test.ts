// The reader against a server that behaves, and misbehaves, like Prometheus and what stands before it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPrometheusReader } from '../../../src/adapters/prometheus/reader.ts';
import type { PrometheusReader } from '../../../src/adapters/prometheus/reader.ts';
import { startFakePrometheus } from '../../fakes/prometheus/server.ts';
import type { FakePrometheus, Fault } from '../../fakes/prometheus/server.ts';
import { until } from '../../fixtures/until.ts';

const NOW = 1_700_000_000_123;
const TARGET = { namespace: 'shop', timeoutMs: 5_000 };
const SELECTOR = 'requests_total{service="a"}[3s]';

let prometheus: FakePrometheus;
let reader: PrometheusReader;
let spent: number[];

beforeEach(async () => {
  prometheus = await startFakePrometheus({ scrapeIntervalMs: 1_000, scrapePhaseMs: 123, now: () => NOW });
  prometheus.counter('requests_total', { service: 'a', code: '200' }, (atMs) => Math.floor((atMs - NOW) / 1_000) + 100);
  spent = [];
  reader = createPrometheusReader({
    operatorUrl: prometheus.url,
    allow: [],
    allowQueries: true,
    readSecret: () => Promise.reject(new Error('no Secret in these tests')),
    onQuery: (seconds) => spent.push(seconds),
  });
});

afterEach(async () => {
  reader.close();
  await prometheus.close();
});

describe('a range selector', () => {
  test('a range selector gives raw samples with their own times to the millisecond', async () => {
    expect(await reader.query(TARGET, SELECTOR, NOW)).toEqual({
      ok: true,
      warnings: [],
      series: [
        {
          labels: { __name__: 'requests_total', service: 'a', code: '200' },
          samples: [
            { atMs: NOW - 2_000, value: 98 },
            { atMs: NOW - 1_000, value: 99 },
            { atMs: NOW, value: 100 },
          ],
        },
      ],
    });
  });

  test('a range selector gives exact times for every phase of the scrape, which binary fractions of seconds do not hold', async () => {
    for (const offset of [1, 122, 333, 499, 877, 999]) {
      const atMs = NOW + offset;
      prometheus.answer(`phase_${offset}`, () => [{ labels: {}, value: 1 }]);
      const answer = await reader.query(TARGET, `phase_${offset}`, atMs);
      expect(answer).toMatchObject({ ok: true, series: [{ samples: [{ atMs, value: 1 }] }] });
    }
  });

  test('a range selector gives no series where nothing was counted', async () => {
    expect(await reader.query(TARGET, 'requests_total{service="b"}[3s]', NOW)).toEqual({ ok: true, series: [], warnings: [] });
  });
});

describe('a question', () => {
  test('a question is sent by POST with its time in milliseconds and the deadline for Prometheus itself', async () => {
    await reader.query({ ...TARGET, timeoutMs: 4_321 }, SELECTOR, NOW);
    expect(prometheus.received).toMatchObject([
      { method: 'POST', path: '/api/v1/query', query: SELECTOR, time: '1700000000.123', timeout: '4321ms' },
    ]);
  });

  test('a question goes under the path of the address, however it ends', async () => {
    for (const path of ['/base', '/base/']) {
      const below = createPrometheusReader({
        operatorUrl: `${prometheus.url}${path}`,
        allow: [],
        allowQueries: false,
        readSecret: () => Promise.reject(new Error('no Secret in these tests')),
      });
      await below.query(TARGET, SELECTOR, NOW);
      below.close();
    }
    expect(prometheus.received.map(({ path }) => path)).toEqual(['/base/api/v1/query', '/base/api/v1/query']);
  });

  test('about the beginning of time is not one about now', async () => {
    await reader.query(TARGET, SELECTOR, 0);
    expect(prometheus.received[0]?.time).toBe('0');
  });

  test('a question goes over the same connection as the one before', async () => {
    for (let turn = 0; turn < 10; turn += 1) await reader.query(TARGET, SELECTOR, NOW);
    expect(prometheus.connections()).toBe(1);
  });

  test('a question goes over a new connection when the server has closed the old one meanwhile', async () => {
    await reader.query(TARGET, SELECTOR, NOW);
    prometheus.hangUp();
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ ok: true });
    expect(prometheus.connections()).toBe(2);
  });

  test('a question survives many at once, each with its own answer', async () => {
    for (let n = 0; n < 50; n += 1) prometheus.counter('n', { n: String(n) }, () => n);
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => reader.query(TARGET, `n{n="${n}"}`, NOW)));
    const values = answers.map((answer) => (answer.ok ? answer.series[0]?.samples[0]?.value : answer.message));
    expect(values).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test('a question is timed, whatever came of it', async () => {
    await reader.query(TARGET, SELECTOR, NOW);
    prometheus.fail('500');
    await reader.query(TARGET, SELECTOR, NOW);
    expect(spent).toHaveLength(2);
  });

  test('a question asks for a compressed answer, and reads it', async () => {
    prometheus.fail('gzip');
    const packed = await reader.query(TARGET, SELECTOR, NOW);
    expect(prometheus.received[0]?.headers['accept-encoding']).toBe('gzip');
    prometheus.fail(undefined);
    expect(packed).toEqual(await reader.query(TARGET, SELECTOR, NOW));
  });

  test('a question takes no way round a proxy of the environment', async () => {
    process.env['http_proxy'] = 'http://127.0.0.1:1';
    try {
      expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ ok: true });
    } finally {
      delete process.env['http_proxy'];
    }
  });
});

describe('an answer', () => {
  test('an answer keeps what is not finite', async () => {
    prometheus.fail('inf');
    const samples = [{ value: Number.NEGATIVE_INFINITY }, { value: Number.POSITIVE_INFINITY }];
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ ok: true, series: [{ samples }] });
    prometheus.fail('nan');
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ series: [{ samples: [{ value: Number.NaN }] }] });
  });

  test('an answer that is one number is one sample', async () => {
    prometheus.fail('scalar');
    expect(await reader.query(TARGET, '4.5', NOW)).toMatchObject({
      series: [{ labels: {}, samples: [{ atMs: 1_700_000_000_123, value: 4.5 }] }],
    });
  });

  test('an answer brings its warnings', async () => {
    prometheus.fail('warnings');
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({
      ok: true,
      series: [{ samples: [{}, {}, {}] }],
      warnings: ['one of two stores did not answer'],
    });
  });
});

describe('a failure', () => {
  test.each([
    ['500', 'unavailable', /answered 500, internal: the storage is broken/],
    ['503', 'unavailable', /answered 503 "no healthy upstream"/],
    ['403', 'unavailable', /403.*do not allow queries/],
    ['404', 'unavailable', /404.*no Prometheus API/],
    ['timeout', 'unavailable', /timed out/],
    ['html', 'unavailable', /web page/],
    ['redirect', 'unavailable', /307, a redirect, which is not followed/],
    ['badData', 'badQuery', /bad_data: invalid parameter "query"/],
    ['execution', 'badQuery', /too many samples/],
    ['errorWith200', 'badQuery', /parse error/],
    ['cutJson', 'unusable', /other than JSON/],
    ['empty', 'unusable', /other than JSON/],
    ['nativeHistogram', 'unusable', /native histograms/],
    ['wrongValue', 'unusable', /not a number/],
    ['string', 'unusable', /type string/],
    ['oversized', 'tooLarge', /8 MiB/],
    ['gzipBomb', 'tooLarge', /8 MiB/],
    ['brokenGzip', 'unusable', /broken gzip/],
    ['brotli', 'unusable', /encoding br, which was not requested/],
  ] as const)('a failure of kind %s is %s, reported in words and asked once', async (fault, kind, message) => {
    prometheus.fail(fault);
    const answer = await reader.query(TARGET, SELECTOR, NOW);
    expect(answer).toEqual({ ok: false, kind, message: expect.stringMatching(message) });
    expect(answer).toHaveProperty('message', expect.stringContaining(prometheus.url));
    expect(prometheus.received).toHaveLength(1);
  });

  test.each<[Fault]>([['reset'], ['truncated']])('a failure of a connection (%s) is tried twice more, then reported', async (fault) => {
    prometheus.fail(fault, 2);
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ ok: true });
    expect(prometheus.received).toHaveLength(3);
    prometheus.fail(fault);
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ kind: 'unavailable' });
    expect(prometheus.received).toHaveLength(6);
  });

  test.each<[Fault]>([['hang'], ['stall']])('a failure to answer in time (%s) is unavailability, and ends the wait', async (fault) => {
    prometheus.fail(fault);
    const answer = await reader.query({ ...TARGET, timeoutMs: 30 }, SELECTOR, NOW);
    expect(answer).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(/within 30 ms/) });
    prometheus.fail(undefined);
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ ok: true });
  });

  test('a failure to listen at all is unavailability', async () => {
    await prometheus.close();
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/cannot be reached: .*ECONNREFUSED/),
    });
  });
});

describe('an own query', () => {
  const OWN = { ...TARGET, asks: 'number' } as const;

  test('an own query has one number as its answer: more than 64 KiB is not read, where a built-in query reads it', async () => {
    prometheus.answer('wide', () => Array.from({ length: 2_000 }, (_, index) => ({ labels: { pod: `store-${index}` }, value: index })));
    expect(await reader.query(OWN, 'wide', NOW)).toMatchObject({
      ok: false,
      kind: 'tooLarge',
      message: expect.stringMatching(/64 KiB.*sum\(\)/),
    });
    expect(await reader.query(TARGET, 'wide', NOW)).toMatchObject({ ok: true });
    prometheus.answer('narrow', () => [{ labels: {}, value: 7 }]);
    expect(await reader.query(OWN, 'narrow', NOW)).toMatchObject({ ok: true, series: [{ samples: [{ value: 7 }] }] });
  });

  test('an own query that hangs keeps no question of another kind and no other namespace waiting', async () => {
    prometheus.fail('hang', 64);
    const hanging = Array.from({ length: 64 }, () => reader.query(OWN, 'slow', NOW));
    await until(() => prometheus.received.length === 4);
    prometheus.fail(undefined);
    expect(await reader.query(TARGET, SELECTOR, NOW)).toMatchObject({ ok: true });
    prometheus.answer('narrow', () => [{ labels: {}, value: 7 }]);
    expect(await reader.query({ ...OWN, namespace: 'users' }, 'narrow', NOW)).toMatchObject({ ok: true });
    reader.close();
    await Promise.all(hanging);
  });

  test('an answer of a Prometheus that is not the operator’s is read up to 2 MiB', async () => {
    const other = createPrometheusReader({ allow: [prometheus.url], allowQueries: false, readSecret: async () => ({}) });
    prometheus.fail('oversized');
    const answer = await other.query({ ...TARGET, url: prometheus.url }, SELECTOR, NOW);
    expect(answer).toMatchObject({ ok: false, kind: 'tooLarge', message: expect.stringContaining('2 MiB') });
    other.close();
  });
});
