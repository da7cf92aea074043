// Edits in mid-release never raise: the present weight is kept if the new stages hold it or more, else lowered to the last
// stage below it. Checks and stages ahead apply at once.

import { hash } from 'node:crypto';
import { parseDuration } from '../../../api/duration.ts';
import { oncePer } from '../../../api/once.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus, Stage } from '../../../api/release.ts';
import { isGoingHome, isPromotingAt, isRunning, type StateName } from '../state.ts';
import { waitForSamples } from '../evidence/lateness.ts';
import { timeoutOf } from '../facts/stage-clock.ts';
import { cohortAt } from '../traffic.ts';
import { endCohort } from './change.ts';
import { fromTime, toTime } from '../../../api/times.ts';

/** Applies an edited plan to a running release; the same status when nothing was edited. */
export function applyEdit(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, state: StateName, now: number): CanaryReleaseStatus {
  if (status.release === undefined || !isRunning(state)) return status;
  const plan = hashPlan(spec);
  if (status.release.plan === plan) return status;
  const release = { ...dropFails(status.release), plan };
  // No stage is under way any more: only its number has to exist.
  if (isPromotingAt(state, release) || isGoingHome(state))
    return { ...status, release: { ...release, stageIndex: Math.min(release.stageIndex ?? 0, spec.stages.length - 1) } };
  return dropCohort(spec, moveToStage(spec, status, release), now);
}

/** The stage that the present weight belongs to under the edited plan; a weight that no stage holds is lowered. */
function moveToStage(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, release: ReleaseStatus): CanaryReleaseStatus {
  const { weight = 0 } = status;
  const index = chooseStage(spec, weight, release.stageIndex ?? 0);
  const stage = spec.stages[index];
  const holds = spec.stages.some((one) => one.weight >= weight);
  if (stage === undefined) return status;
  return {
    ...status,
    weight: holds ? weight : Math.min(weight, stage.weight),
    release: { ...release, stageIndex: index, stage: stage.name ?? String(index + 1), ...dueTimesOf(spec, release, stage) },
  };
}

/** A cohort that no stage up to the present one names any more goes at once; another one comes with the next Pass, as more weight does. */
function dropCohort(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, now: number): CanaryReleaseStatus {
  const { release } = status;
  if (release?.cohort === undefined || cohortAt(spec, release.stageIndex ?? 0) !== undefined) return status;
  return endCohort(status, now);
}

/** What failed by the checks as they were says nothing of the checks as they are; a Fail that acted has gone home long since. */
function dropFails(release: ReleaseStatus): ReleaseStatus {
  const { failedCheck: _failed, failing: _failing, ...rest } = release;
  return rest;
}

function dueTimesOf(spec: CanaryReleaseSpec, release: ReleaseStatus, stage: Stage): Pick<ReleaseStatus, 'stageEndsAt' | 'stageTimesOutAt'> {
  const cleanSince = fromTime(release.cleanSince);
  const started = fromTime(release.stageStartedAt);
  return {
    ...(cleanSince === undefined
      ? {}
      : { stageEndsAt: toTime(cleanSince + parseDuration(stage.duration) + waitForSamples(spec, release)) }),
    ...(started === undefined ? {} : { stageTimesOutAt: toTime(started + timeoutOf(stage)) }),
  };
}

/**
 * The stage that the present weight belongs to: the last one at or below it. Of several with one weight it stays where it is,
 * else it is the first of them, so that no duration and no approval is jumped over.
 */
export function chooseStage(spec: Pick<CanaryReleaseSpec, 'stages'>, weight: number, present: number): number {
  const reached = spec.stages.filter((stage) => stage.weight <= weight).at(-1)?.weight;
  if (reached === undefined) return 0;
  if (spec.stages[present]?.weight === reached) return present;
  return spec.stages.findIndex((stage) => stage.weight === reached);
}

/** A hash of everything that an edit in mid-release can change. */
export const hashPlan = oncePer(({ stages, analysis, promotion }: CanaryReleaseSpec): string =>
  hash('sha256', JSON.stringify([stages, analysis, promotion])).slice(0, 16),
);
