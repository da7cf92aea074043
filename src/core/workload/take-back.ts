// How a rollout that was interrupted is taken back: the version that served comes up as fast as the Deployment's own strategy lets
// it, and the new pods go as it does. All at once would leave a few pods with all of the traffic.

import type { DeploymentObject, ReplicaSetObject } from './objects.ts';

/** Replicas that the two ReplicaSets are to have; those of the new one never rise. */
export interface TakeBack {
  readonly serving: number;
  readonly rolled: number;
}

/** How many pods there may be too many, and how many too few. */
export interface RolloutBounds {
  readonly surge: number;
  readonly unavailable: number;
}

const DEFAULT_BOUND = '25%';

/** As the Deployment controller reckons: a surge is rounded up, what may be missing is rounded down, and both are never 0. */
export function boundRollout({ spec }: DeploymentObject, wanted: number): RolloutBounds {
  const { maxSurge = DEFAULT_BOUND, maxUnavailable = DEFAULT_BOUND } = spec.strategy?.rollingUpdate ?? {};
  const surge = countOf(maxSurge, wanted, Math.ceil);
  const unavailable = Math.min(wanted, countOf(maxUnavailable, wanted, Math.floor));
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

function countOf(bound: number | string, wanted: number, round: (count: number) => number): number {
  if (typeof bound === 'number') return bound;
  const percent = Number.parseInt(bound, 10);
  return Number.isNaN(percent) ? 0 : round((percent * wanted) / 100);
}

/**
 * The next step; undefined with strategy Recreate, whose versions never run side by side. Both together are always as many as the
 * Deployment controller allows, which scales what is more or less than that on its own.
 */
export function planTakeBack(deployment: DeploymentObject, serving: ReplicaSetObject, rolled: ReplicaSetObject): TakeBack | undefined {
  if (deployment.spec.strategy?.type === 'Recreate') return undefined;
  const wanted = deployment.spec.replicas ?? 1;
  const { surge, unavailable } = boundRollout(deployment, wanted);
  const missing = Math.max(0, wanted - unavailable - readyOf(serving));
  // Pods that are not ready answer nothing: they are no help.
  const kept = Math.min(rolled.spec.replicas ?? 0, readyOf(rolled), missing);
  return { rolled: kept, serving: Math.max(serving.spec.replicas ?? 0, wanted + surge - kept) };
}

function readyOf({ status }: ReplicaSetObject): number {
  return status?.readyReplicas ?? 0;
}
