// Latency from histogram buckets. Interpolation is stated: inside a bucket requests are spread evenly (linear), as
// `histogram_quantile` of Prometheus does it; the first bucket begins at 0.

/** Requests at or below an upper bound, cumulative, ascending; the last bound is Infinity. */
export interface Bucket {
  readonly upper: number;
  readonly count: number;
}

export type HistogramProblem = 'noRequests' | 'noInfinityBucket' | 'notCumulative';

/** Says why buckets cannot be judged, or undefined. Counts of parallel scrapes may fall by rounding, never by more. */
export function findProblem(buckets: readonly Bucket[]): HistogramProblem | undefined {
  const last = buckets.at(-1);
  if (last === undefined || last.upper !== Number.POSITIVE_INFINITY) return 'noInfinityBucket';
  if (buckets.some((bucket, index) => bucket.count < (buckets[index - 1]?.count ?? 0) - 1e-9)) return 'notCumulative';
  return last.count > 0 ? undefined : 'noRequests';
}

/**
 * The quantile, in the buckets' unit. In the last bucket (to Infinity) it is that bucket's lower bound, as in Prometheus.
 * @param quantile 0..1
 */
export function estimateQuantile(buckets: readonly Bucket[], quantile: number): number {
  const total = buckets.at(-1)?.count ?? 0;
  const rank = quantile * total;
  const index = buckets.findIndex((bucket) => bucket.count >= rank);
  const bucket = buckets[index];
  const lower = buckets[index - 1] ?? { upper: 0, count: 0 };
  if (bucket === undefined || bucket.upper === Number.POSITIVE_INFINITY) return lower.upper;
  const inside = bucket.count - lower.count;
  return inside <= 0 ? bucket.upper : lower.upper + ((bucket.upper - lower.upper) * (rank - lower.count)) / inside;
}

/** Requests slower than `limit`, interpolated in the limit's own bucket. */
export function countSlower(buckets: readonly Bucket[], limit: number): number {
  const total = buckets.at(-1)?.count ?? 0;
  const index = buckets.findIndex((bucket) => bucket.upper >= limit);
  const bucket = buckets[index];
  if (bucket === undefined) return 0;
  const lower = buckets[index - 1] ?? { upper: 0, count: 0 };
  // Nothing is known of the spread above the last finite bound: what lies there counts as slower only when the limit is at or below it.
  if (bucket.upper === Number.POSITIVE_INFINITY) return limit <= lower.upper ? total - lower.count : 0;
  const share = bucket.upper === lower.upper ? 1 : (limit - lower.upper) / (bucket.upper - lower.upper);
  return total - (lower.count + share * (bucket.count - lower.count));
}
