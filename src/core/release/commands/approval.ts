// Which approval a release waits for, as the number that `approve` takes: that of the present stage, or one more than the
// stages, the promotion itself. Nothing else can be approved: an approval in advance would approve evidence that does not exist yet.

import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { placeOf, type StateName } from '../state.ts';

/** Undefined where nothing waits for a person. @param timedOut the present stage had no proof in time */
export function findApproval(
  status: CanaryReleaseStatus,
  spec: CanaryReleaseSpec,
  state: StateName,
  timedOut: boolean,
): number | undefined {
  const { release } = status;
  if (release === undefined || placeOf(state, release) !== 'stage.awaitingApproval') return undefined;
  const { approvedStages = [] } = release;
  return listAsked(release, spec, timedOut).find((stage) => !approvedStages.includes(stage));
}

/** What has to be approved before the present stage is left, in the order in which it is asked for. */
function listAsked({ stageIndex: index = 0, verdict }: ReleaseStatus, spec: CanaryReleaseSpec, timedOut: boolean): readonly number[] {
  const asks = spec.analysis.onInconclusive === 'Approve' && verdict !== 'Pass';
  const own = spec.stages[index]?.approval === 'Required' || (asks && timedOut);
  return [
    ...(own ? [index + 1] : []),
    ...(asksForPromotion(spec, index) ? [spec.stages.length + 1] : []),
    // It waits because it asked, whatever the clock of whoever looks says.
    ...(asks ? [index + 1] : []),
  ];
}

/** The last stage is left only with the approval of the promotion. */
function asksForPromotion({ stages, promotion }: CanaryReleaseSpec, index: number): boolean {
  return index >= stages.length - 1 && promotion.approval === 'Required';
}

/** `stage 2`, or what comes after the last one. */
export function nameApproval(stage: number, stages: number): string {
  return stage > stages ? `the promotion (${stage})` : `stage ${stage}`;
}
