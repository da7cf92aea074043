// A real Argo CD with self-heal on, over a Git repository: with the recipe of config/argocd it leaves our weights alone and shows
// how a release goes; without it a release says what is missing instead of fighting.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { FIELD_MANAGER, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { type PlainObject, sampleDeployment, type SampleVersion } from '../lab/sample.ts';
import { type App, shareIn, weightsIn } from '../fixtures/cluster/app.ts';
import { customizeArgocd, GitOpsApp, inWave, type RecipeFile } from '../fixtures/cluster/argocd.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { chronicleOf, keepChronicle } from '../fixtures/cluster/chronicle.ts';
import { type RouteObject, type RouteSpec, Stand } from '../fixtures/cluster/stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import { needs } from '../fixtures/needs.ts';

const STAGES = [
  { weight: 20, duration: '8s' },
  { weight: 50, duration: '3s' },
];

let stand: Stand;
const opened: GitOpsApp[] = [];

const deployment = (name: string, version: Omit<SampleVersion, 'namespace' | 'name'>) =>
  sampleDeployment({ namespace: stand.namespace, name, ...version });

/** Two versions, their Services, the route and the release, all of them in Git. */
async function deliver(
  name: string,
  recipe: RecipeFile | 'none',
  stages: readonly object[] = STAGES,
  wave = '0',
): Promise<{ readonly app: App; readonly gitops: GitOpsApp }> {
  const services = { v1: `${name}-v1`, v2: `${name}-v2` };
  const app = await stand.app({ name, services, delivered: 'by others' });
  const objects = [
    deployment(services.v1, { version: 'v1' }),
    deployment(services.v2, { version: 'v2' }),
    app.serviceObject('v1', services.v1),
    app.serviceObject('v2', services.v2),
    app.routeObject(),
    inWave(app.manifest({ stages } as Partial<SpecInput>), wave),
  ];
  const gitops = await GitOpsApp.create(stand.cluster, { namespace: stand.namespace, name, recipe, objects });
  opened.push(gitops);
  return { app, gitops };
}

const healthsSince = (gitops: GitOpsApp, fromMs: number) => gitops.story.filter(({ atMs }) => atMs >= fromMs).map(({ health }) => health);

const secondHostOf = (app: App) => `second.${app.host}`;

/** The route as Git has it, with one more hostname. */
function withSecondHost(app: App): PlainObject {
  const route = app.routeObject();
  return { ...route, spec: { ...(route['spec'] as RouteSpec), hostnames: [app.host, secondHostOf(app)] } };
}

/** The route with a timeout in each rule. */
function withTimeouts(route: PlainObject): PlainObject {
  const spec = route['spec'] as RouteSpec;
  return { ...route, spec: { ...spec, rules: (spec.rules ?? []).map((rule) => ({ ...rule, timeouts: { request: '7s' } })) } };
}

/** The route of Git with the weights that the cluster has. */
function withLiveWeights(route: PlainObject, weights: Readonly<Record<string, number>>): PlainObject {
  const spec = route['spec'] as RouteSpec;
  const rules = (spec.rules ?? []).map((rule) => ({
    ...rule,
    backendRefs: (rule.backendRefs ?? []).map((ref) => ({ ...ref, weight: weights[ref.name] ?? 0 })),
  }));
  return { ...route, spec: { ...spec, rules } };
}

/** Nothing of the release is left on the route, which stays Argo CD's. */
async function expectClean(app: App): Promise<void> {
  const holds = ({ metadata }: RouteObject) => metadata.annotations?.[RELEASE_ANNOTATION] === undefined;
  await stand.routes.until(app.name, 'to carry no mark', holds);
  const managers = async () => (await stand.cluster.get(app.routeRef))?.metadata.managedFields?.map(({ manager }) => manager) ?? [];
  const isForgotten = async () => !(await managers()).includes(FIELD_MANAGER);
  await waitFor('our managedFields to be gone', isForgotten);
  expect(await managers()).toContain('argocd-controller');
}

