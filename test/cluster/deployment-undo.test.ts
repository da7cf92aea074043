// The way back of a Deployment on a real cluster: in the bake by one weight write, after the promotion by the Deployment itself,
// without a canary. No request is lost, and a tool that puts the undone template back finds it held.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { type Load, startLoad } from '../lab/load.ts';
import { type SampleVersion, sampleDeployment } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { ObjectWatch } from '../fixtures/cluster/object-watch.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

type Workload = KubeObject<
  { readonly replicas?: number; readonly paused?: boolean },
  { readonly replicas?: number; readonly updatedReplicas?: number; readonly readyReplicas?: number; readonly observedGeneration?: number }
>;
type Pod = KubeObject<{ readonly containers: readonly { readonly env?: readonly { name: string; value?: string }[] }[] }>;

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
/** Far above what the way back takes: the order of things is what is asserted, the figure is printed. */
const GENEROUS_MS = 5_000;
let stand: Stand;
let app: App;
let load: Load;
let pods: ObjectWatch<Pod>;

const spec = (bake: string) =>
  ({
    services: undefined,
    targetRef: { kind: 'Deployment', name: 'store' },
    service: { name: 'store-api' },
    stages: [{ weight: 50, duration: '2s' }],
    promotion: { bake },
  }) as never;

beforeAll(async () => {
  stand = await Stand.open({ name: 'undo', versions: {} });
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-k', MODE]);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  pods = await ObjectWatch.open<Pod>(stand.cluster, 'Pod', stand.namespace);
  await apply({ version: 'v1' });
  await untilRolledOut();
  app = await stand.app({ name: 'store', services: { api: 'store' }, weights: { api: 1 }, rps: 0 });
  load = startLoad({ url: process.env['GATEWAY_URL'] ?? '', host: app.host, rps: 50 });
  await waitFor('the store to be served', async () => load.records.at(-1)?.status === 200);
  await app.release(spec('10m'));
  await app.untilPhase('Idle');
});

afterAll(async () => {
  pods?.close();
  await load?.stop();
  await stand?.close();
});

/** As a GitOps tool would apply it: the whole manifest, unpaused. */
async function apply(sample: Omit<SampleVersion, 'namespace' | 'name'>): Promise<void> {
  const manifest = sampleDeployment({ ...sample, namespace: stand.namespace, name: 'store', replicas: 2 });
  await stand.cluster.apply({ ...manifest, spec: { ...(manifest['spec'] as object), paused: false } }, { manager: 'git' });
}

const deployment = () => stand.cluster.get<Workload>({ kind: 'Deployment', namespace: stand.namespace, name: 'store' });

async function untilRolledOut(): Promise<void> {
  const isDone = async () => {
    const { metadata, status = {}, spec: now } = (await deployment()) ?? {};
    const settled = status?.replicas === 2 && status.updatedReplicas === 2 && status.readyReplicas === 2;
    return settled && now?.paused !== true && status.observedGeneration === metadata?.generation;
  };
  await waitFor('the Deployment to be rolled out', isDone);
}

/** Pods that began since, as `app label: version`, each once. */
function podsSince(sinceMs: number): readonly string[] {
  const seen = pods.names.flatMap((name) => {
    const first = pods.history(name)[0];
    if (first === undefined || first.atMs < sinceMs) return [];
    const version = first.object.spec.containers[0]?.env?.find((one) => one.name === 'VERSION')?.value;
    return [`${first.object.metadata.labels?.['app']}: ${version}`];
  });
  return [...new Set(seen)].sort();
}

const answersSince = (sinceMs: number) => load.records.filter(({ sentAtMs }) => sentAtMs >= sinceMs);
const lostSince = (sinceMs: number) => answersSince(sinceMs).filter(({ status }) => status !== 200);
const sentTo = (version: string, sinceMs: number) => answersSince(sinceMs).filter((one) => one.version === version);

/** Waits for answers to requests that are sent from now on, and returns their versions. */
async function versionsNow(): Promise<readonly string[]> {
  const fromMs = Date.now();
  await waitFor('some answers', async () => answersSince(fromMs).length > 30);
  return [...new Set(answersSince(fromMs).map(({ version }) => version))];
}

