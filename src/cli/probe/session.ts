// A probe in the cluster: makes its objects, writes its route, reads what its client has counted, and removes everything.

import { setTimeout } from 'node:timers/promises';
import { isGlidepathError, messageOf } from '../../api/errors.ts';
import { JSON_PATCH } from '../../adapters/kubernetes/client/transport.ts';
import { fieldsOf, listOf, textOf } from '../../adapters/kubernetes/client/fields.ts';
import { pathOf, type Resource } from '../../adapters/kubernetes/informer/kinds.ts';
import type { ClusterLink } from '../cluster/link.ts';
import { failure } from '../usage.ts';
import {
  GRPC_ROUTES,
  HTTP_ROUTES,
  type Listener,
  nameOf,
  pathOfCalls,
  pathOfProbe,
  PODS,
  type ProbePlace,
  probeGrpcRoute,
  probePod,
  probeRoute,
  probeService,
  SERVICES,
  type Version,
  VERSIONS,
  type Weights,
  weightedRule,
} from './objects.ts';
import { CLIENT_PATH, PROBE_PORT, type ProbeReading, type ProbeRecord } from './server.ts';

const POLL_MS = 300;
/** For images that are pulled, and gateways that are slow. */
const PATIENCE_MS = 90_000;
/** Not every listener takes gRPC. */
const GRPC_PATIENCE_MS = 20_000;

export class ProbeSession {
  readonly place: ProbePlace;
  readonly #link: ClusterLink;
  readonly #listener: Listener;
  readonly #rps: number;
  readonly #now: () => number;
  #writes = 0;

  constructor(
    link: ClusterLink,
    parts: { readonly place: ProbePlace; readonly listener: Listener; readonly rps: number; readonly now: () => number },
  ) {
    this.#link = link;
    this.place = parts.place;
    this.#listener = parts.listener;
    this.#rps = parts.rps;
    this.#now = parts.now;
  }

  /** How many times the route was changed. */
  get writes(): number {
    return this.#writes;
  }

