// What a check says: what stands in the way of a raise, or why all traffic has to go back.

import type { BlockReason, RollbackReasonName } from '../../../api/reasons.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Known } from '../facts/known.ts';

/** What stands in the way: the reason, what was found, and what to do about it. */
export interface Blocker {
  readonly reason: BlockReason;
  readonly message: string;
  /** The object or field that it is about: another one is another trouble. Absent where there is only one. */
  readonly about?: string;
  /** Nothing has said no: something is not there, and may only be late, as the objects of one commit arrive one after the other. */
  readonly missing?: true;
}

/** One thing that may stand in the way. The status is that of the release at this moment. */
export type BlockerCheck = (known: Known, status: CanaryReleaseStatus) => Blocker | undefined;

/** The reason, what was found, and who asked for it where a command did. What it means for the revision is in `api/reasons.ts`. */
export interface RollbackReason {
  readonly reason: RollbackReasonName;
  readonly message: string;
  readonly by?: string;
}

/** `RouteNotAccepted: HTTPRoute store: …`. */
export function describeBlocker({ reason, message }: Pick<Blocker, 'reason' | 'message'>): string {
  return `${reason}: ${message}`;
}
