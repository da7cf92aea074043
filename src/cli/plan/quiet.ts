// When a decision can be skipped: thousands of looks of a simulation change nothing but the evidence, and folding them is enough.
// In doubt it decides; a test compares the two ways.

import { parseDuration } from '../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../api/release.ts';
import type { StateName } from '../../core/release/state.ts';
import { fromTime } from '../../api/times.ts';

/** Is this folded look one that no state can follow from? */
export function nothingCanHappen(spec: CanaryReleaseSpec, { release }: CanaryReleaseStatus, state: StateName, now: number): boolean {
  if (release === undefined || mayLeaveAtOnce(release, now)) return false;
  const enforces = spec.analysis.mode === 'Enforce';
  const stage = spec.stages[release.stageIndex ?? 0];
  const cleanMs = fromTime(enforces ? release.cleanSince : release.stageStartedAt);
  if (stage === undefined || cleanMs === undefined) return false;
  if (state === 'promoting.baking') return now < cleanMs + parseDuration(spec.promotion.bake);
  if (state !== 'stage.analyzing' || isDue(release.stageTimesOutAt, now)) return false;
  return now < cleanMs + parseDuration(stage.duration) || (enforces && release.verdict !== 'Pass');
}

/** Something else than the duration of a stage or a bake may move the release. */
function mayLeaveAtOnce({ failedCheck, judgeAnswered, unavailableSince, deadlineAt }: ReleaseStatus, now: number): boolean {
  return failedCheck !== undefined || judgeAnswered !== true || unavailableSince !== undefined || isDue(deadlineAt, now);
}

function isDue(time: string | undefined, now: number): boolean {
  const ms = fromTime(time);
  return ms !== undefined && now >= ms;
}

/** The next time at which the clock alone may change the state, where that is all that matters; undefined elsewhere. */
export function nextClockTime({ release }: CanaryReleaseStatus, state: StateName, now: number): number | undefined {
  if (release === undefined || (state !== 'stage.analyzing' && state !== 'promoting.baking')) return undefined;
  const times = [release.deadlineAt, release.stageEndsAt, release.stageTimesOutAt, release.bakeEndsAt]
    .map(fromTime)
    .filter((time): time is number => time !== undefined && time > now);
  return times.length === 0 ? undefined : Math.min(...times);
}
