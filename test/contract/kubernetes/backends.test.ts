import { describe, expect, test } from 'vitest';
import { until } from '../../fixtures/until.ts';
import { connectFake, type Harness, podNamed, pods, serviceNamed, services, sliceOf, slices } from './harness.ts';

async function start(options: Parameters<typeof connectFake>[0] = {}): Promise<Harness> {
  const harness = await connectFake(options);
  const { server, connection } = harness;
  server.put(services, serviceNamed('store'));
  server.put(slices, sliceOf('store', 'store-a', [{ pod: 'p1' }, { pod: 'p2', ready: true }, { pod: 'p3', ready: false }]));
  server.put(pods, podNamed('p1', 'store', 'hash-b'));
  server.put(pods, podNamed('p2', 'store', 'hash-a'));
  server.put(pods, podNamed('other', 'other', 'hash-x'));
  connection.start();
  await until(() => connection.synced());
  return harness;
}

const podLists = ({ server }: Harness) => server.requests.filter(({ path }) => path.endsWith('/pods'));

describe('a backend', () => {
  test('a backend has ports, ready and unready endpoints, and the templates of its pods', async () => {
    const { connection } = await start();
    expect(await connection.backends.observe('shop', 'store')).toEqual({
      service: 'store',
      exists: true,
      ports: [{ name: 'http', port: 80 }],
      readyEndpoints: 2,
      unreadyEndpoints: 1,
      readyPods: ['p1', 'p2'],
      unreadyPods: ['p3'],
      templateHashes: ['hash-a', 'hash-b'],
      known: true,
      templatesKnown: true,
    });
  });

  test('a backend counts an endpoint once over all slices, ready if any slice says so, and a terminating one as not ready', async () => {
    const { server, connection } = await start();
    server.put(slices, sliceOf('store', 'store-b', [{ pod: 'p1' }, { pod: 'p3' }, { pod: 'p4', ready: true, terminating: true }]));
    await until(() => connection.health().length > 0);
    await expect.poll(async () => (await connection.backends.observe('shop', 'store')).readyEndpoints).toBe(3);
    expect(await connection.backends.observe('shop', 'store')).toMatchObject({ readyEndpoints: 3, unreadyEndpoints: 1 });
  });

  test('a backend that is not there is known not to be there', async () => {
    const { connection } = await start();
    expect(await connection.backends.observe('shop', 'never')).toMatchObject({ exists: false, readyEndpoints: 0, known: true });
  });

  test('a backend that is a name outside of the cluster says so: no endpoints are kept for it', async () => {
    const { server, connection } = await start();
    server.put(services, { metadata: { name: 'abroad', namespace: 'shop' }, spec: { type: 'ExternalName', externalName: 'x.example' } });
    await expect.poll(async () => (await connection.backends.observe('shop', 'abroad')).exists).toBe(true);
    expect(await connection.backends.observe('shop', 'abroad')).toMatchObject({ external: true, readyEndpoints: 0 });
    expect(await connection.backends.observe('shop', 'store')).not.toHaveProperty('external');
  });

  test('a backend is unknown before the caches are filled', async () => {
    const { server, connection } = await connectFake();
    server.put(services, serviceNamed('store'));
    expect(await connection.backends.observe('shop', 'store')).toMatchObject({ known: false });
  });

  test('a backend is stale while the watch of its endpoints fails, and no longer when that is back', async () => {
    const { server, connection } = await start();
    const isSliceWatch = ({ path, query }: { path: string; query: Readonly<Record<string, string>> }) =>
      path.endsWith('/endpointslices') && query['watch'] === 'true';
    const hold = server.fault({ when: isSliceWatch, times: 1_000, action: { kind: 'status', code: 503 } });
    server.endWatches(slices, 'torn');
    await expect.poll(async () => (await connection.backends.observe('shop', 'store')).stale).toBe(true);
    expect(await connection.backends.observe('shop', 'store')).toMatchObject({ readyEndpoints: 2, known: true });
    hold();
    await expect.poll(async () => (await connection.backends.observe('shop', 'store')).stale).toBeUndefined();
  });

  test('a backend is not stale because a watch fails in another namespace', async () => {
    const { server, connection } = await start({ namespaces: ['desk', 'shop'] });
    server.put(services, serviceNamed('store', { app: 'store' }, 'desk'));
    server.fault({
      when: ({ path, query }) => path.endsWith('/namespaces/desk/endpointslices') && query['watch'] === 'true',
      times: 1_000,
      action: { kind: 'status', code: 403 },
    });
    server.endWatches(slices, 'torn');
    await expect.poll(async () => (await connection.backends.observe('desk', 'store')).stale).toBe(true);
    await expect.poll(async () => (await connection.backends.observe('shop', 'store')).stale).toBeUndefined();
  });

  test('a backend whose pods cannot be listed has known counts, and the templates of the last time marked as not known', async () => {
    const harness = await start();
    await harness.connection.backends.observe('shop', 'store');
    harness.server.fault({ when: ({ path }) => path.endsWith('/pods'), action: { kind: 'status', code: 403 } });
    harness.server.put(slices, sliceOf('store', 'store-a', [{ pod: 'p1' }]));
    await until(() => harness.changes.some(({ kind, name }) => kind === 'Service' && name === 'store'));
    expect(await harness.connection.backends.observe('shop', 'store')).toMatchObject({
      known: true,
      templatesKnown: false,
      readyEndpoints: 1,
      templateHashes: ['hash-a', 'hash-b'],
    });
    expect(await harness.connection.backends.observe('shop', 'store')).toMatchObject({ templatesKnown: true });
  });

  test('a backend without a ready endpoint whose pods are listed late is reported again when they are known', async () => {
    const harness = await start();
    const isTold = (from: number) => harness.changes.slice(from).some(({ kind, name }) => kind === 'Service' && name === 'store');
    await harness.connection.backends.observe('shop', 'store');
    harness.server.put(slices, sliceOf('store', 'store-a', [{ pod: 'p1', ready: false }]));
    await until(() => isTold(0));
    const { promise, resolve: release } = Promise.withResolvers<void>();
    harness.server.fault({ when: ({ path }) => path.endsWith('/pods'), times: 1, action: { kind: 'delay', until: promise } });
    expect(await harness.connection.backends.observe('shop', 'store')).toMatchObject({ readyEndpoints: 0, templatesKnown: false });
    const before = harness.changes.length;
    release();
    // Its endpoints do not change any more: only the list that has come says that it can be decided about.
    await until(() => isTold(before));
    expect(await harness.connection.backends.observe('shop', 'store')).toMatchObject({ templatesKnown: true });
  });

  test('a backend that lost its last endpoint is reported at once, without asking for its pods', async () => {
    const harness = await start();
    harness.server.put(slices, sliceOf('store', 'store-a', []));
    await expect.poll(async () => (await harness.connection.backends.observe('shop', 'store')).readyEndpoints).toBe(0);
    const before = podLists(harness).length;
    expect(await harness.connection.backends.observe('shop', 'store')).toMatchObject({
      known: true,
      readyEndpoints: 0,
      unreadyEndpoints: 0,
    });
    expect(podLists(harness).length).toBe(before);
  });

  test('a backend without a selector has no templates and asks for no pods', async () => {
    const harness = await start();
    harness.server.put(services, { metadata: { name: 'bare', namespace: 'shop' }, spec: { ports: [{ port: 80 }] } });
    await expect.poll(async () => (await harness.connection.backends.observe('shop', 'bare')).exists).toBe(true);
    expect(await harness.connection.backends.observe('shop', 'bare')).toMatchObject({
      templateHashes: [],
      known: true,
      ports: [{ port: 80 }],
    });
    expect(podLists(harness)).toEqual([]);
  });
});

