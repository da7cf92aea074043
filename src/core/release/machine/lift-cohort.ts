// Takes the cohort from the canary where its rule would not do any more what it is for: nothing is widened meanwhile (rule 9). It comes
// again once the trouble is over and the stage has passed, as more weight would.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import { findCohortFault } from '../checks/cohort-blockers.ts';
import { isJudged } from '../state.ts';
import { edit, endCohort } from './change.ts';

export function liftCohort(status: CanaryReleaseStatus, facts: Facts): CanaryReleaseStatus {
  if (status.release?.cohort === undefined || !isJudged(facts.state) || findCohortFault(facts) === undefined) return status;
  return edit(endCohort(status, facts.now), {}, ['cohortBefore']);
}
