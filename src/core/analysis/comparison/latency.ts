// What the latency part of the comparison keeps: borders that are picked before requests are counted by them, and the histograms of
// some windows, so that a difference counts only where a quantile that people look at is really worse.

import { type Bucket, findProblem } from '../histogram.ts';
import { pickBorders, quantileOfSound } from '../sequential/quantiles.ts';
import { ABSURD } from './blocks.ts';
import type { ArmCounts } from './cells.ts';
import { type Bet, LATENCY_BETS, type LatencyBet, type LatencyMetric, QUANTILES, type JudgeSettings } from './settings.ts';
import { findWideBucket, type WideBucket } from './wide-bucket.ts';

/** Histograms of both arms, aligned with `uppers`; empty before anything was counted. */
interface Histograms {
  readonly canary: readonly number[];
  readonly serving: readonly number[];
}

/** What was picked from serving's histogram. */
interface Picked {
  /** The border of each bet in seconds. */
  readonly borders: Readonly<Record<LatencyBet, number>>;
  /** The one bucket that serving fills, if differences inside it would matter. */
  readonly wide: WideBucket | undefined;
}

export interface LatencyState {
  /** Bucket bounds that all counts are aligned with; empty until the first histogram is seen. */
  readonly uppers: readonly number[];
  /** Serving's requests by latency since borders were picked: what the next ones are picked from. */
  readonly recent: readonly number[];
  /** Undefined until serving has shown enough. */
  readonly picked: Picked | undefined;
  /** Since borders were picked for the first time. */
  readonly counted: Histograms;
  /** What had been counted when each window began: the one since the start first, then those since the latest restart points. */
  readonly windows: readonly Histograms[];
  /** Why latency is not compared, in words. */
  readonly problem: string | undefined;
}

const NOTHING: Histograms = { canary: [], serving: [] };

export const NO_LATENCY: LatencyState = {
  uppers: [],
  recent: [],
  picked: undefined,
  counted: NOTHING,
  windows: [],
  problem: undefined,
};

/** Windows of later restart points that are kept beside the one since the start. */
const MOST_WINDOWS = 6;
const MOST_BUCKETS = 64;

/** Picks borders as soon as serving has shown enough; from then on both arms are counted. */
export function addLatency(
  state: LatencyState,
  arms: { readonly canary: ArmCounts; readonly serving: ArmCounts },
  settings: JudgeSettings,
): LatencyState {
  const layout = layoutOf(arms, state);
  if (layout.kind === 'problem') return { ...state, problem: layout.message };
  if (layout.kind === 'nothing') return state;
  const recent = add(state.recent, arms.serving.buckets);
  const current: LatencyState = { ...state, problem: undefined, uppers: layout.uppers, recent };
  if (current.picked !== undefined) {
    const { canary, serving } = current.counted;
    return { ...current, counted: { canary: add(canary, arms.canary.buckets), serving: add(serving, arms.serving.buckets) } };
  }
  if (totalOf(recent) < settings.latency.minPrior) return current;
  return { ...current, recent: [], picked: pick(layout.uppers, recent, settings), windows: [NOTHING] };
}

/** The borders that this cell is counted with, in the order of the bets: picked before it, and its layout is theirs. */
export function bordersFor({ picked, problem }: LatencyState): readonly number[] | undefined {
  return picked === undefined || problem !== undefined ? undefined : LATENCY_BETS.map((bet) => picked.borders[bet]);
}

/**
 * A restart point: a window of its own begins, and borders follow serving where it has answered enough since they were picked. Nothing of
 * the canary is looked at, and no block that is counted by the new borders has begun.
 */
export function restartLatency(state: LatencyState, settings: JudgeSettings): LatencyState {
  const [first, ...later] = state.windows;
  if (first === undefined) return state;
  const restarted = { ...state, windows: [first, ...later.slice(-(MOST_WINDOWS - 1)), state.counted] };
  if (totalOf(state.recent) < settings.latency.minAgain) return restarted;
  return { ...restarted, recent: [], picked: pick(state.uppers, state.recent, settings) };
}

/** Whether this bet is on another border than before. */
export function hasMoved(before: LatencyState, after: LatencyState, bet: Bet): boolean {
  if (bet === 'errors' || bet === 'clientErrors') return false;
  return before.picked?.borders[bet] !== after.picked?.borders[bet];
}

/** One quantile of both arms, seconds. */
export interface QuantilePair {
  readonly canary: number;
  readonly serving: number;
  /** The canary's quantile is above the largest finite border, which stands for it: the truth is at least that. */
  readonly beyond: boolean;
  /** From here on the canary's quantile is worse than people would accept. */
  readonly worth: number;
}

/** Is this quantile of the canary worse than people would accept, in some window with enough requests? */
export function isLatencyWorse(state: LatencyState, metric: LatencyMetric, settings: JudgeSettings): boolean {
  return findWorse(state, metric, settings) !== undefined;
}

