// The watch of the canaries' pods in one namespace: it begins with the first canary and ends with the last, and it shows no
// other pods. Without the right to watch pods, a crash is only found later, by the progress deadline.

import { CANARY_ROLE } from '../../../api/names.ts';
import type { PodObject } from '../../../core/workload/pods.ts';
import type { Listeners } from '../informer/changes.ts';
import { buildReflectors, type WatchEnvironment } from '../informer/kinds.ts';
import { ObjectCache } from '../informer/object-cache.ts';
import type { Reflector } from '../informer/reflector.ts';
import { type CachedPod, POD_HASH_LABEL, trimPod } from './trim-pod.ts';

const PODS = { group: '', version: 'v1', plural: 'pods' };

export class CanaryPods {
  /** Names of the releases that have a canary. */
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

  /** Undefined until the first list. */
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

/** The name of a ReplicaSet is that of its Deployment and the hash. */
function deploymentOf(pod: CachedPod | undefined): string {
  const owner = pod?.metadata.ownerReferences?.[0]?.name ?? '';
  const hash = pod?.metadata.labels?.[POD_HASH_LABEL] ?? '';
  return owner.endsWith(`-${hash}`) ? owner.slice(0, -hash.length - 1) : owner;
}
