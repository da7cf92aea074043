import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bucket, countSlower, estimateQuantile, findProblem } from '../../../../src/core/analysis/histogram.ts';

const INFINITE = Number.POSITIVE_INFINITY;

function buckets(...pairs: readonly (readonly [upper: number, count: number])[]): readonly Bucket[] {
  return pairs.map(([upper, count]) => ({ upper, count }));
}

/** `histogram_quantile` as the Prometheus manual states it, over the single buckets instead of the cumulative ones. */
function quantileByManual(all: readonly Bucket[], quantile: number): number {
  const total = all.at(-1)?.count ?? 0;
  let rank = quantile * total;
  let lower = 0;
  let before = 0;
  for (const { upper, count } of all) {
    const inside = count - before;
    if (rank <= inside) return upper === INFINITE ? lower : lower + (upper - lower) * (rank / inside);
    rank -= inside;
    [lower, before] = [upper, count];
  }
  return lower;
}

const someBuckets = fc
  .array(fc.record({ width: fc.integer({ min: 1, max: 100 }), inside: fc.integer({ min: 0, max: 50 }) }), { minLength: 1, maxLength: 8 })
  .chain((parts) => fc.integer({ min: 0, max: 20 }).map((overflow) => accumulate(parts, overflow)))
  .filter((all) => (all.at(-1)?.count ?? 0) > 0);

function accumulate(parts: readonly { readonly width: number; readonly inside: number }[], overflow: number): readonly Bucket[] {
  let [upper, count] = [0, 0];
  const finite = parts.map(({ width, inside }) => {
    upper += width;
    count += inside;
    return { upper, count };
  });
  return [...finite, { upper: INFINITE, count: count + overflow }];
}

describe('buckets', () => {
  test('buckets that end with infinity, never fall and hold a request can be judged', () => {
    expect(findProblem(buckets([0.1, 0], [0.5, 3], [INFINITE, 3]))).toBeUndefined();
  });

  test('buckets without the infinity bucket cannot be judged, nor can none', () => {
    expect(findProblem(buckets([0.1, 1], [0.5, 3]))).toBe('noInfinityBucket');
    expect(findProblem([])).toBe('noInfinityBucket');
  });

  test('buckets that fall cannot be judged, beyond what rounding does', () => {
    expect(findProblem(buckets([0.1, 3], [0.5, 2], [INFINITE, 3]))).toBe('notCumulative');
    expect(findProblem(buckets([0.1, 3], [0.5, 3 - 1e-12], [INFINITE, 3]))).toBeUndefined();
  });

  test('buckets without a request say so', () => {
    expect(findProblem(buckets([0.1, 0], [INFINITE, 0]))).toBe('noRequests');
  });
});

describe('the quantile', () => {
  test('the quantile is interpolated inside its bucket', () => {
    expect(estimateQuantile(buckets([0.1, 50], [0.2, 100], [INFINITE, 100]), 0.75)).toBeCloseTo(0.15);
  });

  test('the quantile of the first bucket is interpolated from 0', () => {
    expect(estimateQuantile(buckets([0.1, 100], [INFINITE, 100]), 0.5)).toBeCloseTo(0.05);
  });

  test('the quantile at a bound is the bound, not the next bucket', () => {
    expect(estimateQuantile(buckets([0.1, 50], [0.2, 50], [0.4, 100], [INFINITE, 100]), 0.5)).toBe(0.1);
  });

  test('the quantile beyond the last bound is that bound', () => {
    expect(estimateQuantile(buckets([0.1, 50], [0.2, 90], [INFINITE, 100]), 0.99)).toBe(0.2);
  });

  test('the quantile of nothing but an infinite bucket is 0', () => {
    expect(estimateQuantile(buckets([INFINITE, 5]), 0.5)).toBe(0);
    expect(estimateQuantile([], 0.5)).toBe(0);
  });

  test('0 is the first bound, also where that bucket is empty', () => {
    expect(estimateQuantile(buckets([0.1, 0], [0.2, 4], [INFINITE, 4]), 0)).toBe(0.1);
  });

  test('the quantile is what histogram_quantile says, for any buckets', () => {
    fc.assert(
      fc.property(someBuckets, fc.integer({ min: 1, max: 999 }), (all, thousandths) => {
        const quantile = thousandths / 1_000;
        expect(estimateQuantile(all, quantile)).toBeCloseTo(quantileByManual(all, quantile), 6);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the number of slower requests', () => {
  const some = buckets([0.1, 50], [0.2, 90], [0.4, 98], [INFINITE, 100]);

  test('the number of slower requests is exact at a bound', () => {
    expect([0, 0.1, 0.2, 0.4].map((limit) => countSlower(some, limit))).toEqual([100, 50, 10, 2]);
  });

  test('the number of slower requests is interpolated between two bounds', () => {
    expect(countSlower(some, 0.15)).toBeCloseTo(30);
    expect(countSlower(some, 0.05)).toBeCloseTo(75);
  });

  test('the number of slower requests counts nothing above the last bound, because nothing is known of it', () => {
    expect(countSlower(some, 0.5)).toBe(0);
    expect(countSlower(some, INFINITE)).toBe(0);
  });

  test('the number of slower requests of an only infinite bucket is all of them at limit 0 and none above', () => {
    expect(countSlower(buckets([INFINITE, 7]), 0)).toBe(7);
    expect(countSlower(buckets([INFINITE, 7]), 1)).toBe(0);
  });

  test('the number of slower requests of no buckets is 0, and a first bound of 0 is passed by what lies above it', () => {
    expect(countSlower([], 1)).toBe(0);
    expect(countSlower(buckets([0, 2], [1, 10], [INFINITE, 10]), 0)).toBe(8);
  });

  test('the number of slower requests agrees with the quantile: as many are slower than the quantile as its complement says', () => {
    fc.assert(
      fc.property(someBuckets, fc.integer({ min: 1, max: 999 }), (all, thousandths) => {
        const total = all.at(-1)?.count ?? 0;
        const value = estimateQuantile(all, thousandths / 1_000);
        const beyond = (thousandths / 1_000) * total > (all.at(-2)?.count ?? 0);
        const slower = countSlower(all, value);
        if (beyond) expect(slower).toBe(total - (all.at(-2)?.count ?? 0));
        else expect(slower).toBeCloseTo(total * (1 - thousandths / 1_000), 6);
      }),
      { numRuns: 500 },
    );
  });
});
