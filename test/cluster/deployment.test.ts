// Deployment mode on a real API server: an image that changes is held, a canary runs beside it, and the Deployment rolls only
// when the canary is proven. Under 50 requests a second none is lost but those that the bad version failed, and the names of the
// pods in the answers show that no pod of an unproven template ever answers for the serving Service.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type DeploymentApp, DeploymentStand, installDeploymentMode, kubectl } from '../fixtures/cluster/deployment-stand.ts';
import { expectNothingAfterHome, expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let home: DeploymentStand;
let app: DeploymentApp;
/** Hash of the template that served before the first release. */
let firstTemplate: string | undefined;

const SPEC = {
  stages: [
    { weight: 20, duration: '3s' },
    { weight: 50, duration: '3s' },
  ],
};

beforeAll(async () => {
  home = await DeploymentStand.open('deployment', 'absent');
  app = await home.serve({ name: 'store', before: [{ version: 'v1' }], rps: 50 });
});

afterAll(() => home?.close());

const isPaused = async () => (await app.deployment())?.spec.paused === true;

async function expectNoCanary(): Promise<void> {
  expect(await app.leftovers()).toEqual([]);
  expect(app.load.route.spec).toEqual(home.stand.routes.history('store')[0]?.object.spec);
}

test('without rights and without the policy it says what to install, and goes on when that is done', async () => {
  await app.release(SPEC);
  const denied = await app.load.untilBlockedBy('kubectl create rolebinding');
  expect(denied.message).toContain('kubectl create rolebinding glidepath-deployment-mode');
  const role = join(PROJECT_FOLDER, 'config/deployment-mode/role.yaml');
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', role);
  await home.bind();
  const unheld = await app.load.until('no hold', ({ message }) => message?.includes('HoldUnavailable') === true);
  expect(unheld.message).toContain('kubectl apply --server-side -k config/deployment-mode');
  await installDeploymentMode();
  const idle = await app.load.untilPhase('Idle');
  expect(idle.conditions).toContainEqual(expect.objectContaining({ type: 'TemplateHeld', status: 'True' }));
  expect(idle.serving?.revision).toMatch(/^1-[0-9a-f]{7}$/);
  firstTemplate = idle.serving?.template;
});

test('a good image is held, tried beside the old one, promoted, and no answer is lost', async () => {
  const begunMs = Date.now();
  await app.apply({ version: 'v2' });
  expect(await isPaused()).toBe(true);
  const status = await app.load.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(app.load, 'api', 'api-canary'))).toEqual([0, 20, 50, 0]);
  const rolled = home.stand.releases.history('store').find(({ object }) => object.status?.state === 'promoting.rollingOut')?.atMs;
  const first = app.pods.filter(({ version, isCanary }) => version === 'v2' && !isCanary).map(({ atMs }) => atMs);
  expect(first).toHaveLength(2);
  expect(Math.min(...first)).toBeGreaterThan((rolled ?? Number.POSITIVE_INFINITY) - 500);
  expect(app.versionsAnswering(begunMs, rolled)).toEqual(['v1']);
  await app.untilRolledOut();
  await expectNoCanary();
  await expectNothingLeft(app.load);
  expect(status.history?.[0]).toMatchObject({ outcome: 'Promoted', maxWeight: 50 });
  const fromMs = await app.untilAnswered();
  expect(app.load.answers(fromMs).shareByVersion).toEqual({ v2: 1 });
  expect(app.load.badAnswers(begunMs)).toEqual([]);
});

test('a bad image is rolled back, stays held, and never answers for the serving Service; no other request is lost', async () => {
  const begunMs = Date.now();
  await app.apply({ version: 'bad', errorRate: 0.4 });
  const status = await app.load.until('the rollback', ({ phase }) => phase === 'RolledBack');
  expect(status.release?.reason).toBe('ErrorRatio');
  expect(status.message).toContain('stays held');
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
  expectNothingAfterHome(trajectoryOf(app.load, 'api', 'api-canary'));
  await expectNoCanary();
  expect(await isPaused()).toBe(true);
  expect(app.versionsBehind).toEqual(['v1', 'v2']);
  expect(app.versionsAnswering(begunMs)).toEqual(['v2']);
  const lost = app.load.records(begunMs).filter((one) => (one.status === 0 || one.status >= 500) && one.version !== 'bad');
  expect(lost).toEqual([]);
  const change = JSON.stringify({ spec: { template: { metadata: { annotations: { touched: 'yes' } } } } });
  const patch = ['patch', 'deployment', 'store', '-n', home.stand.namespace, '--dry-run=server', '--type=merge', '-p', change];
  expect((await kubectl(...patch)).stderr).toContain('held by canaryrelease/store: a canary of this change starts first');
  // Nobody but the operator lifts the hold, an administrator neither.
  await home.stand.cluster.patch(app.ref, { spec: { paused: false } });
  expect(await isPaused()).toBe(true);
});

test('a revert is let go at once, without a canary', async () => {
  const { release } = app.load.status ?? {};
  await app.apply({ version: 'v2' });
  await waitFor('the hold to be lifted', async () => !(await isPaused()));
  await app.untilRolledOut();
  await app.load.untilPhase('Idle');
  expect(app.load.status?.release?.id).toBe(release?.id);
  expect(app.versionsBehind).toEqual(['v1', 'v2']);
});

test('a way back to what was proven before rolls at once, without a canary and without a lost answer', async () => {
  const { release } = app.load.status ?? {};
  const begunMs = Date.now();
  await app.apply({ version: 'v1' });
  await app.load.until('the old version', ({ serving }) => serving?.template === firstTemplate);
  await app.untilRolledOut();
  expect(app.load.status?.release?.id).toBe(release?.id);
  expect(app.load.badAnswers(begunMs)).toEqual([]);
});

test('nothing rolls while the operator is stopped and the old pods serve; the release begins when it is back', async () => {
  await home.stand.operator.kill();
  const before = app.load.status?.release?.id;
  const begunMs = Date.now();
  await app.apply({ version: 'v3' });
  expect(await isPaused()).toBe(true);
  // As a sync that comes again and again would do it.
  await app.apply({ version: 'v3' });
  await kubectl('rollout', 'resume', 'deployment/store', '-n', home.stand.namespace);
  const fromMs = await app.untilAnswered(100);
  expect([await isPaused(), app.readyNow(), app.readyNow(true)]).toEqual([true, { v1: 2 }, {}]);
  expect(app.load.answers(fromMs).shareByVersion).toEqual({ v1: 1 });
  home.stand.operator.start();
  const { release } = await app.load.until('a weight', ({ weight, phase }) => weight === 20 && phase === 'Analyzing');
  expect(release?.id).not.toBe(before);
  expect(app.load.badAnswers(begunMs)).toEqual([]);
});

test('deleted in mid-release it goes home, removes its canary, and leaves a Deployment that anyone can unpause', async () => {
  await home.stand.cluster.remove(app.load.ref);
  await home.stand.releases.untilGone('store');
  await expectNoCanary();
  expect(app.versionsBehind).toEqual(['v1', 'v2']);
  // The policy forgets a release a moment after it is gone.
  await waitFor('the Deployment to be nobody else’s', async () => {
    await home.stand.cluster.patch(app.ref, { spec: { paused: false } });
    return !(await isPaused());
  });
  await app.untilRolledOut();
  await app.untilReady({ v3: 2 });
});
