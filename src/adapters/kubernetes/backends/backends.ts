// Services and their endpoints. All are watched, because a canary without endpoints must be seen within a second; changes are only
// reported for those that a release observes.

import type { PodObject } from '../../../core/workload/pods.ts';
import type { BackendStore, ObservedBackend } from '../../../ports/backends.ts';
import type { ChangeListener } from '../../../ports/cluster.ts';
import { Listeners } from '../informer/changes.ts';
import { type CachedService, type CachedSlice, countEndpoints, trimService, trimSlice } from './endpoints.ts';
import { buildReflectors, type WatchedCache, type WatchEnvironment } from '../informer/kinds.ts';
import { ObjectCache } from '../informer/object-cache.ts';
import { BackendPods } from './backend-pods.ts';
import { PodTemplates, type Templates } from './pod-templates.ts';
import type { Reflector, ReflectorHealth } from '../informer/reflector.ts';

const SERVICES = { group: '', version: 'v1', plural: 'services' };
const SLICES = { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' };

export class KubernetesBackends implements BackendStore, WatchedCache {
  readonly #listeners = new Listeners();
  readonly #templates: PodTemplates;
  readonly #pods: BackendPods;
  readonly #services: ObjectCache<CachedService>;
  readonly #slices: ObjectCache<CachedSlice>;
  /** One watch each, in this order; undefined: one for the whole cluster. */
  readonly #namespaces: readonly string[] | undefined;
  readonly #serviceWatches: readonly Reflector[];
  readonly #sliceWatches: readonly Reflector[];
  /** Names of slices by `namespace/service`: a namespace may hold thousands of slices of others. */
  readonly #slicesOf = new Map<string, Set<string>>();
  /** The observed Services, each with the number of changes of its endpoints. */
  readonly #asked = new Map<string, number>();

  constructor(env: WatchEnvironment) {
    this.#namespaces = env.namespaces;
    const tell = (namespace: string, name: string) => this.#listeners.tell({ kind: 'Service', namespace, name });
    this.#templates = new PodTemplates(env.transport, tell);
    this.#pods = new BackendPods(env.transport, env.now, tell);
    this.#services = new ObjectCache((old, now) => this.#onService(old, now));
    this.#slices = new ObjectCache((old, now) => this.#onSlice(old, now));
    this.#serviceWatches = buildReflectors({ resource: SERVICES, cache: this.#services, trim: trimService }, env);
    this.#sliceWatches = buildReflectors({ resource: SLICES, cache: this.#slices, trim: trimSlice }, env);
  }

  onChange(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  async run(stop: AbortSignal): Promise<void> {
    await Promise.all(this.#watches().map((reflector) => reflector.run(stop)));
  }

  synced(): boolean {
    return this.#watches().every((reflector) => reflector.hasSynced);
  }

  health(): readonly ReflectorHealth[] {
    return this.#watches().map((reflector) => reflector.health());
  }

  /**
   * Never throws: pods that cannot be listed leave the template hashes of the last time, marked as not known.
   * A backend without endpoints is returned at once, without a list of its pods: traffic may have to be rolled back.
   */
  async observe(namespace: string, service: string, withPods = false): Promise<ObservedBackend> {
    const key = `${namespace}/${service}`;
    const changes = this.#asked.get(key) ?? 0;
    this.#asked.set(key, changes);
    const cached = this.#services.get(namespace, service);
    if (cached === undefined) return { ...NO_SERVICE, service, known: this.synced(), templatesKnown: true };
    const { ready, unready, pods, unreadyPods } = countEndpoints(this.#slicesBehind(namespace, service));
    const podStates = withPods ? this.#readPods(namespace, service, cached.selector, ready > 0 && unready === 0) : undefined;
    const stamp = `${cached.metadata.uid ?? ''} ${changes} ${cached.selector}`;
    const templates =
      ready + unready === 0 ? NO_TEMPLATES : await this.#templates.resolve(namespace, service, cached.selector, stamp, ready === 0);
    return {
      service,
      exists: true,
      ports: cached.ports,
      readyEndpoints: ready,
      unreadyEndpoints: unready,
      readyPods: pods,
      unreadyPods,
      ...(cached.external ? { external: true } : {}),
      ...(podStates === undefined ? {} : { pods: podStates }),
      templateHashes: templates.hashes,
      ...(templates.workload === undefined ? {} : { workload: templates.workload }),
      ...(templates.rolling ? { rolling: true } : {}),
      known: this.synced(),
      ...this.#readStaleness(namespace),
      templatesKnown: templates.fresh,
    };
  }

  #readPods(namespace: string, service: string, selector: string, allReady: boolean): readonly PodObject[] | undefined {
    if (!allReady) return this.#pods.read(namespace, service, selector);
    this.#pods.forget(namespace, service);
    return undefined;
  }

  /** A watch that fails in one namespace says nothing of the others. */
  #readStaleness(namespace: string): Pick<ObservedBackend, 'stale'> {
    // A namespace that is not watched has no watch, and nothing of it is current.
    const watch = this.#sliceWatches[this.#namespaces === undefined ? 0 : this.#namespaces.indexOf(namespace)];
    return watch?.isCurrent === true ? {} : { stale: true };
  }

  #watches(): readonly Reflector[] {
    return [...this.#serviceWatches, ...this.#sliceWatches];
  }

  *#slicesBehind(namespace: string, service: string): Generator<CachedSlice> {
    for (const name of this.#slicesOf.get(`${namespace}/${service}`) ?? []) {
      const slice = this.#slices.get(namespace, name);
      if (slice?.service === service) yield slice;
    }
  }

  #onService(old: CachedService | undefined, now: CachedService | undefined): void {
    const metadata = (now ?? old)?.metadata;
    if (metadata === undefined || !this.#asked.has(`${metadata.namespace}/${metadata.name}`)) return;
    if (old !== undefined && now !== undefined && isSameService(old, now)) return;
    this.#listeners.tell({ kind: 'Service', namespace: metadata.namespace ?? '', name: metadata.name, old, new: now });
  }

  /** A slice changes in its place, or else it comes, goes, or passes from one Service to another. */
  #onSlice(old: CachedSlice | undefined, now: CachedSlice | undefined): void {
    if (old !== undefined && now !== undefined && old.service === now.service) {
      if (!isSameCount(old, now)) this.#tellEndpoints(now);
      return;
    }
    if (old !== undefined) this.#unindex(old);
    if (now !== undefined) this.#index(now);
    for (const slice of [old, now]) if (slice !== undefined) this.#tellEndpoints(slice);
  }

  #tellEndpoints(slice: CachedSlice): void {
    const { namespace = '' } = slice.metadata;
    const key = keyOfService(slice);
    const changes = this.#asked.get(key);
    if (changes === undefined) return;
    this.#asked.set(key, changes + 1);
    this.#listeners.tell({ kind: 'Service', namespace, name: slice.service });
  }

  #index(slice: CachedSlice): void {
    const names = this.#slicesOf.get(keyOfService(slice)) ?? new Set();
    names.add(slice.metadata.name);
    this.#slicesOf.set(keyOfService(slice), names);
  }

  #unindex(slice: CachedSlice): void {
    const names = this.#slicesOf.get(keyOfService(slice));
    names?.delete(slice.metadata.name);
    if (names?.size === 0) this.#slicesOf.delete(keyOfService(slice));
  }
}

const NO_TEMPLATES: Templates = { hashes: [], rolling: false, fresh: true };
const NO_SERVICE = { exists: false, ports: [], readyEndpoints: 0, unreadyEndpoints: 0, templateHashes: [] } as const;

function keyOfService(slice: CachedSlice): string {
  return `${slice.metadata.namespace ?? ''}/${slice.service}`;
}

function isSameService(a: CachedService, b: CachedService): boolean {
  return (
    a.metadata.uid === b.metadata.uid &&
    a.selector === b.selector &&
    a.external === b.external &&
    JSON.stringify(a.ports) === JSON.stringify(b.ports)
  );
}

function isSameCount(a: CachedSlice, b: CachedSlice): boolean {
  return a.ready === b.ready && a.unready === b.unready;
}
