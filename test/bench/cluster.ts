// The benchmarks' and the demo's own hands on the cluster, as its administrator: objects by server-side apply, watches
// with the time at which each event arrived. Uses the operator's REST client.

import { setTimeout as delay } from 'node:timers/promises';
import { createSystemClock } from '../../src/adapters/clock.ts';
import { PooledKubeConfig } from '../../src/adapters/kubernetes/client/kubeconfig.ts';
import { pathOf, type Resource } from '../../src/adapters/kubernetes/informer/kinds.ts';
import { listAll } from '../../src/adapters/kubernetes/client/list.ts';
import { Transport } from '../../src/adapters/kubernetes/client/transport.ts';
import { readEvents, type WatchEventType } from '../../src/adapters/kubernetes/informer/watch-stream.ts';
import { isGlidepathError } from '../../src/api/errors.ts';
import { LabError } from '../lab/settings.ts';

/** What is read of any object. */
export interface ClusterObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly [field: string]: unknown;
}

export interface SeenEvent {
  readonly type: WatchEventType;
  readonly object: ClusterObject;
  /** Milliseconds of the wall clock, with a fraction, when the event arrived here. */
  readonly atMs: number;
}

export const RESOURCES = {
  Namespace: { group: '', version: 'v1', plural: 'namespaces' },
  Service: { group: '', version: 'v1', plural: 'services' },
  ServiceAccount: { group: '', version: 'v1', plural: 'serviceaccounts' },
  Deployment: { group: 'apps', version: 'v1', plural: 'deployments' },
  EndpointSlice: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices' },
  HTTPRoute: { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'httproutes' },
  CanaryRelease: { group: 'glidepath.dev', version: 'v1alpha1', plural: 'canaryreleases' },
} as const satisfies Readonly<Record<string, Resource>>;
export type Kind = keyof typeof RESOURCES;

const FIELD_MANAGER = 'bench';
const GONE_PATIENCE_MS = 60_000;
const GONE_POLL_MS = 50;
const APPLY_PATCH = 'application/apply-patch+yaml';

/** The wall clock with a fraction, comparable with the load generator's records. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function isKind(kind: string | undefined): kind is Kind {
  return kind !== undefined && Object.hasOwn(RESOURCES, kind);
}

export class Cluster {
  readonly #config = new PooledKubeConfig({ now: () => createSystemClock().now() });
  readonly transport = new Transport(this.#config, undefined, 'glidepath-bench');

  /** Creates or changes objects, all at the same time: what needs another object first is a call of its own. */
  async apply(objects: readonly object[]): Promise<void> {
    await Promise.all(objects.map((object) => this.#applyOne(object as ClusterObject)));
  }

  async #applyOne(object: ClusterObject): Promise<void> {
    if (!isKind(object.kind)) throw new LabError(`The benchmarks cannot apply a ${String(object.kind)}.`);
    await this.transport.request({
      method: 'PATCH',
      path: pathOf(RESOURCES[object.kind], object.metadata.namespace, object.metadata.name),
      query: { fieldManager: FIELD_MANAGER, force: true },
      contentType: APPLY_PATCH,
      body: object,
      deadlineMs: 60_000,
    });
  }

  /** A merge patch of an object or of a subresource of it. */
  async merge(kind: Kind, namespace: string, name: string, body: object, subresource?: string): Promise<void> {
    await this.transport.request({
      method: 'PATCH',
      path: pathOf(RESOURCES[kind], namespace, name, subresource),
      query: { fieldManager: FIELD_MANAGER },
      contentType: 'application/merge-patch+json',
      body,
      deadlineMs: 60_000,
    });
  }

  async list(kind: Kind, namespace: string | undefined): Promise<readonly ClusterObject[]> {
    const { items } = await listAll(this.transport, pathOf(RESOURCES[kind], namespace), {
      pick: (raw) => raw as ClusterObject,
      repeat: true,
    });
    return items;
  }

  /** Deletes; an object that is not there is fine. */
  async remove(kind: Kind, namespace: string | undefined, name: string): Promise<void> {
    try {
      await this.transport.request({ method: 'DELETE', path: pathOf(RESOURCES[kind], namespace, name) });
    } catch (error) {
      if (!isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) throw error;
    }
  }

  /** Begins a deletion of all objects of a kind in a namespace. */
  async removeAll(kind: Kind, namespace: string): Promise<void> {
    await this.transport.request({ method: 'DELETE', path: pathOf(RESOURCES[kind], namespace), deadlineMs: 120_000 });
  }

  /** All objects of a kind in a namespace, or in all, as they are, and then every change, until `signal` fires. */
  async *follow(kind: Kind, namespace: string | undefined, signal: AbortSignal): AsyncGenerator<SeenEvent> {
    const path = pathOf(RESOURCES[kind], namespace);
    const { items, resourceVersion = '' } = await listAll(this.transport, path, { pick: (raw) => raw as ClusterObject, repeat: true });
    const listedAtMs = nowMs();
    for (const object of items) yield { type: 'ADDED', object, atMs: listedAtMs };
    const chunks = await this.transport.open(path, { watch: true, resourceVersion }, signal);
    for await (const { type, object } of readEvents(chunks, `watch of ${kind}`)) {
      yield { type, object: object as ClusterObject, atMs: nowMs() };
    }
  }

  /**
   * Waits until `pick` answers for an object as it is or as it becomes.
   * @throws LabError when that takes too long
   */
  async until<T>(
    kind: Kind,
    namespace: string | undefined,
    what: string,
    patienceMs: number,
    pick: (event: SeenEvent) => T | undefined,
  ): Promise<T> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), patienceMs);
    let last = '';
    try {
      for await (const event of this.follow(kind, namespace, stop.signal)) {
        const found = pick(event);
        if (found !== undefined) return found;
        last = JSON.stringify(event.object['status'] ?? {}).slice(0, 1_500);
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
    throw new LabError(`${what} did not happen within ${patienceMs / 1_000} s. The last status seen: ${last}`);
  }

  /** Waits until an object that is being deleted is gone; one that never was is gone. */
  async untilGone(kind: Kind, name: string, namespace?: string): Promise<void> {
    const isThere = async (): Promise<boolean> => {
      try {
        await this.transport.request({ method: 'GET', path: pathOf(RESOURCES[kind], namespace, name) });
        return true;
      } catch (error) {
        if (isGlidepathError(error, 'GLIDEPATH_E_NOT_FOUND')) return false;
        throw error;
      }
    };
    const startedAt = performance.now();
    while (await isThere()) {
      if (performance.now() - startedAt > GONE_PATIENCE_MS) throw new LabError(`${kind} ${name} is being deleted for too long.`);
      await delay(GONE_POLL_MS);
    }
  }

  /** Asks for a token of a ServiceAccount. */
  async createToken(namespace: string, account: string): Promise<string> {
    const { body } = await this.transport.request({
      method: 'POST',
      path: pathOf(RESOURCES.ServiceAccount, namespace, account, 'token'),
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7_200 } },
    });
    return (body as { readonly status: { readonly token: string } }).status.token;
  }

  close(): Promise<void> {
    return this.#config.close();
  }
}
