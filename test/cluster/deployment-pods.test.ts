// Deployment mode with real pods: a canary that cannot run is rejected long before the Deployment controller gives up on it, and a
// canary goes only when its requests have stopped. Meanwhile the old pods serve, and no answer is lost.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { ContainerStatus } from '../../src/core/workload/containers.ts';
import { startLoad, summarise } from '../lab/load.ts';
import { type PlainObject, SAMPLE_PORT, sampleDeployment, sampleNamespace, sampleRoute } from '../lab/sample.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import type { App } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

type Container = Readonly<Record<string, unknown>>;
type Workload = KubeObject<{ readonly paused?: boolean }, object>;
type Pod = KubeObject<unknown, { readonly containerStatuses?: readonly (ContainerStatus & { readonly ready: boolean })[] }>;

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
/** The Deployment controller gives up after this, the API server's default. */
const PROGRESS_DEADLINE_MS = 600_000;
const NODE = ['node', '--max-old-space-size=32', '-e'];
/** Ends at once with its reason in its last words; its owner left `terminationMessagePolicy` as it is by default. */
const ENDS: Container = { command: [...NODE, "console.error('no database'); process.exit(3)"] };
/** Serves, and crashes whenever it is asked to on another port. */
const CRASHES: Container = {
  command: [...NODE, "require('node:http').createServer(() => process.exit(3)).listen(8081); import('/app/server.mjs')"],
};
const [store, pull] = ['store', 'pull'];

let stand: Stand;
let app: App;
let pulling: App;
let pulledMs: number;

function spec(name: string, change: Partial<SpecInput> = {}): Partial<SpecInput> {
  return {
    services: undefined,
    targetRef: { kind: 'Deployment', name },
    service: { name: `${name}-api` },
    stages: [
      { weight: 20, duration: '3s' },
      { weight: 50, duration: '60s' },
    ],
    ...change,
  } as Partial<SpecInput>;
}

/** As a GitOps tool would apply it: the whole manifest, unpaused. */
async function apply(name: string, version: string, container: Container = {}): Promise<void> {
  const manifest = sampleDeployment({ namespace: stand.namespace, name, version, replicas: 2 }) as PlainObject & { spec: object };
  const { template, ...rest } = manifest.spec as { template: { spec: { containers: readonly object[] } } };
  const containers = template.spec.containers.map((one) => ({ ...one, ...container }));
  const changed = { ...template, spec: { ...template.spec, containers } };
  await stand.cluster.apply({ ...manifest, spec: { ...rest, template: changed, paused: false } }, { manager: 'git' });
}

const find = (name: string) => stand.cluster.get<Workload>({ kind: 'Deployment', namespace: stand.namespace, name });

async function canaryPods(name: string): Promise<readonly Pod[]> {
  const pods = await stand.cluster.list<Pod>('Pod', stand.namespace);
  return pods.filter(({ metadata }) => metadata.labels?.['app'] === `${name}-canary` && metadata.deletionTimestamp === undefined);
}

async function open(name: string): Promise<App> {
  await apply(name, 'v1');
  const opened = await stand.app({ name, services: { api: name }, weights: { api: 1 }, rps: 20 });
  await opened.release(spec(name));
  await opened.untilPhase('Idle');
  return opened;
}

/** The rollback of a version that could not run: nothing of it was ever served, nothing is left, the Deployment stays held. */
async function expectRejected(of: App, name: string, begunMs: number, reason: string): Promise<string> {
  const status = await of.until('the rollback', ({ phase }) => phase === 'RolledBack');
  expect(status.release?.reason).toBe(reason);
  expect(status.rejected?.[0]).toMatchObject({ reason });
  expect((await find(name))?.spec.paused).toBe(true);
  expect(await find(`${name}-canary`)).toBeUndefined();
  await expectNothingLeft(of);
  expect(Date.parse(status.history?.[0]?.finishedAt ?? '') - begunMs).toBeLessThan(PROGRESS_DEADLINE_MS / 4);
  expect(of.badAnswers(begunMs)).toEqual([]);
  return status.release?.reasonMessage ?? '';
}

beforeAll(async () => {
  stand = await Stand.open({ name: 'pods', versions: {} });
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-k', MODE]);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  [app, pulling] = [await open(store), await open(pull)];
  // That takes its minute while the others are tried.
  pulledMs = Date.now();
  await apply(pull, 'none', { image: 'glidepath-sample:is-not-there' });
});

afterAll(async () => {
  await stand?.close();
});

test('a canary that crashes again and again is rejected long before the progress deadline', async () => {
  const begunMs = Date.now();
  await apply(store, 'ends', ENDS);
  const crashed = await expectRejected(app, store, begunMs, 'CanaryCrashLooping');
  expect(crashed).toMatch(/pod store-canary-\S+, container app: .*exited with 3 \(Error\), \d restarts?: .*no database/);
  expect(app.status?.release?.maxWeight).toBe(0);
});

