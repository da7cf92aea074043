// One operator's view of the cluster: watch caches that may be late, the ports of the reconciler over the API server, and
// the end of it all when the operator is killed. The cache is the real one of the Kubernetes adapter.

import { type CachedObject, ObjectCache } from '../../../src/adapters/kubernetes/informer/object-cache.ts';
import { FIELD_MANAGER, FINALIZER, KIND, RELEASE_ANNOTATION, ROUTE_KINDS, type RouteKind } from '../../../src/api/names.ts';
import { GlidepathError } from '../../../src/api/errors.ts';
import type { CanaryRelease } from '../../../src/api/release.ts';
import type { Route } from '../../../src/api/routes.ts';
import { storedStatusSchema, toStoredStatus } from '../../../src/api/stored-status.ts';
import type { Change } from '../../../src/ports/cluster.ts';
import type { World } from '../../../src/app/world.ts';
import type { JsonPatchOperation } from '../../../src/core/routing/patch.ts';
import type { PodObject } from '../../../src/core/workload/pods.ts';
import type { BackendStore, ObservedBackend } from '../../../src/ports/backends.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Announcement, EventSink, Notifier, Telemetry } from '../../../src/ports/outbox.ts';
import type { PolicyStore } from '../../../src/ports/policies.ts';
import type { ReleaseKey, ReleaseStore } from '../../../src/ports/releases.ts';
import type { RouteKey, RouteStore, WriteLane } from '../../../src/ports/routes.ts';
import type { WorkloadStore } from '../../../src/ports/workloads.ts';
import type { GateCaller, JobStore } from '../../../src/ports/gates.ts';
import type { GatewayReader } from '../../../src/ports/gateways.ts';
import type { MetricsReader } from '../../../src/ports/metrics.ts';
import type { MemoryApiServer, StoredChange, StoredObject } from './api-server.ts';
import type { CallGate } from './calls.ts';
import { buildGateCaller, buildJobs, type MemoryGates } from './gates.ts';
import { applyJsonPatch, isSame, PatchRefused } from './json-patch.ts';
import { buildPolicies } from './policies.ts';
import { buildWorkloads } from './workloads.ts';
import type { Journal } from './journal.ts';

/** What a Service of the memory world says about its pods. */
export interface ServiceSpec {
  readonly ready: number;
  readonly unready: number;
  readonly hashes: readonly string[];
  /** What the pods say while endpoints are not ready, where a test is about that. */
  readonly pods?: readonly PodObject[];
}

type Cached = CachedObject & { readonly kind: string };

export interface SessionParts {
  readonly clock: Clock;
  readonly instance: string;
  readonly api: MemoryApiServer;
  readonly gate: CallGate;
  readonly metrics: MetricsReader;
  /** Absent: the operator has no sentinel. */
  readonly gateways: GatewayReader | undefined;
  readonly journal: Journal;
  readonly gates: MemoryGates;
  /** How late the watch shows a change. */
  readonly lagMs: (change: StoredChange) => number;
  readonly servedKinds: () => readonly RouteKind[];
  readonly oldSchema: () => boolean;
  /** Deployment mode: is the policy in force that holds templates? */
  readonly holds: () => boolean;
}

export class MemorySession implements World {
  readonly clock: Clock;
  readonly instance: string;
  readonly releases: ReleaseStore;
  readonly routes: RouteStore;
  readonly backends = { observe: (...asked: Parameters<BackendStore['observe']>) => this.#observe(...asked) };
  readonly workloads: WorkloadStore;
  readonly policies: PolicyStore;
  readonly jobs: JobStore;
  readonly gateCaller: GateCaller;
  readonly metrics: MetricsReader;
  readonly gateways?: GatewayReader;
  readonly events: EventSink;
  readonly notifier: Notifier;
  readonly telemetry: Telemetry;
  readonly oldSchema: () => boolean;
  readonly #parts: SessionParts;
  readonly #caches = new Map<string, ObjectCache<Cached>>();
  readonly #unlisten: () => void;
  #listener: (change: Change) => void = () => undefined;
  #shownUntil = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.clock = this.#wrapClock(parts.clock);
    this.instance = parts.instance;
    this.metrics = {
      query: async (...asked) => this.#alive(await parts.metrics.query(...asked)),
      refusal: (...asked) => parts.metrics.refusal(...asked),
    };
    const { gateways } = parts;
    if (gateways !== undefined) this.gateways = { read: async (...asked) => this.#alive(await gateways.read(...asked)) };
    this.events = { publish: (release, told) => this.#publish(release, told) };
    this.notifier = {
      notify: async (release, told) =>
        void (parts.gate.dead || parts.journal.notifications.push({ id: told.id, release: release.metadata.name })),
    };
    this.telemetry = parts.journal.telemetry(() => parts.gate.dead);
    this.policies = buildPolicies(parts);
    this.jobs = buildJobs(parts);
    this.gateCaller = buildGateCaller(parts);
    this.oldSchema = parts.oldSchema;
    this.releases = this.#buildReleases();
    this.routes = this.#buildRoutes();
    this.workloads = buildWorkloads({
      api: parts.api,
      gate: parts.gate,
      holds: parts.holds,
      now: () => parts.clock.now(),
      cached: (kind, namespace) => this.#cacheOf(kind).inNamespace(namespace),
    });
    for (const kind of [KIND, 'Service', 'Deployment', 'ReplicaSet', 'Pod', ...ROUTE_KINDS]) {
      const cache = this.#cacheOf(kind);
      for (const object of parts.api.list(kind)) cache.upsert(object as Cached);
    }
    this.#unlisten = parts.api.onChange((change) => this.#planDelivery(change));
  }

  onChange(listener: (change: Change) => void): void {
    this.#listener = listener;
  }

  *releaseKeys(): Generator<ReleaseKey> {
    for (const { metadata } of this.#cacheOf(KIND).all()) yield { namespace: metadata.namespace ?? '', name: metadata.name };
  }

  /** The operator is gone: its timers never run, its calls never return. */
  kill(): void {
    this.#parts.gate.kill();
    this.#unlisten();
  }

  #alive<T>(answer: T): T | Promise<never> {
    return this.#parts.gate.dead ? new Promise<never>(() => undefined) : answer;
  }

  #wrapClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      schedule: (atMs, run) => clock.schedule(atMs, () => void (this.#parts.gate.dead || run())),
    };
  }

