// From a kind to its paths on the API server and to the reflectors that keep a cache of it: one for the whole cluster, or one
// a namespace.

import { withoutUndefined } from '../../../api/absence.ts';
import type { Doubt } from './doubt.ts';
import type { CachedObject, ObjectCache } from './object-cache.ts';
import { Reflector, type ReflectorHealth } from './reflector.ts';
import type { ReflectorTimes } from './reflector-times.ts';
import type { Transport } from '../client/transport.ts';

/** A resource as the API server serves it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** What all caches share. */
export interface WatchEnvironment {
  readonly transport: Transport;
  readonly now: () => number;
  /** Absent: the whole cluster. */
  readonly namespaces?: readonly string[];
  readonly times?: Partial<ReflectorTimes>;
  readonly doubt?: Doubt;
  readonly onFault?: (watch: string, error: unknown) => void;
}

/** What every cache reports about its watches. */
export interface WatchedCache {
  /** Runs the watches until `stop` fires. Never throws. */
  run(stop: AbortSignal): Promise<void>;
  /** True when every watch has delivered its first list, or its kind is absent. */
  synced(): boolean;
  health(): readonly ReflectorHealth[];
}

/** Path of a resource, an object, or a subresource of it. */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const parts = [
    root,
    ...(namespace === undefined ? [] : ['namespaces', encodeURIComponent(namespace)]),
    resource.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return parts.join('/');
}

export interface KindWatch<T extends CachedObject> {
  readonly resource: Resource;
  readonly cache: ObjectCache<T>;
  readonly trim: (raw: unknown) => T;
  readonly pageSize?: number;
  /** Only objects with these labels. */
  readonly labelSelector?: string;
  readonly onServed?: (served: boolean) => void;
}

/** Reflectors that fill one cache. */
export function buildReflectors<T extends CachedObject>(watch: KindWatch<T>, env: WatchEnvironment): readonly Reflector[] {
  const namespaces: readonly (string | undefined)[] = env.namespaces ?? [undefined];
  return namespaces.map((namespace) => {
    const name = namespace === undefined ? watch.resource.plural : `${watch.resource.plural} ${namespace}`;
    const { cache, trim, pageSize, labelSelector, onServed } = watch;
    return new Reflector({
      name,
      path: pathOf(watch.resource, namespace),
      transport: env.transport,
      now: env.now,
      sink: {
        trim,
        replace: (objects, tellAll, version) => cache.replace(objects as readonly T[], namespace, tellAll, version),
        upsert: (object) => cache.upsert(object as T),
        remove: (object) => cache.remove(object as T),
      },
      ...withoutUndefined({ times: env.times, doubt: env.doubt, pageSize, labelSelector, onServed }),
      onFault: (error) => env.onFault?.(name, error),
    });
  });
}
