// A shop to release versions in: a namespace with versions of the sample application behind one route of the gateway, and
// CanaryReleases over two of them. Benchmarks and the demo share it.

import { buildImage } from '../lab/images.ts';
import { showStep } from '../lab/progress.ts';
import { SAMPLE_FOLDER, SAMPLE_IMAGE, sampleNamespace, sampleObjects, sampleRoute, type SampleVersion } from '../lab/sample.ts';
import type { Cluster, ClusterObject, SeenEvent } from './cluster.ts';

export const ROUTE = 'store';
const ROLLOUT_PATIENCE_MS = 90_000;
const ACCEPT_PATIENCE_MS = 20_000;

export interface Shop {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly hostname: string;
  readonly image: string;
}

export type Version = Omit<SampleVersion, 'namespace' | 'image'>;

/** Makes the namespace and the image. */
export async function openShop(cluster: Cluster, namespace: string): Promise<Shop> {
  const image = await buildImage(SAMPLE_FOLDER, SAMPLE_IMAGE);
  await cluster.apply([sampleNamespace(namespace)]);
  return { cluster, namespace, hostname: `${namespace}.example`, image };
}

/** Removes everything; what takes longer goes on in the cluster. */
export async function closeShop({ cluster, namespace }: Pick<Shop, 'cluster' | 'namespace'>): Promise<void> {
  for (const release of await cluster.list('CanaryRelease', namespace)) await dropRelease({ cluster, namespace }, release.metadata.name);
  await cluster.remove('Namespace', undefined, namespace);
}

/** Begins to run versions, and waits for nothing. */
export async function ship({ cluster, namespace, image }: Shop, versions: readonly Version[]): Promise<void> {
  const samples = versions.map((version): SampleVersion => ({ ...version, namespace, image }));
  await cluster.apply(samples.flatMap((sample) => sampleObjects(sample)));
}

/** Runs versions and waits until all their pods are ready. */
export async function deploy(shop: Shop, versions: readonly Version[]): Promise<void> {
  const names = versions.map(({ name, replicas = 1 }) => `${name} (${replicas})`).join(', ');
  await showStep(`Pods of ${names}`, async () => {
    await ship(shop, versions);
    await Promise.all(versions.map(({ name, replicas = 1 }) => untilRolledOut(shop.cluster, shop.namespace, name, replicas)));
  });
}

interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly availableReplicas?: number;
  readonly updatedReplicas?: number;
  readonly replicas?: number;
}

async function untilRolledOut(cluster: Cluster, namespace: string, name: string, replicas: number): Promise<void> {
  await cluster.until('Deployment', namespace, `The rollout of ${name}`, ROLLOUT_PATIENCE_MS, ({ object }) => {
    const status = (object['status'] ?? {}) as DeploymentStatus;
    const { availableReplicas = 0, updatedReplicas = 0, replicas: all = 0, observedGeneration = 0 } = status;
    const isDone = availableReplicas === replicas && updatedReplicas === replicas && all === replicas;
    return object.metadata.name === name && isDone && observedGeneration >= (object.metadata.generation ?? 0) ? true : undefined;
  });
}

/** Gives a version another number of pods and waits for nothing. */
export function scale({ cluster, namespace }: Shop, name: string, replicas: number): Promise<void> {
  return cluster.merge('Deployment', namespace, name, { spec: { replicas } }, 'scale');
}

/** Gives all traffic to one version, with another listed at weight 0, and waits until the gateway has taken it. */
export async function routeTo({ cluster, namespace, hostname }: Shop, serving: string, canary: string): Promise<void> {
  await cluster.apply([sampleRoute({ namespace, name: ROUTE, hostname, weights: { [serving]: 100, [canary]: 0 } })]);
  await cluster.until('HTTPRoute', namespace, 'The acceptance of the route', ACCEPT_PATIENCE_MS, ({ object }) =>
    isAccepted(object) ? true : undefined,
  );
}

interface RouteStatus {
  readonly parents?: readonly { readonly conditions?: readonly { type: string; status: string; observedGeneration?: number }[] }[];
}

function isAccepted(route: ClusterObject): boolean {
  const conditions = ((route['status'] ?? {}) as RouteStatus).parents?.[0]?.conditions ?? [];
  const holds = (type: string) =>
    conditions.some((one) => one.type === type && one.status === 'True' && one.observedGeneration === route.metadata.generation);
  return holds('Accepted') && holds('ResolvedRefs');
}

interface RouteSpec {
  readonly rules?: readonly { readonly backendRefs?: readonly { readonly name: string; readonly weight?: number }[] }[];
}

/** The weight of a Service on the first rule of a route, in percent of all weights of the rule. */
export function shareOn(route: ClusterObject, service: string): number {
  const refs = ((route['spec'] ?? {}) as RouteSpec).rules?.[0]?.backendRefs ?? [];
  const total = refs.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const own = refs.find(({ name }) => name === service)?.weight ?? 0;
  return total === 0 ? 0 : (own / total) * 100;
}

/** Creates a CanaryRelease over two versions. */
export async function startRelease(
  shop: Pick<Shop, 'cluster' | 'namespace'>,
  name: string,
  services: readonly string[],
  spec: object,
): Promise<void> {
  const { cluster, namespace } = shop;
  await cluster.apply([
    {
      apiVersion: 'glidepath.dev/v1alpha1',
      kind: 'CanaryRelease',
      metadata: { name, namespace },
      spec: { services: services.map((service) => ({ name: service })), ...spec },
    },
  ]);
}

/** Deletes a CanaryRelease and waits until it is gone; the operator may have to take it home first. */
export async function dropRelease({ cluster, namespace }: Pick<Shop, 'cluster' | 'namespace'>, name: string): Promise<void> {
  await cluster.remove('CanaryRelease', namespace, name);
  await cluster.untilGone('CanaryRelease', name, namespace);
}

export interface ReleaseStatus {
  readonly release?: { readonly id?: string };
  readonly phase?: string;
  readonly progress?: string;
  readonly weight?: number;
  readonly observedWeight?: number;
  readonly message?: string;
  readonly serving?: { readonly service: string };
  readonly checks?: readonly {
    readonly name: string;
    readonly verdict: string;
    readonly value?: string;
    readonly limit?: string;
    readonly requests?: number;
  }[];
}

export function statusOf(object: ClusterObject): ReleaseStatus {
  return (object['status'] ?? {}) as ReleaseStatus;
}

/** Waits until a release is in a phase. */
export function untilPhase(shop: Pick<Shop, 'cluster' | 'namespace'>, name: string, phase: string, patienceMs: number): Promise<SeenEvent> {
  return shop.cluster.until('CanaryRelease', shop.namespace, `The phase ${phase} of ${name}`, patienceMs, (event) =>
    event.object.metadata.name === name && statusOf(event.object).phase === phase ? event : undefined,
  );
}
