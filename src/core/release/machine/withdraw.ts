// How the canary's share goes when the Deployment serves what was promoted: at once, where it has the pods that served before. Where
// an autoscaler took some of them away while the canary had the load, in steps that let it see the load come back.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { StateName } from '../state.ts';
import { toTime } from '../../../api/times.ts';
import { countPods, endOfStep, type PodCount } from '../facts/withdrawal.ts';

/** Pods carry this much more than they did for that long: about what is left over at a usual target of 80% utilisation. */
const GROWTH = 1.25;
/** A share of the canary that is no step of its own any more, in percent. */
const LAST_STEP = 5;

/** The canary's next share in percent, never more than the present one. */
function nextShare({ weight = 0 }: CanaryReleaseStatus, count: PodCount): number {
  const carried = Math.max(100 - weight, (100 * count.ready) / count.before) * GROWTH;
  return carried > 100 - LAST_STEP ? 0 : Math.min(weight, Math.floor(100 - carried));
}

/** Takes the next step when it is due, or the last one as soon as the pods are there. */
export function noteWithdrawal(status: CanaryReleaseStatus, state: StateName, facts: Facts): CanaryReleaseStatus {
  const { release, weight = 0 } = status;
  if (state !== 'promoting.restoring' || release?.workload === undefined || weight === 0) return status;
  const count = countPods(release, facts.workload);
  if (count === undefined || facts.canaryEmpty) return { ...status, weight: 0 };
  const due = endOfStep(release);
  if (due !== undefined && facts.now < due) return status;
  return { ...status, weight: nextShare(status, count), release: { ...release, withdrawnAt: toTime(facts.now) } };
}
