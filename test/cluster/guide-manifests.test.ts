// Four routes that guides of the Gateway API show, with the names they show: a shared Gateway in a namespace of the platform team, and
// applications in another. What is not the release's is kept byte for byte, what is in the way is named, and no request is lost.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { applyObjects } from '../lab/apply.ts';
import { ENVOY_GATEWAY_NAMESPACE, gatewayObjects } from '../lab/gateways/envoy-gateway/objects.ts';
import { isBad, type Load, startLoad, within } from '../lab/load.ts';
import { type PlainObject, sampleDeployment, sampleNamespace } from '../lab/sample.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { type App, OWNER, QUICK_STAGES } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { bindDeploymentMode, installDeploymentMode } from '../fixtures/cluster/deployment-stand.ts';
import { type RouteRule, Stand } from '../fixtures/cluster/stand.ts';

const NAMESPACE = 'applications';
const PLATFORM = 'networking';
const GATEWAY = 'shared-gateway';
const HOST = 'api.example.com';
const PORT = 8080;
const HEADER = { 'X-Canary-User': 'true' };

/** Deployment behind each Service. */
const SERVICES = {
  'store-api-service': 'store-api',
  'user-accounts-service': 'user-accounts',
  'store-api-v1-service': 'store-api-v1',
  'store-api-v2-service': 'store-api-v2',
  'store-api-v3-staging-service': 'store-api-v3',
} as const;
type ServiceName = keyof typeof SERVICES;

let stand: Stand;
let url: string;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'guide',
    namespace: NAMESPACE,
    versions: Object.fromEntries(Object.values(SERVICES).map((name) => [name, { version: name }])),
  });
  await installDeploymentMode();
  await bindDeploymentMode(NAMESPACE);
  await stand.cluster.create(sampleNamespace(PLATFORM));
  await applyObjects([...gatewayObjects({ name: GATEWAY, namespace: PLATFORM }), ...Object.entries(SERVICES).map(serviceObject)]);
  url = await waitFor('the address of the Gateway', findAddress);
});

afterAll(async () => {
  await stand?.cluster.remove({ kind: 'Namespace', name: PLATFORM });
  await stand?.close();
});

/** The routes have the same host and paths, so that one at a time is there. */
afterEach(async () => {
  for (const { metadata } of await stand.cluster.list('CanaryRelease', NAMESPACE)) {
    await stand.cluster.remove({ kind: 'CanaryRelease', namespace: NAMESPACE, name: metadata.name });
    await stand.releases.untilGone(metadata.name);
  }
  for (const { metadata } of await stand.cluster.list('HTTPRoute', NAMESPACE))
    await stand.cluster.remove({ kind: 'HTTPRoute', namespace: NAMESPACE, name: metadata.name });
});

function serviceObject([name, deployment]: readonly [string, string]): PlainObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE },
    spec: { selector: { app: deployment }, ports: [{ name: 'http', port: PORT, targetPort: 'http' }] },
  };
}

async function findAddress(): Promise<string | undefined> {
  const services = await stand.cluster.list<KubeObject<{ readonly clusterIP: string }>>('Service', ENVOY_GATEWAY_NAMESPACE);
  const own = services.find(({ metadata }) => metadata.labels?.['gateway.envoyproxy.io/owning-gateway-name'] === GATEWAY);
  return own === undefined ? undefined : `http://${own.spec.clusterIP}`;
}

const ref = (name: ServiceName, weight?: number) => ({ name, port: PORT, ...(weight === undefined ? {} : { weight }) });
const atPath = (value: string) => ({ path: { type: 'PathPrefix', value } });
const FEATURE_FLAG = {
  matches: [{ ...atPath('/store'), headers: [{ type: 'Exact', name: 'X-Canary-User', value: 'true' }] }],
  backendRefs: [ref('store-api-v2-service')],
};
const MIRROR = { type: 'RequestMirror', requestMirror: { backendRef: ref('store-api-v3-staging-service') } };

/** Applies a guide's route as Git would. */
async function applyRoute(name: string, rules: readonly RouteRule[]): Promise<void> {
  await stand.cluster.apply(
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace: NAMESPACE },
      spec: { parentRefs: [{ name: GATEWAY, namespace: PLATFORM }], hostnames: [HOST], rules },
    },
    { manager: OWNER },
  );
}

/** Requests to a path, once it is served. */
async function send(path: string, headers: Readonly<Record<string, string>> = {}, rps = 20): Promise<Load> {
  const load = startLoad({ url, host: HOST, rps, path, headers });
  await waitFor(`${path} to be served`, async () => load.records.at(-1)?.status === 200, { lastSeen: () => load.records.at(-1) });
  return load;
}

/** The route and the release of this name; both are applied here. */
const watch = (name: string): Promise<App> => stand.app({ name, delivered: 'by others' });

/** Ends the load. @returns the bad answers and the versions since then */
async function answersOf(load: Load, fromMs: number) {
  const records = within(await load.stop(), fromMs, Number.POSITIVE_INFINITY);
  return { bad: records.filter(isBad), versions: [...new Set(records.map(({ version }) => version))].sort() };
}

/** Every version of one rule that the route ever had, apart from what the API server writes. */
function historyOf(app: App, rule: number): readonly string[] {
  return [...new Set(stand.routes.history(app.name).map(({ object }) => JSON.stringify(object.spec.rules?.[rule])))];
}

const deploymentSpec = (deployment: string, service: ServiceName) => ({
  services: undefined,
  targetRef: { kind: 'Deployment' as const, name: deployment },
  service: { name: service },
  stages: [...QUICK_STAGES],
});
const bothVersions = { services: [{ name: 'store-api-v1-service' }, { name: 'store-api-v2-service' }] };

