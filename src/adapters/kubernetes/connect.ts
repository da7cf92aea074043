// One connection to one cluster: builds the stores over a shared transport and runs their watches. Adapters outside this
// folder know the API server through this file only.

import { withoutUndefined } from '../../api/absence.ts';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../ports/clock.ts';
import type { Cluster } from '../../ports/cluster.ts';
import { KubernetesBackends } from './backends/backends.ts';
import { type ElectionOptions, runElection } from './leader/election.ts';
import { KubernetesEvents } from './events/events.ts';
import { HomeGate } from './client/gate.ts';
import { CertificateSecret, WebhookConfiguration } from './hold-webhook.ts';
import { Doubt } from './informer/doubt.ts';
import type { WatchedCache, WatchEnvironment } from './informer/kinds.ts';
import { HOME_CONNECTIONS, loadConfigFile, PooledKubeConfig } from './client/kubeconfig.ts';
import { KubernetesJobs } from './jobs.ts';
import { KubernetesPolicies } from './policies.ts';
import { Pulse } from './pulse.ts';
import type { ReflectorHealth } from './informer/reflector.ts';
import type { ReflectorTimes } from './informer/reflector-times.ts';
import { KubernetesReleases } from './releases.ts';
import type { DiscoveryTimes } from './routes/route-kinds.ts';
import { KubernetesRoutes } from './routes/routes.ts';
import { readSchemaLevel } from './schema-level.ts';
import { createGatewayPodLister, type ListGatewayPods } from './gateway-pods.ts';
import { createSecretReader, type ReadSecret } from './secrets.ts';
import { KubernetesWorkloads } from './workloads/workloads.ts';
import { Transport } from './client/transport.ts';

export interface ConnectOptions {
  readonly clock: Clock;
  /** Absent: the whole cluster. */
  readonly namespaces?: readonly string[];
  /** A kubeconfig file; default KUBECONFIG, ~/.kube/config, or the pod's service account. */
  readonly kubeconfig?: string;
  /** Instead of a file; called whenever credentials must be read again. */
  readonly loadConfig?: () => KubeConfig;
  readonly homeConnections?: number;
  readonly normalConnections?: number;
  /** Longest time that home writes delay another write. */
  readonly mostGateWaitMs?: number;
  readonly userAgent?: string;
  /** Name of this process in events. */
  readonly instance?: string;
  readonly times?: Partial<ReflectorTimes>;
  readonly discoveryTimes?: Partial<DiscoveryTimes>;
  /** A watch or list failed and will be tried again. */
  readonly onFault?: (watch: string, error: unknown) => void;
  readonly onEventDropped?: (what: string, why: string) => void;
}

export interface KubernetesConnection extends Cluster {
  readonly releases: KubernetesReleases;
  readonly routes: KubernetesRoutes;
  readonly backends: KubernetesBackends;
  /** Not part of `synced` and `health`: a namespace that denies these watches stops its own releases only. */
  readonly workloads: KubernetesWorkloads;
  readonly policies: KubernetesPolicies;
  readonly jobs: KubernetesJobs;
  readonly events: KubernetesEvents;
  readonly readSecret: ReadSecret;
  readonly listGatewayPods: ListGatewayPods;
  readonly webhook: WebhookConfiguration;
  /** The Secret of a namespace that holds the certificate of the webhook. */
  webhookSecret(namespace: string): CertificateSecret;
  runElection(options: ElectionOptions): Promise<'stopped' | 'lost'>;
  health(): readonly ReflectorHealth[];
  /** Undefined unless home writes are under way, else a promise that resolves once they are done. */
  untilQuiet(): Promise<void> | undefined;
}

/** Nothing is sent before `start` or the first call of a store. */
export function connectKubernetes(options: ConnectOptions): KubernetesConnection {
  const { clock, kubeconfig } = options;
  const now = (): number => clock.now();
  const load = options.loadConfig ?? (kubeconfig === undefined ? undefined : () => loadConfigFile(kubeconfig));
  const config = new PooledKubeConfig({
    now,
    ...withoutUndefined({ load, homeConnections: options.homeConnections, normalConnections: options.normalConnections }),
  });
  const transport = new Transport(config, new HomeGate(options.mostGateWaitMs), options.userAgent);
  const doubt = new Doubt();
  const pulse = new Pulse(transport, config, doubt);
  const env = { ...buildEnvironment(options, transport, now), doubt };
  const releases = new KubernetesReleases(env);
  const routes = new KubernetesRoutes(env, options.discoveryTimes);
  const backends = new KubernetesBackends(env);
  const workloads = new KubernetesWorkloads(env);
  const events = createEvents(options, transport);
  const caches: readonly WatchedCache[] = [releases, routes, backends];
  const watches = new Watches(caches);
  return {
    releases,
    routes,
    backends,
    workloads,
    policies: new KubernetesPolicies(env),
    jobs: new KubernetesJobs(transport),
    events,
    readSecret: createSecretReader(transport),
    listGatewayPods: createGatewayPodLister(transport),
    webhook: new WebhookConfiguration(transport),
    webhookSecret: (namespace) => new CertificateSecret(transport, namespace),
    runElection: (election) => runElection(transport, election),
    start: (signal) => watches.start(signal),
    synced: () => caches.every((cache) => cache.synced()),
    health: () => caches.flatMap((cache) => cache.health()),
    onChange: (listener) => {
      const removals = [releases, routes, backends, workloads].map((cache) => cache.onChange(listener));
      return () => {
        for (const remove of removals) remove();
      };
    },
    untilQuiet: () => transport.gate.untilQuiet(),
    schemaLevel: () => readSchemaLevel(transport),
    beat: () => pulse.beat(),
    warm: (connections) => {
      const all = options.homeConnections ?? HOME_CONNECTIONS;
      return transport.warm(Math.min(connections ?? all, all));
    },
    close: async () => {
      await watches.end();
      await workloads.close();
      await events.close();
      await config.close();
    },
  };
}

/** The running watches of all caches: begun once, ended once. */
class Watches {
  readonly #caches: readonly WatchedCache[];
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(caches: readonly WatchedCache[]) {
    this.#caches = caches;
  }

  start(signal: AbortSignal | undefined): void {
    if (this.#running !== undefined) return;
    if (signal?.aborted === true) this.#stop.abort();
    signal?.addEventListener('abort', () => this.#stop.abort(), { once: true });
    this.#running = Promise.all(this.#caches.map((cache) => cache.run(this.#stop.signal)));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function buildEnvironment(options: ConnectOptions, transport: Transport, now: () => number): WatchEnvironment {
  return {
    transport,
    now,
    ...withoutUndefined({ namespaces: options.namespaces, times: options.times, onFault: options.onFault }),
  };
}

function createEvents(options: ConnectOptions, transport: Transport): KubernetesEvents {
  return new KubernetesEvents({
    transport,
    clock: options.clock,
    instance: options.instance ?? 'glidepath',
    ...(options.onEventDropped === undefined ? {} : { onDropped: options.onEventDropped }),
  });
}
