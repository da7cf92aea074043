import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  homeWeights,
  MAX_BACKEND_WEIGHT,
  type OriginalWeights,
  pickFactor,
  promotedWeights,
  splitWeights,
} from '../../../../src/core/routing/weights.ts';

function original(serving: number, ...others: readonly number[]): OriginalWeights {
  return { serving, canary: 0, others };
}

const sumOf = (weights: { readonly serving: number; readonly canary: number; readonly others: readonly number[] }) =>
  [weights.serving, weights.canary, ...weights.others].reduce((total, weight) => total + weight, 0);

/** Weights as people write them, and any that the API takes. */
const anyWeight = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: MAX_BACKEND_WEIGHT }));
const anyOriginal = fc.record({
  serving: anyWeight,
  canary: fc.constant(0),
  others: fc.array(fc.oneof(fc.constant(0), anyWeight), { maxLength: 5 }),
});
const splittable = anyOriginal.filter((weights) => pickFactor(weights) !== undefined);
const anyPercent = fc.integer({ min: 0, max: 100 });

describe('rule 3: the factor', () => {
  test.each([
    [original(1), 10_000],
    [original(100), 100],
    [original(3), 3_400],
    [original(1, 1), 5_000],
    [original(10_000), 1],
    [original(1_000_000), 1],
    [original(50, 50), 100],
  ])('the factor of %o is %i', (weights, factor) => {
    expect(pickFactor(weights)).toBe(factor);
  });

  test('the factor makes every whole percent of the serving weight a whole number', () => {
    fc.assert(
      fc.property(splittable, anyPercent, (weights, percent) => {
        const factor = pickFactor(weights) ?? 0;
        expect((weights.serving * factor * percent) % 100).toBe(0);
      }),
    );
  });

  test('the factor is the smallest that gives the total its 10,000, or where there is no room the smallest at all', () => {
    fc.assert(
      fc.property(splittable, (weights) => {
        const factor = pickFactor(weights) ?? 0;
        const total = weights.serving + weights.others.reduce((sum, weight) => sum + weight, 0);
        const exact = (candidate: number) => (weights.serving * candidate) % 100 === 0;
        const fits = (candidate: number) => candidate * Math.max(weights.serving, ...weights.others) <= MAX_BACKEND_WEIGHT;
        const wanted = Array.from({ length: 100 }, (_, index) => index + 1).find(exact) ?? 0;
        const roomy = wanted * Math.ceil(10_000 / (wanted * total));
        expect(factor).toBe(fits(roomy) ? roomy : wanted);
        if (factor > wanted) expect((factor - wanted) * total).toBeLessThan(10_000);
      }),
    );
  });

  test('the factor is none where a weight would pass 1,000,000 or the serving backend has no weight', () => {
    expect(pickFactor(original(999_999))).toBeUndefined();
    expect(pickFactor(original(1, 10_001))).toBeUndefined();
    expect(pickFactor(original(0, 5))).toBeUndefined();
  });

  test('the factor leaves precision behind where 10,000 do not fit', () => {
    expect(pickFactor(original(1, 9_000))).toBe(100);
    expect(pickFactor(original(1, 5_000))).toBe(100);
  });
});

