// Maps changes of objects to the releases that they concern: watches give changes, the queue gets keys. With an index from Services
// and routes to releases, a foreign object costs one look-up.

import type { CanaryRelease } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { servicesOf } from '../../core/release/facts/sides.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { nameCanary } from '../../core/workload/canary-names.ts';
import type { Change } from '../../ports/cluster.ts';
import type { ReleaseKey } from '../../ports/releases.ts';
import { parseCached } from '../parsed.ts';
import type { Priority } from './work-queue.ts';

/** A key to reconcile. */
export interface Wanted {
  readonly key: string;
  readonly priority: Priority;
}

/** The index of releases by the objects that concern them. */
export class Interests {
  readonly #releasesOf = new Map<string, Set<string>>();
  readonly #topicsOf = new Map<string, readonly string[]>();
  readonly #running = new Set<string>();

  /** Releases that run. */
  get running(): number {
    return this.#running.size;
  }

  /** Whether the release runs. @param key `namespace/name` */
  isRunning(key: string): boolean {
    return this.#running.has(key);
  }

  /** Takes in a release as it is now; `undefined` when it went. */
  note(namespace: string, name: string, raw: unknown): void {
    const key = `${namespace}/${name}`;
    for (const topic of this.#topicsOf.get(key) ?? []) this.#drop(topic, key);
    this.#topicsOf.delete(key);
    this.#running.delete(key);
    const release = parseCached(raw);
    if (release === undefined) return;
    const topics = topicsOf(release);
    this.#topicsOf.set(key, topics);
    for (const topic of topics) this.#add(topic, key);
    if (isRunning(parseState(release.status?.state) ?? 'blocked')) this.#running.add(key);
  }

  /** The releases that a change concerns, changes of releases themselves included. */
  concerned(change: Change): readonly Wanted[] {
    if (change.kind === 'CanaryRelease') return this.#concernedRelease(change);
    const topics =
      change.kind === 'Service'
        ? [topicOf(change.namespace, 'Service', change.name)]
        : [topicOf(change.namespace, change.kind, change.name), ...backendTopics(change.old), ...backendTopics(change.new)];
    const keys = this.#caringFor(topics);
    // Lost endpoints, and weights that a foreign edit raised, may need a reaction at once.
    return [...keys].map((key) => ({ key, priority: this.#running.has(key) ? 'urgent' : 'normal' }));
  }

  /** Other releases that the same objects concern, or one that these routes name. */
  neighbours(own: ReleaseKey, routes: readonly Route[]): readonly ReleaseKey[] {
    const key = `${own.namespace}/${own.name}`;
    const ofRoutes = routes.flatMap((route) => [topicOf(own.namespace, route.kind, route.metadata.name), ...backendTopics(route)]);
    const keys = this.#caringFor([...(this.#topicsOf.get(key) ?? []), ...ofRoutes]);
    return [...keys].filter((one) => one !== key).map((one) => ({ namespace: own.namespace, name: one.slice(own.namespace.length + 1) }));
  }

  #concernedRelease(change: Change): readonly Wanted[] {
    const key = `${change.namespace}/${change.name}`;
    const [before, ran] = [this.#topicsOf.get(key) ?? [], this.#running.has(key)];
    this.note(change.namespace, change.name, change.new);
    // Our own status writes come back as changes: the only news in them is that a release began or ended.
    const isOwn = change.old !== undefined && change.new !== undefined && orderOf(change.old) === orderOf(change.new);
    if (isOwn && ran === this.#running.has(key)) return [];
    // Another release may wait for what this one drives (rule 8).
    const shared = this.#caringFor([...before, ...(this.#topicsOf.get(key) ?? [])]);
    const keys = isOwn ? [...shared].filter((one) => one !== key) : new Set([key, ...shared]);
    return [...keys].map((one) => ({ key: one, priority: this.#running.has(one) ? 'urgent' : 'normal' }));
  }

  #caringFor(topics: readonly string[]): ReadonlySet<string> {
    return new Set(topics.flatMap((topic) => [...(this.#releasesOf.get(topic) ?? [])]));
  }

  #add(topic: string, key: string): void {
    const keys = this.#releasesOf.get(topic) ?? new Set();
    keys.add(key);
    this.#releasesOf.set(topic, keys);
  }

  #drop(topic: string, key: string): void {
    const keys = this.#releasesOf.get(topic);
    keys?.delete(key);
    if (keys?.size === 0) this.#releasesOf.delete(topic);
  }
}

function topicOf(namespace: string, kind: string, name: string): string {
  return `${namespace}/${kind}/${name}`;
}

function topicsOf(release: CanaryRelease): readonly string[] {
  const { namespace } = release.metadata;
  const running = release.status?.release;
  const services = [...servicesOf(release.spec), ...(running === undefined ? [] : [running.serving.service, running.canary.service])];
  const { targetRef, service } = release.spec;
  if (service !== undefined) services.push(nameCanary(service.name));
  const deployments = targetRef === undefined ? [] : [targetRef.name, nameCanary(targetRef.name)];
  if (running?.workload !== undefined) deployments.push(running.workload.name, running.workload.canary);
  const routes = [...release.spec.routeRefs, ...(running?.routes ?? [])];
  return [
    ...new Set([
      ...services.map((one) => topicOf(namespace, 'Service', one)),
      ...deployments.map((deployment) => topicOf(namespace, 'Deployment', deployment)),
      ...routes.map((route) => topicOf(namespace, route.kind, route.name)),
    ]),
  ];
}

/** A route concerns the releases of the Services that it names or named. */
function backendTopics(route: unknown): readonly string[] {
  if (typeof route !== 'object' || route === null || !('spec' in route)) return [];
  const { metadata, spec } = route as Route;
  return (spec.rules ?? []).flatMap((rule) => (rule.backendRefs ?? []).map((ref) => topicOf(metadata.namespace, 'Service', ref.name)));
}

/** The part of a release that people write: everything but its status. */
function orderOf(raw: unknown): string {
  const { generation, annotations, deletionTimestamp, finalizers, uid } = parseCached(raw)?.metadata ?? {};
  return JSON.stringify([uid, generation, annotations, deletionTimestamp, finalizers]);
}
