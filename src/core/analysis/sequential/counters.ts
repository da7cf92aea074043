// Increments of one counter from its raw samples, resets and newly born series included.

import { requireCount } from './numbers.ts';

export interface CounterWindow {
  /** Time and value of each sample, times rising. */
  readonly samples: readonly (readonly [time: number, value: number])[];
  /** Excluded; the last sample at or before it is the base. In the samples' unit. */
  readonly start: number;
  /** Included. */
  readonly end: number;
  /** Without a base: a series born in the window counts from 0, another one from its first sample. */
  readonly bornInWindow: boolean;
}

/**
 * Counts `Σ (v_i >= v_{i−1} ? v_i − v_{i−1} : v_i)` inside (start, end]: a falling value is a restart and counts from 0. No
 * extrapolation, so counts stay integers. Source: Prometheus counter semantics, without the extrapolation of `increase()`.
 * @throws RangeError for values that are no counts, or times that do not rise
 */
export function counterIncrease({ samples, start, end, bornInWindow }: CounterWindow): number {
  if (!(Number.isFinite(start) && Number.isFinite(end) && start <= end))
    throw new RangeError(`start must not be after end: ${start}, ${end}`);
  let previous: number | undefined;
  let before = Number.NEGATIVE_INFINITY;
  let total = 0;
  for (const [time, value] of samples) {
    if (!Number.isFinite(time) || time <= before) throw new RangeError(`samples must have times that rise, not ${time} after ${before}`);
    requireCount('samples', value);
    before = time;
    if (time > end) continue;
    if (time > start) total += increaseOf(previous, value, bornInWindow);
    previous = value;
  }
  return total;
}

function increaseOf(previous: number | undefined, value: number, bornInWindow: boolean): number {
  if (previous === undefined) return bornInWindow ? value : 0;
  return value >= previous ? value - previous : value;
}
