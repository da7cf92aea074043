// Whether the canary gets the share of requests it was given (sample ratio mismatch), with a band around the nominal share that
// gateways are allowed. Works across changes of the weight.

import { SRM } from './grids.ts';
import { lrOneOf } from './likelihood.ts';
import { addLogs, logMeanExp } from './log-sum.ts';
import { requireCount, requirePart, requirePositive, requireWithin } from './numbers.ts';

/** Requests of one look or block. */
export interface SplitCounts {
  /** Requests of the canary. */
  readonly xc: number;
  /** Requests of both arms. */
  readonly n: number;
  /** Nominal share of the canary, 0..1. */
  readonly share: number;
}

/** Which deviation counts. `neither`: requests reach both arms on other ways, too, so that no share is expected. */
export type SplitSide = 'both' | 'tooMuch' | 'tooLittle' | 'neither';

export interface SplitSettings {
  /** The band is at least so wide on each side, as a share of requests, */
  readonly tolAbs: number;
  /** or this part of the nominal share, whichever is wider. */
  readonly tolRel: number;
  /** Which deviation counts; both when left out. */
  readonly side?: SplitSide | undefined;
  /** The e-value that is a mismatch, 1000 when left out. */
  readonly threshold?: number | undefined;
  /** Odds multipliers; SRM when left out. */
  readonly grid?: readonly number[] | undefined;
}

export const DEFAULT_SPLIT: SplitSettings = { tolAbs: 0.01, tolRel: 0.2 };

/** Σ lrOne for every odds multiplier, both sides. Survives JSON. */
export interface SplitState {
  readonly tooMuch: readonly number[];
  readonly tooLittle: readonly number[];
}

/** Log e-values, nats. */
export interface SplitEvidence {
  readonly logETooMuch: number;
  readonly logETooLittle: number;
  /** Of the side that counts; of both: ln of their mean. */
  readonly logE: number;
  readonly mismatch: boolean;
}

/** Before the first request. */
export function startSplit(settings: SplitSettings = DEFAULT_SPLIT): SplitState {
  const zeros = (settings.grid ?? SRM).map(() => 0);
  return { tooMuch: zeros, tooLittle: zeros };
}

/**
 * Counts requests: `lrOne(u; x, n, hi)` for too much, `lrOne(1/u; x, n, lo)` for too little, hi and lo the nominal share plus and
 * minus `max(tolAbs, tolRel·share)`. A limit at or beyond 1 or 0 cannot be broken and adds nothing.
 * @throws RangeError for numbers that are no counts or shares
 */
export function addSplit(state: SplitState, counts: SplitCounts, settings: SplitSettings = DEFAULT_SPLIT): SplitState {
  const { xc, n, share } = counts;
  requirePart('xc', xc, 'n', n);
  requireWithin('share', share, 0, 1);
  requireCount('tolAbs', settings.tolAbs);
  requireCount('tolRel', settings.tolRel);
  const band = Math.max(settings.tolAbs, settings.tolRel * share);
  const [high, low] = [share + band, share - band];
  const grid = settings.grid ?? SRM;
  const add = (sums: readonly number[], limit: number, effect: (u: number) => number) =>
    sums.map((sum, index) => addLogs(sum, lrOneOf(effect(grid[index] ?? 1), xc, n, limit)));
  return {
    tooMuch: high < 1 ? add(state.tooMuch, high, (u) => u) : state.tooMuch,
    tooLittle: low > 0 ? add(state.tooLittle, low, (u) => 1 / u) : state.tooLittle,
  };
}

/**
 * Evidence (nats) against "the split is inside its band" so far.
 * Source: Lindon and Malek, NeurIPS 2022, for the sequential test; the band in place of their point null.
 */
export function splitEvidence(state: SplitState, settings: SplitSettings = DEFAULT_SPLIT): SplitEvidence {
  const { side = 'both', threshold = 1000 } = settings;
  requirePositive('threshold', threshold);
  const logETooMuch = logMeanExp(state.tooMuch);
  const logETooLittle = logMeanExp(state.tooLittle);
  const logE = pickSide(side, logETooMuch, logETooLittle);
  return { logETooMuch, logETooLittle, logE, mismatch: logE >= Math.log(threshold) };
}

function pickSide(side: SplitSide, tooMuch: number, tooLittle: number): number {
  switch (side) {
    case 'both':
      return logMeanExp([tooMuch, tooLittle]);
    case 'tooMuch':
      return tooMuch;
    case 'tooLittle':
      return tooLittle;
    case 'neither':
      return 0;
  }
}

/** The sample ratio test over a list of counts. Source as {@link splitEvidence}. */
export function srm(counts: readonly SplitCounts[], settings: SplitSettings = DEFAULT_SPLIT): SplitEvidence {
  let state = startSplit(settings);
  for (const one of counts) state = addSplit(state, one, settings);
  return splitEvidence(state, settings);
}
