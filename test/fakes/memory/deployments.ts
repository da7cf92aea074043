// A Deployment controller in memory, as far as Deployment mode can see it: ReplicaSets by template, a rollout pod by pod, what a
// paused Deployment still does, pods that get ready a moment later, and Services that count the pods they select.

import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../../src/core/workload/objects.ts';
import type { PodObject } from '../../../src/core/workload/pods.ts';
import { boundRollout } from '../../../src/core/workload/take-back.ts';
import { hashTemplate } from '../../../src/core/workload/template.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { MemoryApiServer, StoredObject } from './api-server.ts';

type Stored<T> = T & StoredObject;

const SYNC_MS = 100;
const READY_MS = 800;
const CONTROLLER = 'kube-controller-manager';
const NOTED = 'deployment.kubernetes.io/desired-replicas';

export class MemoryDeployments {
  /** Images whose pods never get ready. */
  readonly broken = new Set<string>();
  /** Images whose pods never get ready and can be looked at, with what these say a moment after they were made. */
  readonly podStatuses = new Map<string, NonNullable<PodObject['status']>>();
  readonly #clock: Clock;
  readonly #api: MemoryApiServer;
  readonly #onPods: () => void;
  #planned = false;

  /** @param onPods called before the pods behind a Service change */
  constructor(clock: Clock, api: MemoryApiServer, onPods: () => void) {
    this.#clock = clock;
    this.#api = api;
    this.#onPods = onPods;
    api.onChange(({ kind }) => {
      if (kind === 'Deployment' || kind === 'ReplicaSet' || kind === 'Service') this.#plan(SYNC_MS);
    });
  }

  list(): readonly Stored<DeploymentObject>[] {
    return this.#api.list('Deployment') as unknown as readonly Stored<DeploymentObject>[];
  }

  replicaSets(): readonly Stored<ReplicaSetObject>[] {
    return this.#api.list('ReplicaSet') as unknown as readonly Stored<ReplicaSetObject>[];
  }

