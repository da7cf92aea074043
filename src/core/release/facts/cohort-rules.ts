// Where a release needs a rule of ours, for a cohort or for a mirror.

import type { CanaryReleaseSpec } from '../../../api/release.ts';

/** Some stage names a cohort or a mirror. */
export function asksForCohort({ stages }: Pick<CanaryReleaseSpec, 'stages'>): boolean {
  return stages.some(({ cohort, mirror }) => cohort !== undefined || mirror !== undefined);
}
