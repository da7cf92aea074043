// A real Argo CD with self-heal on, over a Git repository that holds a Deployment and its release: what a commit of an image looks
// like there while the Deployment is held, what undoes what without the recipe, and what sync waves and hooks do meanwhile.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlainObject } from '../lab/sample.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { customizeArgocd, GitOpsApp, inWave, type RecipeFile } from '../fixtures/cluster/argocd.ts';
import { chronicleOf, deploymentLines, keepChronicle } from '../fixtures/cluster/chronicle.ts';
import { DeploymentApp, DeploymentStand, STAGES, type Workload } from '../fixtures/cluster/deployment-stand.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { ObjectWatch } from '../fixtures/cluster/object-watch.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import { needs } from '../fixtures/needs.ts';

interface Delivered {
  readonly app: DeploymentApp;
  readonly gitops: GitOpsApp;
}

let home: DeploymentStand;
let deployments: ObjectWatch<Workload>;
const opened: GitOpsApp[] = [];

/** Everything in Git, with v1; resolves when the release is idle and the app is under load. */
async function deliver(name: string, recipe: RecipeFile | 'none', wave?: string, more: readonly PlainObject[] = []): Promise<Delivered> {
  // Long enough for the next commit to come in the middle.
  const stages = wave === undefined ? STAGES : [{ ...STAGES[0], duration: '25s' }];
  const { stand } = home;
  const load = await stand.app({ name, services: { api: name }, weights: { api: 1 }, delivered: 'by others' });
  const app = new DeploymentApp(home, load, { name, before: [] });
  const release = app.releaseManifest({ stages });
  const objects = [
    app.manifest({ version: 'v1' }),
    load.serviceObject('api', name),
    load.routeObject(),
    wave === undefined ? release : inWave(release, wave),
    ...more,
  ];
  const gitops = await GitOpsApp.create(stand.cluster, { namespace: stand.namespace, name, recipe, objects });
  opened.push(gitops);
  await app.untilRolledOut();
  await load.untilPhase('Idle');
  await load.startLoad(25);
  return { app, gitops };
}

const isPaused = async (app: DeploymentApp) => (await app.deployment())?.spec.paused === true;
const healthsSince = (gitops: GitOpsApp, fromMs: number) => gitops.story.filter(({ atMs }) => atMs >= fromMs).map(({ health }) => health);
const keep = (title: string, { app, gitops }: Delivered) =>
  keepChronicle(title, chronicleOf(app.load, gitops, 'api', 'api-canary', deploymentLines(deployments, app.name)));

function configMap(name: string, text: string, annotations: Readonly<Record<string, string>> = {}): PlainObject {
  const metadata = { name, namespace: home.stand.namespace, annotations };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text } };
}

type Text = KubeObject & { readonly data: { readonly text: string } };

const readMap = (name: string) => home.stand.cluster.get<Text>({ kind: 'ConfigMap', namespace: home.stand.namespace, name });

