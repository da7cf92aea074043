import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dkwHalfWidth,
  histogramQuantile,
  pickBorders,
  pickBoundary,
  quantileInterval,
} from '../../../../../src/core/analysis/sequential/quantiles.ts';
import { BAD_NUMBERS } from './arbitraries.ts';

const LE = [0.1, 0.2, 0.4, 0.8, Number.POSITIVE_INFINITY];
const anyBuckets = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 5, maxLength: 5 }).map((counts) => {
  let sum = 0;
  return { le: LE, cumulative: counts.map((count) => (sum += count)) };
});

describe('the quantile of a histogram', () => {
  test('lies in its bucket by both estimates, and rises with p', () => {
    fc.assert(
      fc.property(anyBuckets, fc.double({ min: 0, max: 0.5, noNaN: true }), (buckets, p) => {
        fc.pre((buckets.cumulative.at(-1) ?? 0) > 0);
        const [low, high] = [histogramQuantile(p, buckets), histogramQuantile(p + 0.5, buckets)];
        for (const name of ['linear', 'loglog'] as const) {
          expect(low[name]).toBeGreaterThanOrEqual(0);
          expect(high[name]).toBeLessThanOrEqual(0.8 + 1e-12);
          expect(low[name]).toBeLessThanOrEqual((high[name] ?? Number.NaN) + 1e-12);
        }
      }),
    );
  });

  test.each([
    ['no request', LE, [0, 0, 0, 0, 0], 0.5, { linear: undefined, loglog: undefined, beyond: false }],
    ['all in the last bucket', LE, [0, 0, 0, 0, 9], 0.5, { linear: 0.8, loglog: 0.8, beyond: true }],
    ['only the last bucket', [Number.POSITIVE_INFINITY], [9], 0.5, { linear: undefined, loglog: undefined, beyond: true }],
    ['a first limit at 0', [0, 1, Number.POSITIVE_INFINITY], [5, 9, 9], 0.5, { linear: 0, loglog: 0, beyond: false }],
    ['a bucket from 0', [0, 1, Number.POSITIVE_INFINITY], [0, 10, 10], 0.5, { linear: 0.5, loglog: 0.5, beyond: false }],
    ['p = 0 with an empty first bucket', LE, [0, 4, 4, 4, 4], 0, { linear: 0, loglog: 0, beyond: false }],
    [
      'a rank that is rounded above a bucket`s edge',
      [1, 2, 3, Number.POSITIVE_INFINITY],
      [7, 7, 100, 100],
      0.07,
      { linear: 1, loglog: 1, beyond: false },
    ],
    [
      'fewer requests than the quantile needs',
      [1, 2, Number.POSITIVE_INFINITY],
      [5, 10, 10],
      0.999,
      { linear: 1.998, loglog: 2, beyond: false },
    ],
  ])('the quantile of a histogram exists with %s', (_what, le, cumulative, p, expected) => {
    const { linear, loglog, beyond } = histogramQuantile(p, { le, cumulative });
    expect([round(linear), round(loglog), beyond]).toEqual([expected.linear, expected.loglog, expected.beyond]);
  });

  test('the quantile of a histogram refuses buckets that cannot be', () => {
    const quantile = (le: number[], cumulative: number[]) => () => histogramQuantile(0.5, { le, cumulative });
    expect(quantile([1, Number.POSITIVE_INFINITY], [1])).toThrow(/^cumulative must have one count/);
    expect(quantile([1, 2], [1, 1])).toThrow(/^le must end with Infinity/);
    expect(quantile([], [])).toThrow(/^le must end with Infinity/);
    expect(quantile([2, 1, Number.POSITIVE_INFINITY], [1, 1, 1])).toThrow(/^le must rise/);
    expect(quantile([Number.NaN, Number.POSITIVE_INFINITY], [1, 1])).toThrow(/^le must rise/);
    expect(quantile([1, Number.POSITIVE_INFINITY], [2, 1])).toThrow(/^cumulative must not fall/);
    for (const bad of BAD_NUMBERS) {
      expect(quantile([1, Number.POSITIVE_INFINITY], [bad, 1])).toThrow(/^cumulative\[0\] must/);
      expect(() => histogramQuantile(bad, { le: LE, cumulative: [1, 1, 1, 1, 1] })).toThrow(/^p must/);
    }
  });
});

