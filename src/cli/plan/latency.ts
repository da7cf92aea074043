// Latency of a simulated version: log-normal around a median, seen through the buckets of its metrics source.

import type { Bucket } from '../../core/analysis/histogram.ts';
import { ENVOY_BOUNDS } from '../../sources/bounds.ts';
import { findSource } from '../../sources/catalogue.ts';

/** Upper bounds of the buckets in seconds: those the source comes with, Envoy's where only the cluster knows the source. The last is Infinity. */
export function uppersOf(source: string): readonly number[] {
  return [...(findSource(source)?.usualBounds ?? ENVOY_BOUNDS), Number.POSITIVE_INFINITY];
}

/** Spread of the logarithm: p90 is about twice the median, p99 about three times. */
const SIGMA = 0.5;

/** Share of the requests in each bucket, together 1. @param medianSeconds above 0 */
export function shareBuckets(medianSeconds: number, uppers: readonly number[]): readonly number[] {
  const below = uppers.map((upper) => (Number.isFinite(upper) ? normalCdf(Math.log(upper / medianSeconds) / SIGMA) : 1));
  // What is rarer than one in a million is left to the neighbour, which saves most of the draws.
  return below.map((share, index) => share - (below[index - 1] ?? 0)).map((share) => (share < 1e-6 ? 0 : share));
}

/** The counts of the buckets as a source has them: cumulative. */
export function cumulate(counts: readonly number[], uppers: readonly number[]): readonly Bucket[] {
  let sum = 0;
  return counts.map((count, index) => {
    sum += count;
    return { upper: uppers[index] ?? Number.POSITIVE_INFINITY, count: sum };
  });
}

/** The normal distribution function; Abramowitz and Stegun 7.1.26, off by at most 1.5e-7. */
function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-z * z);
  return x >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}
