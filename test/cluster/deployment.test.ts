// Deployment mode on a real API server: an image that changes is held, a canary runs beside it, and the Deployment rolls only
// when the canary is proven. No request is lost, and no pod of an unproven template is ever behind the serving Service.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { type SampleVersion, sampleDeployment } from '../lab/sample.ts';
import type { App } from '../support/cluster/app.ts';
import type { KubeObject } from '../support/cluster/api.ts';
import { waitFor } from '../support/cluster/cluster.ts';
import { ObjectWatch } from '../support/cluster/object-watch.ts';
import { Stand } from '../support/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, sharesOf, trajectoryOf } from '../support/cluster/trajectory.ts';

type Workload = KubeObject<
  { readonly replicas?: number; readonly paused?: boolean; readonly template: unknown },
  { readonly replicas?: number; readonly updatedReplicas?: number; readonly readyReplicas?: number; readonly observedGeneration?: number }
>;
type Pod = KubeObject<{ readonly containers: readonly { readonly env?: readonly { name: string; value?: string }[] }[] }>;

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
let stand: Stand;
let app: App;
let pods: ObjectWatch<Pod>;
/** Hash of the template that served before the first release. */
let firstTemplate: string | undefined;

const spec = {
  services: undefined,
  targetRef: { kind: 'Deployment', name: 'store' },
  service: { name: 'store-api' },
  stages: [
    { weight: 20, duration: '3s' },
    { weight: 50, duration: '3s' },
  ],
} as never;

beforeAll(async () => {
  stand = await Stand.open({ name: 'deployment', versions: {} });
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
  pods = await ObjectWatch.open<Pod>(stand.cluster, 'Pod', stand.namespace);
  await apply({ version: 'v1' });
  await untilRolledOut('v1');
  app = await stand.app({ name: 'store', services: { api: 'store' }, weights: { api: 1 } });
});

afterAll(async () => {
  pods?.close();
  await stand?.close();
  // Other files' clusters shall be as if this one had never run.
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
});

/** As a GitOps tool would apply it: the whole manifest, unpaused. */
async function apply(sample: Omit<SampleVersion, 'namespace' | 'name'>): Promise<void> {
  const manifest = sampleDeployment({ ...sample, namespace: stand.namespace, name: 'store', replicas: 2 });
  await stand.cluster.apply({ ...manifest, spec: { ...(manifest['spec'] as object), paused: false } }, { manager: 'git' });
}

const deployment = () => stand.cluster.get<Workload>({ kind: 'Deployment', namespace: stand.namespace, name: 'store' });

async function untilRolledOut(version: string): Promise<void> {
  const isDone = async () => {
    const { metadata, status = {}, spec: now } = (await deployment()) ?? {};
    const settled = status?.replicas === 2 && status.updatedReplicas === 2 && status.readyReplicas === 2;
    return settled && now?.paused !== true && status.observedGeneration === metadata?.generation;
  };
  await waitFor(`${version} to be rolled out`, isDone, { ms: 60_000 });
}

/** Names of the pods that the serving Service ever selected, by the version that they run. */
function versionsBehindService(): readonly string[] {
  const seen = new Set<string>();
  for (const [name] of podVersions()) seen.add(name);
  return [...seen].sort();
}

function* podVersions(): Generator<readonly [version: string, atMs: number]> {
  for (const name of pods.names) {
    const first = pods.history(name)[0];
    if (first?.object.metadata.labels?.['app'] !== 'store') continue;
    const version = first.object.spec.containers[0]?.env?.find((one) => one.name === 'VERSION')?.value;
    yield [version ?? '', first.atMs];
  }
}

async function expectNoCanary(): Promise<void> {
  const { cluster, namespace } = stand;
  expect(await cluster.get({ kind: 'Deployment', namespace, name: 'store-canary' })).toBeUndefined();
  expect(await cluster.get({ kind: 'Service', namespace, name: 'store-api-canary' })).toBeUndefined();
  expect(app.route.spec).toEqual(stand.routes.history('store')[0]?.object.spec);
}

test('without rights and without the policy it says what to install, and goes on when that is done', async () => {
  await app.release(spec);
  const denied = await app.untilPhase('Blocked');
  expect(denied.message).toContain('kubectl create rolebinding glidepath-deployment-mode');
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', join(MODE, 'role.yaml')]);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  const unheld = await app.until('no hold', ({ message }) => message?.includes('HoldUnavailable') === true);
  expect(unheld.message).toContain('kubectl apply --server-side -k config/deployment-mode');
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-k', MODE]);
  const idle = await app.untilPhase('Idle');
  expect(idle.conditions).toContainEqual(expect.objectContaining({ type: 'TemplateHeld', status: 'True' }));
  expect(idle.serving?.revision).toMatch(/^1-[0-9a-f]{7}$/);
  firstTemplate = idle.serving?.template;
});

