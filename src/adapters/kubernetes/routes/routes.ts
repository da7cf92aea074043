// Routes of all five kinds: watched at the version the cluster serves, read whole, written by JSON Patch. Home patches go
// through their own connections and make all other writes wait.

import { FIELD_MANAGER, RELEASE_ANNOTATION, ROUTE_KINDS, type RouteKind } from '../../../api/names.ts';
import { GlidepathError, isGlidepathError } from '../../../api/errors.ts';
import type { Route } from '../../../api/routes.ts';
import { type JsonPatchOperation, needsEveryField } from '../../../core/routing/patch.ts';
import type { RouteKey, RouteStore, WriteLane } from '../../../ports/routes.ts';
import type { ChangeListener } from '../../../ports/cluster.ts';
import { Listeners } from '../informer/changes.ts';
import { fieldsOf, trimMetadata, withoutLargeAnnotations } from '../client/fields.ts';
import { pathOf, type WatchedCache, type WatchEnvironment } from '../informer/kinds.ts';
import { ObjectCache } from '../informer/object-cache.ts';
import type { ReflectorHealth } from '../informer/reflector.ts';
import { type DiscoveryTimes, RouteKinds } from './route-kinds.ts';
import { listAll } from '../client/list.ts';
import { JSON_PATCH, MERGE_PATCH, type Transport } from '../client/transport.ts';

export class KubernetesRoutes implements RouteStore, WatchedCache {
  readonly #transport: Transport;
  readonly #listeners = new Listeners();
  readonly #caches: ReadonlyMap<RouteKind, ObjectCache<Route>>;
  readonly #kinds: RouteKinds;

  constructor(env: WatchEnvironment, times?: Partial<DiscoveryTimes>) {
    this.#transport = env.transport;
    this.#caches = new Map(ROUTE_KINDS.map((kind) => [kind, this.#createCache(kind)]));
    this.#kinds = new RouteKinds({
      env,
      cacheOf: (kind) => this.#cacheOf(kind),
      trim: trimRoute,
      ...(times === undefined ? {} : { times }),
    });
  }

  onChange(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  run(stop: AbortSignal): Promise<void> {
    return this.#kinds.run(stop);
  }

  synced(): boolean {
    return this.#kinds.synced();
  }

  health(): readonly ReflectorHealth[] {
    return this.#kinds.health();
  }

  cachedIn(namespace: string): readonly Route[] {
    return ROUTE_KINDS.flatMap((kind) => this.#cacheOf(kind).inNamespace(namespace));
  }

  servedKinds(wanted?: readonly RouteKind[]): readonly RouteKind[] {
    return this.#kinds.served(wanted);
  }

  async read(key: RouteKey): Promise<Route | undefined> {
    const path = await this.#pathOf(key);
    if (path === undefined) return undefined;
    try {
      // On the home lane: a read mostly precedes a home write, and must not queue.
      const { body } = await this.#transport.request({ method: 'GET', path, lane: 'home' });
      return this.#keep(key.kind, body);
    } catch (error) {
      if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async readAll(namespace: string): Promise<readonly Route[]> {
    const found = await Promise.all(this.servedKinds().map((kind) => this.#readKind(kind, namespace)));
    return found.flat();
  }

  async #readKind(kind: RouteKind, namespace: string): Promise<readonly Route[]> {
    const resource = await this.#kinds.resourceOf(kind);
    if (resource === undefined) return [];
    const pick = (raw: unknown) => trimRoute(kind, `${resource.group}/${resource.version}`, raw);
    const { items } = await listAll(this.#transport, pathOf(resource, namespace), { pick, lane: 'normal' });
    return items;
  }

  async patch(key: RouteKey, operations: readonly JsonPatchOperation[], lane: WriteLane): Promise<Route> {
    return this.#write(key, operations, JSON_PATCH, lane, needsEveryField(operations) ? { fieldValidation: 'Strict' } : {});
  }

  async annotate(key: RouteKey, value: string): Promise<Route> {
    return this.#write(key, { metadata: { annotations: { [RELEASE_ANNOTATION]: value } } }, MERGE_PATCH, 'normal');
  }

  remember(route: Route): void {
    this.#cacheOf(route.kind).remember(trimRoute(route.kind, route.apiVersion, route));
  }

  async #write(
    key: RouteKey,
    body: unknown,
    contentType: string,
    lane: WriteLane,
    validation: { readonly fieldValidation?: 'Strict' } = {},
  ): Promise<Route> {
    const path = await this.#pathOf(key);
    if (path === undefined) {
      throw new GlidepathError(
        'GLIDEPATH_E_NOT_FOUND',
        `the API server does not serve ${key.kind}, so ${key.namespace}/${key.name} cannot be patched`,
      );
    }
    const query = { fieldManager: FIELD_MANAGER, ...validation };
    const answer = await this.#transport.request({ method: 'PATCH', path, query, contentType, body, lane });
    return this.#keep(key.kind, answer.body);
  }

  /** Hands out the whole object and keeps the trimmed one until the watch has caught up. */
  #keep(kind: RouteKind, body: unknown): Route {
    const route = { ...fieldsOf(body), kind } as unknown as Route;
    this.remember(route);
    return route;
  }

  async #pathOf(key: RouteKey): Promise<string | undefined> {
    const resource = await this.#kinds.resourceOf(key.kind);
    return resource === undefined ? undefined : pathOf(resource, key.namespace, key.name);
  }

  #cacheOf(kind: RouteKind): ObjectCache<Route> {
    const cache = this.#caches.get(kind);
    if (cache === undefined)
      throw new GlidepathError('GLIDEPATH_E_INVALID', `${kind} is not a route kind; use one of ${ROUTE_KINDS.join(' ')}`);
    return cache;
  }

  #createCache(kind: RouteKind): ObjectCache<Route> {
    return new ObjectCache((old, now) => {
      const metadata = (now ?? old)?.metadata;
      if (metadata === undefined) return;
      this.#listeners.tell({ kind, namespace: metadata.namespace ?? '', name: metadata.name, old, new: now });
    });
  }
}

/** A route without what only fills memory; of managedFields the last writers are kept, which drift events name. */
export function trimRoute(kind: RouteKind, apiVersion: string, raw: unknown): Route {
  const object = fieldsOf(raw);
  const metadata = withoutLargeAnnotations(trimMetadata(fieldsOf(object['metadata']), 'names'));
  return { ...object, apiVersion, kind, metadata } as unknown as Route;
}
