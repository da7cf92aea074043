import { describe, expect, test } from 'vitest';
import { RELEASE_ANNOTATION } from '../../../src/api/names.ts';
import { compareVersions } from '../../../src/adapters/kubernetes/routes/route-discovery.ts';
import { until } from '../../fixtures/until.ts';
import { connectFake, grpcRoutes, type Harness, httpRoutes, routeNamed, tcpRoutes } from './harness.ts';

const KEY = { kind: 'HTTPRoute', namespace: 'shop', name: 'store' } as const;
const raise = (from: number, to: number) =>
  [
    { op: 'test', path: '/spec/rules/0/backendRefs/1/weight', value: from },
    { op: 'replace', path: '/spec/rules/0/backendRefs/1/weight', value: to },
  ] as const;

async function start(options: Parameters<typeof connectFake>[0] = {}): Promise<Harness> {
  const harness = await connectFake(options);
  harness.server.put(httpRoutes, routeNamed('store'));
  harness.connection.start();
  await until(() => harness.connection.synced());
  return harness;
}

const canaryWeight = (route: unknown): unknown =>
  (route as { spec: { rules: { backendRefs: { weight: number }[] }[] } }).spec.rules[0]?.backendRefs[1]?.weight;

describe('routes', () => {
  test('routes are watched for every kind that is served, at its version', async () => {
    const { server, connection } = await connectFake();
    server.put(tcpRoutes, { metadata: { name: 'raw', namespace: 'shop' }, spec: { rules: [] } });
    server.put(grpcRoutes, { metadata: { name: 'calls', namespace: 'shop' }, spec: { rules: [] } });
    server.put(httpRoutes, routeNamed('store'));
    connection.start();
    await until(() => connection.synced());
    expect(connection.routes.servedKinds()).toEqual(['HTTPRoute', 'GRPCRoute', 'TCPRoute']);
    expect(connection.routes.cachedIn('shop').map(({ kind, apiVersion }) => `${kind} ${apiVersion}`)).toEqual([
      'HTTPRoute gateway.networking.k8s.io/v1',
      'GRPCRoute gateway.networking.k8s.io/v1',
      'TCPRoute gateway.networking.k8s.io/v1alpha2',
    ]);
  });

  test('routes are read all together for one namespace, whatever the watches have shown', async () => {
    const { server, connection } = await connectFake();
    server.put(httpRoutes, routeNamed('store'));
    server.put(tcpRoutes, { metadata: { name: 'raw', namespace: 'shop' }, spec: { rules: [] } });
    connection.start();
    await until(() => connection.synced());
    server.put(httpRoutes, routeNamed('late'));
    server.put(httpRoutes, { ...routeNamed('theirs'), metadata: { name: 'theirs', namespace: 'bank' } });
    const read = await connection.routes.readAll('shop');
    expect(read.map(({ kind, apiVersion, metadata }) => `${kind} ${apiVersion} ${metadata.name}`).sort()).toEqual([
      'HTTPRoute gateway.networking.k8s.io/v1 late',
      'HTTPRoute gateway.networking.k8s.io/v1 store',
      'TCPRoute gateway.networking.k8s.io/v1alpha2 raw',
    ]);
  });

  test('routes keep of managedFields who wrote, by what and when; a read has them whole', async () => {
    const { server, connection } = await start();
    server.put(httpRoutes, {
      ...routeNamed('noted'),
      metadata: {
        name: 'noted',
        namespace: 'shop',
        managedFields: [
          { manager: 'argo', operation: 'Update', time: 'then', fieldsV1: { big: {} } },
          { manager: 'contour', operation: 'Update', time: 'later', subresource: 'status', fieldsV1: { big: {} } },
        ],
      },
    });
    const cached = await until(() => connection.routes.cachedIn('shop').find(({ metadata }) => metadata.name === 'noted'));
    // Who wrote only the status is told apart: it edited no weight.
    expect(cached.metadata.managedFields).toEqual([
      { manager: 'argo', operation: 'Update', time: 'then' },
      { manager: 'contour', operation: 'Update', time: 'later', subresource: 'status' },
    ]);
    const read = await connection.routes.read({ ...KEY, name: 'noted' });
    expect(read?.metadata.managedFields?.[0]).toMatchObject({ fieldsV1: { big: {} } });
  });

  test('routes keep an emptied annotations object, because its presence decides how one is added', async () => {
    const { server, connection } = await start();
    server.put(httpRoutes, {
      ...routeNamed('applied'),
      metadata: { name: 'applied', namespace: 'shop', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
    });
    const cached = await until(() => connection.routes.cachedIn('shop').find(({ metadata }) => metadata.name === 'applied'));
    expect(cached.metadata.annotations).toEqual({});
  });

  test('routes that are not there, or of a kind that is not served, read as undefined', async () => {
    const { connection } = await start();
    expect(await connection.routes.read({ ...KEY, name: 'never' })).toBeUndefined();
    expect(await connection.routes.read({ ...KEY, kind: 'UDPRoute' })).toBeUndefined();
  });

  test('routes can be read and patched without any watch', async () => {
    const { server, connection } = await connectFake();
    server.put(httpRoutes, routeNamed('store'));
    expect(canaryWeight(await connection.routes.patch(KEY, raise(0, 5), 'normal'))).toBe(5);
    expect(canaryWeight(await connection.routes.read(KEY))).toBe(5);
    expect(server.openWatches).toBe(0);
  });
});

describe('a patch', () => {
  test.each(['home', 'normal'] as const)(
    'a patch on the %s lane changes the route under our name, and the cache knows it at once',
    async (lane) => {
      const { server, connection } = await start();
      const hold = server.fault({ when: ({ watch }) => watch, times: 1_000, action: { kind: 'status', code: 503 } });
      server.endWatches(httpRoutes, 'torn');
      await until(() => connection.health().some(({ name, restarts }) => name === 'httproutes' && restarts > 0));
      await connection.routes.patch(KEY, raise(0, 5), lane);
      expect(canaryWeight(connection.routes.cachedIn('shop')[0])).toBe(5);
      const request = server.requests.find(({ method }) => method === 'PATCH');
      expect(request).toMatchObject({ contentType: 'application/json-patch+json', query: { fieldManager: 'glidepath' } });
      hold();
    },
  );

  test('a patch whose test fails is a failed guard', async () => {
    const { connection } = await start();
    await expect(connection.routes.patch(KEY, raise(7, 50), 'normal')).rejects.toMatchObject({
      code: 'GLIDEPATH_E_GUARD',
      retryable: false,
    });
  });

  test('a patch that adds a mirror of a part has to be refused where the API server would drop the percentage', async () => {
    const { server, connection } = await start();
    const filter = (percent?: number) => ({
      type: 'RequestMirror',
      requestMirror: { backendRef: { name: 'v2', port: 80 }, ...(percent === undefined ? {} : { percent }) },
    });
    const add = (percent?: number) => [{ op: 'add' as const, path: '/spec/rules/-', value: { filters: [filter(percent)] } }];
    await connection.routes.patch(KEY, add(10), 'normal');
    await connection.routes.patch(KEY, add(), 'normal');
    const queries = server.requests.filter(({ method }) => method === 'PATCH').map(({ query }) => query);
    expect(queries).toEqual([{ fieldManager: 'glidepath', fieldValidation: 'Strict' }, { fieldManager: 'glidepath' }]);
  });

  test('a patch of a route that is gone, or of a kind that is not served, is not found', async () => {
    const { connection } = await start();
    await expect(connection.routes.patch({ ...KEY, name: 'never' }, raise(0, 5), 'home')).rejects.toMatchObject({
      code: 'GLIDEPATH_E_NOT_FOUND',
    });
    await expect(connection.routes.patch({ ...KEY, kind: 'UDPRoute' }, raise(0, 5), 'home')).rejects.toMatchObject({
      code: 'GLIDEPATH_E_NOT_FOUND',
    });
  });

  test('a patch of the annotation leaves the others alone', async () => {
    const { connection } = await start();
    const route = await connection.routes.annotate(KEY, 'store/7c1f0e22ab');
    expect(route.metadata.annotations).toEqual({ 'example.org/note': 'kept', [RELEASE_ANNOTATION]: 'store/7c1f0e22ab' });
  });

  test('a patch is remembered until the watch has caught up, and no longer', async () => {
    const { server, connection } = await start();
    const patched = await connection.routes.patch(KEY, raise(0, 5), 'normal');
    server.put(httpRoutes, { ...routeNamed('store', [90, 10]) });
    await until(() => canaryWeight(connection.routes.cachedIn('shop')[0]) === 10);
    connection.routes.remember(patched);
    expect(canaryWeight(connection.routes.cachedIn('shop')[0])).toBe(10);
  });

  test('a patch of a route that was deleted right after is forgotten with the route', async () => {
    const { server, connection } = await start();
    await connection.routes.patch(KEY, raise(0, 5), 'normal');
    server.remove(httpRoutes, 'shop', 'store');
    await until(() => connection.routes.cachedIn('shop').length === 0);
    expect(await connection.routes.read(KEY)).toBeUndefined();
  });
});

describe('route kinds', () => {
  test('route kinds that come later are found', async () => {
    const { server, connection } = await connectFake({ discoveryTimes: { noneMs: 5, someMs: 5, retryMs: 1 } });
    for (const resource of [httpRoutes, grpcRoutes]) server.resources.unserve(resource);
    connection.start();
    await until(() => connection.synced());
    expect(connection.routes.servedKinds()).toEqual([]);
    server.put(httpRoutes, routeNamed('store'));
    await until(() => connection.routes.cachedIn('shop').length === 1);
    expect(connection.routes.servedKinds()).toEqual(['HTTPRoute']);
  });

  test('route kinds that come while others are served are found soon where a release asks for them', async () => {
    const { server, connection } = await connectFake({ discoveryTimes: { noneMs: 5, someMs: 600_000, retryMs: 1 } });
    connection.start();
    await until(() => connection.synced());
    expect(connection.routes.servedKinds(['TCPRoute'])).not.toContain('TCPRoute');
    server.put(tcpRoutes, { metadata: { name: 'raw', namespace: 'shop' }, spec: {} });
    await until(() => connection.routes.servedKinds().includes('TCPRoute'));
    await until(() => connection.routes.cachedIn('shop').some(({ kind }) => kind === 'TCPRoute'));
  });

  test('route kinds that move to another version are followed there', async () => {
    const { server, connection } = await connectFake({ discoveryTimes: { noneMs: 5, someMs: 600_000, retryMs: 1 } });
    const old = { ...tcpRoutes, version: 'v1alpha2' };
    server.put(old, { metadata: { name: 'raw', namespace: 'shop' }, spec: {} });
    connection.start();
    await until(() => connection.synced());
    const moved = { ...tcpRoutes, version: 'v1' };
    server.put(moved, { metadata: { name: 'raw', namespace: 'shop' }, spec: {} });
    server.resources.unserve(old);
    server.endWatches(old, 'clean');
    await until(() => connection.routes.cachedIn('shop').some(({ apiVersion }) => apiVersion === 'gateway.networking.k8s.io/v1'));
    await connection.routes.patch({ kind: 'TCPRoute', namespace: 'shop', name: 'raw' }, [{ op: 'add', path: '/spec/x', value: 1 }], 'home');
    expect(server.requests.at(-1)?.path).toContain('/v1/');
  });

  test('route kinds that go take their routes along', async () => {
    const { server, connection, changes } = await start();
    server.resources.unserve(httpRoutes);
    server.endWatches(httpRoutes, 'clean');
    await until(() => connection.routes.servedKinds().every((kind) => kind !== 'HTTPRoute'));
    expect(connection.routes.cachedIn('shop')).toEqual([]);
    expect(changes.at(-1)).toMatchObject({ kind: 'HTTPRoute', name: 'store', new: undefined });
  });

  test('route kinds are not synced before the API server has said which it serves', async () => {
    const { server, connection } = await connectFake();
    const hold = server.fault({
      when: ({ path }) => path === '/apis/gateway.networking.k8s.io',
      times: 1_000,
      action: { kind: 'status', code: 503 },
    });
    connection.start();
    await until(() => server.requests.filter(({ path }) => path === '/apis/gateway.networking.k8s.io').length > 3);
    expect(connection.synced()).toBe(false);
    hold();
    await until(() => connection.synced());
  });

  test('route kinds are taken at their most mature version', () => {
    expect(['v1alpha2', 'v1', 'v1beta1', 'odd', 'v2alpha1', 'v1alpha3'].sort(compareVersions)).toEqual([
      'v1',
      'v1beta1',
      'v2alpha1',
      'v1alpha3',
      'v1alpha2',
      'odd',
    ]);
  });
});
