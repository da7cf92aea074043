// Where a release needs a rule of ours for a cohort.

import type { CanaryReleaseSpec } from '../../../api/release.ts';

/** Some stage names a cohort. */
export function asksForCohort({ stages }: Pick<CanaryReleaseSpec, 'stages'>): boolean {
  return stages.some(({ cohort }) => cohort !== undefined);
}
