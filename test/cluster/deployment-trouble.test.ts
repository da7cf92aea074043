// Deployment mode when something goes another way: pods that a quota refuses, strategy Recreate, what people do with kubectl
// rollout and replace, other labels, a Deployment that comes late or goes, and nodes that are drained.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type DeploymentApp, DeploymentStand, HELD_STAGES, kubectl, kubectlWith } from '../fixtures/cluster/deployment-stand.ts';

type Slice = KubeObject & { readonly endpoints?: readonly { readonly targetRef?: { readonly name: string } }[] };

const V1 = [{ version: 'v1' }];
const RPS = 15;
let home: DeploymentStand;

beforeAll(async () => {
  home = await DeploymentStand.open('trouble');
});

afterAll(() => home?.close());

/** `kubectl rollout VERB` as somebody calls it: what it said, or why it refused. */
async function rollout(verb: string, { name }: DeploymentApp): Promise<string> {
  const said = kubectl('rollout', verb, `deployment/${name}`, '-n', home.stand.namespace);
  return said.then(
    ({ stdout, stderr }) => `${stdout}${stderr}`,
    (error: Error) => error.message,
  );
}

const isPaused = async (app: DeploymentApp) => (await app.deployment())?.spec.paused === true;

/** The class of the pods that the quota of this file counts: theirs alone, whatever runs beside them. */
const FEW = 'glidepath-test-few';

/** How many pods of the class a quota allows here. */
async function allow(pods: number): Promise<void> {
  const metadata = { name: 'few', namespace: home.stand.namespace };
  const matchExpressions = [{ scopeName: 'PriorityClass', operator: 'In', values: [FEW] }];
  await home.stand.cluster.apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata,
    spec: { hard: { pods }, scopeSelector: { matchExpressions } },
  });
}

/** Gives pods the class. They keep their requests: pods without any get no processor time on a busy node, and answer nothing. */
function asFew(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const template = spec['template'] as { readonly spec: object };
  return { ...spec, progressDeadlineSeconds: 8, template: { ...template, spec: { ...template.spec, priorityClassName: FEW } } };
}

/** Names of the pods behind a Service. */
async function endpointsOf(service: string): Promise<readonly string[]> {
  const slices = await home.stand.cluster.list<Slice>('EndpointSlice', home.stand.namespace);
  const own = slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service);
  return own.flatMap(({ endpoints }) => (endpoints ?? []).map(({ targetRef }) => targetRef?.name ?? ''));
}

