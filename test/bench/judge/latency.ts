// The simulated releases that are judged by their latency: histograms with the default buckets of Prometheus' clients over
// a lognormal latency, and the quantile as Prometheus interpolates it.

import { drawPoisson, type Random } from './random.ts';
import type { Look } from './traffic.ts';

/** Finite upper bounds of the buckets, seconds. */
export const BOUNDARIES: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Requests of one arm by bucket, not added up; the last bucket has no upper bound. */
export interface LatencyCounts {
  readonly buckets: readonly number[];
}

/** One kind of release with a changed latency. */
export interface LatencyCell {
  readonly kind: 'latency';
  readonly section: 'latency';
  readonly scenario: string;
  readonly requestsPerSecond: number;
  readonly weightPercent: number;
  readonly lookSeconds: number;
  readonly isHealthy: boolean;
  /** Shares of the buckets, 0 to 1. */
  readonly canary: readonly number[];
  readonly stable: readonly number[];
}

const MEDIAN_SECONDS = 0.08;
const SIGMA = 0.8;

/** Φ, with a fractional error below 1.2e-7 (Numerical Recipes' Chebyshev fit of erfc). */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const fit = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277];
  const exponent = fit.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  const upper = (t * Math.exp(exponent - x * x)) / 2;
  return z > 0 ? 1 - upper : upper;
}

/** How a canary's latency differs: all of it stretched, and a share of requests delayed. */
interface Change {
  readonly scale?: number;
  readonly delayedShare?: number;
  readonly delaySeconds?: number;
}

function shareBelow(seconds: number, scale: number): number {
  return seconds <= 0 ? 0 : normalCdf(Math.log(seconds / (MEDIAN_SECONDS * scale)) / SIGMA);
}

function bucketShares({ scale = 1, delayedShare = 0, delaySeconds = 0 }: Change): readonly number[] {
  const below = BOUNDARIES.map((le) => (1 - delayedShare) * shareBelow(le, scale) + delayedShare * shareBelow(le - delaySeconds, scale));
  return [...below, 1].map((share, i) => share - (below[i - 1] ?? 0));
}

const CHANGES: Readonly<Record<string, Change>> = {
  healthy: {},
  'scale 1.05': { scale: 1.05 },
  'scale 1.1': { scale: 1.1 },
  'scale 1.25': { scale: 1.25 },
  'scale 1.5': { scale: 1.5 },
  'scale 2': { scale: 2 },
  '1% of requests +1 s': { delayedShare: 0.01, delaySeconds: 1 },
  '3% of requests +1 s': { delayedShare: 0.03, delaySeconds: 1 },
  '5% of requests +0.3 s': { delayedShare: 0.05, delaySeconds: 0.3 },
  '100% hang +3 s': { delayedShare: 1, delaySeconds: 3 },
};

/** 10 % for 30 minutes at three rates. */
export function planLatencies(): readonly LatencyCell[] {
  return [10, 100, 1_000].flatMap((requestsPerSecond) =>
    Object.entries(CHANGES).map(([scenario, change]) => ({
      kind: 'latency' as const,
      section: 'latency' as const,
      scenario,
      requestsPerSecond,
      weightPercent: 10,
      lookSeconds: 10,
      isHealthy: scenario === 'healthy',
      canary: bucketShares(change),
      stable: bucketShares({}),
    })),
  );
}

/** Draws the histogram of a number of requests that is Poisson. */
export function drawLatencies(random: Random, mean: number, shares: readonly number[]): LatencyCounts {
  return { buckets: shares.map((share) => drawPoisson(random, mean * share)) };
}

/** The look that ends at a moment of the release. */
export function drawLatencyLook(random: Random, cell: LatencyCell, atSeconds: number): Look<LatencyCounts> {
  const weight = cell.weightPercent / 100;
  const mean = cell.requestsPerSecond * cell.lookSeconds;
  const canary = drawLatencies(random, mean * weight, cell.canary);
  const stable = drawLatencies(random, mean * (1 - weight), cell.stable);
  return { atSeconds, seconds: cell.lookSeconds, weight, canary, stable };
}

/** The requests of two looks together. */
export function addLatencies(a: LatencyCounts, b: LatencyCounts): LatencyCounts {
  return { buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)) };
}

/** The p99 as `histogram_quantile` gives it: linear inside a bucket, the last finite bound beyond it, NaN of nothing. */
export function interpolateP99({ buckets }: LatencyCounts): number {
  const total = buckets.reduce((sum, count) => sum + count, 0);
  if (total === 0) return Number.NaN;
  const rank = 0.99 * total;
  let below = 0;
  for (const [i, le] of BOUNDARIES.entries()) {
    const count = buckets[i] ?? 0;
    if (count > 0 && below + count >= rank) {
      const from = BOUNDARIES[i - 1] ?? 0;
      return from + ((le - from) * (rank - below)) / count;
    }
    below += count;
  }
  return BOUNDARIES.at(-1) ?? Number.NaN;
}
