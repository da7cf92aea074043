// Services and EndpointSlices trimmed to what counting needs: thousands of foreign ones are held, so each is a few strings.

import { fieldsOf, listOf, textOf, textsOf } from '../client/fields.ts';
import type { CachedObject } from '../informer/object-cache.ts';

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
}

export interface CachedService extends CachedObject {
  readonly ports: readonly ServicePort[];
  /** As a label selector, empty for a Service without one. */
  readonly selector: string;
  /** It stands for a name outside of the cluster. */
  readonly external: boolean;
}

export interface CachedSlice extends CachedObject {
  readonly service: string;
  /** Space-separated keys of endpoints, see `keyOfEndpoint`. */
  readonly ready: string;
  readonly unready: string;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

export function trimService(raw: unknown): CachedService {
  const object = fieldsOf(raw);
  const spec = fieldsOf(object['spec']);
  const selector = Object.entries(textsOf(spec['selector'])).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    metadata: identityOf(object),
    ports: listOf(spec['ports']).flatMap(readPort),
    external: spec['type'] === 'ExternalName',
    selector: selector.map(([label, value]) => `${label}=${value}`).join(','),
  };
}

export function trimSlice(raw: unknown): CachedSlice {
  const object = fieldsOf(raw);
  const ready: string[] = [];
  const unready: string[] = [];
  for (const endpoint of listOf(object['endpoints'])) {
    const target = isReady(endpoint) ? ready : unready;
    target.push(...keysOfEndpoint(endpoint));
  }
  const service = textOf(fieldsOf(fieldsOf(object['metadata'])['labels'])[SERVICE_LABEL]) ?? '';
  return { metadata: identityOf(object), service, ready: ready.sort().join(' '), unready: unready.sort().join(' ') };
}

/** Counts each endpoint once over all slices; one that any slice calls ready is ready. `pods`: the names of those that are ready. */
export function countEndpoints(slices: Iterable<CachedSlice>): {
  readonly ready: number;
  readonly unready: number;
  readonly pods: readonly string[];
  readonly unreadyPods: readonly string[];
} {
  const ready = new Set<string>();
  const all = new Set<string>();
  for (const slice of slices) {
    for (const key of splitKeys(slice.ready)) {
      ready.add(key);
      all.add(key);
    }
    for (const key of splitKeys(slice.unready)) all.add(key);
  }
  const unreadyPods = [...all].filter((key) => !ready.has(key));
  return { ready: ready.size, unready: unreadyPods.length, pods: [...ready], unreadyPods };
}

/** Absent conditions mean ready; a terminating endpoint gets no new requests, whatever its conditions say. */
function isReady(endpoint: unknown): boolean {
  const conditions = fieldsOf(fieldsOf(endpoint)['conditions']);
  return conditions['ready'] !== false && conditions['terminating'] !== true;
}

/** The pod where there is one, so that a dual-stack pod counts once; else each address. */
function keysOfEndpoint(endpoint: unknown): readonly string[] {
  const { targetRef, addresses } = fieldsOf(endpoint);
  const { kind, name } = fieldsOf(targetRef);
  if (kind === 'Pod' && typeof name === 'string') return [name];
  return listOf(addresses).filter((address) => typeof address === 'string');
}

function splitKeys(keys: string): readonly string[] {
  return keys === '' ? [] : keys.split(' ');
}

function readPort(raw: unknown): readonly ServicePort[] {
  const { name, port } = fieldsOf(raw);
  if (typeof port !== 'number') return [];
  return [typeof name === 'string' ? { name, port } : { port }];
}

function identityOf(object: unknown): CachedObject['metadata'] {
  const { name, namespace, uid, resourceVersion } = fieldsOf(fieldsOf(object)['metadata']);
  return { name: textOf(name) ?? '', namespace: textOf(namespace), uid: textOf(uid), resourceVersion: textOf(resourceVersion) };
}
