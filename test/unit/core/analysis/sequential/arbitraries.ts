// Random blocks and settings that the judge may meet.

import fc from 'fast-check';
import type { Block } from '../../../../../src/core/analysis/sequential/numbers.ts';
import type { WealthSettings } from '../../../../../src/core/analysis/sequential/wealth.ts';

const anyCounts = fc.integer({ min: 0, max: 5000 }).chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));

/** Any block, also one without requests in an arm. */
export const anyBlock: fc.Arbitrary<Block> = fc.tuple(anyCounts, anyCounts).map(([[xc, nc], [xs, ns]]) => ({ xc, xs, nc, ns }));

export const anyBlocks = fc.array(anyBlock, { maxLength: 12 });

export const anySettings: fc.Arbitrary<WealthSettings> = fc.record({
  alpha: fc.constantFrom(0.01, 0.05),
  share: fc.constantFrom(0.05, 0.5, 1),
  rho: fc.constantFrom(1, 1.1, 1.25),
  delta: fc.constantFrom(0, 0.001),
  pi0: fc.constantFrom(0.25, 0.5, 1),
  restartFraction: fc.constantFrom(0.125, 0.5),
  minBlocks: fc.constantFrom(1, 2, 3),
  kappa: fc.constantFrom(0, 2.5),
  phiPre: fc.constantFrom(0, 1, 2),
  onlinePhi: fc.boolean(),
});

export const SETTINGS: WealthSettings = {
  alpha: 0.01,
  share: 0.5,
  rho: 1.1,
  delta: 0,
  pi0: 0.5,
  restartFraction: 0.125,
  minBlocks: 2,
  kappa: 2.5,
  phiPre: 1,
  onlinePhi: true,
};

/** Numbers that must never pass for counts. */
export const BAD_NUMBERS: readonly number[] = [Number.NaN, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
