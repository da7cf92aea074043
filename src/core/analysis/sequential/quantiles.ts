// Latency from cumulative buckets: which bucket limit stands for a quantile, where the quantile lies, and what is proven of it.

import { FAIL, PASS } from './grids.ts';
import { requireCount, requireLevel, requireWithin } from './numbers.ts';
import { logOneSample } from './slo.ts';

/** A histogram: requests at or below each limit. */
export interface Cumulative {
  /** Limits, ascending, seconds; the last is Infinity. */
  readonly le: readonly number[];
  /** Requests at or below each limit, never falling. */
  readonly cumulative: readonly number[];
}

/** @throws RangeError naming what is wrong with the buckets */
function requireBuckets({ le, cumulative }: Cumulative): void {
  if (le.length !== cumulative.length)
    throw new RangeError(`cumulative must have one count for each le: ${cumulative.length} of ${le.length}`);
  if (le.at(-1) !== Number.POSITIVE_INFINITY) throw new RangeError(`le must end with Infinity, not ${le.at(-1)}`);
  for (const [index, limit] of le.entries()) {
    if (Number.isNaN(limit) || limit <= (le[index - 1] ?? Number.NEGATIVE_INFINITY))
      throw new RangeError(`le must rise, not reach ${limit} at ${index}`);
    const count = cumulative[index] ?? Number.NaN;
    requireCount(`cumulative[${index}]`, count);
    if (count < (cumulative[index - 1] ?? 0)) throw new RangeError(`cumulative must not fall, as it does at ${index}`);
  }
}

/** Where a quantile was found: the bucket, its edges, and the counts at them. */
interface Found {
  readonly low: number;
  readonly high: number;
  readonly below: number;
  readonly upTo: number;
  readonly total: number;
  readonly rank: number;
}

function findBucket({ le, cumulative }: Cumulative, p: number): Found | undefined {
  const total = cumulative.at(-1) ?? 0;
  if (total <= 0) return undefined;
  const rank = p * total;
  // A rank on a bucket's edge belongs to that bucket, also when p * total has been rounded up: 0.07 * 100 is above 7.
  const index = cumulative.findIndex((count) => count >= rank - rank * 1e-14);
  const [high, upTo] = [le[index] ?? Number.POSITIVE_INFINITY, cumulative[index] ?? total];
  return { low: le[index - 1] ?? Number.NaN, high, below: cumulative[index - 1] ?? 0, upTo, total, rank };
}

/** A quantile in the limits' unit, by two ways of spreading the requests inside a bucket. */
export interface QuantileEstimate {
  /** Evenly, as `histogram_quantile` of Prometheus. */
  readonly linear: number | undefined;
  /** By a survival function that is a straight line between the bucket's edges in log-log scale. */
  readonly loglog: number | undefined;
  /** The quantile is in the last bucket: both estimates are its lower edge, and the truth is at or above it. */
  readonly beyond: boolean;
}

/**
 * The quantile p (0..1). With s0 and s1 the survival at the bucket's edges (s1 at least 0.5/n), `f = ln(s0/(1−p))/ln(s0/s1)`,
 * `Q = le_low·(le_high/le_low)^f`; the first bucket is linear from 0. Undefined without requests.
 * Source: Prometheus `histogram_quantile` for `linear`; for `loglog` the survival function is
 * taken for a Pareto one inside the bucket.
 * @throws RangeError for buckets that do not rise or have no Infinity, or p outside 0..1
 */
export function histogramQuantile(p: number, buckets: Cumulative): QuantileEstimate {
  requireWithin('p', p, 0, 1);
  requireBuckets(buckets);
  return quantileOfSound(p, buckets);
}

/** {@link histogramQuantile} of buckets that have been looked at: a look asks for a dozen quantiles of the same ones. */
export function quantileOfSound(p: number, buckets: Cumulative): QuantileEstimate {
  const found = findBucket(buckets, p);
  if (found === undefined) return { linear: undefined, loglog: undefined, beyond: false };
  if (found.high === Number.POSITIVE_INFINITY) {
    const edge = Number.isNaN(found.low) ? undefined : found.low;
    return { linear: edge, loglog: edge, beyond: true };
  }
  const linear = interpolateLinear(found);
  return { linear, loglog: found.low > 0 ? interpolateLogLog(found, p) : linear, beyond: false };
}