/** The quantiles for people: of the latest window where the canary is worse, else since the start. */
export function latencySoFar(state: LatencyState, metric: LatencyMetric, settings: JudgeSettings): QuantilePair | undefined {
  return findWorse(state, metric, settings) ?? compareQuantile(state, state.counted, metric, settings);
}

/** The latest window first: it shows a late difference without what was before. */
function findWorse(state: LatencyState, metric: LatencyMetric, settings: JudgeSettings): QuantilePair | undefined {
  for (const [index, begun] of [...state.windows.entries()].toReversed()) {
    const window = { canary: since(begun.canary, state.counted.canary), serving: since(begun.serving, state.counted.serving) };
    const needed = index === 0 ? settings.latency.minCanary : Math.max(1_000, 100 / (1 - QUANTILES[metric]));
    if (totalOf(window.canary) < needed) continue;
    const found = compareQuantile(state, window, metric, settings);
    if (found !== undefined && found.canary >= found.worth) return found;
  }
  return undefined;
}

/** Every cell was looked at before it was added, and sums of rising counts rise. */
function compareQuantile(
  { uppers }: LatencyState,
  counts: Histograms,
  metric: LatencyMetric,
  { latency }: JudgeSettings,
): QuantilePair | undefined {
  if (totalOf(counts.canary) === 0 || totalOf(counts.serving) === 0) return undefined;
  const [canary, serving] = [counts.canary, counts.serving].map((cumulative) =>
    quantileOfSound(QUANTILES[metric], { le: uppers, cumulative }),
  );
  if (canary?.loglog === undefined || serving?.loglog === undefined) return undefined;
  const worth = latency.factor * serving.loglog + latency.plus;
  // What is above the largest bound is slower than all that is below it, by however much.
  const isSlow = canary.beyond && !serving.beyond;
  return {
    canary: canary.loglog,
    serving: serving.loglog,
    beyond: canary.beyond,
    worth: isSlow ? Math.min(worth, canary.loglog) : worth,
  };
}

function pick(uppers: readonly number[], serving: readonly number[], { latency }: JudgeSettings): Picked {
  const histogram = { le: uppers, cumulative: serving };
  const [p99, p90, p50] = pickBorders(histogram, [QUANTILES.p99, QUANTILES.p90, QUANTILES.p50]);
  // Without a finite bound no request is slower than any: such a bet is never won.
  const at = (index: number | undefined) => (index === undefined ? Number.POSITIVE_INFINITY : (uppers[index] ?? Number.POSITIVE_INFINITY));
  return {
    borders: {
      p99: at(p99?.near),
      p99Far: at(p99?.far),
      p90: at(p90?.near),
      p90Far: at(p90?.far),
      p50: at(p50?.near),
      p50Far: at(p50?.far),
    },
    wide: findWideBucket(histogram, latency),
  };
}

type Layout =
  | { readonly kind: 'whole'; readonly uppers: readonly number[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'problem'; readonly message: string };

function layoutOf({ canary, serving }: { readonly canary: ArmCounts; readonly serving: ArmCounts }, state: LatencyState): Layout {
  const filled = [canary.buckets, serving.buckets].filter((buckets) => buckets.length > 0);
  if (filled.length === 0) return { kind: 'nothing' };
  for (const buckets of filled) {
    const problem = findProblem(buckets);
    if (problem === 'noInfinityBucket' || problem === 'notCumulative')
      return { kind: 'problem', message: `latency is not compared: the buckets cannot be read (${problem})` };
  }
  if (filled.some((buckets) => buckets.some(({ count }) => !(count >= 0 && count < ABSURD))))
    return { kind: 'problem', message: 'latency is not compared: the buckets hold numbers that are no counts' };
  const known = state.uppers.length > 0 ? state.uppers : (filled[0] ?? []).map((bucket) => bucket.upper);
  if (known.length > MOST_BUCKETS)
    return { kind: 'problem', message: `latency is not compared: ${known.length} buckets are more than ${MOST_BUCKETS}` };
  if (filled.some((buckets) => !isSameLayout(buckets, known)))
    return { kind: 'problem', message: 'latency is not compared: the two versions, or two times, have different buckets' };
  return { kind: 'whole', uppers: known };
}

function isSameLayout(buckets: readonly Bucket[], uppers: readonly number[]): boolean {
  return buckets.length === uppers.length && buckets.every((bucket, index) => bucket.upper === uppers[index]);
}

function totalOf(counts: readonly number[]): number {
  return counts.at(-1) ?? 0;
}

/** Counts with those of buckets in the same layout; an arm without buckets adds none. */
function add(before: readonly number[], more: readonly Bucket[]): readonly number[] {
  return before.length === 0 ? more.map(({ count }) => count) : before.map((count, index) => count + (more[index]?.count ?? 0));
}

/** What was counted since it was `before`. */
function since(before: readonly number[], counted: readonly number[]): readonly number[] {
  return counted.map((count, index) => count - (before[index] ?? 0));
}