  /** Creates pods, Services and route, and waits for the pods. @throws GlidepathError that says what they wait for */
  async open(): Promise<void> {
    for (const version of VERSIONS) {
      await this.#create(PODS, probePod(this.place, version));
      await this.#create(SERVICES, probeService(this.place, version));
    }
    for (const version of VERSIONS) await this.until(`pod ${nameOf(this.place, version)}`, () => this.#readiness(version));
    await this.#create(HTTP_ROUTES, probeRoute(this.place, this.#listener, [weightedRule(this.place, { a: 1, b: 0 })]));
  }

  /** Removes everything that it may have created. */
  async close(): Promise<void> {
    await this.#remove(HTTP_ROUTES, nameOf(this.place));
    for (const version of VERSIONS) {
      await this.#remove(SERVICES, nameOf(this.place, version));
      await this.#remove(PODS, nameOf(this.place, version));
    }
  }

  /** Starts to send requests, those before end. @param header one that goes along, with the value true */
  async send(header?: string): Promise<void> {
    const { address, port, tls, host } = this.#listener;
    const path = pathOfProbe(this.place);
    await this.#order('start', { address, port, tls, host, path, rps: this.#rps, ...(header === undefined ? {} : { header }) });
  }

  /** The requests since a time of the pod's clock. */
  read(sinceMs: number, version: Version = 'a'): Promise<ProbeReading> {
    return this.#order('read', { since: sinceMs }, version);
  }

  /** The time of the client. */
  async clock(): Promise<number> {
    return (await this.read(Number.MAX_SAFE_INTEGER)).nowMs;
  }

  /** So many requests that were sent from now on. */
  async collect(count: number): Promise<readonly ProbeRecord[]> {
    const fromMs = await this.clock();
    return this.until(`${count} answers`, async () => {
      const { records } = await this.read(fromMs);
      return records.length >= count ? records.slice(0, count) : 'requests are not answered';
    });
  }

  /** Replaces the rules of the route. @returns the time of the client just before */
  async write(rules: readonly object[]): Promise<number> {
    const beforeMs = await this.clock();
    const path = pathOf(HTTP_ROUTES, this.place.namespace, nameOf(this.place));
    const body = [{ op: 'replace', path: '/spec/rules', value: rules }];
    await this.#link.request({ method: 'PATCH', path, contentType: JSON_PATCH, body });
    this.#writes += 1;
    return beforeMs;
  }

  /** The route as it is now. */
  route(): Promise<unknown> {
    return this.#link.request({ method: 'GET', path: pathOf(HTTP_ROUTES, this.place.namespace, nameOf(this.place)) });
  }

  /**
   * Calls through a GRPCRoute of its own with these weights, which is removed again.
   * @returns why none could be made, where that is so
   */
  async call(weights: Weights, count: number): Promise<readonly ProbeRecord[] | string> {
    const { grpcHost, address, port, tls } = this.#listener;
    if (grpcHost === undefined) return 'the listener has a single hostname, which the HTTPRoute of the probe has';
    try {
      await this.#create(GRPC_ROUTES, probeGrpcRoute(this.place, this.#listener, weights));
    } catch (thrown) {
      return messageOf(thrown);
    }
    const make = (calls: number) =>
      this.#order('grpc', { address, port, tls, host: grpcHost, path: pathOfCalls(this.place), count: calls });
    try {
      const isAnswered = async () => {
        const { records } = await make(20);
        return records.every(([, version]) => version !== '') || 'calls are not answered';
      };
      await this.until('answer to a gRPC call', isAnswered, GRPC_PATIENCE_MS);
      return (await make(count)).records;
    } catch (thrown) {
      return messageOf(thrown);
    } finally {
      await this.#remove(GRPC_ROUTES, nameOf(this.place));
    }
  }

  /** Takes the last pod from a version, and waits until it is gone. */
  async empty(version: Version): Promise<void> {
    await this.#remove(PODS, nameOf(this.place, version));
    await this.until(`the end of pod ${nameOf(this.place, version)}`, async () => {
      const pod = await this.#find(version);
      return pod === undefined ? true : 'it is still there';
    });
  }

  /** Waits for a value; a text says why there is none yet. @throws GlidepathError with the last such text */
  async until<T>(what: string, look: () => Promise<T | string>, patienceMs = PATIENCE_MS): Promise<T> {
    const startMs = this.#now();
    for (;;) {
      const found = await look();
      if (typeof found !== 'string') return found;
      if (this.#now() - startMs > patienceMs) throw failure(`no ${what} within ${patienceMs / 1_000}s: ${found}`);
      await setTimeout(POLL_MS);
    }
  }

  async #readiness(version: Version): Promise<true | string> {
    const pod = await this.#find(version);
    const { conditions, containerStatuses } = fieldsOf(fieldsOf(pod)['status']);
    const known = listOf(conditions).map(fieldsOf);
    if (known.some(({ type, status }) => type === 'Ready' && status === 'True')) return true;
    const waiting = fieldsOf(fieldsOf(fieldsOf(listOf(containerStatuses)[0])['state'])['waiting']);
    const unscheduled = known.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
    return textOf(waiting['message']) ?? textOf(waiting['reason']) ?? textOf(unscheduled?.['message']) ?? 'it is not ready';
  }

  async #find(version: Version): Promise<unknown> {
    try {
      return await this.#link.request({ method: 'GET', path: pathOf(PODS, this.place.namespace, nameOf(this.place, version)) });
    } catch (thrown) {
      if (isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) return undefined;
      throw thrown;
    }
  }

  async #order(verb: string, query: Readonly<Record<string, string | number | boolean>>, version: Version = 'a'): Promise<ProbeReading> {
    const pod = `${nameOf(this.place, version)}:${PROBE_PORT}`;
    const path = `/api/v1/namespaces/${this.place.namespace}/pods/${pod}/proxy${CLIENT_PATH}/${verb}`;
    return (await this.#link.request({ method: 'GET', path, query: { since: 0, ...query, key: this.place.key } })) as ProbeReading;
  }

  async #create(resource: Resource, body: object): Promise<void> {
    await this.#link.request({ method: 'POST', path: pathOf(resource, this.place.namespace), body });
  }

  async #remove(resource: Resource, name: string): Promise<void> {
    try {
      await this.#link.request({ method: 'DELETE', path: pathOf(resource, this.place.namespace, name), body: { gracePeriodSeconds: 1 } });
    } catch (thrown) {
      if (!isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw thrown;
    }
  }
}
