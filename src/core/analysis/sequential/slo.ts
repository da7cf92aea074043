// One arm against a fixed share of bad requests: has the objective been broken, has it been kept, and what can be said of the
// share itself. The evidence depends on the counts so far only, so the counts are the state.

import { FAIL, PASS } from './grids.ts';
import { lrOneOf } from './likelihood.ts';
import { logMeanExp } from './log-sum.ts';
import { requireLevel, requirePart, requireWithin } from './numbers.ts';

/** Log e-values, nats. */
export interface SloEvidence {
  /** Against p <= slo. */
  readonly logEViolated: number;
  /** Against p >= slo. */
  readonly logEMet: number;
}

export interface OneSampleGrids {
  readonly fail: readonly number[];
  readonly pass: readonly number[];
}

const DEFAULT_GRIDS: OneSampleGrids = { fail: FAIL, pass: PASS };

/**
 * Evidence that `x` bad ones of `n` break or keep the allowed share `slo` (1 − objective): ln of the mean of `exp(lrOne)` over FAIL
 * and over PASS. Source: Wald (1945) and Robbins (1970), mixtures of likelihood ratios.
 * @throws RangeError for numbers that are no counts, x > n, or an slo outside 0..1
 */
export function sloEvidence(x: number, n: number, slo: number, grids: OneSampleGrids = DEFAULT_GRIDS): SloEvidence {
  requirePart('x', x, 'n', n);
  requireWithin('slo', slo, 0, 1);
  return { logEViolated: logOneSample(grids.fail, x, n, slo), logEMet: logOneSample(grids.pass, x, n, slo) };
}

/** ln of the mean of `exp(lrOne(u; x, n, p0))` over a grid, nats. */
export function logOneSample(grid: readonly number[], x: number, n: number, p0: number): number {
  return logMeanExp(grid.map((u) => lrOneOf(u, x, n, p0)));
}

/**
 * Anytime-valid bounds of a share, each at the one-sided level `beta`: the largest p0 that FAIL refutes, the smallest that PASS
 * refutes. Source: Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49 (2021).
 */
export function proportionBounds(
  x: number,
  n: number,
  beta: number,
  grids: OneSampleGrids = DEFAULT_GRIDS,
): { readonly lower: number; readonly upper: number } {
  requirePart('x', x, 'n', n);
  requireLevel('beta', beta);
  const level = -Math.log(beta);
  const reaches = (grid: readonly number[], p0: number) => logOneSample(grid, x, n, p0) >= level;
  return {
    lower: reaches(grids.fail, 0) ? bisect(0, 1, (p0) => !reaches(grids.fail, p0)) : 0,
    upper: reaches(grids.pass, 1) ? bisect(0, 1, (p0) => reaches(grids.pass, p0)) : 1,
  };
}

/** Where `isAbove` turns true between `from` (false) and `to` (true), to the last bit that matters. */
export function bisect(from: number, to: number, isAbove: (value: number) => boolean): number {
  let [low, high] = [from, to];
  for (let round = 0; round < 100; round += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (isAbove(middle)) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}
