// Deployment mode: what a release records of the Deployment when it begins, and which templates the Deployment was let roll to.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { nameCanary } from '../../workload/canary-names.ts';
import type { ReplicaSetObject } from '../../workload/objects.ts';
import { hashTemplate } from '../../workload/template.ts';
import type { Facts } from '../assess.ts';

/** Deployment mode: what is released, and what served. */
export function recordWorkload({ serving, release }: CanaryReleaseStatus, { spec, workload }: Facts): Pick<ReleaseStatus, 'workload'> {
  if (spec.targetRef === undefined || workload?.template === undefined) return {};
  const { name } = spec.targetRef;
  return {
    workload: {
      name,
      uid: workload.deployment?.metadata.uid ?? '',
      canary: nameCanary(name),
      template: workload.template,
      servingTemplate: serving?.template ?? '',
      ...(serving?.replicaSet === undefined ? {} : { servingReplicaSet: serving.replicaSet }),
      replicas: workload.deployment?.spec.replicas ?? 1,
      ...findInterrupted(release, workload.replicaSets),
    },
  };
}

/** The release before this one may have been overtaken while its Deployment rolled, and the pods of that are still going. */
function findInterrupted(former: ReleaseStatus | undefined, replicaSets: readonly ReplicaSetObject[]): { readonly interrupted?: string } {
  const active = replicaSets.filter((one) => (one.spec.replicas ?? 0) > 0).map((one) => hashTemplate(one.spec.template));
  const interrupted = listRolled(former).find((template) => active.includes(template));
  return interrupted === undefined ? {} : { interrupted };
}

/** Templates that the Deployment was let roll to, in or before a release: their pods may serve until those before them do. */
export function listRolled(release: ReleaseStatus | undefined): readonly string[] {
  const { template, rolls, interrupted } = release?.workload ?? {};
  return [rolls === true ? template : undefined, interrupted].filter((one) => one !== undefined);
}
