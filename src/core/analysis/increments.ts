// Counter increments from raw samples: resets, series born inside the window and late scrapes, as statistics on counts need
// them. `rate()` would lose the first increment of a new series, which is just the first bad answer of a canary.

import type { Sample, Series } from './series.ts';

/** A span of time, `from` excluded, `to` included; Unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Increments of one counter inside the span.
 * The base is the last sample at or before `fromMs`. A series without one is born inside the span and counts from 0.
 * A falling value is a restart of the counter and counts from 0. Values that are not finite or negative are passed over.
 */
export function countIncrements(samples: readonly Sample[], span: Span): number {
  let previous: number | undefined;
  let total = 0;
  for (const { atMs, value } of samples) {
    if (atMs > span.toMs) break;
    if (!Number.isFinite(value) || value < 0) continue;
    if (atMs > span.fromMs) total += previous === undefined || value < previous ? value : value - previous;
    previous = value;
  }
  return total;
}

/** Time of the newest sample at or before `toMs` over all series; undefined without any. */
export function newestSampleAt(series: readonly Series[], toMs: number): number | undefined {
  let newest: number | undefined;
  for (const { samples } of series) {
    for (let index = samples.length - 1; index >= 0; index -= 1) {
      const at = samples[index]?.atMs;
      if (at === undefined || at > toMs) continue;
      if (newest === undefined || at > newest) newest = at;
      break;
    }
  }
  return newest;
}

/** The usual distance of samples, the median over the series with most samples; undefined with fewer than two samples. */
export function scrapeIntervalOf(series: readonly Series[]): number | undefined {
  const longest = series.reduce<Series | undefined>(
    (best, one) => (best === undefined || one.samples.length > best.samples.length ? one : best),
    undefined,
  );
  const times = longest?.samples.map((sample) => sample.atMs) ?? [];
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  gaps.sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)];
}
