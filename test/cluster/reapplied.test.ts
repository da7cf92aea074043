// The whole app is applied again with kubectl while its release runs: the route loses the canary's share, and where the release adds the
// ref itself also that. The release begins again with its first stage and is promoted.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PlainObject } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { type DeploymentApp, DeploymentStand, kubectlWith } from '../fixtures/cluster/deployment-stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let home: DeploymentStand;

beforeAll(async () => {
  home = await DeploymentStand.open('reapplied');
});

afterAll(async () => {
  await home?.close();
});

/** `kubectl apply -f app.yaml`, as a person or a pipeline does it: client-side. */
function applyFile(...items: readonly PlainObject[]): Promise<void> {
  return kubectlWith({ apiVersion: 'v1', kind: 'List', metadata: { name: '' }, items }, 'apply', '-f', '-');
}

function applyWhole(app: DeploymentApp, version: string): Promise<void> {
  return applyFile(app.manifest({ version }), app.load.serviceObject('api', app.name), app.load.routeObject());
}

/** The edits of others that were announced of an app. */
async function driftsOf({ name, stand }: App): Promise<string> {
  const events = await stand.untilEvents(name, 'RouteDrift');
  return events.flatMap(({ reason, note }) => (reason === 'RouteDrift' ? [note] : [])).join();
}

test('Deployment mode: one file with Deployment, Service and route, applied with the new image and again in mid-release', async () => {
  const app = await home.deploy({ name: 'whole', before: [{ version: 'v1' }] });
  await applyWhole(app, 'v1');
  const begunMs = Date.now();
  await applyWhole(app, 'v2');
  await app.load.untilShare(20, 'api-canary', 'api');
  await applyWhole(app, 'v2');
  await app.load.untilPhase('Promoted');
  await app.untilOnly('v2');
  expect(await app.leftovers()).toEqual([]);
  expect(app.load.badAnswers(begunMs)).toEqual([]);
  expect(await driftsOf(app.load)).toContain('kubectl-client-side-apply');
});

test('Services mode: the Services and the route, applied again in the second stage', async () => {
  const { stand } = home;
  await Promise.all([stand.deploy('one', { version: 'v1' }), stand.deploy('two', { version: 'v2' })]);
  const app = await stand.app({ name: 'pair' });
  const applyAll = () => applyFile(app.serviceObject('v1', 'one'), app.serviceObject('v2', 'two'), app.routeObject());
  await applyAll();
  await app.release();
  await app.untilShare(50);
  await applyAll();
  await app.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 50, 0, 20, 50, 100]);
  expect(await driftsOf(app)).toContain('begins again with its first stage');
  await expectNothingLeft(app);
});