describe('pods are listed', () => {
  test('pods are listed once while nothing changes, also for callers at the same time', async () => {
    const harness = await start();
    await Promise.all([1, 2, 3].map(() => harness.connection.backends.observe('shop', 'store')));
    await harness.connection.backends.observe('shop', 'store');
    expect(podLists(harness).map(({ query }) => query['labelSelector'])).toEqual(['app=store']);
  });

  test('pods are listed again when endpoints changed, and not counting pods that are going', async () => {
    const harness = await start();
    await harness.connection.backends.observe('shop', 'store');
    harness.server.put(pods, podNamed('p1', 'store', 'hash-b', { deletionTimestamp: 'now', finalizers: ['x'] }));
    harness.server.put(pods, { ...podNamed('p9', 'store', 'hash-c') });
    harness.server.remove(pods, 'shop', 'p1');
    harness.server.put(slices, sliceOf('store', 'store-a', [{ pod: 'p2' }, { pod: 'p9' }]));
    await until(() => harness.changes.some(({ kind }) => kind === 'Service'));
    expect((await harness.connection.backends.observe('shop', 'store')).templateHashes).toEqual(['hash-a', 'hash-c']);
    expect(podLists(harness).length).toBe(2);
  });

  test('pods of several templates in one Deployment are a rollout; several Deployments of one each are none', async () => {
    const harness = await start();
    const owned = (name: string, workload: string, hash: string) =>
      podNamed(name, 'store', hash, { ownerReferences: [{ kind: 'ReplicaSet', name: `${workload}-${hash}` }] });
    harness.server.put(pods, owned('p1', 'store', 'old'));
    harness.server.put(pods, owned('p2', 'store', 'new'));
    harness.server.put(pods, owned('p3', 'batch', 'own'));
    expect(await harness.connection.backends.observe('shop', 'store')).toMatchObject({ rolling: true });
    harness.server.put(pods, owned('p1', 'store', 'new'));
    harness.server.put(slices, sliceOf('store', 'store-a', [{ pod: 'p1' }]));
    await until(() => harness.changes.some(({ kind }) => kind === 'Service'));
    const settled = await harness.connection.backends.observe('shop', 'store');
    expect(settled.templateHashes).toEqual(expect.arrayContaining(['new', 'own']));
    expect(settled.rolling).toBeUndefined();
  });

  test('pods are listed again when the selector changed', async () => {
    const harness = await start();
    await harness.connection.backends.observe('shop', 'store');
    harness.server.put(services, serviceNamed('store', { app: 'other' }));
    await until(() => harness.changes.some(({ kind }) => kind === 'Service'));
    expect((await harness.connection.backends.observe('shop', 'store')).templateHashes).toEqual(['hash-x']);
  });
});

