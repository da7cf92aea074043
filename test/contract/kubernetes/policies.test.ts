import { beforeEach, describe, expect, test } from 'vitest';
import { POLICY_KINDS } from '../../../src/core/workload/policy-kinds.ts';
import type { FakeInput } from '../../fakes/api-server/server.ts';
import { budgets, ciliumPolicies, connectFake, type Harness, httpRoutes, networkPolicies, tlsPolicies } from './harness.ts';

const SPEC = { podSelector: { matchLabels: { app: 'store' } } };

let harness: Harness;

const named = (name: string, spec: object = SPEC, namespace = 'shop'): FakeInput => ({ metadata: { name, namespace }, spec });
const read = (maxAgeMs = 0) => harness.connection.policies.read('shop', maxAgeMs);
const paths = () => harness.server.requests.map(({ path }) => path);
const refuse = (plural: string, code: number, times = 99) =>
  harness.server.fault({ when: ({ path }) => path.endsWith(plural), action: { kind: 'status', code }, times });

beforeEach(async () => {
  harness = await connectFake();
});

test('policies of the namespace are read, kind by kind, at the version that is served', async () => {
  harness.server.resources.serve(tlsPolicies);
  harness.server.put(networkPolicies, named('db'));
  harness.server.put(networkPolicies, named('other', SPEC, 'elsewhere'));
  harness.server.put(budgets, named('store', { selector: {} }));
  harness.server.put(tlsPolicies, named('tls', { targetRefs: [] }));
  const { objects, unread } = await read();
  expect(unread).toEqual([]);
  expect(objects).toEqual([
    { kind: 'NetworkPolicy', name: 'db', spec: SPEC },
    { kind: 'BackendTLSPolicy', name: 'tls', spec: { targetRefs: [] } },
    { kind: 'PodDisruptionBudget', name: 'store', spec: { selector: {} } },
  ]);
  expect(paths()).toContain('/apis/gateway.networking.k8s.io/v1alpha3/namespaces/shop/backendtlspolicies');
});

describe('kinds that are not served', () => {
  test('kinds that are not served are no trouble, and no one asks for their objects', async () => {
    expect(await read()).toEqual({ objects: [], unread: [] });
    const lists = paths().filter((path) => path.includes('/namespaces/'));
    expect(lists.toSorted()).toEqual([
      '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies',
      '/apis/policy/v1/namespaces/shop/poddisruptionbudgets',
    ]);
    expect(paths().filter((path) => path.includes('cilium') || path.includes('istio'))).toEqual([]);
  });

  test('kinds that went away since they were discovered are no trouble either', async () => {
    refuse('/namespaces/shop/networkpolicies', 404);
    expect(await read()).toEqual({ objects: [], unread: [] });
  });

  test('kinds are found once their CRD is there', async () => {
    await read();
    harness.server.resources.serve(ciliumPolicies);
    const [first, second] = [{ endpointSelector: {} }, { endpointSelector: { matchLabels: { app: 'x' } } }];
    harness.server.put(ciliumPolicies, { metadata: { name: 'many', namespace: 'shop' }, specs: [first, second] });
    harness.server.put(ciliumPolicies, named('one', first));
    expect((await read()).objects).toEqual([
      { kind: 'CiliumNetworkPolicy', name: 'many', spec: first },
      { kind: 'CiliumNetworkPolicy', name: 'many', spec: second },
      { kind: 'CiliumNetworkPolicy', name: 'one', spec: first },
    ]);
  });
});

describe('kinds that cannot be read are told', () => {
  test('kinds that cannot be read are reported when they are forbidden', async () => {
    refuse('/namespaces/shop/networkpolicies', 403);
    harness.server.put(budgets, named('store'));
    const { objects, unread } = await read();
    expect(unread).toEqual([{ kind: 'NetworkPolicy', why: 'forbidden', message: expect.stringContaining('403') }]);
    expect(objects.map(({ kind }) => kind)).toEqual(['PodDisruptionBudget']);
  });

  test('kinds that cannot be read are reported when the API server fails for good; one failure is tried again', async () => {
    refuse('/namespaces/shop/networkpolicies', 503, 1);
    expect((await read()).unread).toEqual([]);
    refuse('/namespaces/shop/poddisruptionbudgets', 500);
    expect((await read()).unread).toEqual([{ kind: 'PodDisruptionBudget', why: 'failed', message: expect.stringContaining('500') }]);
  });

  test('kinds that cannot be read are reported when their group cannot be discovered, each kind of it', async () => {
    refuse('/apis/gateway.networking.k8s.io/v1', 500);
    expect((await read()).unread.map(({ kind, why }) => [kind, why])).toEqual([['BackendTLSPolicy', 'failed']]);
  });

  test('kinds that cannot be read are reported when nothing can be discovered, all of them', async () => {
    refuse('/apis', 403);
    const { unread } = await read();
    expect(unread.map(({ kind }) => kind)).toEqual(POLICY_KINDS.map(({ kind }) => kind));
    expect(new Set(unread.map(({ why }) => why))).toEqual(new Set(['forbidden']));
  });
});

