// Fills in what of a status is derived: phase, progress, message, conditions.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { withoutUndefined } from '../../../api/absence.ts';
import { fromTime, toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { isOfFormerWeight } from '../evidence/measured.ts';
import { isRunning, phaseOf, type StateName } from '../state.ts';
import { describeConditions, type Waiting } from './conditions.ts';
import { describe } from './message.ts';
import { findShownTime } from './next-step.ts';
import { findTold, type Told } from './told.ts';

type Internal = NonNullable<CanaryReleaseStatus['internal']>;

const MOST_MESSAGE = 1_024;

/** Fills in what is derived. @param walked the state after the last step */
export function describeStatus(status: CanaryReleaseStatus, walked: StateName, facts: Facts): CanaryReleaseStatus {
  const state = isReverted(walked, facts) ? 'idle' : walked;
  const waiting = findWaiting(status, state, facts);
  const { waitsBlocked, missingMs } = waiting;
  const phase = waitsBlocked ? 'Blocked' : phaseOf(state, status.release);
  const { verdict, measured, observedWeight: _observed, internal = {}, ...rest } = status;
  const told = findTold(phase, state, facts, status);
  const shownMs = waitsBlocked ? undefined : findShownTime(status, state, facts);
  const message = describe(status, state, facts, waitsBlocked).slice(0, MOST_MESSAGE);
  return {
    ...rest,
    ...(isRunning(state) ? withoutUndefined({ verdict, measured: ofPresentWeight(measured, status.release) }) : {}),
    observedGeneration: facts.observation.release.metadata.generation ?? 0,
    phase,
    ...withoutUndefined({ progress: progressOf(state, status.release, facts.spec.stages.length) }),
    weight: status.weight ?? 0,
    ...observedWeightOf(state, facts),
    message,
    conditions: [...describeConditions(status, state, facts, waiting, message)],
    ...withInternal(internal, told, { shownMs, missingMs }),
  };
}

/** Whether a release that has not begun is blocked, and since when by nothing but what is missing. */
function findWaiting(status: CanaryReleaseStatus, state: StateName, facts: Facts): Waiting {
  const { blocker, deleting, now } = facts;
  const waitsBlocked = !isRunning(state) && blocker !== undefined && !deleting && needsRelease(status, facts);
  const missing = waitsBlocked && blocker.missing === true;
  return { waitsBlocked, missingMs: missing ? (fromTime(status.internal?.missingSince) ?? now) : undefined };
}

/** Absent where the routes have no rule of the release any more. */
function observedWeightOf(state: StateName, { observedWeight }: Facts): Pick<CanaryReleaseStatus, 'observedWeight'> {
  if (!isRunning(state)) return { observedWeight: 0 };
  return observedWeight === undefined ? {} : { observedWeight };
}

/** Times that are remembered, Unix milliseconds: what the message shows as one to come, and since when something is missing. */
interface Remembered {
  readonly shownMs: number | undefined;
  readonly missingMs: number | undefined;
}

/** Everything else that the operator remembers stays. */
function withInternal(
  { told: _former, shownTime: _shown, missingSince: _missing, ...kept }: Internal,
  told: Told,
  { shownMs, missingMs }: Remembered,
): Pick<CanaryReleaseStatus, 'internal'> {
  const internal: Internal = {
    ...kept,
    ...(Object.keys(told).length === 0 ? {} : { told }),
    ...(missingMs === undefined ? {} : { missingSince: toTime(missingMs) }),
    ...(shownMs === undefined ? {} : { shownTime: toTime(shownMs) }),
  };
  return Object.keys(internal).length === 0 ? {} : { internal };
}

/** After a rollback somebody took the change back, and what serves is what the Deployment says: no person is needed any more. */
function isReverted(state: StateName, { workload }: Facts): boolean {
  if (state !== 'rolledBack' || workload?.template === undefined) return false;
  return workload.template === workload.servingTemplate && workload.deployment?.spec.paused !== true;
}

/** Something is asked for that cannot be done: a candidate waits, or roles are not even known. */
function needsRelease(status: CanaryReleaseStatus, facts: Facts): boolean {
  if (facts.workload !== undefined) return true;
  return facts.candidate !== undefined || facts.nextAttempt !== undefined || facts.sides === undefined || status.serving === undefined;
}

/** What was measured at a former weight says nothing of this one. */
function ofPresentWeight(
  measured: CanaryReleaseStatus['measured'],
  release: CanaryReleaseStatus['release'],
): CanaryReleaseStatus['measured'] {
  return measured === undefined || isOfFormerWeight(measured, release) ? undefined : measured;
}

function progressOf(state: StateName, release: CanaryReleaseStatus['release'], count: number): string | undefined {
  if (release === undefined) return undefined;
  if (state === 'promoted' || state.startsWith('promoting.')) return `${count}/${count}`;
  return state === 'preparing' ? `0/${count}` : `${Math.min((release.stageIndex ?? 0) + 1, count)}/${count}`;
}
