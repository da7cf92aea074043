// Whether the canary gets requests, which is not the same as having weight: a cohort, a mirror and rules of the user's own send it
// some at weight 0. Whoever has traffic is judged, and goes back at a Fail (rule 13).

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';

type Stages = Pick<CanaryReleaseSpec, 'stages'>;
type Progress = Pick<CanaryReleaseStatus, 'weight' | 'release'>;

/** The release asks for traffic: by weight, or by the cohort or mirror of the stage that is in effect. A Pass needs some. */
export function asksForTraffic({ stages }: Stages, { weight = 0, release }: Progress): boolean {
  if (weight > 0) return true;
  if (release?.stageStartedAt === undefined) return false;
  const stage = stages[release.stageIndex ?? 0];
  return stage?.cohort !== undefined || stage?.mirror !== undefined;
}

/** The canary gets requests, whether the release asked for them or rules of the user's own send them. */
export function canaryGetsTraffic(spec: Stages, status: Progress): boolean {
  const { ownRules = [], stageStartedAt } = status.release ?? {};
  // Before its first stage the canary's pods may still be coming: what reaches them then says nothing of the revision.
  return asksForTraffic(spec, status) || (ownRules.length > 0 && stageStartedAt !== undefined && !isOnlyDraining(status));
}

/**
 * The Deployment serves what was promoted and the canary has no share any more. Rules of the user's own may still call it while its pods
 * are removed: what it then answers says nothing of the version, and the drain has no verdict.
 */
function isOnlyDraining({ weight = 0, release }: Progress): boolean {
  return weight === 0 && release?.outcome === 'Promoted' && release.workload !== undefined;
}
