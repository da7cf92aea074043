import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { counterIncrease } from '../../../../../src/core/analysis/sequential/counters.ts';
import { dispersionOf, NO_DISPERSION, phiPre } from '../../../../../src/core/analysis/sequential/dispersion.ts';
import { FAIL, PASS } from '../../../../../src/core/analysis/sequential/grids.ts';
import { nullExpectation, planCanaryRequests } from '../../../../../src/core/analysis/sequential/plan.ts';
import { BAD_NUMBERS } from './arbitraries.ts';

const anyShare = fc.double({ min: 0, max: 1, noNaN: true });
const anyRequests = fc.integer({ min: 0, max: 2000 });

describe('the expectation of one block`s e-value', () => {
  test('the expectation of one block’s e-value is at most 1 wherever the hypothesis of its side holds', () => {
    fc.assert(
      fc.property(
        anyRequests,
        anyRequests,
        anyShare,
        anyShare,
        fc.constantFrom(1, 1.1, 1.25),
        fc.constantFrom(0, 0.001, 0.1),
        fc.constantFrom(...FAIL, ...PASS),
        (nc, ns, ps, part, rho, delta, u) => {
          const limit = Math.min(1, rho * ps + delta);
          fc.pre(u > 1 || rho * ps + delta <= 1);
          const pc = u > 1 ? limit * part : limit + (1 - limit) * part;
          expect(nullExpectation({ u, nc, ns, pc, ps, rho, delta })).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('the expectation of one block’s e-value is above 1 for a canary that is worse', () => {
    expect(nullExpectation({ u: 6, nc: 50, ns: 950, pc: 0.06, ps: 0.01, rho: 1, delta: 0 })).toBeGreaterThan(2);
  });
});

describe('the planned number of canary requests', () => {
  const INPUT = { pc: 0.01, ps: 0.001, weight: 0.05, rho: 1.1, alpha: 0.01, share: 0.5, pi0: 0.5 };

  test('the planned number of canary requests falls with the size of the difference', () => {
    expect(planCanaryRequests({ ...INPUT, pc: 0.1 })).toBeLessThan(planCanaryRequests(INPUT) ?? Number.NaN);
  });

  test.each([
    ['no difference', { ...INPUT, pc: 0.001 }],
    ['a difference inside the margin', { ...INPUT, pc: 0.00105 }],
    ['no bad request of the canary', { ...INPUT, pc: 0 }],
    ['no canary traffic', { ...INPUT, weight: 0 }],
    ['no stable traffic', { ...INPUT, weight: 1 }],
  ])('the planned number of canary requests does not exist for %s', (_what, input) => {
    expect(planCanaryRequests(input)).toBeUndefined();
  });

  test.each(['pc', 'ps', 'weight', 'rho', 'alpha', 'share', 'pi0', 'jEff'] as const)(
    'the planned number of canary requests refuses a bad %s',
    (name) => {
      for (const bad of BAD_NUMBERS) expect(() => planCanaryRequests({ ...INPUT, [name]: bad })).toThrow(new RegExp(`^${name} must`));
    },
  );
});

describe('the dispersion', () => {
  test('the dispersion is 1 without bad requests and never below', () => {
    expect(phiPre([])).toBe(1);
    expect(phiPre([{ xc: 0, xs: 0, nc: 0, ns: 0 }], 0)).toBe(1);
    expect(dispersionOf(NO_DISPERSION, 0)).toBe(1);
    expect(phiPre([{ xc: 5, xs: 5, nc: 50, ns: 50 }])).toBe(1);
  });

  test('the dispersion is about the size of the bursts', () => {
    const bursts = Array.from({ length: 400 }, (_, index) => ({
      xc: index % 2 === 0 ? 5 : 0,
      xs: index % 2 === 0 ? 0 : 5,
      nc: 500,
      ns: 500,
    }));
    expect(phiPre(bursts)).toBeCloseTo(5, 1);
  });

  test('the dispersion refuses a bad kappa', () => {
    for (const bad of BAD_NUMBERS) expect(() => phiPre([], bad)).toThrow(/^kappa must/);
  });
});

describe('the increase of a counter', () => {
  const WINDOW = { start: 0, end: 30, bornInWindow: false };

  test.each([
    ['nothing without samples', [], false, 0],
    [
      'only what came behind the first sample of an old series',
      [
        [10, 4],
        [20, 9],
      ],
      false,
      5,
    ],
    [
      'everything of a series born in the window',
      [
        [10, 4],
        [20, 9],
      ],
      true,
      9,
    ],
    [
      'a restart from 0',
      [
        [0, 10],
        [15, 3],
        [30, 4],
      ],
      false,
      4,
    ],
    [
      'nothing behind the window',
      [
        [0, 10],
        [31, 20],
      ],
      false,
      0,
    ],
    [
      'from the last sample before the window',
      [
        [-20, 1],
        [-5, 4],
        [10, 6],
      ],
      true,
      2,
    ],
  ] as const)('the increase of a counter counts %s', (_what, samples, bornInWindow, expected) => {
    expect(counterIncrease({ ...WINDOW, samples, bornInWindow })).toBe(expected);
  });

  test('the increase of a counter refuses bad numbers', () => {
    for (const bad of BAD_NUMBERS) expect(() => counterIncrease({ ...WINDOW, samples: [[1, bad]] })).toThrow(/^samples must/);
    expect(() =>
      counterIncrease({
        ...WINDOW,
        samples: [
          [2, 1],
          [1, 2],
        ],
      }),
    ).toThrow(/times that rise/);
    expect(() => counterIncrease({ ...WINDOW, samples: [[Number.NaN, 1]] })).toThrow(/times that rise/);
    expect(() => counterIncrease({ ...WINDOW, start: 40, samples: [] })).toThrow(/^start must/);
  });
});
