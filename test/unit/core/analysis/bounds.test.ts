import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binomialTail, LOOK_CONFIDENCE, provenAbove, provenBelow, rateProven } from '../../../../src/core/analysis/bounds.ts';

/** P(X >= hits) with p = numerator / denominator, by summing whole numbers: nothing is rounded before the last division. */
function sumTail(hits: number, trials: number, numerator: number, denominator: number): number {
  const [p, q] = [BigInt(numerator), BigInt(denominator - numerator)];
  let total = 0n;
  let choose = 1n;
  for (let k = 0; k <= trials; k += 1) {
    if (k >= hits) total += choose * p ** BigInt(k) * q ** BigInt(trials - k);
    choose = (choose * BigInt(trials - k)) / BigInt(k + 1);
  }
  return ratio(total, BigInt(denominator) ** BigInt(trials));
}

function ratio(a: bigint, b: bigint): number {
  const scale = 10n ** 40n;
  return Number((a * scale) / b) / 1e40;
}

/**
 * For a Poisson variable in fixed point with 60 digits: the last count whose lower tail P(X <= k) is at most 1% (-1 without
 * one), and the first whose upper tail P(X >= k) is.
 */
function findPoissonEdges(mean: number): { readonly last: number; readonly first: number } {
  const one = 10n ** 60n;
  const terms = [one];
  for (let i = 1n; (terms.at(-1) ?? 0n) > 0n; i += 1n) terms.push(((terms.at(-1) ?? 0n) * BigInt(mean)) / i);
  // All terms are positive, so e^mean is their sum and nothing cancels.
  const whole = terms.reduce((total, term) => total + term, 0n);
  let head = 0n;
  let last = -1;
  for (const [k, term] of terms.entries()) {
    if (100n * (whole - head) <= whole) return { last, first: k };
    head += term;
    if (100n * head <= whole) last = k;
  }
  throw new RangeError('the tail never fell to 1%');
}

describe('the binomial tail', () => {
  // Summed with exact fractions.
  const known: readonly (readonly [hits: number, trials: number, p: number, tail: number])[] = [
    [1, 1, 0.01, 0.01],
    [2, 20, 0.01, 0.01685933763565178],
    [5, 100, 0.01, 0.003432321587754515],
    [3, 50, 0.05, 0.45946687728048474],
    [30, 1_000, 0.02, 0.020696518673239506],
    [500, 1_000, 0.5, 0.5126125090891804],
    [10, 10, 0.9, 0.3486784401],
    [1, 1_000, 0.0001, 0.09516710644145375],
  ];

  test.each(known)('the binomial tail of %i hits in %i at %d is the known value', (hits, trials, p, tail) => {
    expect(binomialTail(hits, trials, p)).toBeCloseTo(tail, 11);
  });

  test('the binomial tail is the exact sum for any counts', () => {
    const cases = fc
      .integer({ min: 1, max: 120 })
      .chain((trials) => fc.tuple(fc.integer({ min: 0, max: trials + 2 }), fc.constant(trials), fc.integer({ min: 1, max: 999 })));
    fc.assert(
      fc.property(cases, ([hits, trials, thousandths]) => {
        expect(binomialTail(hits, trials, thousandths / 1_000)).toBeCloseTo(sumTail(hits, trials, thousandths, 1_000), 10);
      }),
      { numRuns: 150 },
    );
  });

  test('the binomial tail stays right for the counts of a large service', () => {
    // 2.33 standard deviations above the mean, where the normal limit has 0.0099031.
    expect(binomialTail(500_036_841, 1_000_000_000, 0.5)).toBeCloseTo(0.0099031, 5);
    expect(binomialTail(10_007_331, 1_000_000_000, 0.01)).toBeCloseTo(0.0099031, 4);
  });

  test('the binomial tail is 1 for no hits, 0 for more hits than trials, and at both ends of the probability what must be', () => {
    expect(binomialTail(0, 10, 0.5)).toBe(1);
    expect(binomialTail(11, 10, 0.5)).toBe(0);
    expect(binomialTail(1, 10, 0)).toBe(0);
    expect(binomialTail(10, 10, 1)).toBe(1);
  });

  test('the binomial tail falls with the hits and rises with the probability', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        fc.double({ min: 0.001, max: 0.99, noNaN: true }),
        (a, b, p) => {
          const [trials, hits] = [Math.max(a, b), Math.min(a, b)];
          expect(binomialTail(hits + 1, trials, p)).toBeLessThanOrEqual(binomialTail(hits, trials, p) + 1e-12);
          expect(binomialTail(hits, trials, p + 0.005)).toBeGreaterThanOrEqual(binomialTail(hits, trials, p) - 1e-12);
        },
      ),
    );
  });
});

