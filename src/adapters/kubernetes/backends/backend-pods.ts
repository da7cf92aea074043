// The container states of the pods behind a Service that is not ready: read now and then while a release waits for them, and never
// while all endpoints are ready. No caller waits for an answer. Without the right to list pods, a crash is only found later, by the
// progress deadline.

import type { PodObject } from '../../../core/workload/pods.ts';
import type { Transport } from '../client/transport.ts';
import { trimPod } from '../workloads/trim-pod.ts';

/** A crash loop is found within seconds; a problem that has lasted for minutes need not be read as often. */
const SHORTEST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;
/** The pause grows to this part of the time that the problem has lasted. */
const PAUSE_SHARE = 0.05;
/** Of a Service with more pods only the first ones by name are read. */
const MOST_PODS = 100;
const DEADLINE_MS = 5_000;
/** A reading that was not requested again belongs to a release that has ended. */
const KEPT_MS = 120_000;

interface Reading {
  readonly sinceMs: number;
  askedMs: number;
  asking: boolean;
  found: readonly PodObject[] | undefined;
}

export class BackendPods {
  readonly #transport: Transport;
  readonly #now: () => number;
  readonly #onNews: (namespace: string, service: string) => void;
  readonly #readings = new Map<string, Reading>();

  /** @param onNews called when a later reading differs */
  constructor(transport: Transport, now: () => number, onNews: (namespace: string, service: string) => void) {
    this.#transport = transport;
    this.#now = now;
    this.#onNews = onNews;
  }

  /** The last reading; starts the next one when it is due. Undefined before the first. */
  read(namespace: string, service: string, selector: string): readonly PodObject[] | undefined {
    if (selector === '') return undefined;
    const now = this.#now();
    const key = `${namespace}/${service}`;
    this.#dropOld(now);
    const reading = this.#readings.get(key) ?? { sinceMs: now, askedMs: Number.NEGATIVE_INFINITY, asking: false, found: undefined };
    this.#readings.set(key, reading);
    const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, PAUSE_SHARE * (now - reading.sinceMs)));
    if (!reading.asking && now - reading.askedMs >= pauseMs) void this.#ask(reading, namespace, service, selector, now);
    return reading.found;
  }

  /** The release no longer waits for pods: the reading is dropped, and the next problem is read at once. */
  forget(namespace: string, service: string): void {
    this.#readings.delete(`${namespace}/${service}`);
  }

  /** Of releases that ended meanwhile. */
  #dropOld(now: number): void {
    for (const [key, { askedMs, asking }] of this.#readings) if (!asking && now - askedMs > KEPT_MS) this.#readings.delete(key);
  }

  async #ask(reading: Reading, namespace: string, service: string, selector: string, now: number): Promise<void> {
    reading.asking = true;
    reading.askedMs = now;
    const found = await this.#list(namespace, selector).catch(() => reading.found);
    reading.asking = false;
    const isNews = JSON.stringify(found) !== JSON.stringify(reading.found);
    reading.found = found;
    if (isNews && this.#readings.get(`${namespace}/${service}`) === reading) this.#onNews(namespace, service);
  }

  async #list(namespace: string, selector: string): Promise<readonly PodObject[]> {
    const { body } = await this.#transport.request({
      method: 'GET',
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
      query: { labelSelector: selector, limit: MOST_PODS },
      deadlineMs: DEADLINE_MS,
      repeat: false,
    });
    const { items } = body as { readonly items?: readonly unknown[] | null };
    return (items ?? []).map(trimPod);
  }
}