describe('changes are told', () => {
  test('changes of Services that someone observed are reported, and of no others', async () => {
    const { server, connection, changes } = await start();
    await connection.backends.observe('shop', 'store');
    for (let round = 0; round < 20; round += 1) {
      server.put(services, serviceNamed(`foreign-${round}`));
      server.put(slices, sliceOf(`foreign-${round}`, `foreign-${round}-a`, [{ pod: 'f' }]));
    }
    server.put(slices, sliceOf('store', 'store-a', []));
    const told = await until(() => changes.find(({ kind }) => kind === 'Service'));
    expect(told).toMatchObject({ kind: 'Service', namespace: 'shop', name: 'store' });
    expect(changes.filter(({ name }) => name.startsWith('foreign'))).toEqual([]);
  });

  test('a change of a slice in what we do not count is not reported', async () => {
    const { server, connection, changes } = await start();
    await connection.backends.observe('shop', 'store');
    const slice = server.get(slices, 'shop', 'store-a');
    server.put(slices, {
      ...slice,
      metadata: { name: 'store-a', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'store', other: 'x' } },
    });
    server.put(services, serviceNamed('marker'));
    await expect.poll(async () => (await connection.backends.observe('shop', 'marker')).exists).toBe(true);
    expect(changes.filter(({ kind, name }) => kind === 'Service' && name === 'store')).toEqual([]);
  });

  test('changes are reported when a slice goes, and when the Service goes', async () => {
    const { server, connection, changes } = await start();
    await connection.backends.observe('shop', 'store');
    server.remove(slices, 'shop', 'store-a');
    await until(() => changes.length === 1);
    expect(await connection.backends.observe('shop', 'store')).toMatchObject({ readyEndpoints: 0, unreadyEndpoints: 0 });
    server.remove(services, 'shop', 'store');
    await until(() => changes.length === 2);
    expect(await connection.backends.observe('shop', 'store')).toMatchObject({ exists: false });
  });
});

describe('what pods say of themselves', () => {
  const crashing = {
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 7, message: 'no database' } },
  };
  const status = { phase: 'Running', podIP: '10.0.0.9', containerStatuses: [{ name: 'app', restartCount: 3, image: 'x', ...crashing }] };
  const startTroubled = async () => {
    const harness = await start();
    harness.server.put(pods, { ...podNamed('p3', 'store', 'hash-b'), status });
    return harness;
  };
  const podsOf = async ({ connection }: Harness) => (await connection.backends.observe('shop', 'store', true)).pods;

  test('what pods say of themselves is read while an endpoint is not ready, without anybody waiting for it, and the release is visited then', async () => {
    const harness = await startTroubled();
    expect(await podsOf(harness)).toBeUndefined();
    await until(() => harness.changes.some(({ kind, name }) => kind === 'Service' && name === 'store'));
    const seen = (await podsOf(harness))?.find(({ metadata }) => metadata.name === 'p3');
    expect(seen?.status).toEqual({
      phase: 'Running',
      conditions: [],
      initContainerStatuses: [],
      containerStatuses: [{ name: 'app', restartCount: 3, ...crashing }],
    });
    const lists = podLists(harness).filter(({ query }) => query['limit'] === '100');
    expect(lists.map(({ query }) => query['labelSelector'])).toEqual(['app=store']);
  });

  test('what pods say of themselves is not read while all endpoints are ready, nor by those that do not ask', async () => {
    const harness = await startTroubled();
    await harness.connection.backends.observe('shop', 'store');
    harness.server.put(slices, sliceOf('store', 'store-a', [{ pod: 'p1' }, { pod: 'p2' }]));
    await until(() => harness.changes.some(({ kind }) => kind === 'Service'));
    expect(await podsOf(harness)).toBeUndefined();
    expect(podLists(harness).filter(({ query }) => query['limit'] === '100')).toEqual([]);
  });

  test('what pods say of themselves is read every two seconds at most, and what may not be read costs nothing but the word', async () => {
    const harness = await startTroubled();
    harness.server.fault({
      when: ({ path, query }) => path.endsWith('/pods') && query['limit'] === '100',
      action: { kind: 'status', code: 403 },
    });
    for (let visit = 0; visit < 20; visit += 1) expect(await podsOf(harness)).toBeUndefined();
    await until(() => podLists(harness).some(({ query }) => query['limit'] === '100'));
    for (let visit = 0; visit < 20; visit += 1) expect(await podsOf(harness)).toBeUndefined();
    expect(podLists(harness).filter(({ query }) => query['limit'] === '100')).toHaveLength(1);
    expect(await harness.connection.backends.observe('shop', 'store', true)).toMatchObject({ known: true, readyEndpoints: 2 });
  });
});
