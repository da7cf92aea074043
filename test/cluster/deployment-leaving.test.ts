// The ways out of Deployment mode in mid-release: the wrong order leaves both versions serving and a doctor who says so, and
// `kubectl canary uninstall` leaves nothing but a Deployment that anyone can unpause.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../lab/settings.ts';
import { installGlidepath, waitFor } from '../fixtures/cluster/cluster.ts';
import { type DeploymentApp, DeploymentStand, installDeploymentMode, kubectl } from '../fixtures/cluster/deployment-stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

const LONG = [{ weight: 30, duration: '10m' }];

let folder = '';
let home: DeploymentStand;
let app: DeploymentApp;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canary-'));
  const building = promisify(execFile)(process.execPath, ['esbuild.config.ts', program(), 'src/cli/main.ts'], { cwd: PROJECT_FOLDER });
  home = await DeploymentStand.open('leaving');
  app = await home.deploy({ name: 'store', before: [{ version: 'v1' }], rps: 50 }, { stages: LONG });
  await building;
});

afterAll(async () => {
  // The CRD is gone by now.
  if (home !== undefined) await installGlidepath(home.stand.cluster);
  await home?.close();
  await rm(folder, { recursive: true, force: true });
});

const program = () => join(folder, 'kubectl-canary.mjs');

/** `kubectl canary` as somebody calls it at a laptop. */
async function canary(...words: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program(), ...words], (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out: `${out}${err}` }),
    );
  });
}

const isGone = (kind: 'Namespace' | 'CustomResourceDefinition', name: string) =>
  waitFor(`${kind} ${name} to be gone`, async () => (await home.stand.cluster.get({ kind, name })) === undefined);

/** Names of our admission policies and their bindings. */
async function policies(): Promise<string> {
  const kinds = 'mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings';
  const { stdout } = await kubectl('get', kinds, '-o', 'name');
  return stdout
    .split('\n')
    .filter((line) => line.includes('/glidepath'))
    .join('\n');
}

test('an uninstall in the wrong order leaves both versions serving at the last weight, and doctor says what is left', async () => {
  const { stand } = home;
  await app.apply({ version: 'v2' });
  await app.load.until('a weight', ({ phase, weight }) => phase === 'Analyzing' && weight === 30);
  await stand.operator.kill();
  await Promise.all([
    kubectl('delete', '--ignore-not-found', '-k', join(PROJECT_FOLDER, 'config/default')),
    kubectl('delete', '--ignore-not-found', '-k', join(PROJECT_FOLDER, 'config/deployment-mode')),
  ]);
  await isGone('Namespace', 'glidepath-system');
  const answers = app.load.answers(await app.untilAnswered(200));
  expect(answers).toMatchObject({ bad: 0, shareByVersion: { v1: expect.closeTo(0.7, 0), v2: expect.closeTo(0.3, 0) } });
  expect(app.readyNow()).toEqual({ v1: 2 });
  expect(app.readyNow(true)).toEqual({ v2: 2 });
  const { code, out } = await canary('doctor', '-n', stand.namespace);
  expect(code).toBe(1);
  expect(out).toContain(`${stand.namespace}/store stays at 30% for Service store-api-canary`);
  expect(out).toContain('fix: kubectl apply --server-side -k config/default');
});

test('a release continues where it stood once the operator is installed again', async () => {
  const { stand } = home;
  await installGlidepath(stand.cluster);
  await installDeploymentMode();
  await stand.operator.renew(stand.cluster);
  stand.operator.start();
  await stand.operator.ready();
  await app.load.command('pause');
  await app.load.untilPhase('Paused');
  expect(sharesOf(trajectoryOf(app.load, 'api', 'api-canary'))).toEqual([0, 30]);
  await app.load.command('resume');
  await app.load.untilPhase('Analyzing');
});

test('uninstall in mid-release takes the traffic home, hangs nowhere, and leaves a Deployment that anyone can unpause', async () => {
  const { stand } = home;
  const { code, out } = await canary('uninstall', '--yes', '--timeout', '60s');
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining(`${stand.namespace}/store rolled back and deleted\n`) });
  expect(out).toContain(`kubectl rollout resume deployment/store -n ${stand.namespace}`);
  await stand.operator.kill();
  expect(await policies()).toBe('');
  expect(await app.leftovers()).toEqual([]);
  expect(app.load.route.spec).toEqual(stand.routes.history('store')[0]?.object.spec);
  expect(app.load.badAnswers()).toEqual([]);
  expect(app.versionsAnswering()).toEqual(['v1']);
  expect((await app.deployment())?.spec.paused).toBe(true);
  await kubectl('rollout', 'resume', 'deployment/store', '-n', stand.namespace);
  expect((await app.deployment())?.spec.paused).not.toBe(true);
  await app.untilRolledOut();
  await app.untilReady({ v2: 2 });
  await isGone('Namespace', 'glidepath-system');
  await isGone('CustomResourceDefinition', 'canaryreleases.glidepath.dev');
});
