// What a histogram cannot show: where all of serving lies in one wide bucket, a canary that stays in it looks the same.

import type { Cumulative } from '../sequential/quantiles.ts';
import type { LatencySettings } from './settings.ts';

/** The bucket that serving fills, seconds: `lower` excluded, `upper` included. */
export interface WideBucket {
  /** 0 for the first one. */
  readonly lower: number;
  /** Infinity for the last one, in which nothing can be compared. */
  readonly upper: number;
}

/** Layouts double their bounds, or multiply them by 2.5; wider ones hide what people notice. */
const USUAL_STEP = 2.6;
const MIDDLE = 0.5;
const SLOWEST = 0.99;

/**
 * The bucket that p50 and p99 of these requests have in common, if it is so wide that a difference inside it would matter.
 * @param serving buckets that rise; undefined without requests
 */
export function findWideBucket({ le, cumulative }: Cumulative, { plus }: Pick<LatencySettings, 'plus'>): WideBucket | undefined {
  const total = cumulative.at(-1) ?? 0;
  if (total <= 0) return undefined;
  const bucketOf = (quantile: number) => cumulative.findIndex((count) => count >= quantile * total - 1e-6);
  const index = bucketOf(MIDDLE);
  if (index !== bucketOf(SLOWEST)) return undefined;
  const [lower, upper] = [le[index - 1] ?? 0, le[index] ?? Number.POSITIVE_INFINITY];
  return upper - lower > plus && upper > USUAL_STEP * lower ? { lower, upper } : undefined;
}
