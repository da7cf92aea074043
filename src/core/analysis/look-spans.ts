// The spans of time that one look reads: the window of the checks, and what is new since the look before. Where samples arrive late
// the window ends with the newest of them, because what is still on its way says nothing yet.

import { parseDuration } from '../../api/duration.ts';
import type { ReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import { SCRAPE_MARGIN_MS } from './grid.ts';
import type { Span } from './increments.ts';
import type { Series } from './series.ts';

/** The longest delay of samples that is allowed for. */
export const MOST_DELAY_MS = 5 * 60_000;

/** Unix milliseconds. */
export interface LookSpans {
  /** What the checks are judged by where samples arrive at once: never from before the present weight. */
  readonly window: Span;
  /** Length of a whole window. */
  readonly windowMs: number;
  /** When the present weight was asked for: no window begins earlier. */
  readonly beganMs: number;
  /** Requests count for the stage from here on. */
  readonly sinceMs: number;
  /** What came after this was not seen by the look before. */
  readonly seenMs: number;
  /** Samples are asked for from here on, and their bases from before it. */
  readonly askFromMs: number;
}

type Times = Partial<
  Pick<ReleaseStatus, 'startedAt' | 'shiftedAt' | 'stageStartedAt' | 'lookGridAt' | 'sampleAt' | 'sampleDelayMs' | 'scrapeIntervalMs'>
>;

/**
 * The spans of the look at `atMs`.
 * @param window `spec.analysis.window`
 * @param previousMs time of the look before, where that one is read in the same go; default: the last folded one
 */
export function spansOfLook(window: string, times: Times | undefined, atMs: number, previousMs?: number): LookSpans {
  const { startedAt, shiftedAt, stageStartedAt, lookGridAt, sampleAt, ...late }: Times = times ?? {};
  const beganMs = Math.min(atMs, fromTime(shiftedAt) ?? fromTime(startedAt) ?? atMs);
  const beforeMs = fromTime(lookGridAt) ?? beganMs;
  // Where a scrape takes longer than the look's margin its sample comes too late for every look: what is new since the newest
  // sample that was seen is new, whenever it came.
  const seenMs = previousMs ?? Math.min(beforeMs, fromTime(sampleAt) ?? beforeMs);
  const sinceMs = Math.max(seenMs, fromTime(stageStartedAt) ?? beganMs);
  const windowMs = parseDuration(window);
  const fromMs = Math.max(atMs - windowMs, beganMs);
  const lateFromMs = Math.max(atMs - windowMs - mostAgeOf(late), beganMs);
  // Before the first sample it is unknown how late they are.
  const unknownMs = sampleAt === undefined ? atMs - MOST_DELAY_MS : atMs;
  return {
    window: { fromMs, toMs: atMs },
    windowMs,
    beganMs,
    sinceMs,
    seenMs,
    askFromMs: Math.min(lateFromMs, sinceMs, seenMs, unknownMs),
  };
}

/** The most that the newest sample is old while the delay stays as it is. */
function mostAgeOf({ sampleDelayMs = 0, scrapeIntervalMs = 0 }: Times): number {
  return sampleDelayMs === 0 ? 0 : sampleDelayMs + 2 * scrapeIntervalMs;
}

/**
 * The window as far as samples reach; undefined where none of the present weight has arrived.
 * @param newestMs the newest sample of either side
 * @param scrapeMs distance of the samples: one that is younger than that is not late
 */
export function windowWithSamples(
  { window, windowMs, beganMs, askFromMs }: LookSpans,
  newestMs: number | undefined,
  scrapeMs: number | undefined,
): Span | undefined {
  if (newestMs === undefined || scrapeMs === undefined || window.toMs - newestMs <= scrapeMs) return window;
  // Scrapes jitter: the sample that a whole window before the newest one is its base.
  const toMs = Math.min(window.toMs, newestMs + SCRAPE_MARGIN_MS);
  const fromMs = Math.max(toMs - windowMs, beganMs, askFromMs);
  return newestMs > fromMs ? { fromMs, toMs } : undefined;
}

/**
 * The window without the first scrape after the first weight, where the canary had requests before it, by rules of the user's own: that
 * scrape counts both, and what was answered before its pods were ready says nothing of them. Undefined where no later one has arrived.
 * @param canary its counters, with their samples from before
 */
export function withoutFormerTraffic(window: Span, canary: readonly Series[], beganMs: number): Span | undefined {
  if (window.fromMs > beganMs || !canary.some(({ samples }) => hadRequests(samples, beganMs))) return window;
  const times = canary.flatMap(({ samples }) => samples.map(({ atMs }) => atMs)).filter((atMs) => atMs > beganMs && atMs <= window.toMs);
  const fromMs = Math.min(...times);
  return times.some((atMs) => atMs > fromMs) ? { fromMs, toMs: window.toMs } : undefined;
}

/** Did it grow up to its last sample from before, or was it born with that one? What a counter had long ago says nothing of now. */
function hadRequests(samples: Series['samples'], beganMs: number): boolean {
  const [last, before] = samples
    .filter(({ atMs }) => atMs <= beganMs)
    .slice(-2)
    .toReversed();
  return last !== undefined && last.value > (before?.value ?? 0);
}