  #plan(ms: number): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#clock.schedule(this.#clock.now() + ms, () => {
      this.#planned = false;
      this.#sync();
    });
  }

  #sync(): void {
    const deployments = this.list();
    for (const set of this.replicaSets()) if (!deployments.some((one) => owns(one, set))) this.#api.delete(keyOf(set), CONTROLLER);
    const sets = this.replicaSets().map(({ metadata }) => metadata.uid);
    for (const pod of this.#api.list('Pod')) if (!sets.includes(ownerOf(pod))) this.#api.delete(keyOf(pod), CONTROLLER);
    for (const deployment of deployments) this.#syncDeployment(deployment);
    for (const set of this.replicaSets()) this.#syncPods(set);
    for (const deployment of this.list()) this.#report(deployment);
    for (const service of this.#api.list('Service')) this.#countPods(service);
  }

  #setsOf(deployment: Stored<DeploymentObject>): readonly Stored<ReplicaSetObject>[] {
    return this.replicaSets().filter((set) => owns(deployment, set));
  }

  #syncDeployment(deployment: Stored<DeploymentObject>): void {
    const sets = this.#setsOf(deployment);
    const wanted = deployment.spec.replicas ?? 1;
    const hash = hashTemplate(deployment.spec.template);
    const newest = sets.find((set) => hashTemplate(set.spec.template) === hash);
    // It takes a note that is out of date for a scaling that is not finished, and rolls nothing meanwhile.
    const isScaling = sets.some(
      (set) => (set.spec.replicas ?? 0) > 0 && (set.metadata.annotations?.[NOTED] ?? `${wanted}`) !== `${wanted}`,
    );
    if (deployment.spec.paused === true || isScaling) {
      const active = sets.filter((set) => (set.spec.replicas ?? 0) > 0);
      // With none active the newest created one is scaled, whatever version it is.
      const [only] = active.length === 0 ? [newest ?? sets.at(-1)] : active;
      if (active.length <= 1 && only !== undefined) this.#scale(only, wanted, wanted);
      else this.#keepTotal(deployment, active, wanted);
      return;
    }
    if (deployment.spec.strategy?.type === 'Recreate' && !this.#endOthers(sets, newest)) return;
    if (newest === undefined) this.#createSet(deployment, hash);
    else if (deployment.spec.strategy?.type === 'Recreate') this.#scale(newest, wanted);
    else this.#roll(sets, newest, wanted);
  }

  /** In the middle of a rollout that is paused there are as many pods in all as it may have; the largest set gets or loses the rest. */
  #keepTotal(deployment: Stored<DeploymentObject>, active: readonly Stored<ReplicaSetObject>[], wanted: number): void {
    for (const set of active) this.#note(set, wanted);
    if (deployment.spec.strategy?.type === 'Recreate') return;
    const total = active.reduce((sum, set) => sum + (set.spec.replicas ?? 0), 0);
    const rest = wanted + boundRollout(deployment, wanted).surge - total;
    const [largest] = active.toSorted((a, b) => (b.spec.replicas ?? 0) - (a.spec.replicas ?? 0));
    if (largest !== undefined && rest !== 0) this.#scale(largest, Math.max(0, (largest.spec.replicas ?? 0) + rest));
  }

  /** All old pods end before the first new one begins, and before there is a set for it. @returns whether they have */
  #endOthers(sets: readonly Stored<ReplicaSetObject>[], newest: Stored<ReplicaSetObject> | undefined): boolean {
    const old = sets.filter((set) => set !== newest);
    for (const set of old) this.#scale(set, 0);
    return old.every(({ status }) => (status?.replicas ?? 0) === 0);
  }

  /** One more new pod, and one old less for every new one that is ready. */
  #roll(sets: readonly Stored<ReplicaSetObject>[], newest: Stored<ReplicaSetObject>, wanted: number): void {
    const old = sets.filter((set) => set !== newest && (set.spec.replicas ?? 0) > 0);
    const ready = newest.status?.readyReplicas ?? 0;
    if (old.length === 0) this.#scale(newest, wanted);
    else if ((newest.spec.replicas ?? 0) <= ready) this.#scale(newest, Math.min(wanted, ready + 1));
    for (const set of old) this.#scale(set, Math.min(set.spec.replicas ?? 0, Math.max(0, wanted - ready)));
  }

  #createSet({ metadata, spec }: Stored<DeploymentObject>, hash: string): void {
    const template: PodTemplate = {
      ...spec.template,
      metadata: { ...spec.template.metadata, labels: { ...spec.template.metadata?.labels, 'pod-template-hash': hash.slice(0, 10) } },
    };
    const ownerReferences = [{ kind: 'Deployment', name: metadata.name, uid: metadata.uid }];
    const name = `${metadata.name}-${hash.slice(0, 10)}`;
    const named = { name, namespace: metadata.namespace, ownerReferences };
    this.#api.create({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: named, spec: { replicas: 0, template } }, CONTROLLER);
  }

  #scale(set: Stored<ReplicaSetObject>, replicas: number, wanted?: number): void {
    if (set.spec.replicas === replicas) return;
    this.#api.update(keyOf(set), CONTROLLER, (old) => ({ ...old, spec: { ...(old.spec as object), replicas } }));
    if (wanted !== undefined) this.#note(set, wanted);
  }

  /** For which number it was scaled. */
  #note(set: Stored<ReplicaSetObject>, wanted: number): void {
    const annotations = { ...set.metadata.annotations, [NOTED]: `${wanted}` };
    if (set.metadata.annotations?.[NOTED] !== `${wanted}`)
      this.#api.update(keyOf(set), CONTROLLER, (old) => ({ ...old, metadata: { ...old.metadata, annotations } }));
  }

  #syncPods(set: Stored<ReplicaSetObject>): void {
    const replicas = set.spec.replicas ?? 0;
    const present = set.status?.replicas ?? 0;
    if (present === replicas) return;
    const ready = Math.min(set.status?.readyReplicas ?? 0, replicas);
    this.#setStatus(set, { replicas, readyReplicas: ready });
    const image = imageOf(set.spec.template);
    const status = this.podStatuses.get(image);
    if (status !== undefined) this.#makePods(set, replicas, status);
    if (replicas <= ready || status !== undefined || this.broken.has(image)) return;
    this.#clock.schedule(this.#clock.now() + READY_MS, () => {
      const now = this.replicaSets().find(({ metadata }) => metadata.uid === set.metadata.uid);
      if (now !== undefined) this.#setStatus(now, { replicas: now.status?.replicas ?? 0, readyReplicas: now.status?.replicas ?? 0 });
    });
  }

  #makePods({ metadata }: Stored<ReplicaSetObject>, replicas: number, status: NonNullable<PodObject['status']>): void {
    const { name, namespace, uid } = metadata;
    for (let index = 0; index < replicas; index += 1) {
      const pod = { kind: 'Pod', namespace, name: `${name}-${index}` };
      if (this.#api.get(pod) !== undefined) continue;
      const named = { name: pod.name, namespace, ownerReferences: [{ kind: 'ReplicaSet', name, uid }] };
      this.#api.create({ apiVersion: 'v1', kind: 'Pod', metadata: named, spec: {} }, CONTROLLER);
      const say = () => {
        if (this.#api.get(pod) !== undefined) this.#api.update(pod, 'kubelet', (old) => ({ ...old, status }), 'status');
      };
      this.#clock.schedule(this.#clock.now() + READY_MS, say);
    }
  }

  /** Somebody changes what the pods of an image say. */
  setPodStatus(image: string, status: NonNullable<PodObject['status']>): void {
    this.podStatuses.set(image, status);
    const sets = this.replicaSets().filter(({ spec }) => imageOf(spec.template) === image);
    for (const pod of this.#api.list('Pod'))
      if (sets.some(({ metadata }) => ownerOf(pod) === metadata.uid))
        this.#api.update(keyOf(pod), 'kubelet', (old) => ({ ...old, status }), 'status');
  }

  #setStatus(set: Stored<ReplicaSetObject>, status: ReplicaSetObject['status']): void {
    this.#api.update(keyOf(set), CONTROLLER, (old) => ({ ...old, status }), 'status');
  }

  #report(deployment: Stored<DeploymentObject>): void {
    const sets = this.#setsOf(deployment);
    const sum = (count: (set: ReplicaSetObject) => number | undefined) => sets.reduce((total, set) => total + (count(set) ?? 0), 0);
    const hash = hashTemplate(deployment.spec.template);
    const newest = sets.find((set) => hashTemplate(set.spec.template) === hash);
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas: sum((set) => set.status?.replicas),
      updatedReplicas: newest?.status?.replicas ?? 0,
      readyReplicas: sum((set) => set.status?.readyReplicas),
      availableReplicas: sum((set) => set.status?.readyReplicas),
      ...(deployment.status?.conditions === undefined ? {} : { conditions: deployment.status.conditions }),
    };
    this.#api.update(keyOf(deployment), CONTROLLER, (old) => ({ ...old, status }), 'status');
  }

  #countPods(service: StoredObject): void {
    const { selector } = (service.spec ?? {}) as { readonly selector?: Readonly<Record<string, string>> };
    if (selector === undefined) return;
    const behind = this.replicaSets().filter(({ spec }) =>
      Object.entries(selector).every(([key, value]) => spec.template.metadata?.labels?.[key] === value),
    );
    const ready = behind.reduce((sum, set) => sum + (set.status?.readyReplicas ?? 0), 0);
    const all = behind.reduce((sum, set) => sum + (set.status?.replicas ?? 0), 0);
    const hashes = behind.filter((set) => (set.status?.replicas ?? 0) > 0).map((set) => hashTemplate(set.spec.template).slice(0, 10));
    this.#onPods();
    this.#api.update(keyOf(service), CONTROLLER, (old) => ({
      ...old,
      spec: { ...(old.spec as object), ready, unready: all - ready, hashes: hashes.sort() },
    }));
  }
}

function ownerOf(pod: StoredObject): string {
  return (pod as Stored<PodObject>).metadata.ownerReferences?.[0]?.uid ?? '';
}

/** Image of the first container. */
export function imageOf(template: PodTemplate): string {
  const [first] = (template.spec?.['containers'] ?? []) as readonly { readonly image?: string }[];
  return first?.image ?? '';
}

function owns(deployment: StoredObject, set: Stored<ReplicaSetObject>): boolean {
  return (set.metadata.ownerReferences ?? []).some(({ uid }) => uid === deployment.metadata.uid);
}

function keyOf({ kind, metadata }: StoredObject) {
  return { kind, namespace: metadata.namespace, name: metadata.name };
}
