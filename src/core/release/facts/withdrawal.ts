// What the give-back of the canary's share after a promotion goes by: the pods that are there again, and when the next step is due.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import type { Known } from './known.ts';

/** What an autoscaler takes to see a load and to have pods for it. */
const STEP_MS = 60_000;

export interface PodCount {
  readonly ready: number;
  readonly before: number;
}

/** Undefined where the Deployment has as many pods as served when the release began, or was switched off. */
export function countPods(release: CanaryReleaseStatus['release'], workload: Known['workload']): PodCount | undefined {
  const { spec, status } = workload?.deployment ?? {};
  const [present, before] = [spec?.replicas ?? 1, release?.workload?.replicas ?? 0];
  const ready = Math.min(present, status?.availableReplicas ?? 0);
  return present === 0 || ready >= before ? undefined : { ready, before };
}

/** When the next step is due; undefined before the first. */
export function endOfStep({ withdrawnAt }: Pick<ReleaseStatus, 'withdrawnAt'>): number | undefined {
  const at = fromTime(withdrawnAt);
  return at === undefined ? undefined : at + STEP_MS;
}
