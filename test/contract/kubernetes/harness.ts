// A fake API server and a connection to it whose waits are short.

import { onTestFinished } from 'vitest';
import { connectKubernetes, type ConnectOptions, type KubernetesConnection } from '../../../src/adapters/kubernetes/connect.ts';
import type { Change } from '../../../src/ports/cluster.ts';
import { HomeGate } from '../../../src/adapters/kubernetes/client/gate.ts';
import { loadConfigFile, PooledKubeConfig } from '../../../src/adapters/kubernetes/client/kubeconfig.ts';
import { Transport } from '../../../src/adapters/kubernetes/client/transport.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { FakeApiServer, type FakeInput } from '../../fakes/api-server/server.ts';

export const {
  releases,
  httpRoutes,
  grpcRoutes,
  tcpRoutes,
  services,
  pods,
  secrets,
  slices,
  events,
  jobs,
  leases,
  crds,
  deployments,
  replicaSets,
  networkPolicies,
  budgets,
  tlsPolicies,
  ciliumPolicies,
} = FAKE_RESOURCES;

export const realClock: Clock = {
  now: () => Date.now(),
  schedule: (atMs, run) => {
    const timer = setTimeout(run, Math.max(0, atMs - Date.now()));
    return () => clearTimeout(timer);
  },
};

export const QUICK = { backoffMs: 2, longestBackoffMs: 20, absentMs: 20, believeAbsentMs: 0, shortestWatchMs: 0 } as const;

export async function startFake(): Promise<FakeApiServer> {
  const server = await FakeApiServer.start();
  onTestFinished(() => server.stop());
  return server;
}

export interface Harness {
  readonly server: FakeApiServer;
  readonly connection: KubernetesConnection;
  readonly changes: Change[];
  readonly faults: { readonly watch: string; readonly error: unknown }[];
}

export async function connectFake(options: Partial<ConnectOptions> = {}, server?: FakeApiServer): Promise<Harness> {
  const fake = server ?? (await startFake());
  const faults: Harness['faults'] = [];
  const connection = connectKubernetes({
    clock: realClock,
    kubeconfig: await fake.kubeconfig(),
    times: QUICK,
    discoveryTimes: { noneMs: 20, someMs: 600_000, retryMs: 2 },
    onFault: (watch, error) => faults.push({ watch, error }),
    ...options,
  });
  const changes: Change[] = [];
  connection.onChange((event) => changes.push(event));
  onTestFinished(() => connection.close());
  return { server: fake, connection, changes, faults };
}

export interface TransportHarness {
  readonly server: FakeApiServer;
  readonly transport: Transport;
  readonly config: PooledKubeConfig;
  readonly gate: HomeGate;
}

export async function createTransport(
  options: {
    readonly homeConnections?: number;
    readonly normalConnections?: number;
    readonly now?: () => number;
    readonly gateMs?: number;
  } = {},
): Promise<TransportHarness> {
  const server = await startFake();
  const path = await server.kubeconfig();
  const { gateMs, ...pools } = options;
  const config = new PooledKubeConfig({ now: () => Date.now(), load: () => loadConfigFile(path), ...pools });
  onTestFinished(() => config.close());
  const gate = new HomeGate(gateMs);
  return { server, config, gate, transport: new Transport(config, gate) };
}

export function releaseNamed(name: string, extra: Record<string, unknown> = {}, namespace = 'shop'): FakeInput {
  return { metadata: { name, namespace }, spec: { services: [{ name: 'v1' }, { name: 'v2' }] }, ...extra };
}

export function routeNamed(name: string, weights: readonly [number, number] = [100, 0], namespace = 'shop'): FakeInput {
  const backendRefs = [
    { name: 'store-v1', port: 80, weight: weights[0] },
    { name: 'store-v2', port: 80, weight: weights[1] },
  ];
  return { metadata: { name, namespace, annotations: { 'example.org/note': 'kept' } }, spec: { rules: [{ backendRefs }] } };
}

export function serviceNamed(name: string, selector: Record<string, string> = { app: name }, namespace = 'shop'): FakeInput {
  return { metadata: { name, namespace }, spec: { selector, ports: [{ name: 'http', port: 80 }] } };
}

export interface FakeEndpoint {
  readonly pod: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
}

export function sliceOf(service: string, name: string, endpoints: readonly FakeEndpoint[], namespace = 'shop'): FakeInput {
  return {
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: endpoints.map(({ pod, ready, terminating }, index) => ({
      addresses: [`10.0.0.${index + 1}`],
      targetRef: { kind: 'Pod', name: pod, namespace },
      conditions: { ...(ready === undefined ? {} : { ready }), ...(terminating === undefined ? {} : { terminating }) },
    })),
  };
}

export function podNamed(name: string, app: string, hash: string, extra: Record<string, unknown> = {}): FakeInput {
  return { metadata: { name, namespace: 'shop', labels: { app, 'pod-template-hash': hash }, ...extra } };
}