function interpolateLinear({ low, high, below, upTo, rank }: Found): number {
  // The first bucket begins at 0, or is not interpolated when its limit is not above 0.
  const from = Number.isNaN(low) ? Math.min(0, high) : low;
  if (from === high || upTo <= below) return high <= 0 ? high : from;
  return from + (high - from) * Math.min(1, Math.max(0, (rank - below) / (upTo - below)));
}

function interpolateLogLog({ low, high, below, upTo, total }: Found, p: number): number {
  const s0 = (total - below) / total;
  const s1 = Math.max((total - upTo) / total, 0.5 / total);
  // Fewer requests than the quantile needs: it is in this bucket all the same, so not above its upper edge.
  const part = Math.min(1, Math.max(0, Math.log(s0 / (1 - p)) / Math.log(s0 / s1)));
  return low * (high / low) ** part;
}

/**
 * For each quantile the index of the finite limit whose exceedance is nearest to 1−p in log scale; undefined when no request was
 * above any finite limit. To be chosen from data before the release and kept: a limit chosen from the data under test proves nothing.
 */
export function pickBoundary(buckets: Cumulative, quantiles: readonly number[]): readonly (number | undefined)[] {
  requireBuckets(buckets);
  const total = buckets.cumulative.at(-1) ?? 0;
  return quantiles.map((p) => {
    requireLevel('quantiles', p);
    let best: number | undefined;
    let nearest = Number.POSITIVE_INFINITY;
    for (const [index, count] of buckets.cumulative.slice(0, -1).entries()) {
      const distance = Math.abs(Math.log((total - count) / total / (1 - p)));
      if (distance < nearest) [best, nearest] = [index, distance];
    }
    return best;
  });
}

/**
 * For each quantile the indices of two finite limits to bet on: the smallest that at most 1−p of the requests exceed, and the next one
 * above it. Where no finite limit is above it, or too many exceed them all, both are the largest finite limit; undefined without requests
 * or without a finite limit. As with {@link pickBoundary} the requests must not be those under test.
 * @throws RangeError for buckets that do not rise or have no Infinity, or quantiles outside 0..1
 */
export function pickBorders(
  buckets: Cumulative,
  quantiles: readonly number[],
): readonly ({ readonly near: number; readonly far: number } | undefined)[] {
  requireBuckets(buckets);
  const total = buckets.cumulative.at(-1) ?? 0;
  const last = buckets.le.length - 2;
  return quantiles.map((p) => {
    requireLevel('quantiles', p);
    if (total <= 0 || last < 0) return undefined;
    // 1 − 0.99 is a little more than 0.01: a count is whole, so a thousandth of one decides nothing else.
    const found = buckets.cumulative.findIndex((count) => total - count <= (1 - p) * total + 1e-3);
    const near = Math.min(found, last);
    return { near, far: Math.min(near + 1, last) };
  });
}

/**
 * Anytime-valid interval (lower, upper] of the quantile p in the limits' unit, each side at level `beta`: Q > le when the
 * exceedances of le refute "at most 1−p", Q <= le when they refute "at least 1−p". 0 and Infinity when nothing is proven.
 * The exceedances are nested, so looking at every limit costs nothing. Source: Howard and Ramdas, Bernoulli 28 (2022).
 */
export function quantileInterval(p: number, buckets: Cumulative, beta: number): { readonly lower: number; readonly upper: number } {
  requireLevel('p', p);
  requireLevel('beta', beta);
  requireBuckets(buckets);
  const total = buckets.cumulative.at(-1) ?? 0;
  const level = -Math.log(beta);
  const proven = (grid: readonly number[], index: number) =>
    logOneSample(grid, total - (buckets.cumulative[index] ?? total), total, 1 - p) >= level;
  const above = buckets.le.findLastIndex((_, index) => proven(FAIL, index));
  const within = buckets.le.findIndex((_, index) => proven(PASS, index));
  return { lower: buckets.le[above] ?? 0, upper: buckets.le[within] ?? Number.POSITIVE_INFINITY };
}

/**
 * Half-width (share) of a time-uniform band around an empirical distribution function of `t` >= 1 observations:
 * `0.85·sqrt((ln(1 + ln t) + 0.8·ln(1612/α))/t)`. Source: Howard and Ramdas, Bernoulli 28 (2022), in closed form.
 */
export function dkwHalfWidth(t: number, alpha: number): number {
  requireWithin('t', t, 1, Number.MAX_VALUE);
  requireLevel('alpha', alpha);
  return 0.85 * Math.sqrt((Math.log1p(Math.log(t)) + 0.8 * Math.log(1612 / alpha)) / t);
}
