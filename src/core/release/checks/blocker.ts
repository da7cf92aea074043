// What a check of a release's way says.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { BlockReason } from '../../../api/reasons.ts';
import type { Known } from '../facts/known.ts';

/** What stands in the way: the reason, what was found, and what to do about it. */
export interface Blocker {
  readonly reason: BlockReason;
  readonly message: string;
  /** The object or field that it is about: another one is another trouble. Absent where there is only one. */
  readonly about?: string;
}

/** One thing that may stand in the way. The status is that of the release at this moment. */
export type BlockerCheck = (known: Known, status: CanaryReleaseStatus) => Blocker | undefined;
