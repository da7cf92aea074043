// Edits in mid-release never raise: the present weight is kept if the new stages hold it or more, else lowered to the last
// stage below it. Checks and stages ahead apply at once.

import { parseDuration } from '../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import { isRunning, type StateName } from './state.ts';
import { hashPlan, timeoutOf } from './steps.ts';
import { fromTime, toTime } from './times.ts';

/** Applies an edited plan to a running release; the same status when nothing was edited. */
export function applyEdit(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, state: StateName): CanaryReleaseStatus {
  const release = status.release;
  if (release === undefined || !isRunning(state)) return status;
  const plan = hashPlan(spec);
  if (release.plan === plan) return status;
  const promoting = state.startsWith('promoting.') || release.returnTo?.startsWith('promoting.') === true;
  const weight = status.weight ?? 0;
  if (promoting || weight === 0) return { ...status, release: { ...release, plan } };
  const below = spec.stages.filter((stage) => stage.weight <= weight).length - 1;
  const index = Math.max(0, below);
  const stage = spec.stages[index];
  const holds = spec.stages.some((one) => one.weight >= weight);
  if (stage === undefined) return status;
  const cleanSince = fromTime(release.cleanSince);
  const started = fromTime(release.stageStartedAt);
  return {
    ...status,
    weight: holds ? weight : Math.min(weight, stage.weight),
    release: {
      ...release,
      plan,
      stageIndex: index,
      stage: stage.name ?? String(index + 1),
      ...(cleanSince === undefined ? {} : { stageEndsAt: toTime(cleanSince + parseDuration(stage.duration)) }),
      ...(started === undefined ? {} : { stageTimesOutAt: toTime(started + timeoutOf(stage)) }),
    },
  };
}
