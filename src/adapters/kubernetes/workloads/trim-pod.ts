// A pod trimmed to what says whether it runs: specs, volumes and addresses would be ten times as much.

import type { ContainerStatus } from '../../../core/workload/containers.ts';
import type { PodObject } from '../../../core/workload/pods.ts';
import { type Fields, fieldsOf, listOf, textOf, textsOf } from '../client/fields.ts';
import type { CachedObject } from '../informer/object-cache.ts';

/** The label that the Deployment controller gives each pod of a template. */
export const POD_HASH_LABEL = 'pod-template-hash';

export type CachedPod = PodObject & CachedObject;

/** What is kept of a pod. */
export function trimPod(raw: unknown): CachedPod {
  const { metadata, status } = fieldsOf(raw);
  const { phase, conditions, initContainerStatuses, containerStatuses } = fieldsOf(status);
  const { name, namespace, uid, resourceVersion, deletionTimestamp, ownerReferences, labels } = fieldsOf(metadata);
  const hash = textsOf(labels)[POD_HASH_LABEL];
  const kept: Fields = {
    ...pickTexts({ name, namespace, uid, resourceVersion, deletionTimestamp }),
    labels: hash === undefined ? {} : { [POD_HASH_LABEL]: hash },
    ownerReferences: listOf(ownerReferences).map((owner) => textsOf(owner)),
  };
  return {
    metadata: kept,
    status: {
      ...pickTexts({ phase }),
      conditions: listOf(conditions).map((condition) => textsOf(condition)),
      initContainerStatuses: listOf(initContainerStatuses).map(trimContainer),
      containerStatuses: listOf(containerStatuses).map(trimContainer),
    },
  } as unknown as CachedPod;
}

function trimContainer(raw: unknown): ContainerStatus {
  const { name, restartCount, state, lastState } = fieldsOf(raw);
  return {
    name: textOf(name) ?? '',
    restartCount: typeof restartCount === 'number' ? restartCount : 0,
    state: fieldsOf(state),
    lastState: fieldsOf(lastState),
  };
}

function pickTexts(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value === 'string'));
}
