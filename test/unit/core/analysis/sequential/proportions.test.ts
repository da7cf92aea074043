import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { betaBinomialLogE, robbinsCS, stirlingRest } from '../../../../../src/core/analysis/sequential/beta-mixture.ts';
import { logMeanExp, logSumExp } from '../../../../../src/core/analysis/sequential/log-sum.ts';
import { proportionBounds, sloEvidence } from '../../../../../src/core/analysis/sequential/slo.ts';
import { BAD_NUMBERS } from './arbitraries.ts';

const anyPart = fc.integer({ min: 0, max: 100_000 }).chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));

describe('what is known of one share', () => {
  test('what is known of one share is nothing without requests', () => {
    expect(sloEvidence(0, 0, 0.01)).toEqual({ logEViolated: 0, logEMet: 0 });
    expect(proportionBounds(0, 0, 0.05)).toEqual({ lower: 0, upper: 1 });
    expect(robbinsCS(0, 0, 0.05)).toEqual({ lower: 0, upper: 1 });
    expect(betaBinomialLogE(0, 0, 0.1, 20)).toBe(0);
  });

  test('contains the share that was seen, by both kinds of bounds', () => {
    fc.assert(
      fc.property(anyPart, ([x, n]) => {
        fc.pre(n > 0);
        for (const { lower, upper } of [proportionBounds(x, n, 0.05), robbinsCS(x, n, 0.05)]) {
          expect(lower).toBeLessThanOrEqual(x / n);
          expect(upper).toBeGreaterThanOrEqual(x / n);
        }
      }),
    );
  });

  test('mirrors bad and good in the symmetric mixture', () => {
    fc.assert(
      fc.property(anyPart, ([x, n]) => {
        const [one, other] = [robbinsCS(x, n, 0.05), robbinsCS(n - x, n, 0.05)];
        expect(one.lower).toBeCloseTo(1 - other.upper, 9);
      }),
    );
  });

  test('speaks against the objective the more bad requests there are', () => {
    fc.assert(
      fc.property(anyPart, fc.constantFrom(0.001, 0.01, 0.2), ([x, n], slo) => {
        fc.pre(x < n);
        const [here, more] = [sloEvidence(x, n, slo), sloEvidence(x + 1, n, slo)];
        expect(more.logEViolated).toBeGreaterThan(here.logEViolated);
        expect(more.logEMet).toBeLessThan(here.logEMet);
      }),
    );
  });

  test('what is known of one share refuses bad numbers', () => {
    for (const bad of BAD_NUMBERS) {
      expect(() => sloEvidence(bad, 5, 0.1)).toThrow(/^x must/);
      expect(() => sloEvidence(0, 5, bad)).toThrow(/^slo must/);
      expect(() => proportionBounds(0, bad, 0.1)).toThrow(/^n must/);
      expect(() => proportionBounds(0, 5, bad)).toThrow(/^beta must/);
      expect(() => robbinsCS(0, 5, bad)).toThrow(/^alpha must/);
      expect(() => betaBinomialLogE(0, 5, bad, 20)).toThrow(/^theta0 must/);
      expect(() => betaBinomialLogE(0, 5, 0.1, bad)).toThrow(/^concentration must/);
    }
    expect(() => robbinsCS(6, 5, 0.05)).toThrow('x must not be larger than n');
  });
});

describe('the numerical parts', () => {
  test('Stirling`s rest gives the factorials back', () => {
    let logFactorial = 0;
    for (let z = 1; z <= 60; z += 1) {
      if (z > 1) logFactorial += Math.log(z - 1);
      expect(stirlingRest(z) + (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI)).toBeCloseTo(logFactorial, 11);
    }
  });

  test('the sum of logarithms neither overflows nor loses zeros', () => {
    expect(logSumExp([])).toBe(Number.NEGATIVE_INFINITY);
    expect(logSumExp([Number.NEGATIVE_INFINITY])).toBe(Number.NEGATIVE_INFINITY);
    expect(logSumExp([Number.POSITIVE_INFINITY, 0])).toBe(Number.POSITIVE_INFINITY);
    expect(logMeanExp([5000, 5000])).toBeCloseTo(5000, 12);
    expect(logMeanExp([-5000, -5000, Number.NEGATIVE_INFINITY])).toBeCloseTo(-5000 + Math.log(2 / 3), 12);
  });
});
