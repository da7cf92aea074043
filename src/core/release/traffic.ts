// Whether the canary gets requests, which is not the same as having weight: a cohort, a mirror and rules of the user's own send it
// some at weight 0. Whoever has traffic is judged, and goes back at a Fail (rule 13).

import type { CanaryReleaseSpec, CanaryReleaseStatus, Cohort, ReleaseStatus } from '../../api/release.ts';

type Stages = Pick<CanaryReleaseSpec, 'stages'>;
type Progress = Pick<CanaryReleaseStatus, 'weight' | 'release'>;

/** The release asks for traffic: by weight, for a cohort, or by a mirror. A Pass needs some. */
export function asksForTraffic({ weight = 0, release }: Progress): boolean {
  return weight > 0 || release?.cohort !== undefined;
}

/** The cohort that is in effect in a stage: of the last stage up to it that names one. A mirror is of its own stage alone. */
export function cohortAt({ stages }: Stages, index: number): Cohort | undefined {
  const mirror = stages[index]?.mirror;
  if (mirror !== undefined) return { methods: mirror.methods, mirrorPercent: mirror.percent };
  return stages.slice(0, index + 1).findLast(({ cohort }) => cohort !== undefined)?.cohort;
}

/** The release has sent requests to the canary, by weight, for a cohort, or by a mirror. */
export function hasGivenTraffic(release: Pick<ReleaseStatus, 'maxWeight' | 'cohortGiven'> | undefined): boolean {
  return (release?.maxWeight ?? 0) > 0 || release?.cohortGiven === true;
}

/** The canary gets requests, whether the release asked for them or rules of the user's own send them. */
export function canaryGetsTraffic(status: Progress): boolean {
  const { ownRules = [], stageStartedAt } = status.release ?? {};
  // Before its first stage the canary's pods may still be coming: what reaches them then says nothing of the revision.
  return asksForTraffic(status) || (ownRules.length > 0 && stageStartedAt !== undefined && !isOnlyDraining(status));
}

/**
 * The Deployment serves what was promoted and the canary has no share any more. Rules of the user's own may still call it while its pods
 * are removed: what it then answers says nothing of the version, and the drain has no verdict.
 */
function isOnlyDraining({ weight = 0, release }: Progress): boolean {
  return weight === 0 && release?.outcome === 'Promoted' && release.workload !== undefined;
}
