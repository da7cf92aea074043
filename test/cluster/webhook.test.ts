// The hold on an API server without the policy: the operator's webhook, filled in by itself, holds what the policy would hold, and
// a webhook that is dead lets a change through and says so afterwards.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HELD_ANNOTATION } from '../../src/api/names.ts';
import type { CanaryReleaseStatus } from '../../src/api/release.ts';
import { buildRegistration, WEBHOOK_CONFIGURATION, WEBHOOK_NAME } from '../../src/core/hold/registration.ts';
import { type HoldTarget, OPERATOR_USER } from '../../src/core/hold/review.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { type SampleVersion, sampleDeployment } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { Cluster, installGlidepath, waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';
import { HOLD_CASES, type HoldCase } from '../fixtures/hold-cases.ts';

type Workload = KubeObject<
  { readonly replicas?: number; readonly paused?: boolean },
  { readonly replicas?: number; readonly updatedReplicas?: number; readonly readyReplicas?: number; readonly observedGeneration?: number }
>;

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
const WEBHOOK = join(PROJECT_FOLDER, 'config/webhook');
const APPLY = ['apply', '--server-side', '--force-conflicts'];
const FILES = ['role.yaml', 'secret.yaml', 'webhook-configuration.yaml'].flatMap((name) => ['-f', join(WEBHOOK, name)]);
const ADDRESS = '127.0.0.1:9443';
/** The operator is a process of this test, so the API server reaches it by address. */
const FLAGS = [`--webhook-address=${ADDRESS}`, `--webhook-url=https://${ADDRESS}`];
const PATH = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${WEBHOOK_CONFIGURATION}`;

const CHANGED: HoldCase = { what: 'another template', patch: { spec: { template: { spec: { hostname: 'a' } } } }, held: true };

let stand: Stand;
let app: App;
let operatorUser: Cluster;

beforeAll(async () => {
  const cluster = await Cluster.connect();
  await installGlidepath(cluster);
  await cluster.close();
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
  await run('kubectl', [...APPLY, ...FILES, '-f', join(MODE, 'role.yaml'), '-f', join(MODE, 'hold-warning.yaml')]);
  stand = await Stand.open({ name: 'webhook', versions: {}, flags: FLAGS });
  operatorUser = stand.cluster.as(OPERATOR_USER);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  await Promise.all(['store', 'free', 'kept'].map((name) => apply(name, { version: 'v1' })));
  await Promise.all(['store', 'free', 'kept'].map((name) => untilRolledOut(name)));
  app = await stand.app({ name: 'store', services: { api: 'store' }, weights: { api: 1 } });
});

afterAll(async () => {
  await operatorUser?.close();
  await stand?.close();
  // Other files' clusters shall be as if this one had never run.
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
  await run('kubectl', ['delete', '--ignore-not-found', ...FILES]);
});

const isProven = ({ conditions = [] }: CanaryReleaseStatus) =>
  conditions.some(({ type, status }) => type === 'TemplateHeld' && status === 'True');

const specFor = (name: string) => ({
  services: undefined,
  targetRef: { kind: 'Deployment', name },
  // Only the store is released; what the others do is a matter of their Deployment alone.
  service: { name: `${name}-api` },
  stages: [{ weight: 50, duration: '2s' }],
});

async function apply(name: string, sample: Omit<SampleVersion, 'namespace' | 'name'>): Promise<void> {
  const manifest = sampleDeployment({ ...sample, namespace: stand.namespace, name, replicas: 1 });
  await stand.cluster.apply({ ...manifest, spec: { ...(manifest['spec'] as object), paused: false } }, { manager: 'git' });
}

const refOf = (name: string) => ({ kind: 'Deployment', namespace: stand.namespace, name }) as const;
const read = (name: string) => stand.cluster.get<Workload>(refOf(name));
const isPaused = async (name: string) => (await read(name))?.spec.paused === true;

async function untilRolledOut(name: string): Promise<void> {
  const isDone = async () => {
    const { metadata, status = {}, spec } = (await read(name)) ?? {};
    const settled = status?.replicas === 1 && status.updatedReplicas === 1 && status.readyReplicas === 1;
    return settled && spec?.paused !== true && status.observedGeneration === metadata?.generation;
  };
  await waitFor(`${name} to be rolled out`, isDone);
}

/** Writes that the API server let through because the webhook did not answer. */
async function letThrough(): Promise<number> {
  const { body } = await stand.cluster.api.send({ method: 'GET', path: '/metrics' });
  const counts = String(body).matchAll(/^apiserver_admission_webhook_fail_open_count\{name="hold[-0-9]*\.glidepath\.dev".*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Whether the Deployment would be paused and marked, by a dry-run. */
async function isHeldAfter({ heldBefore = false, patch, by }: HoldCase): Promise<boolean> {
  const name = heldBefore ? 'kept' : 'free';
  const cluster = by === 'operator' ? operatorUser : stand.cluster;
  const { metadata, spec } = await cluster.patch<Workload>(refOf(name), patch, { dryRun: true });
  return spec.paused === true && metadata.annotations?.[HELD_ANNOTATION] === name;
}

async function outcomes(): Promise<readonly (readonly [what: string, held: boolean])[]> {
  return Promise.all(HOLD_CASES.map(async (one) => [one.what, await isHeldAfter(one)] as const));
}

test('without the policy the webhook is the proof: the operator made its certificate and told the API server what to ask about', async () => {
  await app.release(specFor('store') as never);
  const idle = await app.until('the proof', isProven);
  expect(idle.phase).toBe('Idle');
  const { webhooks } = (await stand.cluster.api.must({ method: 'GET', path: PATH })) as { webhooks: readonly object[] };
  expect(webhooks).toMatchObject([
    { failurePolicy: 'Ignore', namespaceSelector: { matchExpressions: [{ values: [stand.namespace] }] }, timeoutSeconds: 2 },
  ]);
  // It was never without a hold on the way here.
  expect(stand.releases.history('store').some(({ object }) => object.status?.phase === 'Blocked')).toBe(false);
});

test('a changed image is held, tried beside the old one and promoted, and no answer is lost', async () => {
  const begunMs = Date.now();
  await apply('store', { version: 'v2' });
  expect(await isPaused('store')).toBe(true);
  await app.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(app, 'api', 'api-canary'))).toEqual([0, 50, 0]);
  await untilRolledOut('store');
  expect(app.badAnswers(begunMs)).toEqual([]);
});

test('a resume of what is held is undone, and told with the command that helps', async () => {
  for (const name of ['free', 'kept']) {
    const manifest = { ...app.manifest({ ...specFor(name), paused: true } as never), metadata: { name, namespace: stand.namespace } };
    await stand.cluster.apply(manifest);
  }
  for (const name of ['free', 'kept'])
    await stand.releases.until(name, 'the proof', ({ status }) => status !== undefined && isProven(status));
  await apply('kept', { version: 'v2' });
  expect(await isPaused('kept')).toBe(true);
  const { stderr } = await run('kubectl', ['rollout', 'resume', 'deployment/kept', '-n', stand.namespace]);
  expect(stderr).toContain('stays held by canaryrelease/kept: only the operator rolls it out');
  expect(stderr).toContain('; spec.paused of the release is true: set it to false; ');
  expect(stderr).toContain(`kubectl delete canaryrelease kept -n ${stand.namespace}`);
  expect(await isPaused('kept')).toBe(true);
  // Whoever scales it, or changes what is not held, is told nothing.
  const scaled = await run('kubectl', ['scale', 'deployment/kept', '--replicas=1', '-n', stand.namespace]);
  const labelled = await run('kubectl', ['label', 'deployment/kept', 'touched=yes', '-n', stand.namespace]);
  expect([scaled.stderr, labelled.stderr]).toEqual(['', '']);
});

test('the webhook holds what the policy holds, whatever is done to a Deployment', async () => {
  const byWebhook = await outcomes();
  expect(byWebhook).toEqual(HOLD_CASES.map(({ what, held }) => [what, held]));
  await stand.operator.kill();
  try {
    await stand.cluster.api.must({
      method: 'PATCH',
      path: PATH,
      body: { webhooks: [] },
      contentType: 'application/merge-patch+json',
    });
    await waitFor('the webhook to be asked no more', async () => !(await isHeldAfter(CHANGED)));
    await run('kubectl', [...APPLY, '-k', MODE]);
    await waitFor('the policy to be in force', () => isHeldAfter(CHANGED));
    expect(await outcomes()).toEqual(byWebhook);
  } finally {
    await run('kubectl', ['delete', '--ignore-not-found', '-f', join(MODE, 'hold-policy.yaml')]);
    // The API server forgets a policy a moment after it is gone.
    await waitFor('the policy to be forgotten', async () => !(await isHeldAfter(CHANGED)));
    stand.operator.start();
    await stand.operator.ready();
  }
  await waitFor('the webhook to hold again', () => isHeldAfter(CHANGED));
});

test('a thousand releases are not too many for the API server', async () => {
  const { webhooks } = (await stand.cluster.api.must({ method: 'GET', path: PATH })) as {
    webhooks: readonly { readonly clientConfig: { readonly url: string; readonly caBundle: string } }[];
  };
  const url = webhooks[0]?.clientConfig.url.replace('/hold', '') ?? '';
  const authorities = Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString();
  const others = Array.from({ length: 1_100 }, (_, index) => ({ namespace: 'a', release: 'a', deployment: `a${index}`.padEnd(63, 'a') }));
  const ours = ['free', 'kept', 'store'].map((name) => ({ namespace: stand.namespace, release: name, deployment: name }));
  const register = (targets: readonly HoldTarget[]) =>
    stand.cluster.api.must({
      method: 'PATCH',
      path: PATH,
      body: { webhooks: buildRegistration(targets, { kind: 'url', url }, authorities) },
      contentType: 'application/merge-patch+json',
    });
  await register(others);
  await waitFor('the Deployment to be no longer asked about', async () => !(await isHeldAfter(CHANGED)));
  await register([...others, ...ours]);
  await waitFor('the last of all names to be asked about', () => isHeldAfter(CHANGED));
  await register(ours);
});

test('a change goes through while the operator is dead, is reported afterwards, and nothing else even waits', async () => {
  await stand.operator.kill();
  const before = await letThrough();
  await stand.cluster.patch(refOf('store'), { metadata: { annotations: { touched: 'yes' } } });
  await stand.cluster.patch(refOf('store'), { spec: { replicas: 1, minReadySeconds: 1 } });
  await stand.cluster.apply(sampleDeployment({ version: 'v1', namespace: stand.namespace, name: 'nobodys', replicas: 0 }));
  await stand.cluster.patch(refOf('nobodys'), { spec: { template: { metadata: { annotations: { touched: 'yes' } } } } });
  expect(await letThrough()).toBe(before);
  await apply('store', { version: 'v3' });
  expect(await isPaused('store')).toBe(false);
  expect(await letThrough()).toBe(before + 1);
  await untilRolledOut('store');
  stand.operator.start();
  await stand.operator.ready();
  const [bypassed] = (await stand.untilEvents('store', 'HoldBypassed')).filter(({ reason }) => reason === 'HoldBypassed');
  expect(bypassed?.note).toContain('store');
});

test('without its registration it says what to install; installed again it makes a certificate anew and goes on', async () => {
  await stand.operator.kill();
  await run('kubectl', ['delete', ...FILES]);
  await run('kubectl', [...APPLY, '-f', join(WEBHOOK, 'role.yaml'), '-f', join(WEBHOOK, 'secret.yaml')]);
  stand.operator.start();
  const blocked = await app.until('no hold', ({ message }) => message?.includes('HoldUnavailable') === true);
  expect(blocked.message).toContain('kubectl apply --server-side -k config/webhook');
  const told = () => stand.operator.lines.filter(({ msg }) => msg?.startsWith('webhook failed: ') === true);
  expect(told().map(({ msg }) => msg)).toEqual([expect.stringContaining('apply config/webhook')]);
  await run('kubectl', [...APPLY, ...FILES]);
  await stand.operator.ready();
  await app.until('the proof', isProven);
  const secret = (await stand.cluster.api.must({
    method: 'GET',
    path: `/api/v1/namespaces/glidepath-system/secrets/${WEBHOOK_NAME}`,
  })) as { data: object };
  expect(Object.keys(secret.data).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
});