/** A new image, as Git would apply it. */
async function commit(name: string, version: string): Promise<void> {
  await stand.cluster.apply(sampleDeployment({ namespace: NAMESPACE, name, version }), { manager: 'git' });
}

describe('a route of the guides', () => {
  test('multi-service-routing: the release of one Service leaves the rule of the other as it is', async () => {
    const app = await watch('multi-service-routing');
    await applyRoute(app.name, [
      { matches: [atPath('/store')], backendRefs: [ref('store-api-service')] },
      { matches: [atPath('/users')], backendRefs: [ref('user-accounts-service')] },
    ]);
    const [store, users] = [await send('/store'), await send('/users')];
    const beganMs = Date.now();
    await app.release(deploymentSpec('store-api', 'store-api-service'));
    await app.untilPhase('Idle');
    await commit('store-api', 'store-api-2');
    await app.untilPhase('Promoted');
    expect(historyOf(app, 1)).toHaveLength(1);
    expect(historyOf(app, 0).length).toBeGreaterThan(3);
    expect(app.route.spec.rules?.[0]?.backendRefs).toMatchObject([{ name: 'store-api-service', weight: 1 }]);
    expect(await answersOf(users, beganMs)).toEqual({ bad: [], versions: ['user-accounts'] });
    expect(await answersOf(store, beganMs)).toEqual({ bad: [], versions: ['store-api', 'store-api-2'] });
  });

  test('store-api-canary: the weight that is there is named with what to do, and with spec.adopt the release continues from it', async () => {
    const app = await watch('store-api-canary');
    const rule = (canary: number) => ({
      matches: [atPath('/store')],
      backendRefs: [ref('store-api-v1-service', 100 - canary), ref('store-api-v2-service', canary)],
    });
    await applyRoute(app.name, [rule(5)]);
    const store = await send('/store');
    const beganMs = Date.now();
    await app.release(bothVersions);
    const blocked = await app.untilBlockedBy('CanaryAlreadyHasTraffic');
    expect(blocked.message).toMatch(
      /CanaryAlreadyHasTraffic: HTTPRoute store-api-canary, rule rules\[0\] already gives Service store-api-v2-service weight 5, .*set it to 0/,
    );
    expect(historyOf(app, 0)).toHaveLength(1);
    await app.release({ ...bothVersions, adopt: true });
    await app.untilPhase('Promoted');
    expect((await answersOf(store, beganMs)).bad).toEqual([]);
    expect(app.status?.release?.adoptedWeight).toBe(5);
    // From the 5% that were there it rose; it never went home in between.
    const weights = stand.routes.history(app.name).map(({ object }) => object.spec.rules?.[0]?.backendRefs?.[1]?.weight ?? 0);
    expect(Math.min(...weights)).toBe(5);
    expect(app.route.spec.rules?.[0]?.backendRefs).toMatchObject([{ weight: 0 }, { weight: 100 }]);
  });

  test('store-api-feature-flag: the rule of the header is kept and named, and its users see v2 throughout', async () => {
    const app = await watch('store-api-feature-flag');
    const plain = (...backendRefs: ReturnType<typeof ref>[]) => ({ matches: [atPath('/store')], backendRefs });
    await applyRoute(app.name, [FEATURE_FLAG, plain(ref('store-api-v1-service'))]);
    const [flagged, others] = [await send('/store', HEADER, 10), await send('/store')];
    const beganMs = Date.now();
    await app.release(bothVersions);
    const blocked = await app.untilBlockedBy('BackendNotRouted');
    expect(blocked.message).toContain(
      'BackendNotRouted: HTTPRoute store-api-feature-flag, rule rules[1] names Service store-api-v1-service but not store-api-v2-service; add a backendRef {name: store-api-v2-service',
    );
    await applyRoute(app.name, [FEATURE_FLAG, plain(ref('store-api-v1-service'), ref('store-api-v2-service', 0))]);
    const running = await app.untilPhase('Analyzing');
    expect(running.conditions).toContainEqual(
      expect.objectContaining({
        type: 'OtherCanaryRules',
        reason: 'OwnRules',
        message: expect.stringContaining(
          'rule rules[0] of HTTPRoute store-api-feature-flag sends requests to Service store-api-v2-service',
        ),
      }),
    );
    await app.untilPhase('Promoted');
    expect(historyOf(app, 0)).toHaveLength(1);
    expect(await answersOf(flagged, beganMs)).toEqual({ bad: [], versions: ['store-api-v2'] });
    expect(await answersOf(others, beganMs)).toEqual({ bad: [], versions: ['store-api-v1', 'store-api-v2'] });
  });

  test('store-api-mirroring: the mirror of the guide stays on the rule that the release splits', async () => {
    const app = await watch('store-api-mirroring');
    await applyRoute(app.name, [{ matches: [atPath('/store')], filters: [MIRROR], backendRefs: [ref('store-api-v1-service')] }]);
    const store = await send('/store');
    const beganMs = Date.now();
    await app.release(deploymentSpec('store-api-v1', 'store-api-v1-service'));
    await app.untilPhase('Idle');
    await commit('store-api-v1', 'store-api-v1.1');
    await app.untilPhase('Promoted');
    const filters = stand.routes.history(app.name).map(({ object }) => JSON.stringify(object.spec.rules?.[0]?.['filters']));
    expect([...new Set(filters)]).toHaveLength(1);
    expect(filters[0]).toContain('store-api-v3-staging-service');
    expect(await answersOf(store, beganMs)).toEqual({ bad: [], versions: ['store-api-v1', 'store-api-v1.1'] });
  });
});
