// Gates under the operator's own ServiceAccount: real Jobs and real requests hold a weight back, and none runs twice.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageIn } from '../fixtures/cluster/api.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { bindGateRole, countRuns, type GateInput, installGateRole, scriptGate, startEndpoint } from '../fixtures/cluster/gates.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

const RBAC = 'rbac.authorization.k8s.io';
const VERSIONS = { one: { version: 'v1' }, two: { version: 'v2' } };
const PASSES = "console.log('canary', process.env.GLIDEPATH_CANARY_SERVICE, 'at', process.env.GLIDEPATH_NEXT_WEIGHT)";
const FAILS = "console.error('expected 200, got 500'); process.exit(3)";
const WAITS = (seconds: number) => `setTimeout(() => console.log('done'), ${seconds * 1_000})`;

let stand: Stand;
let killing: Stand;
let endpoint: Awaited<ReturnType<typeof startEndpoint>>;

beforeAll(async () => {
  endpoint = await startEndpoint(({ release: { name }, attempt }) => {
    if (name === 'slow-call') return attempt === 1 ? 'hang' : 200;
    if (name === 'refuses') return 404;
    if (name === 'never') return 500;
    return attempt < 2 ? 503 : 204;
  });
  await installGateRole();
  const flags = [`--gate-allow=${endpoint.url}`];
  stand = await Stand.open({ name: 'gates', versions: VERSIONS, flags, rights: 'own' });
  killing = await Stand.open({ name: 'gatekill', versions: VERSIONS, flags, rights: 'own' });
  await bindGateRole(killing);
});

afterAll(async () => {
  await stand?.close();
  await killing?.close();
  await endpoint?.close();
});

/** Two quick stages with gates before each and before the promotion. */
function gated(first: readonly GateInput[], second: readonly GateInput[] = [], promotion: readonly GateInput[] = []) {
  return {
    stages: [
      { name: 'first', weight: 20, duration: '3s', gates: [...first] },
      { name: 'half', weight: 50, duration: '3s', gates: [...second] },
    ],
    promotion: { gates: [...promotion] },
  };
}

const callGate = (change: Partial<GateInput> = {}): GateInput => ({ name: 'qa', http: { url: `${endpoint.url}/gate` }, ...change });
const gateOf = (app: App, name: string) => app.status?.release?.gates?.find((gate) => gate.name === name);
const untilGate = (app: App, name: string, state: string) =>
  app.until(
    `gate ${name} ${state}`,
    (status) => status.release?.gates?.some((gate) => gate.name === name && gate.state === state) === true,
  );

test('a release with a Job gate waits before its first weight until the operator may create Jobs, and then the Job passes', async () => {
  const app = await stand.app({ name: 'passes' });
  await app.release(gated([scriptGate('smoke', PASSES)], [], [callGate()]));
  const blocked = await app.untilBlockedBy('GateNotPermitted');
  expect(blocked.message).toContain('GateNotPermitted: gate smoke of stage first is a Job');
  expect(blocked.message).toContain(`kubectl create rolebinding glidepath-gates -n ${stand.namespace}`);
  expect(app.route.metadata.annotations ?? {}).not.toHaveProperty('glidepath.dev/release');
  await bindGateRole(stand);
  await untilGate(app, 'smoke', 'Passed');
  expect(gateOf(app, 'smoke')).toMatchObject({ attempts: 1, stage: 'first', log: 'canary passes-v2 at 20' });
  await app.untilPhase('Promoted');
  expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 50, 100]);
  expect(await countRuns(app, 'smoke')).toEqual({ jobs: 1, pods: 1 });
  expect(endpoint.of('passes').map(({ attempt, stage }) => [attempt, stage])).toEqual([
    [1, null],
    [2, null],
  ]);
  await stand.untilEvents('passes', 'GateStarted', 'GatePassed');
  await expectNothingLeft(app);
});

