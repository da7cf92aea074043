import { describe, expect, test } from 'vitest';
import { parseRelease, type CanaryRelease } from '../../../src/api/release.ts';
import { FINALIZER } from '../../../src/api/names.ts';
import { until } from '../../fixtures/until.ts';
import { connectFake, type Harness, releaseNamed, releases } from './harness.ts';

const KEY = { namespace: 'shop', name: 'store' };

async function start(options: Parameters<typeof connectFake>[0] = {}): Promise<Harness> {
  const harness = await connectFake(options);
  harness.server.put(releases, releaseNamed('store'));
  harness.connection.start();
  await until(() => harness.connection.synced());
  return harness;
}

/** The fields that the adapter reads; the rest of a release is the schema's business. */
const asRelease = (object: unknown, status: unknown): CanaryRelease => ({ ...(object as object), status }) as CanaryRelease;
const finalizersOf = ({ server }: Harness): readonly string[] => server.get(releases, 'shop', 'store')?.metadata.finalizers ?? [];

describe('releases', () => {
  test('releases are cached without managedFields and the copy that kubectl keeps', async () => {
    const { server, connection } = await start();
    server.put(releases, {
      ...releaseNamed('big'),
      metadata: {
        name: 'big',
        namespace: 'shop',
        annotations: {
          'kubectl.kubernetes.io/last-applied-configuration': '{}',
          'example.org/everything': 'y'.repeat(2_000),
          'glidepath.dev/abort': 'x',
        },
        managedFields: [{ manager: 'm' }],
      },
    });
    const cached = await until(() => connection.releases.cached({ namespace: 'shop', name: 'big' }));
    expect(cached).toMatchObject({
      metadata: { name: 'big', annotations: { 'glidepath.dev/abort': 'x' } },
      spec: { services: [{ name: 'v1' }, { name: 'v2' }] },
    });
    expect(Object.keys((cached as { metadata: object }).metadata)).not.toContain('managedFields');
    expect(JSON.stringify(cached)).not.toContain('last-applied');
    expect(JSON.stringify(cached)).not.toContain('example.org/everything');
    expect(connection.releases.cachedIn('shop').length).toBe(2);
    expect(connection.releases.cachedIn('elsewhere')).toEqual([]);
  });

  test('releases are held parsed, once; one that cannot be read is held as it came', async () => {
    const { server, connection } = await start();
    server.put(releases, { ...releaseNamed('odd'), spec: { paused: true } });
    const odd = await until(() => connection.releases.cached({ namespace: 'shop', name: 'odd' }));
    expect(odd).toMatchObject({ spec: { paused: true } });
    const cached = connection.releases.cached(KEY);
    expect(parseRelease(cached)).toMatchObject({ ok: true });
    const parsed = parseRelease(cached);
    expect(parsed.ok && parsed.release).toBe(cached);
  });

  test('releases in chosen namespaces only are watched one by one, and others are not seen', async () => {
    const { server, connection, changes } = await start({ namespaces: ['shop', 'desk'] });
    server.put(releases, releaseNamed('hidden', {}, 'secret'));
    server.put(releases, releaseNamed('seen', {}, 'desk'));
    await until(() => connection.releases.cached({ namespace: 'desk', name: 'seen' }));
    expect(changes.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(['shop/store', 'desk/seen']);
    expect(server.requests.every(({ path }) => !path.endsWith('v1alpha1/canaryreleases'))).toBe(true);
  });

  test('a change of a release comes with what it was and what it is', async () => {
    const { server, changes } = await start();
    server.put(releases, { ...releaseNamed('store'), spec: { paused: true } });
    server.remove(releases, 'shop', 'store');
    await until(() => changes.length === 3);
    expect(changes.map(({ old, new: now }) => [old !== undefined, now !== undefined])).toEqual([
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(changes.every(({ kind }) => kind === 'CanaryRelease')).toBe(true);
  });
});

describe('the status', () => {
  test('the status is replaced, and the cache knows it before the watch does', async () => {
    const { server, connection } = await start();
    const release = await connection.releases.read(KEY);
    const stored = await connection.releases.replaceStatus(asRelease(release, { phase: 'Idle' }));
    expect(stored).toMatchObject({ status: { phase: 'Idle' }, spec: { services: [{ name: 'v1' }, { name: 'v2' }] } });
    expect(connection.releases.cached(KEY)).toMatchObject({ status: { phase: 'Idle' } });
    expect(server.get(releases, 'shop', 'store')).toMatchObject({ status: { phase: 'Idle' } });
  });

  test('the status of an object that moved on is refused', async () => {
    const { server, connection } = await start();
    const release = await connection.releases.read(KEY);
    server.put(releases, { ...releaseNamed('store'), spec: { paused: true } });
    await expect(connection.releases.replaceStatus(asRelease(release, { phase: 'Idle' }))).rejects.toMatchObject({
      code: 'GLIDEPATH_E_CONFLICT',
    });
  });

  test('the status of an object that was deleted and recreated is refused', async () => {
    const { server, connection } = await start();
    const release = await connection.releases.read(KEY);
    server.remove(releases, 'shop', 'store');
    server.put(releases, releaseNamed('store'));
    await expect(connection.releases.replaceStatus(asRelease(release, { phase: 'Idle' }))).rejects.toMatchObject({
      code: 'GLIDEPATH_E_CONFLICT',
    });
  });

  test('a status that the stored CRD prunes is an error that names the field', async () => {
    const { server, connection } = await start();
    const release = await connection.releases.read(KEY);
    server.fault({ when: ({ method }) => method === 'PUT', action: { kind: 'warn', text: 'unknown field "status.message"' } });
    await expect(connection.releases.replaceStatus(asRelease(release, { phase: 'Idle' }))).rejects.toMatchObject({
      code: 'GLIDEPATH_E_PRUNED',
      retryable: false,
      message: expect.stringContaining('status.message'),
    });
  });

  test('a status write with another warning is no error', async () => {
    const { server, connection } = await start();
    const release = await connection.releases.read(KEY);
    server.fault({ when: ({ method }) => method === 'PUT', action: { kind: 'warn', text: 'v1alpha1 is deprecated' } });
    await expect(connection.releases.replaceStatus(asRelease(release, { phase: 'Idle' }))).resolves.toBeDefined();
  });
});

describe('the finalizer', () => {
  test('the finalizer comes and goes, others stay, and nothing is written twice', async () => {
    const harness = await start();
    harness.server.put(releases, {
      ...releaseNamed('store'),
      metadata: { name: 'store', namespace: 'shop', finalizers: ['example.org/other'] },
    });
    await harness.connection.releases.setFinalizer(KEY, true);
    await harness.connection.releases.setFinalizer(KEY, true);
    expect(finalizersOf(harness)).toEqual(['example.org/other', FINALIZER]);
    await harness.connection.releases.setFinalizer(KEY, false);
    await harness.connection.releases.setFinalizer(KEY, false);
    expect(finalizersOf(harness)).toEqual(['example.org/other']);
    const applied = harness.server.requests.filter(({ method }) => method === 'PATCH');
    expect(applied.length).toBeLessThanOrEqual(3);
  });

  test('the finalizer is set on a fresh read when the cached object is late, without losing what others added', async () => {
    const harness = await start();
    const hold = harness.server.fault({ when: ({ watch }) => watch, times: 1_000, action: { kind: 'status', code: 503 } });
    harness.server.endWatches(releases, 'torn');
    await until(() => harness.connection.health().some(({ name, restarts }) => name === 'canaryreleases' && restarts > 0));
    harness.server.put(releases, {
      ...releaseNamed('store'),
      metadata: { name: 'store', namespace: 'shop', finalizers: ['example.org/late'] },
    });
    await harness.connection.releases.setFinalizer(KEY, true);
    hold();
    expect(finalizersOf(harness)).toEqual(['example.org/late', FINALIZER]);
  });

  test('the finalizer of a release that is gone is no error', async () => {
    const { connection } = await start();
    const gone = { namespace: 'shop', name: 'never' };
    for (const present of [false, true]) await expect(connection.releases.setFinalizer(gone, present)).resolves.toBeUndefined();
  });

  test('the removal of the finalizer lets a deleted release go', async () => {
    const harness = await start();
    await harness.connection.releases.setFinalizer(KEY, true);
    harness.server.remove(releases, 'shop', 'store');
    expect(harness.server.get(releases, 'shop', 'store')?.metadata.deletionTimestamp).toBeDefined();
    await harness.connection.releases.setFinalizer(KEY, false);
    await until(() => harness.connection.releases.cached(KEY) === undefined);
    expect(harness.server.get(releases, 'shop', 'store')).toBeUndefined();
  });
});
