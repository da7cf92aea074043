// How a release begins again after somebody took all traffic from its canary: without traffic no Pass can come (rule 7).

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import { edit } from './change.ts';
import { setBakes } from './promotion-steps.ts';
import { enterStage } from './stage-steps.ts';

/** The first stage again, which needs no proof. Approvals that were given stay given: the revision is the same. */
export function beginAgain(status: CanaryReleaseStatus, facts: Facts): CanaryReleaseStatus {
  const cleared = edit(setBakes(status, false), {}, ['driftSince', 'driftBy', 'bakeEndsAt', 'blockedSince', 'blockedReason', 'cohort']);
  return enterStage({ ...cleared, weight: 0 }, facts, 0);
}