  #cacheOf(kind: string): ObjectCache<Cached> {
    const known = this.#caches.get(kind);
    if (known !== undefined) return known;
    const cache = new ObjectCache<Cached>((old, now) => {
      const { namespace = '', name } = (now ?? old)?.metadata ?? { name: '' };
      if (this.#parts.gate.dead) return;
      // The Kubernetes adapter tells of ReplicaSets and pods as of their Deployment.
      if (kind === 'Pod') this.#listener({ kind: 'Deployment', namespace, name: name.split('-').slice(0, -2).join('-') });
      else if (kind === 'ReplicaSet') this.#listener({ kind: 'Deployment', namespace, name: name.slice(0, name.lastIndexOf('-')) });
      else this.#listener({ kind, namespace, name, old, new: now });
    });
    this.#caches.set(kind, cache);
    return cache;
  }

  /** A watch shows changes in their order, late or not. */
  #planDelivery(change: StoredChange): void {
    const { clock, lagMs, gate } = this.#parts;
    this.#shownUntil = Math.max(this.#shownUntil, clock.now() + lagMs(change));
    clock.schedule(this.#shownUntil, () => {
      if (gate.dead) return;
      const cache = this.#cacheOf(change.kind);
      if (change.now !== undefined) cache.upsert(change.now as Cached);
      else if (change.old !== undefined) cache.remove(change.old as Cached);
    });
  }

  async #observe(namespace: string, service: string, withPods = false): Promise<ObservedBackend> {
    this.#parts.gate.touch();
    const cached = this.#cacheOf('Service').get(namespace, service) as StoredObject | undefined;
    if (cached === undefined)
      return this.#alive({
        service,
        exists: false,
        ports: [],
        readyEndpoints: 0,
        unreadyEndpoints: 0,
        templateHashes: [],
        known: true,
        templatesKnown: true,
      });
    const { ready, unready, hashes, pods } = cached.spec as ServiceSpec;
    return this.#alive({
      service,
      exists: true,
      ports: [{ port: 80 }],
      readyEndpoints: ready,
      unreadyEndpoints: unready,
      templateHashes: [...hashes].sort(),
      ...(hashes.length > 1 ? { rolling: true } : {}),
      ...(withPods && pods !== undefined && (ready === 0 || unready > 0) ? { pods } : {}),
      known: true,
      templatesKnown: true,
    });
  }

  /** As the events of the adapter: called after the announcement, so the second write of one changes nothing. */
  async #publish(release: CanaryRelease, told: Announcement): Promise<void> {
    const { gate, journal } = this.#parts;
    const write = () => journal.event(release, told);
    await gate.pass({ verb: 'event', target: `${told.reason} ${told.id}` }, write).catch(() => undefined);
  }

  #buildReleases(): ReleaseStore {
    const { api, gate } = this.#parts;
    const keyOf = (key: ReleaseKey) => ({ kind: KIND, namespace: key.namespace, name: key.name });
    const keep = (object: StoredObject) => {
      this.#cacheOf(KIND).remember(object as Cached);
      return object;
    };
    return {
      cached: ({ namespace, name }) => {
        gate.touch();
        return this.#cacheOf(KIND).get(namespace, name);
      },
      read: async (key) => {
        const found = await gate.pass({ verb: 'readRelease', target: key.name }, () => api.get(keyOf(key)));
        return found === undefined ? undefined : keep(found);
      },
      replaceStatus: async (release) =>
        keep(await gate.pass({ verb: 'status', target: release.metadata.name, body: release.status }, () => this.#replaceStatus(release))),
      setFinalizer: async (key, present) => {
        if (api.get(keyOf(key)) === undefined) return;
        keep(await gate.pass({ verb: 'finalizer', target: key.name, body: present }, () => this.#setFinalizer(key, present)));
      },
    };
  }

  #replaceStatus(release: CanaryRelease): StoredObject {
    const { name, namespace, uid, resourceVersion } = release.metadata;
    const status: unknown = JSON.parse(JSON.stringify(release.status === undefined ? undefined : toStoredStatus(release.status)));
    const parsed = storedStatusSchema.safeParse(status);
    if (!parsed.success) throw new GlidepathError('GLIDEPATH_E_INVALID', `status of ${name}: ${parsed.error.message}`);
    if (!isSame(parsed.data, status))
      throw new GlidepathError('GLIDEPATH_E_PRUNED', `status of ${name} has fields that the CRD does not know`);
    return this.#parts.api.update(
      { kind: KIND, namespace, name },
      FIELD_MANAGER,
      (old) => {
        if (old.metadata.uid !== uid || old.metadata.resourceVersion !== resourceVersion)
          throw new GlidepathError('GLIDEPATH_E_CONFLICT', `${name}: version ${resourceVersion} of ${uid} is not the newest`);
        return { ...old, status };
      },
      'status',
    );
  }

  #setFinalizer(key: ReleaseKey, present: boolean): StoredObject {
    return this.#parts.api.update({ kind: KIND, ...key }, FIELD_MANAGER, (old) => {
      const others = (old.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
      if (present && old.metadata.deletionTimestamp !== undefined && !(old.metadata.finalizers ?? []).includes(FINALIZER))
        throw new GlidepathError('GLIDEPATH_E_INVALID', 'no new finalizers can be added if the object is being deleted');
      return { ...old, metadata: { ...old.metadata, finalizers: present ? [...others, FINALIZER] : others } };
    });
  }

  #buildRoutes(): RouteStore {
    const { api, gate } = this.#parts;
    const target = (key: RouteKey) => `${key.kind} ${key.name}`;
    const remember = (route: Route) => this.#cacheOf(route.kind).remember(route);
    const keep = (object: StoredObject): Route => {
      const route = object as unknown as Route;
      remember(route);
      return route;
    };
    return {
      cachedIn: (namespace) =>
        this.#parts.servedKinds().flatMap((kind) => this.#cacheOf(kind).inNamespace(namespace) as unknown as readonly Route[]),
      read: async (key) => {
        const found = await gate.pass({ verb: 'readRoute', target: target(key) }, () => api.get(key));
        return found === undefined ? undefined : keep(found);
      },
      readAll: (namespace) =>
        gate.pass({ verb: 'readRoutes', target: namespace }, () =>
          this.#parts
            .servedKinds()
            .flatMap((kind) => api.list(kind))
            .filter(({ metadata }) => metadata.namespace === namespace)
            .map((object) => object as unknown as Route),
        ),
      patch: async (key, operations, lane: WriteLane) =>
        keep(
          await gate.pass({ verb: 'patch', target: target(key), lane, body: operations }, () =>
            patchRoute(api, key, operations, FIELD_MANAGER),
          ),
        ),
      annotate: async (key, value) =>
        keep(await gate.pass({ verb: 'annotate', target: target(key), body: value }, () => annotateRoute(api, key, value))),
      servedKinds: () => this.#parts.servedKinds(),
      remember,
    };
  }
}

