// The fail side, one block at a time: what betting against "the canary is no worse" would have won. Plain data, a few numbers
// large, whatever the number of blocks.

import { addDispersion, dispersionOf, fittedShare, NO_DISPERSION } from './dispersion.ts';
import { FAIL } from './grids.ts';
import { lrTwoOf, requireMargin } from './likelihood.ts';
import { addLogs, keptLog, LOG_ZERO, logSumExp } from './log-sum.ts';
import { type Block, EMPTY_BLOCK, requireBlock, requireCount, requireLevel, requirePositive, requireWithin, sumBlocks } from './numbers.ts';

export interface WealthSettings {
  /** Bound of the false rollbacks of a whole release, over all metrics. */
  readonly alpha: number;
  /** This metric's share of the wealth; the shares of a release sum to 1. */
  readonly share: number;
  /** Factor of the margin p_c <= rho * p_s + delta. */
  readonly rho: number;
  /** Added share of the margin. */
  readonly delta: number;
  /** Part of the wealth that bets from the start; the rest is the reserve. */
  readonly pi0: number;
  /** Part of the reserve that is put in at every restart point. */
  readonly restartFraction: number;
  /** No fewer blocks than this can convict; 0: one is enough. */
  readonly minBlocks: number;
  /** Pseudo-count of the dispersion. */
  readonly kappa: number;
  /** Dispersion before the release; below 1 it counts as 1. */
  readonly phiPre: number;
  /** Whether the release's own blocks raise the dispersion of later ones. */
  readonly onlinePhi: boolean;
  /** Effect sizes; FAIL when left out. */
  readonly grid?: readonly number[] | undefined;
  /** All blocks of so many milliseconds together add no more than one cap; each block has one of its own when left out. */
  readonly spanMs?: number | undefined;
}

/** What one block added to each log wealth, nats. */
export interface Gain {
  readonly atMs: number;
  readonly logs: readonly number[];
}

/** When a block ended, Unix milliseconds, and whether it may add more than the cap. */
export interface BlockEnd {
  readonly atMs: number;
  readonly lifted: boolean;
}

/** State of one metric's fail side. Survives JSON. */
export interface Wealth {
  /** ln R_j of every effect size. */
  readonly logs: readonly number[];
  /** U, the wealth that does not bet yet. */
  readonly reserve: number;
  /** Sums of the online dispersion. */
  readonly num: number;
  readonly den: number;
  /** Counts since the start. */
  readonly total: Block;
  /** φ of the next block. Known before the block is seen, which keeps the guarantee. */
  readonly phi: number;
  /** 1 between a restart and its first block: a second restart there is the same restart point. */
  readonly restarted: 0 | 1;
  /** What the blocks of the last `spanMs` added; empty without such a span. */
  readonly gains: readonly Gain[];
}

/** Before the first block: `R_j = π0/8`, `U = 1 − π0`. @throws RangeError naming the setting that is out of its range */
export function startWealth(settings: WealthSettings): Wealth {
  requireLevel('alpha', settings.alpha);
  requirePositive('share', settings.share);
  requireWithin('share', settings.share, 0, 1);
  requireMargin(settings);
  requireWithin('pi0', settings.pi0, 0, 1);
  requireWithin('restartFraction', settings.restartFraction, 0, 1);
  requireCount('minBlocks', settings.minBlocks);
  requireCount('kappa', settings.kappa);
  requireCount('phiPre', settings.phiPre);
  const grid = settings.grid ?? FAIL;
  const first = keptLog(settings.pi0 / grid.length);
  const phi = Math.max(1, settings.phiPre);
  return {
    logs: grid.map(() => first),
    reserve: 1 - settings.pi0,
    ...NO_DISPERSION,
    total: EMPTY_BLOCK,
    phi,
    restarted: 0,
    gains: NO_GAINS,
  };
}

const NO_GAINS: readonly Gain[] = [];

/**
 * A restart point (a step begins, five minutes are over): `R_j += U·f/8; U *= 1 − f`. A mixture of start times fixed beforehand
 * stays an e-process, and what was lost to a quiet past does not have to be won back. Without a block since the last restart
 * nothing changes. Source: Shin, Ramdas and Rinaldo, e-detectors, New England Journal of Statistics in Data Science (2023).
 */
