// Cuts raw samples of both arms into the cells that the comparison is fed with: equal slices of time on the grid of the looks,
// so that whoever reads the same samples again, after a restart or years later, comes to the same cells.

import type { Bucket } from '../histogram.ts';
import { type History, increase, isCount } from '../increments.ts';
import type { Sample, Series } from '../series.ts';
import type { OutcomeOf } from '../outcome.ts';

/** What one arm answered inside a cell. */
export interface ArmCounts {
  readonly requests: number;
  readonly serverErrors: number;
  readonly clientErrors: number;
  /** Requests by latency, cumulative, bounds in seconds; empty without a histogram. */
  readonly buckets: readonly Bucket[];
  /** Answers of 500 and above by the target that was scraped, a replica of the gateway or a pod; absent where there are none. */
  readonly failing?: Readonly<Record<string, number>>;
}

/** One slice of time, `fromMs` excluded, `toMs` included, Unix milliseconds. */
export interface Cell {
  readonly fromMs: number;
  readonly toMs: number;
  readonly canary: ArmCounts;
  readonly serving: ArmCounts;
}

/** The raw series of one arm. */
export interface ArmSeries {
  readonly counts: readonly Series[];
  readonly latency: readonly Series[];
  /** What one second is in the unit of the latency buckets. */
  readonly perSecond: number;
}

/** A cell is this part of the looks' interval, but no shorter than a second: matched slices cancel what befalls both arms. */
const CELLS_IN_A_LOOK = 5;
const SHORTEST_CELL_MS = 1_000;

/**
 * Length of a cell in milliseconds for looks every `intervalMs`; it goes into the interval a whole number of times.
 * @param reportedBy who counts: where pods report their own counts, the two arms are scraped at different moments, and in a slice that
 * is shorter than a look an incident of both would be seen in one of them only
 */
export function cellLength(intervalMs: number, reportedBy: 'caller' | 'server'): number {
  if (reportedBy === 'server') return intervalMs;
  return intervalMs / Math.max(1, Math.min(CELLS_IN_A_LOOK, Math.floor(intervalMs / SHORTEST_CELL_MS)));
}

/** The grid that cells lie on. */
export interface CellGrid {
  /** Any border, Unix milliseconds. */
  readonly anchorMs: number;
  readonly lengthMs: number;
}

/** Borders of all whole cells after `afterMs` up to `untilMs`; the first one ends the cell that begins at or after `afterMs`. */
export function bordersBetween({ anchorMs, lengthMs }: CellGrid, afterMs: number, untilMs: number): readonly number[] {
  const first = Math.floor((afterMs - anchorMs) / lengthMs) + 1;
  // Times on the grid may be a fraction of a millisecond off; half a millisecond is none of a cell.
  const last = Math.floor((untilMs - anchorMs + 0.5) / lengthMs);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => anchorMs + (first + index) * lengthMs);
}

/**
 * Cuts the series of both arms. The first cell reaches from `fromMs` to the first border.
 * @param outcomeOf what the requests of a series were, from its labels
 * @param history whether Prometheus still has the samples from before `fromMs`
 */
export function cutCells(
  arms: { readonly canary: ArmSeries; readonly serving: ArmSeries },
  span: { readonly fromMs: number; readonly borders: readonly number[] },
  outcomeOf: OutcomeOf,
  history: History,
): readonly Cell[] {
  const canary = cutArm(arms.canary, span, outcomeOf, history);
  const serving = cutArm(arms.serving, span, outcomeOf, history);
  return span.borders.map((toMs, index) => ({
    fromMs: span.borders[index - 1] ?? span.fromMs,
    toMs,
    canary: canary[index] ?? NOTHING,
    serving: serving[index] ?? NOTHING,
  }));
}

const NOTHING: ArmCounts = { requests: 0, serverErrors: 0, clientErrors: 0, buckets: [] };

function cutArm(
  arm: ArmSeries,
  span: { readonly fromMs: number; readonly borders: readonly number[] },
  outcomeOf: OutcomeOf,
  history: History,
): readonly ArmCounts[] {
  const sums = span.borders.map(() => ({
    requests: 0,
    serverErrors: 0,
    clientErrors: 0,
    buckets: new Map<number, number>(),
    failing: new Map<string, number>(),
  }));
  for (const { labels, samples } of arm.counts) {
    const outcome = outcomeOf(labels);
    if (outcome === 'ignore') continue;
    const replica = replicaOf(labels);
    forEachIncrement(samples, span, history, (index, increment) => {
      const sum = sums[index];
      if (sum === undefined) return;
      sum.requests += increment;
      if (outcome === 'serverError') {
        sum.serverErrors += increment;
        sum.failing.set(replica, (sum.failing.get(replica) ?? 0) + increment);
      }
      if (outcome === 'clientError') sum.clientErrors += increment;
    });
  }
  for (const { labels, samples } of arm.latency) {
    const le = labels['le'];
    const upper = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le) / arm.perSecond;
    if (le === undefined || Number.isNaN(upper)) continue;
    for (const sum of sums) if (!sum.buckets.has(upper)) sum.buckets.set(upper, 0);
    forEachIncrement(samples, span, history, (index, increment) => {
      const buckets = sums[index]?.buckets;
      buckets?.set(upper, (buckets.get(upper) ?? 0) + increment);
    });
  }
  return sums.map(({ requests, serverErrors, clientErrors, buckets, failing }) => ({
    requests: Math.round(requests),
    serverErrors: Math.round(serverErrors),
    clientErrors: Math.round(clientErrors),
    buckets: [...buckets].map(([upper, count]) => ({ upper, count: Math.round(count) })).sort((a, b) => a.upper - b.upper),
    ...(failing.size === 0 ? {} : { failing: Object.fromEntries(failing) }),
  }));
}

/** Gateways and pods are distinguished by the target that Prometheus scraped. */
export function replicaOf(labels: Series['labels']): string {
  return `${labels['instance'] ?? ''}/${labels['pod'] ?? ''}`;
}

/** Every increment with the cell that its later sample lies in. Same rules as `countIncrements`, for many spans in one pass. */
function forEachIncrement(
  samples: readonly Sample[],
  { fromMs, borders }: { readonly fromMs: number; readonly borders: readonly number[] },
  history: History,
  tell: (index: number, increment: number) => void,
): void {
  let previous: number | undefined;
  let index = 0;
  for (const { atMs, value } of samples) {
    while (index < borders.length && atMs > (borders[index] ?? Number.POSITIVE_INFINITY)) index += 1;
    if (index >= borders.length) return;
    if (!isCount(value)) continue;
    const increment = atMs > fromMs ? increase(previous, value, history) : 0;
    if (increment > 0) tell(index, increment);
    previous = value;
  }
}
