// A stand whose applications are Deployments under release: the policy that holds them is in force, the operator has its rights,
// and every pod that ever was is known by its name, so that an answer can be traced to the pod and the Service that gave it.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type PlainObject, sampleDeployment, type SampleVersion } from '../../lab/sample.ts';
import { PROJECT_FOLDER } from '../../lab/settings.ts';
import type { KubeObject } from './api.ts';
import type { App } from './app.ts';
import { waitFor } from './cluster.ts';
import { ObjectWatch } from './object-watch.ts';
import { Stand } from './stand.ts';

/** A Deployment as the cluster has it. */
export type Workload = KubeObject<
  { readonly replicas?: number; readonly paused?: boolean; readonly template: unknown },
  { readonly replicas?: number; readonly updatedReplicas?: number; readonly readyReplicas?: number; readonly observedGeneration?: number }
>;
/** A pod as the cluster has it. */
export type Pod = KubeObject<
  { readonly containers: readonly { readonly env?: readonly { readonly name: string; readonly value?: string }[] }[] },
  { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
>;

/** What a pod is to the release: whose it is, what it runs, and when it was first seen. */
export interface SeenPod {
  readonly name: string;
  readonly version: string;
  readonly isCanary: boolean;
  readonly atMs: number;
}

type Version = Omit<SampleVersion, 'namespace' | 'name'>;
/** Fields of a spec as they are written into YAML. */
type Spec = Readonly<Record<string, unknown>>;

export interface DeploymentOptions {
  readonly name: string;
  readonly replicas?: number;
  /** Changes the Deployment's spec in every commit. */
  readonly change?: (spec: Spec) => Spec;
  /** Requests per second; 0 for none. */
  readonly rps?: number;
  /** Versions that are rolled out one after the other before there is a release; none: nothing is deployed yet. */
  readonly before: readonly Version[];
}

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');

/** Two quick stages. */
export const STAGES = [
  { weight: 20, duration: '2s' },
  { weight: 50, duration: '2s' },
] as const;
/** A first stage that a person has to let go, and a quick one. */
export const HELD_STAGES = [{ weight: 20, duration: '1s', approval: 'Required' }, STAGES[1]] as const;

/** Runs kubectl as the administrator. */
export async function kubectl(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run('kubectl', args);
}

/** The same with an object at its standard input. */
export async function kubectlWith(object: PlainObject, ...args: readonly string[]): Promise<void> {
  const running = run('kubectl', args);
  running.child.stdin?.end(JSON.stringify(object));
  await running;
}

/** Puts the policies and the role of Deployment mode into the cluster. */
export async function installDeploymentMode(): Promise<void> {
  await kubectl('apply', '--server-side', '--force-conflicts', '-k', MODE);
}

/** Other files' clusters shall be as if Deployment mode had never been there. */
export async function removeDeploymentMode(): Promise<void> {
  await kubectl('delete', '--ignore-not-found', '-k', MODE);
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
}

export class DeploymentStand {
  readonly stand: Stand;
  readonly pods: ObjectWatch<Pod>;

  private constructor(stand: Stand, pods: ObjectWatch<Pod>) {
    this.stand = stand;
    this.pods = pods;
  }

  /** With policies and rights, unless the test wants to see what is said without them. */
  static async open(name: string, mode: 'installed' | 'absent' = 'installed'): Promise<DeploymentStand> {
    const stand = await Stand.open({ name, versions: {} });
    const pods = await ObjectWatch.open<Pod>(stand.cluster, 'Pod', stand.namespace);
    const home = new DeploymentStand(stand, pods);
    await removeDeploymentMode();
    if (mode === 'absent') return home;
    await installDeploymentMode();
    await home.bind();
    return home;
  }

  /** Gives the operator the rights in this namespace, as the documentation says. */
  async bind(): Promise<void> {
    const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
    await kubectl('create', 'rolebinding', 'glidepath-deployment-mode', '-n', this.stand.namespace, ...binding);
  }

  /** A Deployment that serves its first version under load, and its release, idle. */
  async deploy(options: DeploymentOptions, spec: Spec = {}): Promise<DeploymentApp> {
    const app = await this.serve(options);
    await app.release(spec);
    if (options.before.length > 0) await app.load.untilPhase('Idle');
    return app;
  }

  /** A Deployment that serves its first version under load, and no release yet. */
  async serve(options: DeploymentOptions): Promise<DeploymentApp> {
    const { name, before, rps = 20 } = options;
    const app = new DeploymentApp(this, await this.stand.app({ name, services: { api: name }, weights: { api: 1 }, rps: 0 }), options);
    for (const version of before) {
      await app.apply(version);
      await app.untilRolledOut();
    }
    if (before.length > 0 && rps > 0) await app.load.startLoad(rps);
    return app;
  }

  async close(): Promise<void> {
    this.pods.close();
    await this.stand.close();
    await removeDeploymentMode();
  }
}

export class DeploymentApp {
  readonly name: string;
  /** Its route, its load and its release. */
  readonly load: App;
  readonly #home: DeploymentStand;
  readonly #options: DeploymentOptions;

  constructor(home: DeploymentStand, app: App, options: DeploymentOptions) {
    this.#home = home;
    this.load = app;
    this.name = options.name;
    this.#options = options;
  }

  get ref() {
    return { kind: 'Deployment', namespace: this.#home.stand.namespace, name: this.name } as const;
  }

  /** The manifest of the release. */
  releaseManifest(spec: Spec = {}): PlainObject {
    const target = { services: undefined, targetRef: { kind: 'Deployment', name: this.name }, service: { name: `${this.name}-api` } };
    return this.load.manifest({ ...target, stages: STAGES, ...spec } as never);
  }

  /** Applies the release. */
  async release(spec: Spec = {}): Promise<void> {
    await this.#home.stand.cluster.apply(this.releaseManifest(spec));
  }

  /** The manifest that Git has for a version. */
  manifest(version: Version): PlainObject {
    const { replicas = 2, change = (spec: Spec) => spec } = this.#options;
    const plain = sampleDeployment({ ...version, namespace: this.#home.stand.namespace, name: this.name, replicas });
    return { ...plain, spec: change(plain['spec'] as Spec) };
  }

  /** As a GitOps tool would apply it: the whole manifest. Replicas are left to whoever scales. */
  async apply(version: Version): Promise<void> {
    const { cluster } = this.#home.stand;
    const manifest = this.manifest(version);
    const { replicas: _replicas, ...spec } = manifest['spec'] as Record<string, unknown>;
    const isThere = (await cluster.get(this.ref)) !== undefined;
    await cluster.apply(isThere ? { ...manifest, spec } : manifest, { manager: isThere ? 'git' : 'first-deploy' });
  }

  /** As an autoscaler does. */
  async scale(replicas: number): Promise<void> {
    await this.#home.stand.cluster.patch(this.ref, { spec: { replicas } }, { subresource: 'scale', manager: 'autoscaler' });
  }

  async deployment(): Promise<Workload | undefined> {
    return this.#home.stand.cluster.get<Workload>(this.ref);
  }

  /** All pods are of the newest template, and it is not held. */
  async untilRolledOut(): Promise<void> {
    const isDone = async () => {
      const { metadata, status = {}, spec } = (await this.deployment()) ?? {};
      const wanted = spec?.replicas ?? 1;
      const settled =
        (status.replicas ?? 0) === wanted && (status.updatedReplicas ?? 0) === wanted && (status.readyReplicas ?? 0) === wanted;
      return settled && spec?.paused !== true && status.observedGeneration === metadata?.generation;
    };
    await waitFor(`Deployment ${this.name} to be rolled out`, isDone, { ms: 60_000 });
  }

  /** Every pod that ever was, of the Deployment and of its canaries. */
  get pods(): readonly SeenPod[] {
    const mine: readonly (string | undefined)[] = [this.name, `${this.name}-canary`];
    return this.#home.pods.names.flatMap((name): SeenPod[] => {
      const [first] = this.#home.pods.history(name);
      const { labels = {} } = first?.object.metadata ?? {};
      if (first === undefined || !mine.includes(labels['app'])) return [];
      const isCanary = labels['glidepath.dev/role'] === 'canary';
      const version = first.object.spec.containers[0]?.env?.find((one) => one.name === 'VERSION')?.value ?? '';
      return [{ name, version, isCanary, atMs: first.atMs }];
    });
  }

  /** Versions of the pods that the serving Service ever selected. */
  get versionsBehind(): readonly string[] {
    return [...new Set(this.pods.filter(({ isCanary }) => !isCanary).map(({ version }) => version))].sort();
  }

  /** Versions of those pods of the serving Service that answered requests of this time, by the pods' names in the answers. */
  versionsAnswering(fromMs = 0, toMs?: number): readonly string[] {
    const known = new Map(this.pods.map((pod) => [pod.name, pod]));
    const answering = [...new Set(this.load.records(fromMs, toMs).map(({ pod }) => pod))].filter((pod) => pod !== '');
    const versions = answering.flatMap((name) => {
      const pod = known.get(name);
      if (pod === undefined) throw new Error(`an answer came from ${name}, which is no pod of ${this.name}`);
      return pod.isCanary ? [] : [pod.version];
    });
    return [...new Set(versions)].sort();
  }

  /** Pods that are ready now, by version. */
  readyNow(isCanary = false): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { name, version } of this.pods.filter((pod) => pod.isCanary === isCanary)) {
      const pod = this.#home.pods.last(name);
      if (pod !== undefined && isReady(pod) && pod.metadata.deletionTimestamp === undefined) counts[version] = (counts[version] ?? 0) + 1;
    }
    return counts;
  }

  /** Pods of the Deployment since then, those that end left out: the fewest that were ready at once, and the most that were there. */
  podsOver(fromMs: number): { readonly fewestReady: number; readonly most: number } {
    const { pods } = this.#home;
    const own = this.pods.filter(({ isCanary }) => !isCanary);
    const changes = own.flatMap(({ name }) => pods.history(name).map((version) => ({ name, ...version })));
    const present = new Map<string, boolean>();
    let [fewestReady, most] = [Number.POSITIVE_INFINITY, 0];
    for (const { name, atMs, object, deleted } of changes.toSorted((a, b) => a.atMs - b.atMs)) {
      if (atMs > fromMs) fewestReady = Math.min(fewestReady, [...present.values()].filter(Boolean).length);
      if (deleted || object.metadata.deletionTimestamp !== undefined) present.delete(name);
      else present.set(name, isReady(object));
      if (atMs > fromMs) most = Math.max(most, present.size);
    }
    return { fewestReady: Math.min(fewestReady, [...present.values()].filter(Boolean).length), most };
  }

  /** Waits until no pod of it has changed for so long. */
  async untilSteady(ms: number): Promise<void> {
    const lastChange = () => Math.max(...this.pods.map(({ name }) => this.#home.pods.history(name).at(-1)?.atMs ?? 0));
    const fromMs = Date.now();
    await waitFor(
      `${this.name}: pods that do not change for ${ms / 1_000} s`,
      async () => Date.now() - Math.max(fromMs, lastChange()) > ms,
      {
        ms: 60_000,
        lastSeen: () => this.readyNow(),
      },
    );
  }

  /** Waits until these pods are ready behind the serving Service, and no others. */
  async untilReady(wanted: Readonly<Record<string, number>>, ms = 45_000): Promise<void> {
    const text = JSON.stringify(wanted);
    const isSo = async () => JSON.stringify(this.readyNow()) === text;
    await waitFor(`${this.name}: ready pods ${text}`, isSo, { ms, lastSeen: () => this.readyNow() });
  }

  /** Requests of the next moment have been answered. */
  async untilAnswered(count = 20): Promise<number> {
    const fromMs = Date.now() + 100;
    await waitFor(`${count} answers`, async () => this.load.records(fromMs).length >= count);
    return fromMs;
  }

  /** From when on pods of this version alone answer for the serving Service: those that end still do for a moment. */
  async untilOnly(version: string, count = 40): Promise<number> {
    const calledMs = Date.now();
    const find = async () => {
      const last = this.load.records(calledMs).slice(-count);
      const [first] = last;
      return last.length === count && this.versionsAnswering(first?.sentAtMs).join() === version && first?.sentAtMs;
    };
    return waitFor(`answers by ${version} alone`, find, { lastSeen: () => this.load.records().slice(-5) });
  }

  /** Neither canary nor ref is left. */
  async leftovers(): Promise<readonly string[]> {
    const { cluster, namespace } = this.#home.stand;
    const canary = await cluster.get({ kind: 'Deployment', namespace, name: `${this.name}-canary` });
    const service = await cluster.get({ kind: 'Service', namespace, name: `${this.name}-api-canary` });
    const refs = (this.load.route.spec.rules ?? []).flatMap((rule) => (rule.backendRefs ?? []).map(({ name }) => name));
    return [
      ...(canary === undefined ? [] : ['canary Deployment']),
      ...(service === undefined ? [] : ['canary Service']),
      ...refs.filter((name) => name !== `${this.name}-api`).map((name) => `ref to ${name}`),
    ];
  }
}
