// The watch of the canaries' pods in one namespace: it begins with the first canary and ends with the last, and it shows no
// other pods. Who may not watch pods loses only what is seen earlier by them.

import { CANARY_ROLE } from '../../../api/names.ts';
import type { ContainerStatus, PodObject } from '../../../core/workload/pods.ts';
import type { Listeners } from '../informer/changes.ts';
import { type Fields, fieldsOf, listOf, textOf, textsOf } from '../client/fields.ts';
import { buildReflectors, type WatchEnvironment } from '../informer/kinds.ts';
import { type CachedObject, ObjectCache } from '../informer/object-cache.ts';
import type { Reflector } from '../informer/reflector.ts';

const PODS = { group: '', version: 'v1', plural: 'pods' };
const TEMPLATE_LABEL = 'pod-template-hash';

type CachedPod = PodObject & CachedObject;

export class CanaryPods {
  /** Names of the releases whose canary is there. */
  readonly users = new Set<string>();
  readonly #cache: ObjectCache<CachedPod>;
  readonly #reflectors: readonly Reflector[];
  readonly #namespace: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  constructor(namespace: string, env: WatchEnvironment, listeners: Listeners, outer: AbortSignal) {
    this.#namespace = namespace;
    this.#cache = new ObjectCache((old, now) => {
      if (JSON.stringify(old?.status) === JSON.stringify(now?.status) && isGoing(old) === isGoing(now)) return;
      listeners.tell({ kind: 'Deployment', namespace, name: deploymentOf(now ?? old) });
    });
    const labelSelector = `${CANARY_ROLE.label}=${CANARY_ROLE.value}`;
    this.#reflectors = buildReflectors(
      { resource: PODS, cache: this.#cache, trim: trimPod, labelSelector },
      { ...env, namespaces: [namespace] },
    );
    const signal = AbortSignal.any([outer, this.#stop.signal]);
    this.#running = Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  /** Undefined until the first list is there. */
  ownedBy(replicaSetUids: ReadonlySet<string>): readonly PodObject[] | undefined {
    if (!this.#reflectors.every((reflector) => reflector.health().lastEventAt !== undefined)) return undefined;
    const owned = ({ metadata }: PodObject) => (metadata.ownerReferences ?? []).some(({ uid }) => replicaSetUids.has(uid ?? ''));
    return this.#cache.inNamespace(this.#namespace).filter(owned);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function isGoing(pod: CachedPod | undefined): boolean {
  return pod?.metadata.deletionTimestamp !== undefined;
}

/** A ReplicaSet is called after its Deployment and the hash. */
function deploymentOf(pod: CachedPod | undefined): string {
  const owner = pod?.metadata.ownerReferences?.[0]?.name ?? '';
  const hash = pod?.metadata.labels?.[TEMPLATE_LABEL] ?? '';
  return owner.endsWith(`-${hash}`) ? owner.slice(0, -hash.length - 1) : owner;
}

/** A pod without all that says nothing about whether it runs: specs, volumes and addresses would be ten times as much. */
function trimPod(raw: unknown): CachedPod {
  const { metadata, status } = fieldsOf(raw);
  const { phase, conditions, initContainerStatuses, containerStatuses } = fieldsOf(status);
  const { name, namespace, uid, resourceVersion, deletionTimestamp, ownerReferences, labels } = fieldsOf(metadata);
  const hash = textsOf(labels)[TEMPLATE_LABEL];
  const kept: Fields = {
    ...pickTexts({ name, namespace, uid, resourceVersion, deletionTimestamp }),
    labels: hash === undefined ? {} : { [TEMPLATE_LABEL]: hash },
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
