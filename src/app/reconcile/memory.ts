// What the operator remembers of a release between reconciles: the last status, committed or not, and what waits to be logged.
// All of it can be lost: the object's status and the routes say the same, and Prometheus is the judge's memory.

import { toSortedJson } from '../../api/sorted-json.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import type { WriteProblem } from '../../core/release/observation.ts';
import type { Drift } from '../../core/release/drift/drift.ts';
import { hasUncommitted, withoutPending } from '../../core/release/report/announcements.ts';
import type { Transition } from '../../core/release/decide.ts';

export interface Memory {
  readonly uid: string;
  /** The newest status; ahead of `committed` while nothing in it matters to a reader. */
  readonly status: CanaryReleaseStatus;
  /** What the API server stores, as far as we know. */
  readonly committed: CanaryReleaseStatus;
  /** resourceVersion of our last write, until the cache has it. */
  readonly resourceVersion: string | undefined;
  readonly committedAtMs: number;
  readonly writeProblems: readonly WriteProblem[];
  /** Since when writes fail, by route, Unix milliseconds. */
  readonly failingSince: ReadonlyMap<string, number>;
  readonly transitions: readonly Transition[];
  readonly drifts: readonly Drift[];
  /** When the verdict that takes it home was reached. */
  readonly failedAtMs: number | undefined;
  /** Until when a release that is being deleted waits for its last announcements. */
  readonly lastWordsUntilMs: number | undefined;
}

/** Numbers that change at every look do not matter to a reader until a minute has passed. */
const QUIET_MS = 60_000;

/**
 * Must this status be written now? On a change of state, stage, phase, verdict or failing count at once, and before anything is
 * announced; else each minute. That something was delivered is no news to a reader.
 */
export function needsCommit(memory: Memory, status: CanaryReleaseStatus, now: number): boolean {
  if (hasUncommitted(status, memory.committed)) return true;
  if (essenceOf(withoutPending(status)) !== essenceOf(withoutPending(memory.committed))) return true;
  // A message that promises a time which has passed is wrong.
  const isOver = now >= (fromTime(memory.committed.internal?.shownTime) ?? Number.POSITIVE_INFINITY);
  return (isOver || now - memory.committedAtMs >= QUIET_MS) && toSortedJson(status) !== toSortedJson(memory.committed);
}

/** When a status that was committed with announcements is written without them, if nothing else is written before. */
export function endOfQuiet({ committedAtMs }: Memory): number {
  return committedAtMs + QUIET_MS;
}

/** The committed status where it says the same: of a thousand releases at rest one copy is held, not two. */
export function shareCommitted(committed: CanaryReleaseStatus, status: CanaryReleaseStatus): CanaryReleaseStatus {
  return committed !== status && toSortedJson(committed) === toSortedJson(status) ? committed : status;
}

/** What was refused, each with the time since when writes to that route are. */
export function noteProblems(
  { failingSince }: Memory,
  writeProblems: readonly WriteProblem[],
  now: number,
): Pick<Memory, 'writeProblems' | 'failingSince'> {
  const since = writeProblems.map((problem) => ({ ...problem, sinceMs: failingSince.get(problem.route) ?? now }));
  return { writeProblems: since, failingSince: new Map(since.map(({ route, sinceMs }) => [route, sinceMs])) };
}

/** Reasons and values, never sentences: what blocks a release, or what is left of it for a person to fix, is a key in `internal.told`. */
function essenceOf(status: CanaryReleaseStatus): string {
  const { message: _message, checks, conditions, observedWeight: _observed, measured: _measured, release, internal = {}, ...rest } = status;
  const { shownTime: _shown, ...memory } = internal;
  const essential = release === undefined ? undefined : withoutRunningNumbers(release);
  return toSortedJson([
    rest,
    memory,
    essential,
    (checks ?? []).map((check) => [check.name, check.verdict]),
    (conditions ?? []).map((condition) => [condition.type, condition.status, condition.reason, condition.observedGeneration]),
  ]);
}

function withoutRunningNumbers(release: ReleaseStatus): unknown {
  const {
    lookGridAt: _grid,
    sampleAt: _sample,
    stageRequests: _requests,
    failedRequests: _failed,
    passAt: _pass,
    lookPhaseMs: _phase,
    scrapeIntervalMs: _scrape,
    sampleDelayMs: _delay,
    routes,
    ...rest
  } = release;
  return [rest, routes?.map(({ generation: _generation, ...route }) => route)];
}
