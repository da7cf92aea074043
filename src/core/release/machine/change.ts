// Changes the release of a status, dropping what does not hold any more.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';

/** The same status where no release is recorded. @param drop fields that go */
export function edit(
  status: CanaryReleaseStatus,
  change: Partial<ReleaseStatus>,
  drop: readonly (keyof ReleaseStatus)[] = [],
): CanaryReleaseStatus {
  if (status.release === undefined) return status;
  const kept = Object.fromEntries(Object.entries(status.release).filter(([key]) => !drop.includes(key as keyof ReleaseStatus)));
  return { ...status, release: { ...(kept as ReleaseStatus), ...change } };
}

/** What a status remembers of a block. */
export const BLOCK_FIELDS = ['blockedSince', 'blockedReason', 'blockedMessage'] as const satisfies readonly (keyof ReleaseStatus)[];
