// The steps of a promotion: all of the traffic, the bake, the rollout of the Deployment, and the last writes.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { waitForSamples } from '../evidence/lateness.ts';
import { BLOCK_FIELDS, edit } from './change.ts';
import { raiseTo, settleLast, takePods } from './stage-steps.ts';

type Status = CanaryReleaseStatus;

/**
 * Wants all of the traffic on the canary; in Deployment mode only where it bakes there before the Deployment rolls, else the
 * canary keeps its share while it does.
 */
export function enterPromotion(status: Status, facts: Facts): Status {
  const bakes = parseDuration(facts.spec.promotion.bake) > 0 || endsAllPods(facts);
  return goOnPromoting(setBakes(status, bakes), facts);
}

/** Before the first stage: the pods that stand behind the canary at this moment are what is promoted. */
export function promoteAtOnce(status: Status, facts: Facts): Status {
  return enterPromotion(takePods(status, facts), facts);
}

/** Recreate leaves nothing behind the Service for a while, so the canary has everything before it begins, whoever orders the promotion. */
function endsAllPods({ workload }: Facts): boolean {
  return workload?.deployment?.spec.strategy?.type === 'Recreate';
}

/** The promotion takes its share, or lets the Deployment roll. */
export function goOnPromoting(status: Status, facts: Facts): Status {
  const { workload } = status.release ?? {};
  if (workload === undefined || workload.bakes === true) return raiseTo(status, facts, 100, status.release?.cohort);
  return edit(status, { workload: { ...workload, rolls: true } }, ['stageEndsAt', 'stageTimesOutAt', 'returnTo', 'puttingBack']);
}

/** What an edit of `spec.promotion.bake` says later does not take back what the promotion began with. */
export function setBakes(status: Status, bakes: boolean): Status {
  if (status.release?.workload === undefined) return status;
  const { bakes: _former, ...workload } = status.release.workload;
  return edit(status, { workload: { ...workload, ...(bakes ? { bakes } : {}) } });
}

/** The bake is served: the Deployment rolls, and trouble from here on takes no share back. */
export function beginRollout(status: Status): Status {
  const rolling = setBakes(status, false);
  const { workload } = rolling.release ?? {};
  const change = workload === undefined ? {} : { workload: { ...workload, rolls: true } };
  return edit(rolling, change, ['weightBefore', 'cohortBefore', ...BLOCK_FIELDS]);
}

/** Watches the canary at 100% with the way back kept open. */
export function beginBake(status: Status, facts: Facts): Status {
  const ends = toTime(facts.now + parseDuration(facts.spec.promotion.bake) + waitForSamples(facts.spec, status.release));
  return edit(status, { cleanSince: toTime(facts.now), stageStartedAt: toTime(facts.now), bakeEndsAt: ends }, [
    'driftSince',
    'driftBy',
    ...BLOCK_FIELDS,
  ]);
}

/**
 * From here on the routes are left with what a promotion leaves, and no cohort is sent anywhere. In Deployment mode the share goes as
 * noteWithdrawal says.
 */
export function beginRestoring(status: Status, facts: Facts): Status {
  return edit(status, { outcome: 'Promoted', ...settleLast(facts) }, ['cohort', 'cohortBefore', ...BLOCK_FIELDS]);
}
