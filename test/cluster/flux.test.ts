// A real Flux over a Git repository, with the recipe of config/flux: it leaves our weights alone, a bad commit is never green, and a
// good one never red.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { type App, weightsIn } from '../fixtures/cluster/app.ts';
import { chronicleOf, keepChronicle } from '../fixtures/cluster/chronicle.ts';
import { FluxApp } from '../fixtures/cluster/flux.ts';
import { type RouteObject, type RouteSpec, Stand } from '../fixtures/cluster/stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import { needs } from '../fixtures/needs.ts';
import { type PlainObject, sampleDeployment, type SampleVersion } from '../lab/sample.ts';

const STAGES = [
  { weight: 20, duration: '6s' },
  { weight: 50, duration: '3s' },
];

let stand: Stand;
const opened: FluxApp[] = [];

const deployment = (name: string, version: Omit<SampleVersion, 'namespace' | 'name'>) =>
  sampleDeployment({ namespace: stand.namespace, name, ...version });

/** The release as Git has it: each commit of a version names it. */
const releaseObject = (app: App, revision: string): PlainObject => app.manifest({ stages: STAGES, revision } as Partial<SpecInput>);

/** Two versions, their Services, the route and the release, all of them in Git. */
async function deliver(name: string, options: { readonly ignores: boolean; readonly route?: (route: PlainObject) => PlainObject }) {
  const services = { v1: `${name}-v1`, v2: `${name}-v2` };
  const app = await stand.app({ name, services, delivered: 'by others' });
  const { route = (object: PlainObject) => object } = options;
  const objects = [
    deployment(services.v1, { version: 'v1' }),
    deployment(services.v2, { version: 'v2' }),
    app.serviceObject('v1', services.v1),
    app.serviceObject('v2', services.v2),
    route(app.routeObject()),
    releaseObject(app, '1'),
  ];
  const flux = await FluxApp.create(stand.cluster, { namespace: stand.namespace, name, ignores: options.ignores, objects });
  opened.push(flux);
  return { app, flux };
}

/** What Ready said of a commit, without what it says while it is tried. */
const verdictsOf = (flux: FluxApp, commit: string) =>
  flux.story.filter((said) => said.commit === commit && said.ready !== 'Unknown').map(({ ready }) => ready);

/** The resourceVersion with which the release of this revision ended. @throws Error where it did not */
function endOf(app: App, revision: string): number {
  const ended = app.stand.releases
    .history(app.name)
    .find(({ object: { status } }) => status?.release?.revision === revision && ['Promoted', 'RolledBack'].includes(status.phase ?? ''));
  if (ended === undefined) throw new Error(`the release of revision ${revision} has not ended`);
  return Number(ended.object.metadata.resourceVersion);
}

/** The resourceVersion with which the Kustomization first said Ready of a commit. @throws Error where it never did */
function greenSince(flux: FluxApp, commit: string): number {
  const said = flux.story.find((one) => one.commit === commit && one.ready === 'True');
  if (said === undefined) throw new Error(`the Kustomization was never Ready at commit ${commit}`);
  return said.version;
}