test('a good image is held, tried beside the old one, promoted, and no answer is lost', async () => {
  const begunMs = Date.now();
  await apply({ version: 'v2' });
  expect((await deployment())?.spec.paused).toBe(true);
  const status = await app.untilPhase('Promoted', 90_000);
  expect(sharesOf(trajectoryOf(app, 'api', 'api-canary'))).toEqual([0, 20, 50, 0]);
  const rolled = stand.releases.history('store').find(({ object }) => object.status?.state === 'promoting.rollingOut')?.atMs;
  const first = [...podVersions()].filter(([version]) => version === 'v2').map(([, atMs]) => atMs);
  expect(first).toHaveLength(2);
  expect(Math.min(...first)).toBeGreaterThan((rolled ?? Number.POSITIVE_INFINITY) - 500);
  await untilRolledOut('v2');
  await expectNoCanary();
  await expectNothingLeft(app);
  expect(status.history?.[0]).toMatchObject({ outcome: 'Promoted', maxWeight: 50 });
  const fromMs = Date.now() + 300;
  await waitFor('some answers', async () => app.answers(fromMs).total > 20);
  expect(app.answers(fromMs).shareByVersion).toEqual({ v2: 1 });
  expect(app.answers(begunMs)).toMatchObject({ bad: 0 });
});

test('a bad image is rolled back, stays held, and never stands behind the serving Service', async () => {
  await apply({ version: 'bad', errorRate: 0.4 });
  const status = await app.until('the rollback', ({ phase }) => phase === 'RolledBack', 90_000);
  expect(status.release?.reason).toBe('ErrorRatio');
  expect(status.message).toContain('stays held');
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
  expectNothingAfterHome(trajectoryOf(app, 'api', 'api-canary'));
  await expectNoCanary();
  expect((await deployment())?.spec.paused).toBe(true);
  expect(versionsBehindService()).toEqual(['v1', 'v2']);
  const change = JSON.stringify({ spec: { template: { metadata: { annotations: { touched: 'yes' } } } } });
  const patch = ['patch', 'deployment', 'store', '-n', stand.namespace, '--dry-run=server', '--type=merge', '-p', change];
  expect((await run('kubectl', patch)).stderr).toContain('held by canaryrelease/store: a canary of this change starts first');
  // Nobody but the operator lifts the hold, an administrator neither.
  await stand.cluster.patch({ kind: 'Deployment', namespace: stand.namespace, name: 'store' }, { spec: { paused: false } });
  expect((await deployment())?.spec.paused).toBe(true);
});

test('a revert is let go at once, without a canary', async () => {
  const { release } = app.status ?? {};
  await apply({ version: 'v2' });
  await waitFor('the hold to be lifted', async () => (await deployment())?.spec.paused !== true);
  await untilRolledOut('v2');
  expect(app.status?.release?.id).toBe(release?.id);
  expect(versionsBehindService()).toEqual(['v1', 'v2']);
});

test('a way back to what was proven before rolls at once, without a canary and without a lost answer', async () => {
  const { release } = app.status ?? {};
  const begunMs = Date.now();
  await apply({ version: 'v1' });
  await app.until('the old version', ({ serving }) => serving?.template === firstTemplate, 30_000);
  await untilRolledOut('v1');
  expect(app.status?.release?.id).toBe(release?.id);
  expect(app.answers(begunMs)).toMatchObject({ bad: 0 });
});

test('deleted in mid-release it goes home, removes its canary, and leaves a Deployment that anyone can unpause', async () => {
  await apply({ version: 'v3' });
  await app.until('a weight', ({ weight, phase }) => weight === 20 && phase === 'Analyzing', 60_000);
  await stand.cluster.remove(app.ref);
  await stand.releases.untilGone('store', 60_000);
  await expectNoCanary();
  expect(versionsBehindService()).toEqual(['v1', 'v2']);
  // The policy forgets a release a moment after it is gone.
  const resume = async () => {
    await stand.cluster.patch({ kind: 'Deployment', namespace: stand.namespace, name: 'store' }, { spec: { paused: false } });
    return (await deployment())?.spec.paused !== true;
  };
  await waitFor('the Deployment to be nobody else’s', resume);
  await untilRolledOut('v3');
});