/** A JSON Patch of a route, checked as the API server checks it. */
export function patchRoute(api: MemoryApiServer, key: RouteKey, operations: readonly JsonPatchOperation[], manager: string): StoredObject {
  return api.update(key, manager, (old) => {
    const patched = patchOrRefuse(old, operations);
    for (const rule of (patched as unknown as Route).spec.rules ?? [])
      for (const { name, weight = 1 } of rule.backendRefs ?? [])
        if (!Number.isInteger(weight) || weight < 0 || weight > 1_000_000)
          throw new GlidepathError('GLIDEPATH_E_INVALID', `${key.name}: weight ${weight} of ${name} is no integer from 0 to 1,000,000`);
    return patched;
  });
}

function patchOrRefuse(old: StoredObject, operations: readonly JsonPatchOperation[]): StoredObject {
  try {
    return applyJsonPatch(old, operations);
  } catch (thrown) {
    if (!(thrown instanceof PatchRefused)) throw thrown;
    throw new GlidepathError('GLIDEPATH_E_GUARD', thrown.message, { cause: thrown });
  }
}

function annotateRoute(api: MemoryApiServer, key: RouteKey, value: string): StoredObject {
  return api.update(key, FIELD_MANAGER, (old) => ({
    ...old,
    metadata: { ...old.metadata, annotations: { ...old.metadata.annotations, [RELEASE_ANNOTATION]: value } },
  }));
}
