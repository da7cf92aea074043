// What a check says that sends all traffic back to the serving version.

import type { RollbackReasonName } from '../../../api/reasons.ts';

/** The reason, what was found, and who asked for it where a command did. What it means for the revision is in `api/reasons.ts`. */
export interface RollbackReason {
  readonly reason: RollbackReasonName;
  readonly message: string;
  readonly by?: string;
}