/** As a node that is drained does. */
async function evict(name: string): Promise<void> {
  const { namespace, cluster } = home.stand;
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  await cluster.api.must({ method: 'POST', path: `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, body });
}

/** Promotes a version, and aborts that when it is the moment. */
async function takeBackLate(app: DeploymentApp, version: string, isNow: () => Promise<boolean>): Promise<void> {
  await app.apply({ version });
  const { release } = await app.load.until('a person asked', ({ phase }) => phase === 'AwaitingApproval');
  await app.load.command('promote');
  await waitFor(`the moment to take ${version} back`, isNow);
  await app.load.annotate('glidepath.dev/abort', release?.id ?? '');
  await app.load.untilPhase('RolledBack');
  await app.untilReady({ v2: 2 });
}

describe.concurrent('a release of a Deployment', () => {
  test('a release of a Deployment waits while a quota refuses pods of the canary, and while it refuses those of the promotion', async () => {
    const aClass = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: FEW }, value: 0 };
    await home.stand.cluster.apply(aClass);
    await allow(2);
    const app = await home.deploy({ name: 'quota', before: V1, change: asFew, rps: RPS });
    const begunMs = Date.now();
    await app.apply({ version: 'v2' });
    const refused = await app.load.until('the refusal', ({ phase }) => phase === 'Blocked');
    expect(refused.message).toMatch(/PodsRefused.*exceeded quota.*raise the quota/s);
    // The Deployment controller gives up on the canary, and that is not the revision's fault.
    const progressing = '{.status.conditions[?(@.type=="Progressing")].status}';
    const read = ['get', 'deployment', 'quota-canary', '-n', home.stand.namespace, '-o', `jsonpath=${progressing}`];
    await waitFor('the progress deadline', async () => (await kubectl(...read)).stdout === 'False');
    await allow(4);
    const stuck = await app.load.until('the stuck promotion', ({ message = '' }) => message.includes('PromotionStuck'));
    expect(stuck).toMatchObject({ phase: 'Blocked', weight: 50 });
    await allow(10);
    await app.load.untilPhase('Promoted');
    expect(app.load.status?.history).toHaveLength(1);
    expect(app.load.badAnswers(begunMs)).toEqual([]);
  });

  test('a release of strategy Recreate needs a last stage of 100, and then loses no answer, promoted early and taken back late', async () => {
    const change = (spec: object) => ({ ...spec, strategy: { type: 'Recreate' } });
    const app = await home.serve({ name: 'recreate', before: V1, change, rps: RPS });
    await app.release();
    const begunMs = Date.now();
    const refused = await app.load.untilBlockedBy('strategy Recreate');
    expect(refused.message).toMatch(/strategy Recreate.*end spec\.stages with weight 100/);
    await app.release({ stages: [HELD_STAGES[0], { weight: 100, duration: '2s' }] });
    await app.load.untilPhase('Idle');
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    await app.load.command('promote');
    await app.load.untilPhase('Promoted');
    expect(app.pods.filter(({ isCanary }) => isCanary)).toHaveLength(2);
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    // When nothing is left behind the Service, and in the moment in which all that is ready there begins to end.
    const moments = { v3: async () => Object.keys(app.readyNow()).length === 0, v4: async () => !(await isPaused(app)) };
    for (const [version, isNow] of Object.entries(moments)) {
      await takeBackLate(app, version, isNow);
      expect(app.load.badAnswers(begunMs)).toEqual([]);
    }
    expect(app.versionsAnswering(await app.untilOnly('v2'))).toEqual(['v2']);
  });

  test('a release continues whatever people do with kubectl rollout; replace --force goes past the hold, and that is reported', async () => {
    const app = await home.deploy({ name: 'people', before: [{ version: 'v0' }, ...V1], rps: RPS }, { stages: HELD_STAGES });
    const begunMs = Date.now();
    // A restart is a change of the template like any other.
    expect(await rollout('restart', app)).toContain('held by canaryrelease/people');
    const { release } = await app.load.untilPhase('AwaitingApproval');
    expect(await rollout('undo', app)).toMatch(/paused deployment/);
    expect(await rollout('restart', app)).toMatch(/paused/);
    expect(await rollout('resume', app)).toContain('resumed');
    expect(await isPaused(app)).toBe(true);
    // Another template in mid-release: home, then from the first stage.
    await app.apply({ version: 'v2' });
    const next = await app.load.until(
      'the second release',
      ({ phase, release: now }) => phase === 'AwaitingApproval' && now?.id !== release?.id,
    );
    expect(next.history?.[0]).toMatchObject({ id: release?.id, outcome: 'RolledBack', reason: 'Superseded' });
    expect(app.versionsAnswering(begunMs)).toEqual(['v1']);
    await app.load.command('approve', 1);
    await app.load.untilPhase('Promoted');
    // What served before is proven: undo rolls at once.
    expect(await rollout('undo', app)).toContain('rolled back');
    await app.untilReady({ v1: 2 });
    expect(app.load.status?.history).toHaveLength(2);
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    await kubectlWith(app.manifest({ version: 'forced' }), 'replace', '--force', '-f', '-');
    await home.stand.untilEvents('people', 'HoldBypassed');
    await app.untilReady({ forced: 2 });
    await app.load.untilPhase('Promoted');
  });

  test('a release of a Deployment keeps its canary apart where Deployment and Service select by several labels', async () => {
    const labels = { tier: 'shop', team: 'blue' };
    const change = (spec: Readonly<Record<string, unknown>>) => {
      const template = spec['template'] as { readonly metadata: { readonly labels: object } };
      const metadata = { ...template.metadata, labels: { ...template.metadata.labels, ...labels } };
      return { ...spec, selector: { matchLabels: { app: 'labels', tier: 'shop' } }, template: { ...template, metadata } };
    };
    const app = await home.serve({ name: 'labels', before: V1, change, rps: RPS });
    const service = { kind: 'Service', namespace: home.stand.namespace, name: 'labels-api' } as const;
    await home.stand.cluster.patch(service, { spec: { selector: { app: null, ...labels } } });
    await app.release({ stages: HELD_STAGES });
    await app.load.untilPhase('Idle');
    const begunMs = Date.now();
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    const namesOf = (isCanary: boolean) => app.pods.filter((pod) => pod.isCanary === isCanary).map(({ name }) => name);
    expect([...(await endpointsOf('labels-api'))].sort()).toEqual([...namesOf(false)].sort());
    expect([...(await endpointsOf('labels-api-canary'))].sort()).toEqual([...namesOf(true)].sort());
    await app.load.command('approve', 1);
    await app.load.untilPhase('Promoted');
    expect(app.load.badAnswers(begunMs)).toEqual([]);
  });

  test('a release of a Deployment waits for a Deployment that is not there, rolls its first version, and ends with a Deployment that is deleted', async () => {
    const app = await home.deploy({ name: 'late', before: [] });
    await app.load.until('nothing', ({ message = '' }) => message.includes('WorkloadNotFound'));
    await app.apply({ version: 'v1' });
    await app.untilRolledOut();
    await app.load.untilPhase('Idle');
    expect(app.load.status?.release).toBeUndefined();
    await app.load.startLoad(RPS);
    await app.release({ stages: HELD_STAGES });
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    await home.stand.cluster.remove(app.ref);
    const gone = await app.load.until('the end', ({ message = '' }) => message.includes('WorkloadNotFound'));
    expect(gone.history?.[0]).toMatchObject({ outcome: 'RolledBack', reason: 'WorkloadDeleted' });
    expect(await app.leftovers()).toEqual([]);
    await app.apply({ version: 'v3' });
    await app.untilReady({ v3: 2 });
    await app.load.until('the new one', ({ serving, phase }) => serving?.revision !== gone.serving?.revision && phase !== 'Blocked');
  });

  test('a release of a Deployment survives a drained node: pods of both sides come back, of the same versions', async () => {
    const app = await home.deploy({ name: 'drained', before: V1, rps: RPS }, { stages: HELD_STAGES, canary: { minReplicas: 2 } });
    const begunMs = Date.now();
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    const canaries = app.pods.filter(({ isCanary }) => isCanary).map(({ name }) => name);
    expect(canaries).toHaveLength(2);
    await evict(canaries[0] ?? '');
    await waitFor(
      'another canary pod',
      async () => app.pods.filter(({ isCanary }) => isCanary).length === 3 && app.readyNow(true)['v2'] === 2,
    );
    await evict(app.pods.find(({ isCanary }) => !isCanary)?.name ?? '');
    await waitFor(
      'another serving pod',
      async () => app.pods.filter(({ isCanary }) => !isCanary).length === 3 && app.readyNow()['v1'] === 2,
    );
    expect([await isPaused(app), app.versionsAnswering(begunMs)]).toEqual([true, ['v1']]);
    await app.load.command('approve', 1);
    await app.load.untilPhase('Promoted');
    expect(app.load.badAnswers(begunMs)).toEqual([]);
  });
});
