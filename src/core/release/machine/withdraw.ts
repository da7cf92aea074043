// How the canary's share goes when the Deployment serves what was promoted: at once, where it has the pods that served before. Where
// an autoscaler took some of them away while the canary had the load, in steps that let it see the load come back.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { StateName } from '../state.ts';
import { clockOf, fromTime, toTime } from '../../../api/times.ts';

/** What an autoscaler takes to see a load and to have pods for it. */
const STEP_MS = 60_000;
/** Pods carry this much more than they did for that long: about what is left over at a usual target of 80% utilisation. */
const GROWTH = 1.25;
/** A share of the canary that is no step of its own any more, in percent. */
const LAST_STEP = 5;

interface PodCount {
  readonly ready: number;
  readonly before: number;
}

/** The canary's next share in percent, never more than the present one. */
function nextShare({ weight = 0 }: CanaryReleaseStatus, count: PodCount): number {
  const carried = Math.max(100 - weight, (100 * count.ready) / count.before) * GROWTH;
  return carried > 100 - LAST_STEP ? 0 : Math.min(weight, Math.floor(100 - carried));
}

/** Undefined where the Deployment has as many pods as served when the release began, or was switched off. */
function countPods(release: CanaryReleaseStatus['release'], workload: Facts['workload']): PodCount | undefined {
  const { spec, status } = workload?.deployment ?? {};
  const [present, before] = [spec?.replicas ?? 1, release?.workload?.replicas ?? 0];
  const ready = Math.min(present, status?.availableReplicas ?? 0);
  return present === 0 || ready >= before ? undefined : { ready, before };
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

/** When the next step is due; undefined before the first. */
export function endOfStep({ withdrawnAt }: Pick<NonNullable<CanaryReleaseStatus['release']>, 'withdrawnAt'>): number | undefined {
  const at = fromTime(withdrawnAt);
  return at === undefined ? undefined : at + STEP_MS;
}

/** Why there are steps, and when the next one comes; undefined where there are none. */
export function describeWithdrawal(
  { weight = 0, release }: CanaryReleaseStatus,
  { workload }: Pick<Facts, 'workload'>,
): string | undefined {
  const count = countPods(release, workload);
  const due = release === undefined ? undefined : endOfStep(release);
  if (weight === 0 || count === undefined || due === undefined) return undefined;
  const name = workload?.deployment?.metadata.name ?? '';
  return `Deployment ${name} has ${count.ready} of the ${count.before} pods that served before, so the canary gives its share back in steps: ${weight}%, less at ${clockOf(due)} or when they are there`;
}