test('a crash loop of one pod goes home under weight, though another pod is ready; one crash does not', async () => {
  // Errors must not decide, neither by the limit nor beside serving: a pod that crashes fails some requests, too.
  const checks = [{ name: 'errors', metric: 'ErrorRatio' as const, max: '90%' }];
  await app.release(spec(store, { canary: { minReplicas: 2 }, analysis: { checks, comparison: { mode: 'Off' } } }));
  await apply(store, 'crashes', CRASHES);
  await app.until('the second stage', ({ phase, weight }) => phase === 'Analyzing' && weight === 50);
  const victim = (await canaryPods(store))[0]?.metadata.name ?? '';
  const restartsOf = async () => {
    const container = (await canaryPods(store)).find(({ metadata }) => metadata.name === victim)?.status?.containerStatuses?.[0];
    return { restarts: container?.restartCount ?? 0, ready: container?.ready === true };
  };
  const crash = (): Promise<unknown> =>
    stand.cluster.api.send({ method: 'POST', path: `/api/v1/namespaces/${stand.namespace}/pods/${victim}:8081/proxy/` });
  for (const times of [0, 1]) {
    await waitFor(
      `${times} restarts and a running pod`,
      async () => {
        const { restarts, ready } = await restartsOf();
        return restarts === times && ready;
      },
      { lastSeen: restartsOf },
    );
    expect(app.status?.phase).toBe('Analyzing');
    await crash();
  }
  await waitFor('a pod that runs for the third time', async () => (await restartsOf()).restarts === 2 && (await restartsOf()).ready);
  expect(app.status?.phase).toBe('Analyzing');
  await crash();
  const status = await app.until('the rollback', ({ phase }) => phase === 'RolledBack');
  expect(status.release).toMatchObject({ reason: 'CanaryCrashLooping', maxWeight: 50 });
  expect(status.release?.reasonMessage).toContain(`pod ${victim}, container app: `);
  expectNothingAfterHome(trajectoryOf(app, 'api', 'api-canary'));
  await expectNothingLeft(app);
  const fromMs = Date.now();
  await waitFor('some answers', async () => app.answers(fromMs).total > 20);
  expect(app.answers(fromMs)).toMatchObject({ bad: 0, shareByVersion: { v1: 1 } });
});

test('a canary that somebody still calls goes when those requests have stopped, and none of them is lost', async () => {
  await app.release(spec(store));
  await apply(store, 'v2');
  await app.until('a weight', ({ phase, weight }) => phase === 'Analyzing' && weight === 20);
  const { namespace } = stand;
  const host = `direct.${namespace}.test`;
  // From a namespace whose routes the release does not see: a rule of its own namespace would keep the canary by itself.
  const elsewhere = `${namespace}-elsewhere`;
  await stand.cluster.create(sampleNamespace(elsewhere));
  await stand.cluster.apply({
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'ReferenceGrant',
    metadata: { name: 'direct', namespace },
    spec: { from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: elsewhere }], to: [{ group: '', kind: 'Service' }] },
  });
  const route = sampleRoute({ namespace: elsewhere, name: 'direct', hostname: host, weights: {} });
  const backendRefs = [{ name: 'store-api-canary', namespace, port: SAMPLE_PORT, weight: 1 }];
  await stand.cluster.apply({ ...route, spec: { ...(route['spec'] as object), rules: [{ backendRefs }] } });
  const direct = startLoad({ url: process.env['GATEWAY_URL'] ?? '', host, rps: 10 });
  await waitFor('the canary to be called directly', async () => direct.records.at(-1)?.version === 'v2');
  const calledFromMs = Date.now();
  await app.annotate('glidepath.dev/abort', app.status?.release?.id ?? '');
  const home = await app.until('the way home', ({ phase }) => phase === 'RollingBack');
  expect(home.release?.reason).toBe('Aborted');
  const homeMs = Date.now();
  // Longer than the drain time: only its requests keep the canary.
  await waitFor('twenty seconds of drain', async () => Date.now() - homeMs > 20_000);
  expect(app.status?.phase).toBe('RollingBack');
  expect(await find('store-canary')).toBeDefined();
  const records = (await direct.stop()).filter(({ sentAtMs }) => sentAtMs >= calledFromMs);
  expect(summarise(records)).toMatchObject({ bad: 0, shareByVersion: { v2: 1 } });
  await app.until('the end', ({ phase }) => phase === 'RolledBack');
  // The longest drain is a minute; it was over before.
  expect(Date.now() - homeMs).toBeLessThan(58_000);
  expect(await find('store-canary')).toBeUndefined();
  await stand.cluster.remove({ kind: 'Namespace', name: elsewhere });
});

test('the canary of a promotion goes as soon as the gateway has shown that its requests have stopped', async () => {
  const stages = [{ weight: 50, duration: '3s' }];
  await app.release(spec(store, { stages } as Partial<SpecInput>));
  const begunMs = Date.now();
  await apply(store, 'v3');
  const { release } = await app.until('the promotion', ({ phase }) => phase === 'Promoted');
  // Contour has forgotten the canary with its last ref: that is seen, instead of waiting for the longest drain.
  const [drained, finished] = [release?.drainEndsAt, release?.finishedAt].map((time) => Date.parse(time ?? ''));
  expect((finished ?? 0) - (drained ?? 0)).toBeGreaterThanOrEqual(0);
  expect((finished ?? 0) - (drained ?? 0)).toBeLessThan(30_000);
  expect(await find('store-canary')).toBeUndefined();
  expect(app.badAnswers(begunMs)).toEqual([]);
});

test('an image that is not there is rejected long before the progress deadline', async () => {
  const missed = await expectRejected(pulling, pull, pulledMs, 'ImageNotPulled');
  expect(missed).toMatch(/pod pull-canary-\S+, container app: (ErrImagePull|ImagePullBackOff): .*is-not-there/);
  expect(pulling.status?.release?.maxWeight).toBe(0);
});
