// Whether the pods of a Deployment stay: an endpoint that is ready may be of a pod that is ending already, for EndpointSlices follow a
// moment later. With strategy Recreate that is every pod at once, so whoever sends traffic to them has to know.

import type { DeploymentObject, ReplicaSetObject, WorkloadMetadata } from './objects.ts';
import { hashTemplate } from './template.ts';

/**
 * Is there a ready pod that its controllers keep? With strategy Recreate: once the Deployment controller has seen the Deployment as it
 * is, a ReplicaSet that it does not scale down, paused or being the Deployment's own template, and that counts ready pods; it counts
 * none that end. With other strategies some pods always stay.
 */
export function keepsPods(deployment: DeploymentObject, replicaSets: readonly ReplicaSetObject[]): boolean {
  const { spec, status, metadata } = deployment;
  if (spec.strategy?.type !== 'Recreate') return true;
  if (!isSeen(metadata, status)) return false;
  const template = hashTemplate(spec.template);
  return replicaSets.some(
    (one) =>
      (spec.paused === true || hashTemplate(one.spec.template) === template) &&
      (one.spec.replicas ?? 0) > 0 &&
      isSeen(one.metadata, one.status) &&
      (one.status?.readyReplicas ?? 0) > 0,
  );
}

function isSeen({ generation = 0 }: WorkloadMetadata, status: { readonly observedGeneration?: number } | undefined): boolean {
  return (status?.observedGeneration ?? generation) >= generation;
}
