// The webhook as its users install it: two replicas from config/webhook behind a Service, with a certificate of their own making.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HELD_ANNOTATION } from '../../src/api/names.ts';
import { installOperator, removeOperator } from '../demo/install.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { sampleDeployment, sampleNamespace, sampleService } from '../lab/sample.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { Cluster, installGlidepath, waitFor } from '../fixtures/cluster/cluster.ts';

type Workload = KubeObject<{ readonly paused?: boolean }, { readonly readyReplicas?: number }>;
type Release = KubeObject<object, { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }>;

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
const NAMESPACE = `gp-webhook-pods-${process.pid}`;
const STORE = { kind: 'Deployment', namespace: NAMESPACE, name: 'store' } as const;
const RELEASE = { kind: 'CanaryRelease', namespace: NAMESPACE, name: 'store' } as const;
const OPERATOR = ['-n', 'glidepath-system', 'deployment/glidepath'];

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.connect();
  await installGlidepath(cluster);
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', join(MODE, 'role.yaml')]);
  await installOperator('config/webhook');
  await cluster.apply(sampleNamespace(NAMESPACE));
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', NAMESPACE, ...binding]);
  await cluster.apply(sampleService({ namespace: NAMESPACE, name: 'store' }));
  await cluster.apply(sampleDeployment({ namespace: NAMESPACE, name: 'store', version: 'v1' }));
  await waitFor('a pod of the store', async () => (await cluster.get<Workload>(STORE))?.status?.readyReplicas === 1);
  const spec = { targetRef: { kind: 'Deployment', name: 'store' }, service: { name: 'store' }, paused: true };
  await cluster.apply({
    apiVersion: 'glidepath.dev/v1alpha1',
    kind: 'CanaryRelease',
    metadata: { name: 'store', namespace: NAMESPACE },
    spec,
  });
});

afterAll(async () => {
  await cluster.remove(RELEASE);
  await waitFor('the release to be gone', async () => (await cluster.get(RELEASE)) === undefined);
  await removeOperator();
  const left = ['mutatingwebhookconfiguration/glidepath-hold', 'clusterrole/glidepath-webhook', 'clusterrolebinding/glidepath-webhook'];
  const namespaced = ['role/glidepath-webhook', 'rolebinding/glidepath-webhook', 'secret/glidepath-webhook', 'service/glidepath-webhook'];
  await run('kubectl', ['delete', '--ignore-not-found', ...left]);
  await run('kubectl', ['delete', '--ignore-not-found', '-n', 'glidepath-system', ...namespaced, 'poddisruptionbudget/glidepath']);
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
  await cluster.remove({ kind: 'Namespace', name: NAMESPACE });
  await cluster.close();
});

/** A dry-run of a change of the template. */
async function isHeld(): Promise<boolean> {
  const patch = { spec: { template: { metadata: { annotations: { touched: 'yes' } } } } };
  const { spec, metadata } = await cluster.patch<Workload>(STORE, patch, { dryRun: true });
  return spec.paused === true && metadata.annotations?.[HELD_ANNOTATION] === 'store';
}

test('two replicas are ready, and the hold is proven through their Service', async () => {
  const operator = await cluster.get<Workload>({ kind: 'Deployment', namespace: 'glidepath-system', name: 'glidepath' });
  expect(operator?.status?.readyReplicas).toBe(2);
  const isProven = async () =>
    (await cluster.get<Release>(RELEASE))?.status?.conditions?.some(({ type, status }) => type === 'TemplateHeld' && status === 'True');
  await waitFor('the proof', isProven);
  expect(await isHeld()).toBe(true);
});

test('every change is held while the operator is replaced, pod by pod', async () => {
  await run('kubectl', ['rollout', 'restart', ...OPERATOR]);
  const progress = { asked: 0, held: 0, over: false };
  const replaced = run('kubectl', ['rollout', 'status', ...OPERATOR, '--timeout=120s']).finally(() => (progress.over = true));
  while (!progress.over) {
    progress.held += (await isHeld()) ? 1 : 0;
    progress.asked += 1;
  }
  await replaced;
  expect(progress.asked).toBeGreaterThan(20);
  expect(progress.held).toBe(progress.asked);
});

test('applied again it keeps its certificate and its registration', async () => {
  const files = ['secret.yaml', 'webhook-configuration.yaml'].flatMap((name) => ['-f', join(PROJECT_FOLDER, 'config/webhook', name)]);
  await run('kubectl', ['apply', '--server-side', ...files]);
  expect(await isHeld()).toBe(true);
});