describe('rules 3 and 9: gateways that take smaller weights', () => {
  test.each<readonly [OriginalWeights, number, number | undefined]>([
    // The largest total that says every percent, up to the limit.
    [original(1), 999, 900],
    [original(100), 999, 9],
    [original(1, 1), 999, 900],
    [original(1), 100, 100],
    [original(1), 65_535, 10_000],
    [original(997), 65_535, 65],
    // No total says every percent: the largest that the gateway takes.
    [original(11), 999, 90],
    [original(37, 61), 999, 16],
    [original(999), 999, 1],
    // Not even one percent could be said.
    [original(1, 500), 999, undefined],
    [original(1_000), 999, undefined],
  ])('the factor of %o up to %i is %s', (weights, limit, factor) => {
    expect(pickFactor(weights, limit)).toBe(factor);
  });

  const limited = fc.record({ weights: anyOriginal, limit: fc.constantFrom(100, 999, 1_000, 65_535) });
  const splittableUpTo = limited.filter(({ weights, limit }) => pickFactor(weights, limit) !== undefined);

  test('no weight is larger than the gateway takes, and the canary never gets more than asked, and never nothing instead of something', () => {
    fc.assert(
      fc.property(splittableUpTo, anyPercent, ({ weights, limit }, percent) => {
        const split = splitWeights(weights, pickFactor(weights, limit) ?? 0, percent);
        expect(Math.max(split.serving, split.canary, ...split.others)).toBeLessThanOrEqual(limit);
        expect(split.canary * 100).toBeLessThanOrEqual((split.serving + split.canary) * percent);
        expect(split.canary > 0).toBe(percent > 0);
        // Less by at most one of the gateway's units.
        expect((split.canary + 1) * 100).toBeGreaterThan((split.serving + split.canary) * percent);
      }),
    );
  });

  test('foreign shares stay exact', () => {
    fc.assert(
      fc.property(splittableUpTo, anyPercent, ({ weights, limit }, percent) => {
        const split = splitWeights(weights, pickFactor(weights, limit) ?? 0, percent);
        weights.others.forEach((weight, index) => {
          expect((split.others[index] ?? -1) * weights.serving).toBe(weight * (split.serving + split.canary));
        });
      }),
    );
  });
});

describe('rules 3 and 4: the weights at a share', () => {
  test('the weights at a share are whole numbers from 0 to 1,000,000', () => {
    fc.assert(
      fc.property(splittable, anyPercent, (weights, percent) => {
        const split = splitWeights(weights, pickFactor(weights) ?? 0, percent);
        for (const weight of [split.serving, split.canary, ...split.others]) {
          expect(Number.isInteger(weight)).toBe(true);
          expect(weight).toBeGreaterThanOrEqual(0);
          expect(weight).toBeLessThanOrEqual(MAX_BACKEND_WEIGHT);
        }
      }),
    );
  });

  test('the weights at a share give the canary exactly its percent of what the serving backend had', () => {
    fc.assert(
      fc.property(splittable, anyPercent, (weights, percent) => {
        const split = splitWeights(weights, pickFactor(weights) ?? 0, percent);
        expect(split.canary * 100).toBe((split.serving + split.canary) * percent);
      }),
    );
  });

  test('the weights at a share leave every foreign share exactly as it was', () => {
    fc.assert(
      fc.property(splittable, anyPercent, (weights, percent) => {
        const split = splitWeights(weights, pickFactor(weights) ?? 0, percent);
        const before = BigInt(sumOf(weights));
        const now = BigInt(sumOf(split));
        weights.others.forEach((weight, index) => {
          expect(BigInt(split.others[index] ?? -1) * before).toBe(BigInt(weight) * now);
        });
      }),
    );
  });

  test('the weights at a share never add up to 0', () => {
    fc.assert(
      fc.property(splittable, anyPercent, (weights, percent) => {
        expect(sumOf(splitWeights(weights, pickFactor(weights) ?? 0, percent))).toBeGreaterThan(0);
      }),
    );
  });
});

describe('restored and promoted weights', () => {
  test('restored and promoted weights are what was there, with the canary at 0 or in the place of the serving backend', () => {
    expect(homeWeights(original(7, 3, 0))).toEqual({ serving: 7, canary: 0, others: [3, 0] });
    expect(promotedWeights(original(7, 3, 0))).toEqual({ serving: 0, canary: 7, others: [3, 0] });
  });

  test('restored and promoted weights keep the share that a foreign weight was edited to, on the scale of the release where it needs one', () => {
    expect(homeWeights(original(1, 0.5), 10_000)).toEqual({ serving: 10_000, canary: 0, others: [5_000] });
    expect(promotedWeights(original(1, 0.5), 10_000)).toEqual({ serving: 0, canary: 10_000, others: [5_000] });
    expect(homeWeights(original(1, 4), 10_000)).toEqual({ serving: 1, canary: 0, others: [4] });
  });

  test('restored and promoted weights are whole numbers that the Gateway API takes, also where a foreign weight was edited to anything', () => {
    const edited = original(1, 4.5, 0.01, 3_000_000);
    expect(homeWeights(edited).others).toEqual([5, 1, 1_000_000]);
    expect(promotedWeights(edited).others).toEqual([5, 1, 1_000_000]);
    expect(splitWeights(edited, 10_000, 25).others).toEqual([45_000, 100, 1_000_000]);
  });
});
