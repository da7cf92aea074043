// Which approval a release waits for, as the number that `approve` takes: that of the present stage, or one more than the
// stages, the promotion itself.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';

/** @param timedOut the present stage had no proof in time */
export function findApproval({ release }: CanaryReleaseStatus, spec: CanaryReleaseSpec, timedOut: boolean): number {
  const index = release?.stageIndex ?? 0;
  const own = spec.stages[index]?.approval === 'Required' && !(release?.approvedStages ?? []).includes(index + 1);
  const unproven = spec.analysis.onInconclusive === 'Approve' && timedOut && release?.verdict !== 'Pass';
  return own || unproven ? index + 1 : spec.stages.length + 1;
}