test('undo in the bake moves all traffic back by one weight write, and no new pod was ever behind the serving Service', async () => {
  const begunMs = Date.now();
  await apply({ version: 'v2' });
  await app.until('the bake', ({ state, observedWeight }) => state === 'promoting.baking' && observedWeight === 100);
  await waitFor('everything on the canary', async () => (await versionsNow()).join() === 'v2');
  expect((await deployment())?.spec.paused).toBe(true);
  const commandedMs = Date.now();
  await app.command('undo');
  await app.until('the rollback', ({ phase }) => phase === 'RolledBack');
  const last = sentTo('v2', commandedMs).at(-1);
  const home = trajectoryOf(app, 'api', 'api-canary').find(({ mark }) => mark?.endsWith('/home') === true);
  const lastMs = Math.max(0, ...sentTo('v2', commandedMs).map(({ sentAtMs }) => sentAtMs - commandedMs));
  // oxlint-disable-next-line no-console -- the figure that the run is for
  console.log(
    `undo in the bake: route home ${(home?.atMs ?? 0) - commandedMs} ms after the command was sent, last request to the canary sent after ${Math.round(lastMs)} ms and answered after ${Math.round((last?.doneAtMs ?? commandedMs) - commandedMs)} ms`,
  );
  expect(lastMs).toBeLessThan(GENEROUS_MS);
  expect(sharesOf(trajectoryOf(app, 'api', 'api-canary'))).toEqual([0, 50, 100, 0]);
  expectNothingAfterHome(trajectoryOf(app, 'api', 'api-canary'));
  expect(podsSince(begunMs)).toEqual(['store-canary: v2']);
  expect(app.status).toMatchObject({ release: { reason: 'Undone' }, lastHandledCommand: { verb: 'undo', result: 'Done' } });
  expect((await deployment())?.spec.paused).toBe(true);
  expect(lostSince(begunMs)).toEqual([]);
  await expectNothingLeft(app);
});

test('after the bake the Deployment rolls under the canary, and no answer is lost', async () => {
  const begunMs = Date.now();
  await app.release(spec('5s'));
  await apply({ version: 'v3' });
  await app.untilPhase('Promoted');
  await untilRolledOut();
  expect(sharesOf(trajectoryOf(app, 'api', 'api-canary')).slice(3)).toEqual([0, 50, 100, 0]);
  const rolled = stand.releases.history('store').find(({ atMs, object }) => atMs > begunMs && object.status?.state === 'promoting.baking');
  const firstOwn = pods.names
    .flatMap((name) => pods.history(name).slice(0, 1))
    .filter(({ atMs, object }) => atMs > begunMs && object.metadata.labels?.['app'] === 'store')
    .map(({ atMs }) => atMs);
  expect(firstOwn).toHaveLength(2);
  expect(Math.min(...firstOwn)).toBeGreaterThan((rolled?.atMs ?? Number.POSITIVE_INFINITY) + 4_000);
  expect(await versionsNow()).toEqual(['v3']);
  expect(lostSince(begunMs)).toEqual([]);
});

test('undo after the promotion: the proven template serves again, without a canary and without a lost answer', async () => {
  const writes = stand.routes.history('store').length;
  const begunMs = Date.now();
  const cli = ['src/cli/main.ts', 'undo', 'store', '-n', stand.namespace, '--yes'];
  const { stdout } = await run(process.execPath, cli, { cwd: PROJECT_FOLDER });
  expect(stdout).toMatch(/Revert 1-[0-9a-f]{7} in Git as well/);
  const status = await app.until('the way back', ({ phase, release }) => phase === 'Idle' && release?.reason === 'Undone');
  await untilRolledOut();
  await waitFor('the proven version', async () => (await versionsNow()).join() === 'v1');
  const lastMs = Math.max(0, ...sentTo('v3', begunMs).map(({ sentAtMs }) => sentAtMs - begunMs));
  // oxlint-disable-next-line no-console -- the figure that the run is for
  console.log(
    `undo after the promotion: last request to the undone version sent ${Math.round(lastMs)} ms after the command line was called`,
  );
  expect(podsSince(begunMs)).toEqual(['store: v1']);
  expect(stand.routes.history('store').length).toBe(writes);
  expect(status).toMatchObject({
    release: { reason: 'Undone' },
    serving: { revision: expect.stringMatching(/^1-/) },
    rejected: [{ reason: 'Undone' }, { reason: 'Undone' }],
  });
  expect(lostSince(begunMs)).toEqual([]);
  await expectNothingLeft(app);
});

