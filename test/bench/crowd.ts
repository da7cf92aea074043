// Many releases without any pod: Services and EndpointSlices made by hand, and routes whose gateway is the benchmark itself,
// so that neither a gateway nor a kube-proxy takes part in what is measured.

import type { Cluster } from './cluster.ts';

/** In the name of every canary Service. */
export const CANARY_PART = '-canary';
const GATEWAY = 'bench';
const BATCH = 100;
const APPS_A_NAMESPACE = 50;

/** One application: a release, a route and two Services. */
export interface App {
  readonly namespace: string;
  readonly name: string;
}

/** So many applications over as many namespaces as they need. */
export function crowdOf(prefix: string, count: number): readonly App[] {
  return Array.from({ length: count }, (_, index) => ({
    namespace: `${prefix}-${Math.floor(index / APPS_A_NAMESPACE)}`,
    name: `app-${index}`,
  }));
}

function namespacesOf(apps: readonly App[]): readonly string[] {
  return [...new Set(apps.map(({ namespace }) => namespace))];
}

/** Names of the Services of a release: serving, canary. */
export function servicesOf(name: string): readonly [string, string] {
  return [`${name}-serving`, `${name}${CANARY_PART}`];
}

/** A headless Service without selector (kube-proxy and the endpoints controller leave it alone) and one ready endpoint. */
function backend(namespace: string, name: string, address: string): readonly object[] {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { clusterIP: 'None', ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports,
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
    },
  ];
}

function routeOf(namespace: string, name: string): object {
  const [serving, canary] = servicesOf(name);
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace },
    spec: {
      parentRefs: [{ name: GATEWAY }],
      hostnames: [`${name}.example`],
      rules: [
        {
          backendRefs: [
            { name: serving, port: 80, weight: 100 },
            { name: canary, port: 80, weight: 0 },
          ],
        },
      ],
    },
  };
}

/** The answer of a gateway. Without observedGeneration, as some write it: it stays true when the route changes. */
const ACCEPTED = {
  status: {
    parents: [
      {
        parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: GATEWAY },
        controllerName: 'example.com/bench',
        conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
          type,
          status: 'True',
          reason: type,
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        })),
      },
    ],
  },
};

function canaryReleaseOf({ namespace, name }: App, spec: object): object {
  const services = servicesOf(name).map((service) => ({ name: service }));
  return { apiVersion: 'glidepath.dev/v1alpha1', kind: 'CanaryRelease', metadata: { name, namespace }, spec: { services, ...spec } };
}

/** Runs `work` for every item, some at a time. */
export async function inBatches<T>(items: readonly T[], work: (item: T, index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += BATCH) {
    await Promise.all(items.slice(from, from + BATCH).map((item, offset) => work(item, from + offset)));
  }
}

/** Creates namespaces, backends and accepted routes. */
export async function createApps(cluster: Cluster, apps: readonly App[]): Promise<void> {
  await cluster.apply(namespacesOf(apps).map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })));
  await inBatches(apps, async ({ namespace, name }, index) => {
    const address = `10.200.${Math.floor(index / 250)}.${(index % 250) + 1}`;
    await cluster.apply(servicesOf(name).flatMap((service) => backend(namespace, service, address)));
    await cluster.apply([routeOf(namespace, name)]);
    await cluster.merge('HTTPRoute', namespace, name, ACCEPTED, 'status');
  });
}

/** Creates the CanaryReleases. */
export async function createReleases(cluster: Cluster, apps: readonly App[], spec: object): Promise<void> {
  await inBatches(apps, (app) => cluster.apply([canaryReleaseOf(app, spec)]));
}

/**
 * Removes everything of the crowds with this prefix, those of interrupted runs included, without an operator: the releases'
 * finalizers are taken off first.
 */
export async function dropCrowds(cluster: Cluster, prefix: string): Promise<void> {
  const namespaces = (await cluster.list('Namespace', undefined)).map(({ metadata }) => metadata.name);
  const own = namespaces.filter((name) => name.startsWith(`${prefix}-`));
  await inBatches(own, async (namespace) => {
    await inBatches(await cluster.list('CanaryRelease', namespace), async ({ metadata }) => {
      if (metadata.finalizers === undefined) return;
      await cluster.merge('CanaryRelease', namespace, metadata.name, { metadata: { finalizers: null } });
    });
    for (const kind of ['CanaryRelease', 'HTTPRoute', 'EndpointSlice'] as const) await cluster.removeAll(kind, namespace);
    await cluster.remove('Namespace', undefined, namespace);
  });
}