describe('limits and intervals', () => {
  test('a limit is picked by its exceedance, never one that nobody exceeded', () => {
    expect(pickBoundary({ le: LE, cumulative: [50, 88, 99, 100, 100] }, [0.5, 0.9, 0.99, 0.9999])).toEqual([0, 1, 2, 2]);
    expect(pickBoundary({ le: LE, cumulative: [9, 9, 9, 9, 9] }, [0.5])).toEqual([undefined]);
    expect(pickBoundary({ le: LE, cumulative: [0, 0, 0, 0, 0] }, [0.5])).toEqual([undefined]);
    expect(() => pickBoundary({ le: LE, cumulative: [0, 0, 0, 0, 0] }, [1])).toThrow(/^quantiles must/);
  });

  test('two limits to bet on are the smallest that few enough exceed, and the next one, the largest twice where there is none', () => {
    const picked = (cumulative: readonly number[], quantiles = [0.5, 0.9, 0.99]) => pickBorders({ le: LE, cumulative }, quantiles);
    expect(picked([50, 88, 99, 100, 100])).toEqual([
      { near: 0, far: 1 },
      { near: 2, far: 3 },
      { near: 2, far: 3 },
    ]);
    expect(picked([0, 0, 9, 9, 9], [0.5])).toEqual([{ near: 2, far: 3 }]);
    expect(picked([0, 0, 0, 9, 9], [0.5])).toEqual([{ near: 3, far: 3 }]);
    expect(picked([0, 0, 0, 0, 9], [0.5])).toEqual([{ near: 3, far: 3 }]);
    expect(picked([0, 0, 0, 0, 0], [0.5])).toEqual([undefined]);
    expect(pickBorders({ le: [Number.POSITIVE_INFINITY], cumulative: [9] }, [0.5])).toEqual([undefined]);
    expect(() => picked([1, 1, 1, 1, 1], [1])).toThrow(/^quantiles must/);
  });

  test('at most so many exceed the limit that is picked, and more exceed the one below', () => {
    fc.assert(
      fc.property(anyBuckets, fc.constantFrom(0.5, 0.9, 0.99), (buckets, p) => {
        const total = buckets.cumulative.at(-1) ?? 0;
        fc.pre(total > 0);
        const [picked] = pickBorders(buckets, [p]);
        const above = (index: number) => (total - (buckets.cumulative[index] ?? 0)) / total;
        const near = picked?.near ?? -1;
        expect(near < 3 ? above(near) : 0).toBeLessThanOrEqual(1 - p + 1e-5);
        expect(near > 0 ? above(near - 1) : 1).toBeGreaterThan(1 - p);
        expect(picked?.far).toBe(Math.min(near + 1, 3));
      }),
    );
  });

  test('nothing is proven of a quantile without requests', () => {
    expect(quantileInterval(0.5, { le: LE, cumulative: [0, 0, 0, 0, 0] }, 0.05)).toEqual({ lower: 0, upper: Number.POSITIVE_INFINITY });
  });

  test('the interval contains the bucket of the quantile', () => {
    fc.assert(
      fc.property(anyBuckets, fc.constantFrom(0.5, 0.9, 0.99), (buckets, p) => {
        const { linear } = histogramQuantile(p, buckets);
        const { lower, upper } = quantileInterval(p, buckets, 0.05);
        expect(lower).toBeLessThanOrEqual((linear ?? lower) + 1e-12);
        expect(upper).toBeGreaterThanOrEqual((linear ?? upper) - 1e-12);
      }),
    );
  });

  test('the band narrows with the observations and refuses none', () => {
    expect(dkwHalfWidth(10_000, 0.05)).toBeLessThan(dkwHalfWidth(100, 0.05));
    for (const bad of [0, ...BAD_NUMBERS]) expect(() => dkwHalfWidth(bad, 0.05)).toThrow(/^t must/);
  });
});

function round(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Number(value.toFixed(9));
}
