// The command line and your own Deployment, on a real API server: a manifest from what the cluster shows, a pipeline that waits for
// exactly what it has changed, whoever is first, and what doctor says of all that.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReleases } from '../../src/cli/manifest.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { type SampleVersion, sampleDeployment } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { type BuiltCanary, buildCanary, type Ended, startCanary } from '../fixtures/cluster/canary-cli.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';

type Workload = KubeObject<{ readonly paused?: boolean }, { readonly readyReplicas?: number; readonly updatedReplicas?: number }>;

const execute = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
let cli: BuiltCanary | undefined;
let stand: Stand;
let app: App;

beforeAll(async () => {
  const building = buildCanary();
  stand = await Stand.open({ name: 'pipeline', versions: {} });
  await execute('kubectl', ['apply', '--server-side', '--force-conflicts', '-k', MODE]);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await execute('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  await change({ version: 'v1' });
  await waitFor('the first version', async () => (await deployment())?.status?.readyReplicas === 1);
  app = await stand.app({ name: 'store', services: { api: 'store' }, weights: { api: 1 } });
  cli = await building;
});

afterAll(async () => {
  await stand?.close();
  await cli?.remove();
});

const deployment = () => stand.cluster.get<Workload>({ kind: 'Deployment', namespace: stand.namespace, name: 'store' });

/** What a pipeline does first. */
async function change(sample: Omit<SampleVersion, 'namespace' | 'name'>): Promise<void> {
  await stand.cluster.apply(sampleDeployment({ ...sample, namespace: stand.namespace, name: 'store' }), { manager: 'pipeline' });
}

/** Starts `kubectl canary` in the namespace of the stand. */
const start = (line: string) => startCanary(cli?.program ?? '', [...line.split(' '), '-n', stand.namespace]);

const run = (line: string) => start(line).ended;

const WAIT = 'watch --until=done --for deploy/store --timeout 2m';
/** What a pipeline does next. */
const wait = () => run(WAIT);

/** The same, resolved when it knows what it waits for: what is changed later is another version to it. */
async function startToWait(): Promise<{ readonly ended: Promise<Ended> }> {
  const { ended, tells } = start(WAIT);
  await Promise.race([tells('waiting for revision'), ended]);
  return { ended };
}

test('init writes a manifest that holds the Deployment, and doctor finds nothing wrong with it', async () => {
  const { code, out, err } = await run('init deploy/store');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/# {3}Service store-api selects its pods\n# {3}HTTPRoute store, \S+: store-api weight 1\n/);
  expect(out).toMatch(/source: Auto {3}# Contour, /);
  const [release] = readReleases(out, 'init');
  const { targetRef, service, routeRefs } = release?.spec ?? {};
  await app.release({ services: undefined, targetRef, service, routeRefs } as never);
  await app.untilPhase('Idle');
  let examined = '';
  // A second scrape tells how often.
  const isScraped = async () => {
    examined = (await run(`doctor --prometheus ${process.env['PROMETHEUS_URL']}`)).out;
    // What other files leave behind goes with their namespaces, a moment after them.
    return /scraped every/.test(examined) && /^ok +leftovers /m.test(examined);
  };
  await waitFor('a second scrape, and the end of the namespaces of others', isScraped, { lastSeen: () => examined });
  const lines = [
    // The operator of these tests is no pod, which doctor takes for none.
    /^(?:ok|FAIL) +hold +the policy glidepath-hold holds (?:every )?changes? of the Deployments of \S*store/m,
    /^ok +CRD +schema \d+$/m,
    /^ok +operator's rights +releases, routes, Services and events of the whole cluster$/m,
    /^ok +operator's rights +Deployment mode in namespace \S+$/m,
    /^ok +metrics source +Contour \(live-tested\) for /m,
    /^ok +Prometheus +\S+ answers$/m,
    /^ok +metrics +found for \S+\/store, scraped every (1s|\d{3}ms)$/m,
    /^ok +leftovers /m,
    /^ok +releases +1, none blocked or stalled$/m,
  ];
  for (const line of lines) expect(examined).toMatch(line);
});

test('a pipeline that is there before the operator waits for its own version, and ends with 0', async () => {
  await stand.operator.kill();
  await change({ version: 'v2' });
  const waiting = wait();
  stand.operator.start();
  const { code, out, err } = await waiting;
  expect(err).toMatch(/^waiting for revision \S+ of Deployment store, released by canaryrelease\/store\n$/);
  expect(out).toMatch(/Idle[\s\S]*Analyzing 1\/2, weight 20%[\s\S]*\npromoted: .*\n$/);
  expect(code).toBe(0);
  expect((await deployment())?.spec.paused).not.toBe(true);
  expect(await wait()).toMatchObject({ code: 0, out: expect.stringMatching(/\npromoted: /) });
});

test('a version that is passed over is superseded, a bad one is rolled back, and both are known afterwards', async () => {
  await change({ version: 'v3' });
  const passed = await startToWait();
  await app.untilPhase('Analyzing');
  await change({ version: 'bad', errorRate: 0.4 });
  const bad = await startToWait();
  expect(await passed.ended).toMatchObject({ code: 5, out: expect.stringMatching(/\nsuperseded: .*\n$/) });
  expect(await bad.ended).toMatchObject({ code: 2, out: expect.stringMatching(/\nrolled back: .*errors\b.*\n$/) });
  expect((await wait()).code).toBe(2);
  await change({ version: 'v2' });
  expect(await wait()).toMatchObject({ code: 0, out: expect.stringMatching(/\npromoted: revision \S+ already serves\n$/) });
});

test('doctor says what a release that is gone has left', async () => {
  await change({ version: 'v4' });
  await app.untilPhase('Analyzing');
  await stand.operator.kill();
  await stand.cluster.patch(app.ref, { metadata: { finalizers: null } });
  await stand.cluster.remove(app.ref);
  const { code, out } = await run('doctor');
  expect(code).toBe(1);
  expect(out).toMatch(
    /^FAIL +HTTPRoute \S+\/store +still has the annotation of release \w+ of canaryrelease\/store, which does not exist; its weights stay as they are: store-api \d+, store-api-canary \d+$/m,
  );
  expect(out).toMatch(
    /^FAIL +Deployment \S+\/store +is still paused by a hold of canaryrelease\/store, which does not exist: no change of it rolls out\n +fix: kubectl rollout resume deployment store -n \S+ && kubectl annotate/m,
  );
  stand.operator.start();
});