test('a reading serves all who ask for a while, and those who ask at the same time', async () => {
  await Promise.all([read(60_000), read(60_000)]);
  await read(60_000);
  const lists = () => paths().filter((path) => path.endsWith('/networkpolicies')).length;
  expect(lists()).toBe(1);
  await read(0);
  expect(lists()).toBe(2);
});

test('no version is asked for once all kinds of a group are found', async () => {
  harness.server.resources.serve({ ...tlsPolicies, version: 'v1' });
  harness.server.resources.serve(tlsPolicies);
  await read();
  expect(paths()).toContain(`/apis/${httpRoutes.group}/v1`);
  expect(paths()).not.toContain(`/apis/${httpRoutes.group}/v1alpha3`);
});

test('policies that keep sessions are read where they are served, and the last answer is known without asking again', async () => {
  const { policies } = harness.connection;
  const [group, kind] = ['gateway.networking.x-k8s.io', 'XBackendTrafficPolicy'];
  const sticky = { ...ciliumPolicies, group, version: 'v1alpha1', plural: 'xbackendtrafficpolicies', kind };
  expect(policies.latestOfSessions('shop')).toBeUndefined();
  expect(await policies.readOfSessions('shop', 0)).toEqual({ objects: [], unread: [] });
  harness.server.resources.serve(sticky);
  const spec = { sessionPersistence: { type: 'Cookie' } };
  harness.server.put(sticky, named('sticky', spec));
  expect(await policies.readOfSessions('shop', 0)).toEqual({ objects: [{ kind, name: 'sticky', spec }], unread: [] });
  const asked = paths().length;
  expect(policies.latestOfSessions('shop')?.objects).toHaveLength(1);
  expect(paths()).toHaveLength(asked);
});

describe('policies on rules of routes', () => {
  const securityPolicies = {
    ...ciliumPolicies,
    group: 'gateway.envoyproxy.io',
    version: 'v1alpha1',
    plural: 'securitypolicies',
    kind: 'SecurityPolicy',
  };
  const readOfRoutes = (asker: string, maxAgeMs: number) => harness.connection.policies.readOfRoutes('shop', asker, maxAgeMs);
  const lists = () => paths().filter((path) => path.endsWith('/namespaces/shop/securitypolicies')).length;

  beforeEach(() => harness.server.resources.serve(securityPolicies));

  test('policies on rules of routes are read for each asker: what another one read a moment ago may be too old', async () => {
    expect(await readOfRoutes('beside/1', 60_000)).toMatchObject({ objects: [], unread: [] });
    harness.server.put(securityPolicies, named('jwt', { targetRefs: [] }));
    expect((await readOfRoutes('web/1', 60_000)).objects).toEqual([{ kind: 'SecurityPolicy', name: 'jwt', spec: { targetRefs: [] } }]);
    await readOfRoutes('web/1', 60_000);
    expect(lists()).toBe(2);
    await readOfRoutes('web/2', 60_000);
    expect(lists()).toBe(3);
  });

  test('policies on rules of routes come with what the classes of gateways list, as names or as objects', async () => {
    const gatewayClasses = { group: 'gateway.networking.k8s.io', version: 'v1', plural: 'gatewayclasses', kind: 'GatewayClass' };
    harness.server.resources.serve(gatewayClasses);
    const aClass = (name: string, controllerName: string, supportedFeatures: readonly unknown[]) =>
      harness.server.put(gatewayClasses, { metadata: { name }, spec: { controllerName }, status: { supportedFeatures } } as never);
    aClass('one', 'example.com/gateway', [{ name: 'HTTPRouteRequestMirror' }]);
    aClass('two', 'example.com/gateway', ['HTTPRouteRequestPercentageMirror']);
    aClass('other', 'example.com/other', []);
    const { features } = await readOfRoutes('web/1', 0);
    expect(features).toEqual(
      new Map([
        ['example.com/gateway', new Set(['HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror'])],
        ['example.com/other', new Set()],
      ]),
    );
    refuse('/gatewayclasses', 403);
    expect(await readOfRoutes('web/2', 0)).not.toHaveProperty('features');
  });

  test('policies on rules of routes that may not be listed are no policies that are not there', async () => {
    refuse('/namespaces/shop/securitypolicies', 403);
    expect((await readOfRoutes('web/1', 0)).unread).toMatchObject([{ kind: 'SecurityPolicy', why: 'forbidden' }]);
  });

  test('policies on rules of routes are known without waiting once somebody has read them', async () => {
    const { policies } = harness.connection;
    expect(policies.latestOfRoutes('shop', 60_000)).toBeUndefined();
    const known = await readOfRoutes('web/1', 0);
    expect(policies.latestOfRoutes('shop', 60_000)).toEqual(known);
  });

  test('policies on rules of routes are not forgotten for an older reading that is asked for again', async () => {
    const { policies } = harness.connection;
    await readOfRoutes('', 0);
    harness.server.put(securityPolicies, named('jwt', { targetRefs: [] }));
    const fresh = await readOfRoutes('web/1', 0);
    await readOfRoutes('', 60_000);
    expect(fresh.objects).toHaveLength(1);
    expect(policies.latestOfRoutes('shop', 60_000)).toEqual(fresh);
  });
});
