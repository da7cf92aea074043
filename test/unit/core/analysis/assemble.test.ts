import { describe, expect, test } from 'vitest';
import { type Counts, countRequests, readLatency, readScalar, toArm, totalRequests } from '../../../../src/core/analysis/assemble.ts';
import type { Series } from '../../../../src/core/analysis/series.ts';
import { classifyHttp } from '../../../../src/sources/codes.ts';

const SPAN = { fromMs: 0, toMs: 60_000 };
const outcomeOf = (labels: Readonly<Record<string, string>>) => classifyHttp(labels['code']);

/** A series that has the first value at the beginning of the span and the second in it. */
function grown(labels: Readonly<Record<string, string>>, first: number, second: number): Series {
  return {
    labels,
    samples: [
      { atMs: 0, value: first },
      { atMs: 30_000, value: second },
    ],
  };
}

function countsOf(canary: readonly Series[], change: Partial<Counts> = {}): Counts {
  return { canary, serving: [], seen: canary, history: 'whole', ...change };
}

describe('the requests of a span', () => {
  test('the requests of a span are summed by class, and what is no request is left out', () => {
    const counts = countsOf([
      grown({ code: '200' }, 10, 40),
      grown({ code: '404' }, 0, 3),
      grown({ code: '502' }, 5, 7),
      grown({ code: '100' }, 0, 50),
    ]);
    expect(countRequests(counts, outcomeOf, SPAN, 'Contour')).toEqual({
      kind: 'facts',
      facts: { requests: 35, serverErrors: 2, clientErrors: 3, spanSeconds: 60 },
    });
    expect(totalRequests(counts.canary, outcomeOf, SPAN, 'whole')).toBe(35);
    expect(totalRequests([], outcomeOf, SPAN, 'whole')).toBe(0);
  });

  test('rule 6: are no traffic where none was answered, and no data where nobody is scraped', () => {
    const still = [grown({ code: '200' }, 10, 10)];
    expect(countRequests(countsOf(still), outcomeOf, SPAN, 'Contour')).toEqual({
      kind: 'noTraffic',
      message: 'no canary request in the window',
    });
    expect(countRequests(countsOf([]), outcomeOf, SPAN, 'Contour')).toMatchObject({
      kind: 'noData',
      message: expect.stringContaining('(source Contour)'),
    });
  });

  test('the requests of a span are a problem where there is one, whatever the samples', () => {
    const problem = { kind: 'partial', message: 'a store is away' } as const;
    expect(countRequests(countsOf([grown({ code: '200' }, 0, 9)], { problem }), outcomeOf, SPAN, 'Contour')).toBe(problem);
  });

  test('the requests of a span leave the first value of a series out where history was lost', () => {
    const late: Series = { labels: { code: '500' }, samples: [{ atMs: 30_000, value: 900 }] };
    expect(totalRequests([late], outcomeOf, SPAN, 'whole')).toBe(900);
    expect(totalRequests([late], outcomeOf, SPAN, 'lost')).toBe(0);
  });
});

describe('the latency of a span', () => {
  const timed = (...series: readonly Series[]) => ({ kind: 'series', series, perSecond: 1_000 }) as const;

  test('the latency of a span is a histogram in seconds, in order, summed over the series', () => {
    const series = timed(
      grown({ le: '+Inf' }, 0, 9),
      grown({ le: '250' }, 0, 4),
      grown({ le: '250' }, 1, 4),
      grown({ le: 'odd' }, 0, 9),
      grown({}, 0, 9),
    );
    expect(readLatency(series, SPAN, 'whole')).toEqual({
      kind: 'facts',
      facts: [
        { upper: 0.25, count: 7 },
        { upper: Number.POSITIVE_INFINITY, count: 9 },
      ],
    });
  });

  test('the latency of a span is no traffic without buckets, and a problem where there is one', () => {
    expect(readLatency(timed(), SPAN, 'whole')).toEqual({ kind: 'noTraffic', message: 'no canary request was timed in the window' });
    const problem = { kind: 'unusable', message: 'a native histogram' } as const;
    expect(readLatency(problem, SPAN, 'whole')).toBe(problem);
  });
});

describe('an arm of the comparison', () => {
  const counts = [grown({ code: '200' }, 0, 1)];

  test('an arm of the comparison has its histogram in its own unit', () => {
    const series = [grown({ le: '5' }, 0, 1)];
    expect(toArm(counts, { kind: 'series', series, perSecond: 1_000 })).toEqual({ counts, latency: series, perSecond: 1_000 });
  });

  test('an arm of the comparison is compared by its answers alone where the histogram cannot be used', () => {
    const bare = { counts, latency: [], perSecond: 1 };
    expect(toArm(counts, { kind: 'unusable', message: 'a native histogram' })).toEqual(bare);
    expect(toArm(counts, undefined)).toEqual(bare);
  });
});

describe('the number of an own query', () => {
  const value = (...values: readonly number[]): Series => ({
    labels: {},
    samples: values.map((one, index) => ({ atMs: index, value: one })),
  });

  test('the number of an own query is the newest sample of its only series', () => {
    expect(readScalar([value(1, 5)], 'orders')).toEqual({ kind: 'facts', facts: 5 });
  });

  test('the number of an own query is none where there is no series, no sample or no number, and cannot be used where there are several', () => {
    for (const series of [[], [value()], [value(Number.NaN)], [value(Number.POSITIVE_INFINITY)]])
      expect(readScalar(series, 'orders').kind).toBe('noData');
    expect(readScalar([value(1), value(2)], 'orders')).toMatchObject({ kind: 'unusable', message: expect.stringContaining('2 series') });
  });
});
