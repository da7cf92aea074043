// The spans of time that one look reads: the window of the checks, and what is new since the look before.

import { parseDuration } from '../../api/duration.ts';
import type { ReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import type { Span } from './increments.ts';

/** Unix milliseconds. */
export interface LookSpans {
  /** What the checks are judged by: never from before the present weight. */
  readonly window: Span;
  /** Requests count for the stage from here on. */
  readonly sinceMs: number;
  /** What came after this was not seen by the look before. */
  readonly seenMs: number;
}

type Times = Partial<Pick<ReleaseStatus, 'startedAt' | 'shiftedAt' | 'stageStartedAt' | 'lookGridAt' | 'sampleAt'>>;

/**
 * The spans of the look at `atMs`.
 * @param window `spec.analysis.window`
 * @param previousMs time of the look before, where that one is read in the same go; default: the last folded one
 */
export function spansOfLook(window: string, times: Times | undefined, atMs: number, previousMs?: number): LookSpans {
  const { startedAt, shiftedAt, stageStartedAt, lookGridAt, sampleAt }: Times = times ?? {};
  const beganMs = fromTime(shiftedAt) ?? fromTime(startedAt) ?? atMs;
  const beforeMs = fromTime(lookGridAt) ?? beganMs;
  // Where a scrape takes longer than the look's margin its sample comes too late for every look: what is new since the newest
  // sample that was seen is new, whenever it came.
  const seenMs = previousMs ?? Math.min(beforeMs, fromTime(sampleAt) ?? beforeMs);
  return {
    window: { fromMs: Math.max(atMs - parseDuration(window), Math.min(beganMs, atMs)), toMs: atMs },
    sinceMs: Math.max(seenMs, fromTime(stageStartedAt) ?? beganMs),
    seenMs,
  };
}