describe('a proportion is proven', () => {
  test('a proportion is proven above its limit exactly where the summed tail is at most 1%', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 1, max: 900 }),
        (trials, some, thousandths) => {
          const hits = Math.min(some, trials);
          const tail = sumTail(hits, trials, thousandths, 1_000);
          fc.pre(Math.abs(tail - 0.01) > 1e-9);
          const exact = hits > 0 && hits / trials > thousandths / 1_000 && tail <= 0.01;
          expect(provenAbove(hits, trials, thousandths / 1_000)).toBe(exact);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a proportion is proven above 1% by two errors in ten requests, and not by one', () => {
    expect(provenAbove(2, 10, 0.01)).toBe(true);
    expect(provenAbove(1, 10, 0.01)).toBe(false);
  });

  test('a proportion is proven above 0% by one error', () => {
    expect(provenAbove(1, 1_000_000, 0)).toBe(true);
  });

  test('a proportion is never proven above 100%, without requests, or without a hit', () => {
    expect(provenAbove(10, 10, 1)).toBe(false);
    expect(provenAbove(0, 0, 0.01)).toBe(false);
    expect(provenAbove(0, 10, 0.01)).toBe(false);
  });

  test('a proportion is proven below a limit as the misses are above the rest', () => {
    expect(provenBelow(90, 100, 0.99)).toBe(true);
    expect(provenBelow(98, 100, 0.99)).toBe(false);
    expect(provenBelow(99, 100, 1)).toBe(true);
    expect(provenBelow(0, 100, 0)).toBe(false);
  });

  test('falsely no more often than the confidence allows, whatever the limit', () => {
    for (const thousandths of [1, 5, 10, 50, 300]) {
      for (const trials of [5, 20, 60, 100]) {
        const first = Array.from({ length: trials + 1 }, (_, hits) => hits).find((hits) => provenAbove(hits, trials, thousandths / 1_000));
        if (first !== undefined) expect(sumTail(first, trials, thousandths, 1_000)).toBeLessThanOrEqual(1 - LOOK_CONFIDENCE + 1e-12);
      }
    }
  });
});

describe('a rate is proven', () => {
  test.each([1, 3, 10, 50, 200, 800])(
    'a rate is proven above its limit from the count on whose tail is at most 1%, and not before, %i expected',
    (expected) => {
      const { first } = findPoissonEdges(expected);
      expect(rateProven('above', first, expected)).toBe(true);
      expect(rateProven('above', first - 1, expected)).toBe(false);
    },
  );

  test.each([5, 30, 200, 700])(
    'a rate is proven below its limit up to the count whose tail is at most 1%, and not behind it, %i expected',
    (expected) => {
      const { last } = findPoissonEdges(expected);
      expect(rateProven('below', last, expected)).toBe(true);
      expect(rateProven('below', last + 1, expected)).toBe(false);
    },
  );

  test.each([1_001, 1_500, 4_000])('a rate is proven at the same counts where it is approximated, %i expected', (expected) => {
    const { last, first } = findPoissonEdges(expected);
    const near = (edge: number) => [edge - 1, edge, edge + 1, edge + 2];
    expect(near(first - 1).map((events) => rateProven('above', events, expected))).toEqual([false, false, true, true]);
    expect(near(last).map((events) => rateProven('below', events, expected))).toEqual([true, true, false, false]);
  });

  test('a rate is proven above nothing by one event, and never by none', () => {
    expect(rateProven('above', 1, 0)).toBe(true);
    expect(rateProven('above', 0, 0)).toBe(false);
    expect(rateProven('above', 0, 5_000)).toBe(false);
  });

  test('a rate is never proven below nothing; silence is below 5 expected events and not below 4', () => {
    expect(rateProven('below', 0, 0)).toBe(false);
    expect(rateProven('below', 0, 5)).toBe(true);
    expect(rateProven('below', 0, 4)).toBe(false);
  });

  test('a rate is proven for more events than could ever be added up one by one', () => {
    expect(rateProven('below', Number.MAX_SAFE_INTEGER, 30)).toBe(false);
    expect(rateProven('above', Number.MAX_SAFE_INTEGER, 30)).toBe(true);
  });
});