describe.skipIf(process.env['LAB_KIND'] === 'k3d')('with Flux', needs('the bare lab, which can run Flux'), () => {
  let app: App;
  let flux: FluxApp;

  beforeAll(async () => {
    stand = await Stand.open({ name: 'flux', versions: {} });
  });

  afterAll(async () => {
    for (const one of opened) await one.close();
    await stand?.close();
  });

  test('the first sync brings a release, and the Kustomization is green when it is promoted and never red before', async () => {
    ({ app, flux } = await deliver('store', { ignores: true }));
    await app.untilPhase('Analyzing');
    await app.startLoad(25);
    await app.untilPhase('Promoted');
    await flux.untilReady('True');
    const [commit = ''] = flux.story.map((said) => said.commit).filter((one) => one !== '');
    expect(verdictsOf(flux, commit)).toEqual(['True']);
    expect(greenSince(flux, commit)).toBeGreaterThan(endOf(app, '1'));
  });

  test('the weights of the promotion stay when Flux applies Git again, and other fields of the route are applied', async () => {
    await flux.reconcile();
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 0, 'store-v2': 1 });
    const route = app.routeObject();
    const spec = { ...(route['spec'] as RouteSpec), hostnames: [app.host, `second.${app.host}`] };
    await flux.commit('a second hostname for the route', { ...route, spec });
    const named = (seen: RouteObject) => (seen.spec['hostnames'] as readonly string[]).length === 2 && seen;
    expect(weightsIn(await stand.routes.until('store', 'the hostname of Git', named))).toEqual({ 'store-v1': 0, 'store-v2': 1 });
    await flux.untilReady('True');
  });

  test('a good commit is never red, and green no sooner than it is promoted; its pods are waited for', async () => {
    const seen = trajectoryOf(app, 'v2', 'v1').length;
    const commit = await flux.commit(
      'v1-next, a good version, as revision 2',
      deployment('store-v1', { version: 'v1-next' }),
      releaseObject(app, '2'),
    );
    await app.until('promoted', ({ phase, release }) => phase === 'Promoted' && release?.revision === '2');
    await flux.untilReady('True');
    expect(verdictsOf(flux, commit)).toEqual(['True']);
    expect(greenSince(flux, commit)).toBeGreaterThan(endOf(app, '2'));
    expect(sharesOf(trajectoryOf(app, 'v2', 'v1').slice(seen - 1))).toEqual([0, 20, 50, 100]);
    expect(app.status?.history?.slice(0, 2)).toMatchObject([{ outcome: 'Promoted' }, { outcome: 'Promoted' }]);
  });

  test('a bad commit is never green, and the commit that fixes it is never red', async () => {
    const bad = await flux.commit(
      'v2-bad, every second answer a 500, as revision 3',
      deployment('store-v2', { version: 'v2-bad', errorRate: 0.5 }),
      releaseObject(app, '3'),
    );
    await app.untilPhase('RolledBack');
    expect(await flux.untilReady('False')).toContain('CanaryRelease');
    expect(verdictsOf(flux, bad)).toEqual(['False']);
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 1, 'store-v2': 0 });
    const fixed = await flux.commit('v2-fixed, as revision 4', deployment('store-v2', { version: 'v2-fixed' }), releaseObject(app, '4'));
    await app.until('promoted', ({ phase, release }) => phase === 'Promoted' && release?.revision === '4');
    await flux.untilReady('True');
    expect(verdictsOf(flux, fixed)).toEqual(['True']);
    expect(weightsIn(app.route)).toEqual({ 'store-v1': 0, 'store-v2': 1 });
    keepChronicle('Flux', chronicleOf(app, flux));
  });

  test('with ssa: IfNotPresent on the route instead, the weights of a promotion stay as well', async () => {
    const annotations = { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' };
    const route = (object: PlainObject) => ({ ...object, metadata: { ...object.metadata, annotations } as PlainObject['metadata'] });
    const { app: older, flux: kustomization } = await deliver('older', { ignores: false, route });
    await older.untilPhase('Analyzing');
    await older.startLoad(25);
    await older.untilPhase('Promoted');
    await kustomization.untilReady('True');
    await kustomization.reconcile();
    expect(weightsIn(older.route)).toEqual({ 'older-v1': 0, 'older-v2': 1 });
    expect((await stand.events('older')).map(({ reason }) => reason)).not.toContain('GitOpsManaged');
  });

  test('without either setting Flux restores the weights of Git after a promotion, as the release has said before its first weight', async () => {
    const { app: plain, flux: kustomization } = await deliver('plain', { ignores: false });
    await plain.untilPhase('Analyzing');
    const told = await stand.untilEvents('plain', 'GitOpsManaged');
    expect(told.find(({ reason }) => reason === 'GitOpsManaged')?.note).toMatch(
      /HTTPRoute plain is applied by Flux.*afterwards it restores the weights of Git.*spec\.ignore/,
    );
    await plain.startLoad(25);
    await plain.untilPhase('Promoted');
    await kustomization.untilReady('True');
    await kustomization.reconcile();
    // The previous version serves again, so the new one is a candidate again.
    await plain.until('a second release of the same revision', ({ history = [] }) => history.length === 2);
    expect(sharesOf(trajectoryOf(plain)).slice(0, 6)).toEqual([0, 20, 50, 100, 0, 20]);
  });
});
