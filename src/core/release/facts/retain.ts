// Deletion with `deletionPolicy: Retain`: what has weight keeps it. In Deployment mode the canary Deployment and its Service must
// outlive the release for that, so they are disowned before it goes: the garbage collector deletes what a deleted object owns.

import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import type { OwnerReference, WorkloadMetadata } from '../../workload/objects.ts';
import type { StateName } from '../state.ts';

/** Takes the release out of the owners of an object, if they are still these. */
export interface DisownIntent {
  readonly kind: 'disown';
  readonly object: 'Deployment' | 'Service';
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly uid: string;
}

/** A canary of ours without weight gets no request, so it goes as it would at any deletion. */
export function keepsWeights({ deletionPolicy }: CanaryReleaseSpec, { weight = 0, release }: CanaryReleaseStatus): boolean {
  return deletionPolicy === 'Retain' && (release?.workload === undefined || weight > 0);
}

/** Is a release of a Deployment being deleted whose canary stays? */
export function isRetained({ release }: CanaryReleaseStatus, state: StateName): boolean {
  return state === 'rollingBack.cleaning' && release?.retained === true && release.workload !== undefined;
}

/** What stays, for people to remove. */
export function describeRetained({ release, weight = 0 }: CanaryReleaseStatus): string {
  const { workload, canary } = release ?? {};
  if (workload === undefined) return 'deleted with deletionPolicy: Retain';
  return `deleted with deletionPolicy: Retain: Deployment ${workload.canary} and Service ${canary?.service} keep ${weight}% and are yours to remove`;
}

/** @param uid of the release */
export function desireDisowned(
  objects: readonly { readonly object: DisownIntent['object']; readonly metadata: WorkloadMetadata | undefined }[],
  uid: string,
): readonly DisownIntent[] {
  return objects.flatMap(({ object, metadata }): DisownIntent[] => {
    const owners = metadata?.ownerReferences ?? [];
    if (metadata === undefined || !owners.some((owner) => owner.uid === uid)) return [];
    return [{ kind: 'disown', object, name: metadata.name, owners, uid }];
  });
}