describe.concurrent('a gate', () => {
  test('a Job that fails keeps the weight where it was, and the release is rolled back with the end of the log', async () => {
    const app = await stand.app({ name: 'fails' });
    await app.release(gated([], [scriptGate('smoke', FAILS)]));
    const { release } = await app.untilPhase('RolledBack');
    expect(release).toMatchObject({ reason: 'GateFailed', rejects: true, maxWeight: 20 });
    expect(release?.reasonMessage).toContain('expected 200, got 500');
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 0]);
    expect(await countRuns(app, 'smoke')).toEqual({ jobs: 1, pods: 1 });
    await stand.untilEvents('fails', 'GateFailed');
    await expectNothingLeft(app);
  });

  test('an endpoint that answers 404 fails at once, and no weight is written', async () => {
    const app = await stand.app({ name: 'refuses' });
    await app.release(gated([callGate()]));
    const { release, message } = await app.untilPhase('RolledBack');
    expect(release).toMatchObject({ reason: 'GateFailed', maxWeight: 0 });
    expect(message).toContain('answered 404: said 404');
    expect(endpoint.of('refuses')).toHaveLength(1);
    expect(sharesOf(trajectoryOf(app))).toEqual([0]);
  });

  test('an endpoint that answers 500 is asked until the timeout, and with Hold the release pauses where it was', async () => {
    const app = await stand.app({ name: 'never' });
    await app.release(gated([], [callGate({ timeout: '8s', onFailure: 'Hold' })]));
    const { release, message } = await app.untilPhase('Paused');
    expect(release).toMatchObject({ pausedBy: 'GateHeld', maxWeight: 20 });
    expect(message).toContain('did not pass within 8s: answered 500: said 500');
    expect(endpoint.of('never').length).toBeGreaterThan(1);
    expect(new Set(endpoint.of('never').map(({ id }) => id)).size).toBe(1);
    await app.command('advance');
    await app.untilPhase('Promoted');
    expect(gateOf(app, 'qa')).toMatchObject({ state: 'Skipped' });
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 50, 100]);
  });

  test('a Job beside a stage runs from the weight on and is deleted with the stage', async () => {
    const app = await stand.app({ name: 'beside' });
    await app.release(gated([scriptGate('load', WAITS(600), { during: 'stage' })]));
    await untilGate(app, 'load', 'Running');
    expect(app.status?.weight).toBe(20);
    await app.untilPhase('Promoted');
    expect(gateOf(app, 'load')).toMatchObject({ state: 'Stopped', attempts: 1 });
    await waitFor('the Job to be gone', async () => (await countRuns(app, 'load')).jobs === 0);
  });

  test('rule 1: a rollback does not wait for a Job that runs, and the Job is deleted', async () => {
    const app = await stand.app({ name: 'aborted' });
    await app.release(gated([], [scriptGate('smoke', WAITS(600))]));
    await untilGate(app, 'smoke', 'Running');
    await waitFor('the Job', async () => (await countRuns(app, 'smoke')).jobs === 1);
    await app.annotate('glidepath.dev/abort', app.status?.release?.id ?? '');
    await app.untilPhase('RolledBack');
    await waitFor('the Job to be gone', async () => (await countRuns(app, 'smoke')).jobs === 0);
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 0]);
    await expectNothingLeft(app);
  });

  test('a Job that the API server does not take blocks the release before its first weight', async () => {
    const app = await stand.app({ name: 'wrong', rps: 0 });
    const gate = scriptGate('smoke', PASSES);
    const pod = { restartPolicy: 'Always', containers: [{ name: 'test', image: 'test' }] };
    await app.release(gated([], [{ ...gate, job: { spec: { template: { spec: pod } } } }]));
    const refused = await app.until('the refusal', ({ phase, message = '' }) => phase === 'Blocked' && message.includes('GateRefused'));
    expect(refused.message).toMatch(/GateRefused: gate smoke of stage half: .*restartPolicy/);
    expect(app.status?.weight ?? 0).toBe(0);
  });

  test('an author who may not create Jobs is refused a release with a Job gate', async () => {
    const app = await stand.app({ name: 'author', rps: 0 });
    const eve = stand.cluster.as('eve');
    const bind = (kind: 'Role' | 'ClusterRole', role: string) =>
      stand.cluster.create({
        apiVersion: `${RBAC}/v1`,
        kind: 'RoleBinding',
        metadata: { name: `eve-${role}`, namespace: stand.namespace },
        roleRef: { apiGroup: RBAC, kind, name: role },
        subjects: [{ apiGroup: RBAC, kind: 'User', name: 'eve' }],
      });
    const grant = async (name: string, rule: object) => {
      await stand.cluster.create({ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: { name, namespace: stand.namespace }, rules: [rule] });
      await bind('Role', name);
    };
    await bind('ClusterRole', 'glidepath-editor');
    await grant('routes', { apiGroups: ['gateway.networking.k8s.io'], resources: ['httproutes'], verbs: ['patch'] });
    const tryOut = (spec: object) => eve.tryCreate(app.manifest(spec), { dryRun: true });
    await waitFor('eve to write releases', async () => (await tryOut(gated([callGate()]))).code === 201);
    const refused = await waitFor('the policy', async () => {
      const answer = await tryOut(gated([], [], [scriptGate('smoke', PASSES)]));
      return answer.code === 403 && answer;
    });
    expect(messageIn(refused.body)).toContain('has gate smoke, which is a Job, and eve may not create Jobs');
    await grant('jobs', { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create'] });
    await waitFor('eve to write this release', async () => (await tryOut(gated([scriptGate('smoke', PASSES)]))).code === 201);
    await eve.close();
  });
});