describe.skipIf(process.env['LAB_KIND'] === 'k3d')('with Argo CD in self-heal', needs('the bare lab, which can run Argo CD'), () => {
  beforeAll(async () => {
    home = await DeploymentStand.open('argomode');
    deployments = await ObjectWatch.open<Workload>(home.stand.cluster, 'Deployment', home.stand.namespace);
    await customizeArgocd(home.stand.cluster, 'argocd-cm.yaml');
  });

  afterAll(async () => {
    for (const one of opened) await one.close();
    deployments?.close();
    await home?.close();
  });

  describe.concurrent('and a Deployment in Git', () => {
    test('a good image is held and promoted: in sync all the time, Progressing, then Healthy; a bad one is Degraded until its revert', async () => {
      const delivered = await deliver('store', 'application-deployment.yaml');
      const { app, gitops } = delivered;
      await gitops.untilHealth('Healthy');
      const fromMs = Date.now();
      await gitops.commit('v2, a good version', app.manifest({ version: 'v2' }));
      await app.load.untilPhase('Analyzing');
      expect(await isPaused(app)).toBe(true);
      // Neither the pause nor our annotation nor the canary's ref is a difference to Argo CD, which shows what runs when it has looked.
      await gitops.untilHealth('Progressing');
      await app.load.untilPhase('Promoted');
      await gitops.untilHealth('Healthy');
      expect(sharesOf(trajectoryOf(app.load, 'api', 'api-canary'))).toEqual([0, 20, 50, 0]);
      expect(healthsSince(gitops, fromMs)).not.toContain('Degraded');
      expect(app.load.answers(fromMs)).toMatchObject({ bad: 0 });
      expect((await home.stand.events('store')).map(({ reason }) => reason)).not.toContain('RouteDrift');
      expect(await app.leftovers()).toEqual([]);

      await gitops.commit('bad, every second answer a 500', app.manifest({ version: 'bad', errorRate: 0.5 }));
      await app.load.untilPhase('RolledBack');
      await gitops.untilHealth('Degraded');
      expect([await isPaused(app), app.readyNow()]).toEqual([true, { v2: 2 }]);
      await gitops.commit('revert of bad', app.manifest({ version: 'v2' }));
      await app.untilRolledOut();
      await gitops.untilHealth('Healthy');
      expect(app.load.status?.history).toHaveLength(2);
      expect(app.versionsBehind).toEqual(['v1', 'v2']);
      keep('a Deployment', delivered);
    });

    test('without the recipe the canary’s ref is undone: contested, with the recipe as advice, and on once it is followed', async () => {
      const delivered = await deliver('plain', 'none');
      const { app, gitops } = delivered;
      await gitops.commit('v2', app.manifest({ version: 'v2' }));
      const { message } = await app.load.until('to be contested', (status) => status.message?.includes('RouteContested') === true);
      expect(message).toMatch(
        /argocd-\S+ keeps undoing our weights.*endswith.*-canary.*RespectIgnoreDifferences=true.*ServerSideDiff=true/,
      );
      const told = await home.stand.untilEvents('plain', 'GitOpsManaged');
      expect(told.find(({ reason }) => reason === 'GitOpsManaged')?.note).toContain('endswith');
      expect([await isPaused(app), app.versionsAnswering()]).toEqual([true, ['v1']]);
      await gitops.addRecipe('application-deployment.yaml');
      await gitops.untilHealth('Degraded');
      await app.load.command('resume');
      await app.load.untilPhase('Promoted');
      await gitops.untilHealth('Healthy');
      expect(await app.leftovers()).toEqual([]);
      keep('a Deployment without the recipe', delivered);
    });
  });

  test('with waves a held Deployment stops the sync, also for a fix; with the health for waves a fix overtakes the release that runs', async () => {
    const hook = { 'argocd.argoproj.io/hook': 'PostSync' };
    const notes = (text: string) => inWave(configMap('notes', text), '1');
    const delivered = await deliver('waved', 'application-deployment.yaml', '1', [notes('one'), configMap('after', 'hook', hook)]);
    const { app, gitops } = delivered;
    await gitops.untilHealth('Healthy');
    const ran = await waitFor('the hook', async () => (await readMap('after'))?.metadata.uid);
    await gitops.commit('bad', app.manifest({ version: 'bad', errorRate: 0.5 }), notes('two'));
    await app.load.untilPhase('RolledBack');
    await gitops.commit('v2, a fix', app.manifest({ version: 'v2' }));
    const { operationState } = await gitops.untilCompared();
    expect(operationState).toMatchObject({ phase: 'Running', message: expect.stringContaining('waved') });
    expect([(await readMap('notes'))?.data.text, (await readMap('after'))?.metadata.uid]).toEqual(['one', ran]);

    await customizeArgocd(home.stand.cluster, 'argocd-cm-waves.yaml');
    await gitops.terminate();
    const { release } = await app.load.until('the fix', ({ phase, release: now }) => phase === 'Analyzing' && now?.stageIndex === 0);
    await gitops.commit('v3, a fix of the fix', app.manifest({ version: 'v3' }));
    const fixed = await app.load.until('the second fix', ({ phase, history }) => phase === 'Promoted' && history?.length === 3);
    expect(fixed.history).toMatchObject([{ outcome: 'Promoted' }, { id: release?.id, reason: 'Superseded' }, { reason: 'ErrorRatio' }]);
    await gitops.untilHealth('Healthy');
    expect((await readMap('notes'))?.data.text).toBe('two');
    const again = async () => ((await readMap('after'))?.metadata.uid ?? ran) !== ran;
    await waitFor('the hook after the last sync', again);
    expect(app.versionsBehind).toEqual(['v1', 'v3']);
    keep('a Deployment in the first of two waves', delivered);
  });
});
