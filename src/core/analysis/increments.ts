// Counter increments from raw samples: resets, series born inside the window and late scrapes, as statistics on counts need
// them. `rate()` would lose the first increment of a new series, which is just the first bad answer of a canary.

import type { Sample, Series } from './series.ts';

/** A span of time, `from` excluded, `to` included; Unix milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Whether Prometheus still has the samples from before a span. */
export type History = 'whole' | 'lost';

/**
 * Increments of one counter inside the span.
 * The base is the last sample at or before `fromMs`. A series without one is born inside the span and counts from 0, unless
 * `history` is `lost`: then Prometheus has a gap before the span, and only increments between samples that are there count.
 * A falling value is a restart of the counter and counts from 0. Values that are not finite or negative are passed over.
 */
export function countIncrements(samples: readonly Sample[], span: Span, history: History = 'whole'): number {
  let previous: number | undefined;
  let total = 0;
  for (const { atMs, value } of samples) {
    if (atMs > span.toMs) break;
    if (!isCount(value)) continue;
    if (atMs > span.fromMs) total += increase(previous, value, history);
    previous = value;
  }
  return total;
}

/**
 * Can a counter stand there? Beyond whole numbers none counts any more: what says so is broken, and its fall back would look like a
 * restart. Such a value is passed over as if it had not been scraped.
 */
export function isCount(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

/** What a counter gained between two samples of one series. @param previous undefined for the first sample there is */
export function increase(previous: number | undefined, value: number, history: History): number {
  if (previous === undefined) return history === 'whole' ? value : 0;
  return value < previous ? value : value - previous;
}

/** Is what was known at `knownMs` still there? Without a sample from then Prometheus has lost it, or was away for long. */
export function historyOf(series: readonly Series[], knownMs: number | undefined): History {
  if (knownMs === undefined) return 'whole';
  return series.some(({ samples }) => samples.some(({ atMs }) => atMs <= knownMs)) ? 'whole' : 'lost';
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

/** From when on each of the series has a sample that is not older than `fromMs`; undefined where one has none. */
export function firstSamplesAfter(series: readonly Series[], fromMs: number): number | undefined {
  const firsts = series.map(({ samples }) => samples.find(({ atMs }) => atMs >= fromMs)?.atMs ?? Number.POSITIVE_INFINITY);
  const last = Math.max(...firsts);
  return Number.isFinite(last) ? last : undefined;
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
