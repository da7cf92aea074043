// `targetRef.hold: PausedAtRest` on a real API server without policy and webhook: the Deployment is paused between releases, rolls
// when its canary is proven, and is nobody's prisoner once the release is gone.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FINALIZER, HELD_ANNOTATION } from '../../src/api/names.ts';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { type SampleVersion, sampleDeployment } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

type Workload = KubeObject<
  { readonly paused?: boolean },
  { readonly replicas?: number; readonly updatedReplicas?: number; readonly readyReplicas?: number; readonly observedGeneration?: number }
>;

const run = promisify(execFile);
const MODE = join(PROJECT_FOLDER, 'config/deployment-mode');
let stand: Stand;
let app: App;

beforeAll(async () => {
  stand = await Stand.open({ name: 'at-rest', versions: {} });
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
  await run('kubectl', ['apply', '--server-side', '--force-conflicts', '-f', join(MODE, 'role.yaml')]);
  const binding = ['--clusterrole=glidepath-deployment-mode', '--serviceaccount=glidepath-system:glidepath'];
  await run('kubectl', ['create', 'rolebinding', 'glidepath-deployment-mode', '-n', stand.namespace, ...binding]);
  await apply({ version: 'v1' });
  await untilRolledOut();
  app = await stand.app({ name: 'store', services: { api: 'store' }, weights: { api: 1 } });
});

afterAll(async () => {
  await stand?.close();
  await run('kubectl', ['delete', '--ignore-not-found', '-k', MODE]);
});

/** As a GitOps tool applies a manifest that says nothing of a pause. */
async function apply(sample: Omit<SampleVersion, 'namespace' | 'name'>): Promise<void> {
  await stand.cluster.apply(sampleDeployment({ ...sample, namespace: stand.namespace, name: 'store' }), { manager: 'git' });
}

const deployment = () => stand.cluster.get<Workload>({ kind: 'Deployment', namespace: stand.namespace, name: 'store' });

async function isAtRest(): Promise<boolean> {
  const { spec, metadata } = (await deployment()) ?? {};
  return spec?.paused === true && metadata?.annotations?.[HELD_ANNOTATION] === 'store';
}

async function untilRolledOut(): Promise<void> {
  const isDone = async () => {
    const { metadata, status = {} } = (await deployment()) ?? {};
    const settled = status?.replicas === 1 && status.updatedReplicas === 1 && status.readyReplicas === 1;
    return settled && status.observedGeneration === metadata?.generation;
  };
  await waitFor('the Deployment to be rolled out', isDone);
}

test('between releases the Deployment is paused, with the finalizer there to take that back', async () => {
  await app.release({
    services: undefined,
    targetRef: { kind: 'Deployment', name: 'store', hold: 'PausedAtRest' },
    service: { name: 'store-api' },
    stages: [{ weight: 50, duration: '2s' }],
  } as never);
  await waitFor('the pause', isAtRest);
  const idle = await app.until('the hold', ({ conditions = [] }) =>
    conditions.some(({ type, status }) => type === 'TemplateHeld' && status === 'True'),
  );
  expect(idle.phase).toBe('Idle');
  expect((await stand.cluster.get(app.ref))?.metadata.finalizers).toEqual([FINALIZER]);
});

test('a changed image does not roll until it is proven; then the Deployment rests again, and no answer is lost', async () => {
  const begunMs = Date.now();
  await apply({ version: 'v2' });
  expect(await isAtRest()).toBe(true);
  await app.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(app, 'api', 'api-canary'))).toEqual([0, 50, 0]);
  await waitFor('the pause', isAtRest);
  await untilRolledOut();
  expect(app.answers(begunMs)).toMatchObject({ bad: 0 });
});

test('a Deployment that is paused at rest is found paused again by whoever resumes it', async () => {
  await run('kubectl', ['rollout', 'resume', 'deployment/store', '-n', stand.namespace]);
  await waitFor('the pause', isAtRest);
});

test('the release taken away, it is not paused any more', async () => {
  await stand.cluster.remove(app.ref);
  await stand.releases.untilGone('store');
  const { spec, metadata } = (await deployment()) ?? {};
  expect(spec?.paused).not.toBe(true);
  expect(metadata?.annotations).not.toHaveProperty(HELD_ANNOTATION);
  await apply({ version: 'v3' });
  await untilRolledOut();
});
