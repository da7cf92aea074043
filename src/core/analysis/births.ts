// Is a series that was not there before a new one, whose first value are requests of the span, or one that comes back after a gap, whose
// first value is its whole life? Where Prometheus stores created timestamps as zero samples the samples say so. Else the other series of
// the same target do: one that was scraped before has a new series, and one that appears as a whole is new only if its counts are few.

import { replicaOf } from './comparison/cells.ts';
import { increase, isCount } from './increments.ts';
import type { Series } from './series.ts';

/** A target is found and scraped at most so long after it began to count. */
const FOUND_WITHIN_MS = 60_000;
/** The share of one target in the requests varies. */
const TIMES_THE_BUSIEST = 2;
/** So few requests are new, whatever the others do. */
const FEW = 20;

/** Targets that were away and came back, by `replicaOf`, with the time of their first sample, Unix milliseconds. */
export type Returned = ReadonlyMap<string, number>;

/**
 * @param counts request counters of both sides
 * @param askedFromMs samples were asked for from here on, Unix milliseconds
 */
export function findReturned(counts: readonly Series[], askedFromMs: number): Returned {
  const targets = groupByTarget(counts);
  // A single target has nothing to be measured by.
  if (targets.size < 2) return new Map();
  const rates = [...targets].map(([target, series]) => ({ target, rate: rateOf(series) }));
  const returned = new Map<string, number>();
  for (const [target, series] of targets) {
    const firstMs = Math.min(...series.map(({ samples }) => samples[0]?.atMs ?? Number.POSITIVE_INFINITY));
    const busiest = Math.max(0, ...rates.filter((other) => other.target !== target).map(({ rate }) => rate));
    const lastedMs = Math.min(FOUND_WITHIN_MS, Math.max(0, firstMs - askedFromMs));
    if (firstValue(series, firstMs) > TIMES_THE_BUSIEST * busiest * lastedMs + FEW) returned.set(target, firstMs);
  }
  return returned;
}

function groupByTarget(counts: readonly Series[]): ReadonlyMap<string, readonly Series[]> {
  const targets = new Map<string, Series[]>();
  for (const one of counts) {
    if (one.samples.length === 0) continue;
    const known = targets.get(replicaOf(one.labels));
    if (known === undefined) targets.set(replicaOf(one.labels), [one]);
    else known.push(one);
  }
  return targets;
}

/** What a target had counted when it was seen first. */
function firstValue(series: readonly Series[], firstMs: number): number {
  return series.reduce((sum, { samples: [first] }) => sum + (first?.atMs === firstMs ? first.value : 0), 0);
}

/** What a target gained between its samples, requests a millisecond. */
function rateOf(series: readonly Series[]): number {
  const times = series.flatMap(({ samples }) => [samples[0]?.atMs ?? 0, samples.at(-1)?.atMs ?? 0]);
  const lasted = Math.max(...times) - Math.min(...times);
  return lasted <= 0 ? 0 : series.reduce((sum, one) => sum + gainOf(one), 0) / lasted;
}

function gainOf({ samples }: Series): number {
  let previous: number | undefined;
  let gain = 0;
  for (const { value } of samples) {
    if (!isCount(value)) continue;
    gain += increase(previous, value, 'lost');
    previous = value;
  }
  return gain;
}

/**
 * The series with a base for those of targets that came back: what they counted while they were away is not known, so it counts for
 * nothing. A series that such a target got later is a new one.
 * @param sinceMs no span that is counted begins earlier, Unix milliseconds
 * @param slackMs by how much the first samples of one target may lie apart
 */
export function withBases(series: readonly Series[], returned: Returned, sinceMs: number, slackMs = 0): readonly Series[] {
  if (returned.size === 0) return series;
  return series.map((one) => {
    const [first] = one.samples;
    const firstMs = returned.get(replicaOf(one.labels));
    if (first === undefined || firstMs === undefined || first.atMs <= sinceMs || first.atMs > firstMs + slackMs) return one;
    return { ...one, samples: [{ atMs: sinceMs, value: first.value }, ...one.samples] };
  });
}
