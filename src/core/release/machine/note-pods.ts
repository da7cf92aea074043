// Since when something that may still come keeps the canary's pods from starting: the patience with it is counted from there.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';
import type { Known } from '../facts/known.ts';

/** Notes since when something that may still come keeps the pods from starting. */
export function notePods(status: CanaryReleaseStatus, { workload, now }: Known): CanaryReleaseStatus {
  const { release } = status;
  if (release === undefined) return status;
  const waits = workload?.pods?.fault?.certain === false;
  if (waits === (release.podsFailingSince !== undefined)) return status;
  const { podsFailingSince: _since, ...rest } = release;
  return { ...status, release: waits ? { ...rest, podsFailingSince: toTime(now) } : rest };
}
