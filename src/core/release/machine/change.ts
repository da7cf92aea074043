// Changes the release of a status, dropping what does not hold any more.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';

/** The same status where no release is recorded. @param drop fields that go */
export function edit(
  status: CanaryReleaseStatus,
  change: Partial<ReleaseStatus>,
  drop: readonly (keyof ReleaseStatus)[] = [],
): CanaryReleaseStatus {
  if (status.release === undefined) return status;
  return { ...status, release: { ...without(status.release, drop), ...change } };
}

function without(release: ReleaseStatus, drop: readonly (keyof ReleaseStatus)[]): ReleaseStatus {
  if (!drop.some((key) => key in release)) return release;
  return Object.fromEntries(Object.entries(release).filter(([key]) => !drop.includes(key as keyof ReleaseStatus))) as ReleaseStatus;
}

/** What a status remembers of a block. */
export const BLOCK_FIELDS = ['blockedSince', 'blockedReason', 'blockedMessage'] as const satisfies readonly (keyof ReleaseStatus)[];

/** No request is sent to the canary for the sake of a cohort any more. */
export function endCohort(status: CanaryReleaseStatus, now: number): CanaryReleaseStatus {
  return edit(status, { cohortEndedAt: toTime(now) }, ['cohort']);
}