export function restartWealth(settings: WealthSettings, wealth: Wealth): Wealth {
  if (wealth.restarted === 1) return wealth;
  const added = keptLog((wealth.reserve * settings.restartFraction) / wealth.logs.length);
  const logs = wealth.logs.map((log) => joinLogs(log, added));
  return { ...wealth, logs, reserve: wealth.reserve * (1 - settings.restartFraction), restarted: 1 };
}

/**
 * The most one block may add to a log wealth, nats: `(ln(1/(α·v·π0)) + ½)/minBlocks`. Cutting from above keeps the guarantee.
 */
export function blockCap(settings: WealthSettings): number {
  if (settings.minBlocks === 0) return Number.POSITIVE_INFINITY;
  return (-Math.log(settings.alpha * settings.share * settings.pi0) + 0.5) / settings.minBlocks;
}

/**
 * One block: `R_j *= exp(min(lrTwo(u_j)/φ, room))`, then φ of the next block. The room is the cap, less what the blocks of the last
 * `spanMs` won: a burst that lasts longer than a block is one event, too. What they lost is not credited.
 * @param end needed with `spanMs`
 * @throws RangeError for numbers that are no counts
 */
export function addBlock(settings: WealthSettings, wealth: Wealth, block: Block, end?: BlockEnd): Wealth {
  requireBlock(block);
  const { delta } = settings;
  // Where nothing was bad there is nothing to bet on, and nothing to learn of bursts.
  if (block.xc + block.xs === 0 && delta === 0) return { ...wealth, total: sumBlocks(wealth.total, block), restarted: 0 };
  const recent = recentGains(settings, wealth, end);
  const gained = gainsOf(settings, wealth.phi, block, recent, end?.lifted === true);
  const logs = wealth.logs.map((log, index) => addLogs(log, gained[index] ?? 0));
  const gains = settings.spanMs === undefined || end === undefined ? NO_GAINS : [...recent, { atMs: end.atMs, logs: gained }];
  const total = sumBlocks(wealth.total, block);
  const share = settings.onlinePhi ? fittedShare(total, block) : undefined;
  if (share === undefined) return { ...wealth, logs, total, restarted: 0, gains };
  const sums = addDispersion(wealth, block, share);
  const phi = Math.max(1, settings.phiPre, dispersionOf(sums, settings.kappa));
  return { logs, reserve: wealth.reserve, ...sums, total, phi, restarted: 0, gains };
}

function recentGains({ spanMs }: WealthSettings, { gains }: Wealth, end: BlockEnd | undefined): readonly Gain[] {
  if (spanMs === undefined || end === undefined) return NO_GAINS;
  return gains.filter(({ atMs }) => atMs > end.atMs - spanMs);
}

function gainsOf(settings: WealthSettings, phi: number, block: Block, recent: readonly Gain[], isLifted: boolean): readonly number[] {
  const { rho, delta } = settings;
  const cap = isLifted ? Number.POSITIVE_INFINITY : blockCap(settings);
  return (settings.grid ?? FAIL).map((effect, index) => {
    const won = recent.reduce((sum, { logs }) => sum + (logs[index] ?? 0), 0);
    return Math.min(lrTwoOf(effect, block, rho, delta) / phi, Math.max(0, cap - Math.max(0, won)));
  });
}

/** ln E, `E = U + ΣR_j`; nats. */
export function logWealth(wealth: Wealth): number {
  return logSumExp(wealth.logs, keptLog(wealth.reserve));
}

/**
 * E = U + ΣR_j, the metric's e-value before its share is applied. The release fails when Σ share·E over the metrics whose effect
 * gate is open reaches 1/alpha. Source: Ville (1939); Wang, arXiv 2409.19888, on merging by weighted averages.
 */
export function wealthEvidence(_settings: WealthSettings, wealth: Wealth): number {
  return Math.exp(logWealth(wealth));
}

function joinLogs(one: number, other: number): number {
  const larger = Math.max(one, other);
  return larger <= LOG_ZERO ? LOG_ZERO : addLogs(larger, Math.log1p(Math.exp(Math.min(one, other) - larger)));
}
