// The next attempt at a revision that was rolled back and not to blame: when it is due, and what it still waits for.

import { MOST_ATTEMPTS } from '../../../api/names.ts';
import { fateOf } from '../../../api/reasons.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { withoutUndefined } from '../../../api/absence.ts';
import { fromTime } from '../../../api/times.ts';
import type { Observation } from '../observation.ts';
import type { StateName } from '../state.ts';
import type { CanaryFacts } from './canary-facts.ts';
import { type CandidateKey, isSameRevision, keyOfRelease } from './revision.ts';

export interface NextAttempt {
  readonly key: CandidateKey;
  /** Number of the attempt, of at most `MOST_ATTEMPTS`. */
  readonly number: number;
  /** How the one before ended. */
  readonly before: Pick<ReleaseStatus, 'reason' | 'reasonMessage'>;
  /** Unix milliseconds. */
  readonly dueMs: number;
  /** What keeps it from beginning when it is due; undefined when nothing does. */
  readonly waitsFor: string | undefined;
}

/** Pods that were drained are back within seconds; a node that is replaced takes longer. */
const PAUSES_MS = [10_000, 60_000] as const;

/** How long after a rollback the next attempt waits at least; undefined where there is none. */
export function findPause({ reason, retries = 0 }: Pick<ReleaseStatus, 'reason' | 'retries'>): number | undefined {
  if (fateOf(reason) !== 'retried') return undefined;
  return retries + 1 < MOST_ATTEMPTS ? (PAUSES_MS[retries] ?? PAUSES_MS[1]) : undefined;
}

/** Undefined where the last release is not tried again, or where something else stands behind the canary now. */
export function findNextAttempt(
  { release, serving }: CanaryReleaseStatus,
  state: StateName,
  { canaryKey, canaryReady }: Pick<CanaryFacts, 'canaryKey' | 'canaryReady'>,
  { workload }: Observation,
): NextAttempt | undefined {
  if (state !== 'rolledBack' || release === undefined || canaryKey === undefined) return undefined;
  const dueMs = fromTime(release.retryAt);
  if (dueMs === undefined || !isSameRevision(canaryKey, keyOfRelease(release))) return undefined;
  // A Deployment that rolled, or was taken back, holds nothing any more that could be tried.
  if (release.workload !== undefined && !isHeldAt(workload, canaryKey, serving?.template)) return undefined;
  const { reason, reasonMessage, retries = 0 } = release;
  const waitsFor = findWait(release, canaryReady);
  return { key: canaryKey, number: retries + 2, before: withoutUndefined({ reason, reasonMessage }), dueMs, waitsFor };
}

function isHeldAt(workload: Observation['workload'], { templateHashes }: CandidateKey, serving: string | undefined): boolean {
  return workload?.deployment?.spec.paused === true && templateHashes[0] !== serving;
}

/** In Deployment mode the attempt itself makes the pods. */
function findWait({ workload, canary }: ReleaseStatus, canaryReady: boolean): string | undefined {
  return workload === undefined && !canaryReady ? `ready endpoints of Service ${canary.service}` : undefined;
}

/** Is it its turn? What else stands in the way of any release is asked apart. */
export function isDue({ dueMs, waitsFor }: NextAttempt, now: number): boolean {
  return now >= dueMs && waitsFor === undefined;
}
