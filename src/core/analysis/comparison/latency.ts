// What the latency part of the comparison keeps: bounds that are frozen before the canary is timed, and the histograms of
// some windows, so that a difference counts only where a quantile that people look at is really worse.

import { type Bucket, findProblem } from '../histogram.ts';
import { pickBoundary, quantileOfSound } from '../sequential/quantiles.ts';
import { ABSURD } from './blocks.ts';
import type { ArmCounts } from './cells.ts';
import { QUANTILES, type JudgeSettings, type LatencyMetric } from './settings.ts';

/** Histograms of both arms, aligned with `uppers`; empty before anything was counted. */
interface Histograms {
  readonly canary: readonly number[];
  readonly serving: readonly number[];
}

export interface LatencyState {
  /** Bucket bounds that all counts are aligned with; empty until the first histogram is seen. */
  readonly uppers: readonly number[];
  /** Serving's requests by latency before the bounds are frozen. */
  readonly prior: readonly number[];
  /** Frozen bounds of p99, p90, p50 in seconds; undefined until serving has shown enough. */
  readonly bounds: Readonly<Record<LatencyMetric, number>> | undefined;
  /** Since the bounds were frozen. */
  readonly counted: Histograms;
  /** What had been counted when each window began: the one since the start first, then those since the latest restart points. */
  readonly windows: readonly Histograms[];
  /** Why latency is not compared, in words. */
  readonly problem: string | undefined;
}

const NOTHING: Histograms = { canary: [], serving: [] };

export const NO_LATENCY: LatencyState = { uppers: [], prior: [], bounds: undefined, counted: NOTHING, windows: [], problem: undefined };

/** Windows of later restart points that are kept beside the one since the start. */
const MOST_WINDOWS = 6;
const MOST_BUCKETS = 64;

/** Freezes bounds as soon as serving has shown enough; from then on it is counted. */
export function addLatency(
  state: LatencyState,
  arms: { readonly canary: ArmCounts; readonly serving: ArmCounts },
  { latency }: JudgeSettings,
): LatencyState {
  const layout = layoutOf(arms, state);
  if (layout.kind === 'problem') return { ...state, problem: layout.message };
  if (layout.kind === 'nothing') return state;
  const current: LatencyState = { ...state, problem: undefined, uppers: layout.uppers };
  if (current.bounds !== undefined) {
    const { canary, serving } = current.counted;
    return { ...current, counted: { canary: add(canary, arms.canary.buckets), serving: add(serving, arms.serving.buckets) } };
  }
  const prior = add(current.prior, arms.serving.buckets);
  if ((prior.at(-1) ?? 0) < latency.minPrior) return { ...current, prior };
  return { ...current, prior: [], bounds: freeze(layout.uppers, prior), windows: [NOTHING] };
}

/** The bounds that this cell is counted with: frozen before it, and its layout is theirs. */
export function boundsFor(state: LatencyState): readonly number[] | undefined {
  if (state.bounds === undefined || state.problem !== undefined) return undefined;
  const { p99, p90, p50 } = state.bounds;
  return [p99, p90, p50];
}

/** A restart point: a window of its own begins. */
export function restartLatency(state: LatencyState): LatencyState {
  const [first, ...later] = state.windows;
  return first === undefined ? state : { ...state, windows: [first, ...later.slice(-(MOST_WINDOWS - 1)), state.counted] };
}

/** Is this quantile of the canary worse than people would accept, in some window with enough requests? */
export function isLatencyWorse(state: LatencyState, metric: LatencyMetric, { latency }: JudgeSettings): boolean {
  const quantile = QUANTILES[metric];
  return state.windows.some((begun, index) => {
    const window = { canary: since(begun.canary, state.counted.canary), serving: since(begun.serving, state.counted.serving) };
    const needed = index === 0 ? 50 : Math.max(1_000, 100 / (1 - quantile));
    if ((window.canary.at(-1) ?? 0) < needed || (window.serving.at(-1) ?? 0) === 0) return false;
    const [canary, serving] = [quantileOf(state, window.canary, quantile), quantileOf(state, window.serving, quantile)];
    return canary !== undefined && serving !== undefined && canary >= latency.factor * serving + latency.plus;
  });
}

/** The quantiles since the start, in seconds, for people. */
export function latencySoFar(
  state: LatencyState,
  metric: LatencyMetric,
): { readonly canary: number; readonly serving: number } | undefined {
  const [canary, serving] = [state.counted.canary, state.counted.serving].map((counts) => quantileOf(state, counts, QUANTILES[metric]));
  return canary === undefined || serving === undefined ? undefined : { canary, serving };
}

/** Every cell was looked at before it was added, and sums of rising counts rise. */
function quantileOf({ uppers }: LatencyState, cumulative: readonly number[], quantile: number): number | undefined {
  if ((cumulative.at(-1) ?? 0) === 0) return undefined;
  return quantileOfSound(quantile, { le: uppers, cumulative }).loglog;
}

function freeze(uppers: readonly number[], prior: readonly number[]): Readonly<Record<LatencyMetric, number>> {
  // Where serving never left the first bucket, leaving it is what is compared.
  const lowest = uppers[0] ?? 0;
  const boundOf = (quantile: number) => uppers[pickBoundary({ le: uppers, cumulative: prior }, [quantile])[0] ?? 0] ?? lowest;
  return { p99: boundOf(QUANTILES.p99), p90: boundOf(QUANTILES.p90), p50: boundOf(QUANTILES.p50) };
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

/** Counts with those of buckets in the same layout. */
function add(before: readonly number[], more: readonly Bucket[]): readonly number[] {
  return before.length === 0 ? more.map(({ count }) => count) : before.map((count, index) => count + (more[index]?.count ?? 0));
}

/** What was counted since it was `before`. */
function since(before: readonly number[], counted: readonly number[]): readonly number[] {
  return counted.map((count, index) => count - (before[index] ?? 0));
}
