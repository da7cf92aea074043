// The watches of one namespace that Deployment mode needs: Deployments, ReplicaSets by owner, Services. They begin with the
// first release that needs them and end with the last. Pods are watched only while there is a canary.

import { CANARY_ROLE } from '../../../api/names.ts';
import type { DeploymentObject, ReplicaSetObject, ServiceObject } from '../../../core/workload/objects.ts';
import type { PodObject } from '../../../core/workload/pods.ts';
import { CanaryPods } from './canary-pods.ts';
import type { Listeners } from '../informer/changes.ts';
import { fieldsOf, listOf, textOf, trimMetadata } from '../client/fields.ts';
import { buildReflectors, type WatchEnvironment } from '../informer/kinds.ts';
import { type CachedObject, ObjectCache } from '../informer/object-cache.ts';
import type { Reflector } from '../informer/reflector.ts';

export const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' };
export const REPLICA_SETS = { group: 'apps', version: 'v1', plural: 'replicasets' };
export const SERVICES = { group: '', version: 'v1', plural: 'services' };

type Cached<T> = T & CachedObject;

export class WorkloadWatches {
  /** Names of the releases that need the watches. */
  readonly users = new Set<string>();
  readonly #deployments: ObjectCache<Cached<DeploymentObject>>;
  readonly #replicaSets: ObjectCache<Cached<ReplicaSetObject>>;
  readonly #services: ObjectCache<Cached<ServiceObject>>;
  readonly #reflectors: readonly Reflector[];
  readonly #namespace: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #openPods: () => CanaryPods;
  #pods: CanaryPods | undefined;

  constructor(namespace: string, env: WatchEnvironment, listeners: Listeners, outer: AbortSignal) {
    this.#namespace = namespace;
    const tell = (kind: 'Deployment' | 'Service', name: string) => listeners.tell({ kind, namespace, name });
    this.#deployments = new ObjectCache((old, now) => tell('Deployment', (now ?? old)?.metadata.name ?? ''));
    this.#replicaSets = new ObjectCache((old, now) => tell('Deployment', ownerOf(now ?? old) ?? ''));
    this.#services = new ObjectCache((old, now) => tell('Service', (now ?? old)?.metadata.name ?? ''));
    const here = { ...env, namespaces: [namespace] };
    this.#reflectors = [
      ...buildReflectors({ resource: DEPLOYMENTS, cache: this.#deployments, trim: trimDeployment }, here),
      ...buildReflectors({ resource: REPLICA_SETS, cache: this.#replicaSets, trim: (raw) => trim<ReplicaSetObject>(raw) }, here),
      ...buildReflectors({ resource: SERVICES, cache: this.#services, trim: (raw) => trim<ServiceObject>(raw) }, here),
    ];
    const signal = AbortSignal.any([outer, this.#stop.signal]);
    this.#running = Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
    this.#openPods = () => new CanaryPods(namespace, env, listeners, signal);
  }

  get synced(): boolean {
    return this.#reflectors.every((reflector) => reflector.hasSynced);
  }

  /** What keeps a watch from its first list. */
  get problem(): string | undefined {
    const failing = this.#reflectors.find((reflector) => !reflector.hasSynced && reflector.health().failingSince !== undefined);
    return failing?.health().lastError;
  }

  deployment(name: string): DeploymentObject | undefined {
    return this.#deployments.get(this.#namespace, name);
  }

  service(name: string): ServiceObject | undefined {
    return this.#services.get(this.#namespace, name);
  }

  services(): readonly ServiceObject[] {
    return this.#services.inNamespace(this.#namespace);
  }

  replicaSetsOf(uid: string): readonly ReplicaSetObject[] {
    const owned = (object: ReplicaSetObject) => (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid);
    return this.#replicaSets.inNamespace(this.#namespace).filter(owned);
  }

  /** Pods of a release's canary; their watch begins and ends with canaries. Undefined without a canary, or while they are not known. */
  canaryPodsOf(release: string, canary: DeploymentObject | undefined): readonly PodObject[] | undefined {
    if (canary?.metadata.uid === undefined || canary.metadata.labels?.[CANARY_ROLE.label] !== CANARY_ROLE.value) {
      this.#dropPods(release);
      return undefined;
    }
    this.#pods ??= this.#openPods();
    this.#pods.users.add(release);
    const uids = this.replicaSetsOf(canary.metadata.uid).map(({ metadata }) => metadata.uid ?? '');
    return this.#pods.ownedBy(new Set(uids));
  }

  /** A release does not need them any more. @returns whether another one still does */
  leave(release: string): boolean {
    this.users.delete(release);
    this.#dropPods(release);
    return this.users.size > 0;
  }

  #dropPods(release: string): void {
    const pods = this.#pods;
    if (pods?.users.delete(release) !== true || pods.users.size > 0) return;
    this.#pods = undefined;
    void pods.end();
  }

  /** The answer of an own write, until the watch shows it. */
  rememberDeployment(body: unknown): void {
    this.#deployments.remember(trimDeployment(body));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#running, this.#pods?.end()]);
  }
}

function trim<T>(raw: unknown, managers: 'drop' | 'names' = 'drop'): Cached<T> {
  const object = fieldsOf(raw);
  return { ...object, metadata: trimMetadata(fieldsOf(object['metadata']), managers) } as unknown as Cached<T>;
}

/** Keeps the field managers: the label alone does not show that Argo CD applies a Deployment. */
function trimDeployment(raw: unknown): Cached<DeploymentObject> {
  return trim<DeploymentObject>(raw, 'names');
}

/** Name of the Deployment of a ReplicaSet. */
function ownerOf(object: ReplicaSetObject | undefined): string | undefined {
  return textOf(fieldsOf(listOf(object?.metadata.ownerReferences)[0])['name']);
}