describe.skipIf(process.env['LAB_KIND'] === 'k3d')('with Argo CD in self-heal', needs('the bare lab, which can run Argo CD'), () => {
  let app: App;
  let gitops: GitOpsApp;

  beforeAll(async () => {
    stand = await Stand.open({ name: 'argocd', versions: {} });
    await customizeArgocd(stand.cluster, 'argocd-cm.yaml');
  });

  afterAll(async () => {
    for (const one of opened) await one.close();
    await stand?.close();
  });

  test('the first sync brings a release, which is promoted; the app is Progressing meanwhile, then Healthy', async () => {
    ({ app, gitops } = await deliver('store', 'application.yaml'));
    await app.untilPhase('Analyzing');
    await app.startLoad(25);
    await app.untilPhase('Promoted');
    await gitops.untilHealth('Healthy');
    expect(gitops.story.map(({ health }) => health)).toContain('Progressing');
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 0, 'store-v2': 1 });
    await stand.untilEvents('store', 'GitOpsManaged');
  });

  test('a commit with a good version is promoted; a commit to another field in mid-release is applied, and the weight stays', async () => {
    const seen = trajectoryOf(app, 'v2', 'v1').length;
    const fromMs = Date.now();
    await gitops.commit('v1-next, a good version', deployment('store-v1', { version: 'v1-next' }));
    await app.untilShare(20, 'v1', 'v2');
    await gitops.commit('a second hostname for the route', withSecondHost(app));
    const named = (route: RouteObject) => (route.spec['hostnames'] as readonly string[]).includes(secondHostOf(app)) && route;
    const changed = await stand.routes.until('store', 'the hostname of Git', named);
    expect(shareIn(changed, 'store-v2', 'store-v1')).toBe(20);
    await app.untilPhase('Promoted');
    await gitops.untilHealth('Healthy');
    expect(sharesOf(trajectoryOf(app, 'v2', 'v1').slice(seen - 1))).toEqual([0, 20, 50, 100]);
    expect(healthsSince(gitops, fromMs)).toContain('Progressing');
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 1, 'store-v2': 0 });
    expect(app.status?.history?.[0]).toMatchObject({ outcome: 'Promoted' });
    expect((await stand.events('store')).map(({ reason }) => reason)).not.toContain('RouteDrift');
    await expectClean(app);
  });

  test('a commit inside a rule is not applied by Argo CD, and by hand it is in sync at once, as docs/gitops.md says', async () => {
    const route = withTimeouts(withSecondHost(app));
    await gitops.commit('a timeout inside the rule', route);
    await gitops.untilSynced('OutOfSync');
    expect(JSON.stringify(app.route.spec)).not.toContain('timeouts');
    await stand.cluster.apply(withLiveWeights(route, weightsIn(app.route)), { manager: 'argocd-controller' });
    await gitops.untilHealth('Healthy');
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 1, 'store-v2': 0 });
    expect(JSON.stringify(app.route.spec)).toContain('timeouts');
  });

  test('a commit with a bad version is rolled back, and the app is Degraded until a commit with a fix is promoted', async () => {
    await gitops.commit('v2-bad, every second answer a 500', deployment('store-v2', { version: 'v2-bad', errorRate: 0.5 }));
    await app.untilPhase('RolledBack');
    await gitops.untilHealth('Degraded');
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 1, 'store-v2': 0 });
    await gitops.commit('v2-fixed', deployment('store-v2', { version: 'v2-fixed' }));
    await app.untilPhase('Promoted');
    await gitops.untilHealth('Healthy');
    expect(app.status?.history?.slice(0, 2)).toMatchObject([{ outcome: 'Promoted' }, { outcome: 'RolledBack' }]);
    keepChronicle('with the recipe', chronicleOf(app, gitops));
  });

  test('without the recipe the release is contested, with the recipe as advice, and goes on once it is followed', async () => {
    const { app: plain, gitops: bare } = await deliver('plain', 'none');
    const status = await plain.untilBlockedBy('RouteContested');
    expect(status.message).toMatch(
      /argocd-\S+ keeps undoing our weights.*ignoreDifferences.*RespectIgnoreDifferences=true.*ServerSideDiff=true/,
    );
    await bare.untilHealth('Degraded');
    // One raise, undone by Argo CD and not repeated.
    expect(sharesOf(trajectoryOf(plain))).toEqual([0, 20, 0]);
    const first = stand.releases
      .history('plain')
      .find(({ object }) => object.status?.conditions?.some(({ type }) => type === 'GitOpsManaged'));
    expect(first?.object.status).toMatchObject({ weight: 0 });
    const told = await stand.untilEvents('plain', 'GitOpsManaged', 'RouteDrift', 'RouteContested');
    expect(told.find(({ reason }) => reason === 'GitOpsManaged')?.note).toContain('ignoreDifferences');
    await plain.startLoad(25);
    await bare.addRecipe('application.yaml');
    await bare.untilHealth('Degraded');
    await plain.command('resume');
    await plain.untilPhase('Promoted');
    await bare.untilHealth('Healthy');
    keepChronicle('without the recipe', chronicleOf(plain, bare));
  });

  test('in an app of two waves with the health for waves, a fix overtakes the release that runs', async () => {
    await customizeArgocd(stand.cluster, 'argocd-cm-waves.yaml');
    const { app: waved, gitops: git } = await deliver('waved', 'application.yaml', [{ weight: 20, duration: '6s' }], '1');
    await waved.untilPhase('Analyzing');
    await waved.startLoad(25);
    await waved.untilPhase('Promoted');
    // Without requests it passes no stage, however long the fix takes to arrive.
    await waved.stopLoad();
    await git.commit('slow-v1, in need of a fix', deployment('waved-v1', { version: 'v1-slow' }));
    await waved.untilShare(20, 'v1', 'v2');
    const { release: overtaken } = await waved.untilPhase('Analyzing');
    await git.commit('v1-fixed', deployment('waved-v1', { version: 'v1-fixed' }));
    await waved.until('the release of the fix', ({ release }) => release !== undefined && release.id !== overtaken?.id);
    await waved.startLoad(25);
    const fixed = await waved.until('the fix promoted', ({ phase, release }) => phase === 'Promoted' && release?.id !== overtaken?.id);
    expect(fixed.history?.slice(0, 2)).toMatchObject([{ outcome: 'Promoted' }, { id: overtaken?.id, outcome: 'RolledBack' }]);
    await git.untilHealth('Healthy');
    expect(git.story.map(({ health }) => health)).not.toContain('Suspended');
    keepChronicle('two waves', chronicleOf(waved, git));
  });
});
