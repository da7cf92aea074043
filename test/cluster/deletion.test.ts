// A release that is deleted while it runs: traffic first, then the object; and a namespace that goes is not held up.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import type { App } from '../fixtures/cluster/app.ts';

let stand: Stand;
let leaving: Stand;

const VERSIONS = { one: { version: 'v1' }, two: { version: 'v2' } };

beforeAll(async () => {
  stand = await Stand.open({ name: 'deletion', versions: VERSIONS });
  leaving = await Stand.open({ name: 'leaving', versions: VERSIONS });
});

afterAll(async () => {
  await stand?.close();
  await leaving?.close();
});

const STAGES = [{ weight: 40, duration: '60s' }];

/** Nothing of the release is on the route, and its owner can apply again. */
async function expectClean(app: App): Promise<void> {
  await app.stand.routes.until(app.name, 'to be clean', ({ metadata }) => {
    const ours = (metadata.managedFields ?? []).some(({ manager }) => manager === 'glidepath');
    return !ours && metadata.annotations?.['glidepath.dev/release'] === undefined;
  });
  expect(await app.applyByAnother()).toBe('applied');
}

test('deleted in mid-release, it goes home first and then the object goes', async () => {
  const app = await stand.app({ name: 'restored' });
  await app.release({ stages: STAGES });
  await app.untilPhase('Analyzing');
  expect(stand.releases.last('restored')?.metadata.finalizers).toEqual(['glidepath.dev/home-first']);
  await stand.cluster.remove(app.ref);
  await stand.releases.untilGone('restored');
  const goneMs = stand.releases.history('restored').at(-1)?.atMs ?? 0;
  expectNothingAfterHome(trajectoryOf(app));
  const home = trajectoryOf(app).findLast(({ share }) => share > 0);
  expect(home?.atMs).toBeLessThan(goneMs);
  await expectClean(app);
  expect(app.route.spec).toEqual(stand.routes.history('restored')[0]?.object.spec);
});

test('with deletionPolicy Retain the weights stay, and nothing else of us does', async () => {
  const app = await stand.app({ name: 'retained' });
  await app.release({ stages: STAGES, deletionPolicy: 'Retain' });
  await app.untilPhase('Analyzing');
  const shares = new Set<number>();
  const { length } = stand.routes.history('retained');
  await stand.cluster.remove(app.ref);
  await stand.releases.untilGone('retained');
  await expectClean(app);
  for (const { share } of trajectoryOf(app).slice(length)) shares.add(share);
  expect([...shares]).toEqual([40]);
});

test('deleted before it ever ran, it just goes', async () => {
  const app = await stand.app({ name: 'idle', rps: 0 });
  const { length } = stand.routes.history('idle');
  await app.release({ paused: true });
  await app.untilPhase('Idle');
  await stand.cluster.remove(app.ref);
  await stand.releases.untilGone('idle');
  const changed = stand.routes
    .history('idle')
    .slice(length)
    .filter(({ object }) => object.metadata.generation !== 1);
  expect(changed).toEqual([]);
});

test('a namespace that is deleted in mid-release is not held up', async () => {
  const app = await leaving.app({ name: 'leaving' });
  await app.release({ stages: STAGES });
  await app.untilPhase('Analyzing');
  await leaving.cluster.remove({ kind: 'Namespace', name: leaving.namespace });
  await leaving.releases.untilGone('leaving');
  await waitFor(
    'the namespace to be gone',
    async () => (await leaving.cluster.get({ kind: 'Namespace', name: leaving.namespace })) === undefined,
  );
});
