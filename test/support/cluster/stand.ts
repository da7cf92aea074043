// What one test file stands on: a namespace of its own with some versions of the sample running, an operator that sees only
// this namespace, and watches that keep every version of its routes and releases.

import { randomBytes } from 'node:crypto';
import type { CanaryReleaseStatus, SpecInput } from '../../../src/api/release.ts';
import { type SampleVersion, sampleDeployment, sampleNamespace } from '../../lab/sample.ts';
import { removeAbandoned } from './abandoned.ts';
import { App, type AppOptions } from './app.ts';
import type { KubeObject } from './api.ts';
import { Cluster, installGlidepath, waitFor } from './cluster.ts';
import { ObjectWatch } from './object-watch.ts';
import { OperatorProcess } from './operator.ts';

export interface StandOptions {
  /** Part of the namespace's name. */
  readonly name: string;
  /** Deployments of the sample, by name; each has one pod. */
  readonly versions: Readonly<Record<string, Omit<SampleVersion, 'namespace' | 'name'>>>;
  readonly flags?: readonly string[];
}

/** A CanaryRelease as the cluster has it. */
export type ReleaseObject = KubeObject<SpecInput, CanaryReleaseStatus>;
/** A route as the cluster has it. */
export type RouteObject = KubeObject<RouteSpec>;

export interface RouteSpec {
  readonly rules?: readonly RouteRule[];
  readonly [field: string]: unknown;
}

export interface RouteRule {
  readonly backendRefs?: readonly { readonly name: string; readonly weight?: number; readonly namespace?: string }[];
  readonly [field: string]: unknown;
}

/** An event as the cluster has it. */
export interface EventObject {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly name: string; readonly kind: string };
  readonly reportingController: string;
}

export class Stand {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly operator: OperatorProcess;
  readonly routes: ObjectWatch<RouteObject>;
  readonly releases: ObjectWatch<ReleaseObject>;
  readonly #apps: App[] = [];

  private constructor(
    cluster: Cluster,
    namespace: string,
    operator: OperatorProcess,
    routes: ObjectWatch<RouteObject>,
    releases: ObjectWatch<ReleaseObject>,
  ) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.operator = operator;
    this.routes = routes;
    this.releases = releases;
  }

  /** Installs Glidepath, runs the versions, and starts the operator. */
  static async open(options: StandOptions): Promise<Stand> {
    const cluster = await Cluster.connect();
    await removeAbandoned(cluster);
    await installGlidepath(cluster);
    const namespace = `gp-${options.name}-${randomBytes(2).toString('hex')}`;
    await cluster.create(sampleNamespace(namespace));
    try {
      return await Stand.#furnish(cluster, namespace, options);
    } catch (error) {
      await cluster.remove({ kind: 'Namespace', name: namespace });
      await cluster.close();
      throw error;
    }
  }

  static async #furnish(cluster: Cluster, namespace: string, { versions, flags = [] }: StandOptions): Promise<Stand> {
    const deployed = Object.entries(versions).map(([name, version]) => deploy(cluster, { ...version, namespace, name }));
    const watches: { fail(error: Error): void }[] = [];
    const onCrash = (error: Error) => {
      for (const watch of watches) watch.fail(error);
    };
    const [routes, releases, operator] = await Promise.all([
      ObjectWatch.open<RouteObject>(cluster, 'HTTPRoute', namespace),
      ObjectWatch.open<ReleaseObject>(cluster, 'CanaryRelease', namespace),
      OperatorProcess.prepare(cluster, { namespaces: [namespace], flags }, onCrash),
    ]);
    watches.push(routes, releases);
    const stand = new Stand(cluster, namespace, operator, routes, releases);
    operator.start();
    await Promise.all([...deployed, operator.ready()]);
    return stand;
  }

  /** An application with a route of its own, its Services in front of the versions of this stand, under load. */
  async app(options: AppOptions): Promise<App> {
    const app = await App.create(this, options);
    this.#apps.push(app);
    return app;
  }

  /** Changes a version's pods, and resolves when only the new ones are there. */
  deploy(name: string, version: Omit<SampleVersion, 'namespace' | 'name'>): Promise<void> {
    return deploy(this.cluster, { ...version, namespace: this.namespace, name });
  }

  /** Tells the pods of a version to behave differently from now on. */
  async behave(name: string, behaviour: { readonly errorRate?: number; readonly delayMs?: number }): Promise<void> {
    const pods = await this.cluster.list('Pod', this.namespace);
    const wanted = pods.filter(({ metadata }) => metadata.labels?.['app'] === name && metadata.deletionTimestamp === undefined);
    const control = (pod: string) => `/api/v1/namespaces/${this.namespace}/pods/${pod}:8080/proxy/_control`;
    await Promise.all(
      wanted.map(({ metadata }) => this.cluster.api.must({ method: 'POST', path: control(metadata.name), body: behaviour })),
    );
  }

  /** Events about a release, in the words of `reason: note`. */
  async events(release: string): Promise<readonly EventObject[]> {
    const events = await this.cluster.list<EventObject>('Event', this.namespace);
    return events.filter(({ regarding }) => regarding.kind === 'CanaryRelease' && regarding.name === release);
  }

  /** Waits until there is an event of each reason; events are written behind everything else. */
  async untilEvents(release: string, ...reasons: readonly string[]): Promise<readonly EventObject[]> {
    let seen: readonly EventObject[] = [];
    const missing = async () => {
      seen = await this.events(release);
      return reasons.every((reason) => seen.some((event) => event.reason === reason)) ? seen : undefined;
    };
    const lastSeen = () => seen.map(({ reason, note }) => `${reason}: ${note}`);
    return waitFor(`events ${reasons.join(', ')} of ${release}`, missing, { ms: 10_000, lastSeen });
  }

  /** Removes what was made. Releases go first, while somebody is there to bring them home. */
  async close(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.stopLoad()));
    const { cluster, namespace } = this;
    const releases = await cluster.list('CanaryRelease', namespace);
    await Promise.all(releases.map(({ metadata }) => cluster.remove({ kind: 'CanaryRelease', namespace, name: metadata.name })));
    try {
      await waitFor('the releases to be gone', async () => (await cluster.list('CanaryRelease', namespace)).length === 0);
      await this.operator.close();
    } finally {
      await this.operator.kill();
      await cluster.remove({ kind: 'Namespace', name: namespace });
      this.routes.close();
      this.releases.close();
      await cluster.close();
    }
  }
}

type Rollout = KubeObject<
  { replicas?: number },
  { observedGeneration?: number; replicas?: number; updatedReplicas?: number; readyReplicas?: number }
>;

async function deploy(cluster: Cluster, sample: SampleVersion): Promise<void> {
  const applied = await cluster.apply(sampleDeployment(sample));
  const { name, namespace } = sample;
  await waitFor(
    `Deployment ${name} to be rolled out`,
    async () => {
      const now = await cluster.get<Rollout>({ kind: 'Deployment', namespace, name });
      const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, readyReplicas = 0 } = now?.status ?? {};
      return observedGeneration >= (applied.metadata.generation ?? 0) && updatedReplicas === 1 && replicas === 1 && readyReplicas === 1;
    },
    { ms: 60_000 },
  );
}