test('rule 5: an operator that is killed in the middle of each kind of gate runs none of them twice', async () => {
  const [job, call, beside] = await Promise.all([
    killing.app({ name: 'slow-job' }),
    killing.app({ name: 'slow-call' }),
    killing.app({ name: 'slow-load' }),
  ]);
  await Promise.all([
    job.release(gated([scriptGate('smoke', WAITS(12))])),
    call.release(gated([callGate({ http: { url: `${endpoint.url}/gate`, responseTimeout: '5m' } })])),
    beside.release({ stages: [{ weight: 20, duration: '20s', gates: [scriptGate('load', WAITS(600), { during: 'stage' })] }] }),
  ]);
  const running = (app: App, gate: string) => async () => (await countRuns(app, gate)).pods === 1;
  await Promise.all([
    waitFor('the pod of the Job', running(job, 'smoke')),
    waitFor('the request', async () => endpoint.of('slow-call').length === 1),
    waitFor('the pod beside the stage', running(beside, 'load')),
  ]);
  const uids = async () => {
    const jobs = await killing.cluster.list('Job', killing.namespace);
    return Object.fromEntries(jobs.map(({ metadata }) => [metadata.name, metadata.uid]));
  };
  const before = await uids();
  expect(Object.keys(before)).toHaveLength(2);
  await killing.operator.restart();
  const held = await call.untilPhase('Paused');
  expect(held.message).toContain('gate qa of stage first has no known result: an operator ended after the request of');
  expect(held.release).toMatchObject({ pausedBy: 'GateHeld', maxWeight: 0 });
  await job.until('the first weight', ({ weight = 0 }) => weight >= 20);
  expect(gateOf(job, 'smoke')).toMatchObject({ state: 'Passed', attempts: 1 });
  expect(await uids()).toMatchObject(before);
  expect(await countRuns(job, 'smoke')).toEqual({ jobs: 1, pods: 1 });
  expect(await countRuns(beside, 'load')).toEqual({ jobs: 1, pods: 1 });
  expect(endpoint.of('slow-call')).toHaveLength(1);
  await call.command('resume');
  await Promise.all([call.untilPhase('Promoted'), job.untilPhase('Promoted'), beside.untilPhase('Promoted')]);
  expect(endpoint.of('slow-call').map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect(gateOf(beside, 'load')).toMatchObject({ state: 'Stopped', attempts: 1 });
});
