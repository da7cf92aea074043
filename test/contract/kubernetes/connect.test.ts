import { describe, expect, test } from 'vitest';
import { connectKubernetes } from '../../../src/adapters/kubernetes/connect.ts';
import { until } from '../../fixtures/until.ts';
import { connectFake, crds, httpRoutes, realClock, releaseNamed, releases, routeNamed, secrets, startFake } from './harness.ts';

describe('a connection', () => {
  test('a connection sends nothing before it is started', async () => {
    const { server, connection } = await connectFake();
    expect(connection.synced()).toBe(false);
    expect(server.requests).toEqual([]);
  });

  test('a connection reports the health of every watch', async () => {
    const { connection } = await connectFake();
    connection.start();
    await until(() => connection.synced());
    await until(() => connection.health().every(({ lastEventAt }) => lastEventAt !== undefined));
    const health = connection.health();
    expect(health.map(({ name }) => name)).toEqual(['canaryreleases', 'httproutes', 'grpcroutes', 'services', 'endpointslices']);
    expect(health.every(({ served, restarts, failingSince }) => served && restarts === 0 && failingSince === undefined)).toBe(true);
  });

  test('a connection asks nothing while nothing changes', async () => {
    const { server, connection } = await connectFake();
    for (let number = 0; number < 20; number += 1) {
      server.put(releases, releaseNamed(`r${number}`));
      server.put(httpRoutes, routeNamed(`r${number}`));
    }
    connection.start();
    await until(() => connection.synced() && server.openWatches === 5);
    const before = server.requests.length;
    for (let round = 0; round < 50; round += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(server.requests.length).toBe(before);
  });

  test('a connection that is closed leaves no watch and no socket', async () => {
    const { server, connection } = await connectFake();
    connection.start();
    await until(() => server.openWatches === 5);
    await connection.close();
    await until(() => server.openConnections === 0);
    expect(server.openWatches).toBe(0);
  });

  test('a connection ends its watches with the signal, but can still write', async () => {
    const { server, connection } = await connectFake();
    server.put(httpRoutes, routeNamed('store'));
    const stop = new AbortController();
    connection.start(stop.signal);
    await until(() => server.openWatches === 5);
    stop.abort();
    await until(() => server.openWatches === 0);
    await expect(connection.routes.annotate({ kind: 'HTTPRoute', namespace: 'shop', name: 'store' }, 'x/y')).resolves.toBeDefined();
  });

  test('a connection whose sockets are dead and do not say so sees changes again after one question, and asks seldom', async () => {
    const { server, connection, changes } = await connectFake();
    connection.start();
    await until(() => server.openWatches === 5);
    await connection.beat();
    server.loseConnections();
    server.put(releases, releaseNamed('unseen'));
    await connection.beat();
    await until(() => changes.some(({ name }) => name === 'unseen'));
    await until(() => server.openWatches === 5);
    server.loseConnections();
    await connection.beat();
    expect(server.openWatches).toBe(0);
  });

  test('a question that is answered by an error ends no watch', async () => {
    const { server, connection } = await connectFake();
    connection.start();
    await until(() => server.openWatches === 5);
    server.fault({ when: ({ path }) => path === '/version', action: { kind: 'status', code: 503 } });
    await connection.beat();
    expect(connection.health().every(({ restarts }) => restarts === 0)).toBe(true);
  });

  test('a connection comes back when the API server was away', async () => {
    const { server, connection } = await connectFake();
    connection.start();
    await until(() => server.openWatches === 5);
    server.dropConnections();
    server.put(releases, releaseNamed('later'));
    const later = await until(() => connection.releases.cached({ namespace: 'shop', name: 'later' }));
    expect(later).toMatchObject({ metadata: { name: 'later' } });
  });

  test('a connection refuses a server whose certificate it does not know', async () => {
    const server = await startFake();
    const path = await server.kubeconfig();
    const { readFile, writeFile } = await import('node:fs/promises');
    const config = JSON.parse(await readFile(path, 'utf8'));
    delete config.clusters[0].cluster['certificate-authority-data'];
    await writeFile(path, JSON.stringify(config));
    const connection = connectKubernetes({ clock: realClock, kubeconfig: path });
    await expect(connection.readSecret('shop', 'any')).rejects.toMatchObject({ code: 'GLIDEPATH_E_NETWORK' });
    expect(server.requests).toEqual([]);
    await connection.close();
  });
});

describe('small reads', () => {
  test('a Secret is decoded', async () => {
    const { server, connection } = await connectFake();
    server.put(secrets, { metadata: { name: 'prom', namespace: 'shop' }, data: { token: Buffer.from('grün').toString('base64') } });
    expect(await connection.readSecret('shop', 'prom')).toEqual({ token: 'grün' });
    await expect(connection.readSecret('shop', 'never')).rejects.toMatchObject({ code: 'GLIDEPATH_E_NOT_FOUND' });
  });

  test.each([
    ['7', 7],
    ['seven', undefined],
  ])('the schema number of the CRD: %s', async (written, level) => {
    const { server, connection } = await connectFake();
    expect(await connection.schemaLevel()).toBeUndefined();
    server.put(crds, { metadata: { name: 'canaryreleases.glidepath.dev', annotations: { 'glidepath.dev/schema': written } } });
    expect(await connection.schemaLevel()).toBe(level);
  });
});