test('the undone template that Git puts back is held as a rejected one, and a revert lets it go', async () => {
  const begunMs = Date.now();
  await apply({ version: 'v3' });
  const held = await app.until('the hold', ({ message }) => message?.includes('stays held at it') === true);
  expect(held.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
  expect((await deployment())?.spec.paused).toBe(true);
  expect(await versionsNow()).toEqual(['v1']);
  expect(podsSince(begunMs)).toEqual([]);
  await apply({ version: 'v1' });
  await waitFor('the hold to be lifted', async () => (await deployment())?.spec.paused !== true);
  await untilRolledOut();
  expect(podsSince(begunMs)).toEqual([]);
  expect(lostSince(begunMs)).toEqual([]);
});

test('a tool that heals while the former template rolls holds it up, but neither stops it nor costs an answer', async () => {
  await apply({ version: 'v4' });
  await app.until('the promotion', ({ phase, release }) => phase === 'Promoted' && release?.workload?.bakes !== true);
  await untilRolledOut();
  const begunMs = Date.now();
  const healed = heal('v4', [150, 300, 2_000, 4_000]);
  await app.command('undo');
  await app.until('the way back', ({ phase, release }) => phase === 'Idle' && release?.reason === 'Undone');
  expect(await healed()).toBeGreaterThan(0);
  await apply({ version: 'v4' });
  await app.until('the hold', ({ message }) => message?.includes('stays held at it') === true);
  await waitFor('the proven version', async () => (await versionsNow()).join() === 'v1');
  expect((await deployment())?.spec.paused).toBe(true);
  expect(lostSince(begunMs)).toEqual([]);
  await apply({ version: 'v1' });
  await untilRolledOut();
});

/** Puts a version back so long after another one was seen, once for each of these times. @returns stops it and says how often it did */
function heal(version: string, delaysMs: readonly number[]): () => Promise<number> {
  let [times, stopped] = [0, false];
  const isThere = async () => JSON.stringify((await deployment())?.spec ?? {}).includes(`"value":"${version}"`);
  const work = async (): Promise<void> => {
    for (const delayMs of delaysMs) {
      await waitFor('another version', async () => stopped || !(await isThere()));
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (stopped) return;
      await apply({ version });
      times += 1;
    }
  };
  const done = work();
  return async () => {
    stopped = true;
    await done;
    return times;
  };
}

test('deleted with Retain it leaves the canary serving at its weight, whatever the garbage collector does', async () => {
  const begunMs = Date.now();
  await app.release({ ...(spec('0s') as object), stages: [{ weight: 50, duration: '10m' }], deletionPolicy: 'Retain' } as never);
  await apply({ version: 'v5' });
  await app.until('a weight', ({ observedWeight, phase }) => observedWeight === 50 && phase === 'Analyzing');
  await stand.cluster.remove(app.ref);
  await stand.releases.untilGone('store');
  const goneMs = Date.now();
  // The collector works seconds after an owner is gone; an object that only the release owned tells when it has.
  const owned = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'owned', namespace: stand.namespace, ownerReferences: [owner()] },
  };
  await stand.cluster.create(owned);
  const isCollected = async () => (await stand.cluster.get({ kind: 'ConfigMap', namespace: stand.namespace, name: 'owned' })) === undefined;
  await waitFor('the garbage collector', isCollected);
  expect((await versionsNow()).toSorted()).toEqual(['v1', 'v5']);
  expect(sharesOf(trajectoryOf(app, 'api', 'api-canary').filter(({ atMs }) => atMs >= goneMs - 1))).toEqual([]);
  for (const [kind, name] of [
    ['Deployment', 'store-canary'],
    ['Service', 'store-api-canary'],
  ] as const)
    expect((await stand.cluster.get({ kind, namespace: stand.namespace, name }))?.metadata.ownerReferences ?? []).toEqual([]);
  expect(lostSince(begunMs)).toEqual([]);
});

/** The release that is gone. */
function owner() {
  const { uid = '' } = stand.releases.history('store').at(-1)?.object.metadata ?? {};
  return { apiVersion: 'glidepath.dev/v1alpha1', kind: 'CanaryRelease', name: 'store', uid };
}
