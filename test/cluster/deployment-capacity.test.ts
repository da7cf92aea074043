// Deployment mode and the number of pods, with real pods: a rollout that is paused or taken back in its middle keeps the pods that
// the strategy promises, and a promotion whose pods an autoscaler took away gives the load back in steps.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type DeploymentApp, DeploymentStand, type Workload } from '../fixtures/cluster/deployment-stand.ts';
import { sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

/** With the default strategy one pod of four may be missing, and one may be too many. */
const REPLICAS = 4;
const [FEWEST, MOST] = [3, 5];
const RPS = 15;
const HALF = { stages: [{ weight: 50, duration: '1s' }] };

let home: DeploymentStand;

beforeAll(async () => {
  home = await DeploymentStand.open('capacity');
});

afterAll(() => home?.close());

/** Slow enough to be caught in the middle. */
const slow = (spec: object) => ({ ...spec, minReadySeconds: 3 });

/** A Deployment that rolls to v2, so many pods of which serve already. */
async function rollPart(name: string, pods: number): Promise<DeploymentApp> {
  const app = await home.deploy({ name, replicas: REPLICAS, change: slow, before: [{ version: 'v1' }], rps: RPS }, HALF);
  await app.apply({ version: 'v2' });
  await app.load.until('the rollout', ({ state }) => state === 'promoting.rollingOut');
  await waitFor('a part of v2', async () => (app.readyNow()['v2'] ?? 0) >= pods);
  return app;
}

/**
 * No more pods than the strategy says; where the serving ReplicaSet is the smaller one it comes first, and there is one more until the
 * other has followed (docs/decisions/0012).
 */
function expectBounded(steps: readonly (readonly number[])[]): void {
  expect(steps.length).toBeGreaterThan(1);
  for (const [index, sizes] of steps.entries()) {
    const [serving = 0, next = 0] = steps[Math.max(0, index - 1)] ?? [];
    const most = serving < next ? MOST + 1 : MOST;
    expect(
      sizes.reduce((sum, size) => sum + size, 0),
      JSON.stringify(steps),
    ).toBeLessThanOrEqual(most);
  }
}

const isPaused = async (app: DeploymentApp) => (await app.deployment())?.spec.paused === true;

describe.concurrent('a Deployment of four pods', () => {
  test('a Deployment that rolls is paused in its middle, and continues when it is resumed', async () => {
    const app = await rollPart('paused', 1);
    const begunMs = Date.now();
    await app.load.command('pause');
    await app.load.untilPhase('Paused');
    await app.untilSteady(6_000);
    const there = app.readyNow();
    expect(Object.keys(there).toSorted()).toEqual(['v1', 'v2']);
    expect([await isPaused(app), sharesOf(trajectoryOf(app.load, 'api', 'api-canary'))]).toEqual([true, [0, 50]]);
    expect(app.versionsAnswering(await app.untilAnswered(40))).toEqual(['v1', 'v2']);
    await app.untilSteady(6_000);
    expect(app.readyNow()).toEqual(there);
    await app.load.command('resume');
    await app.load.untilPhase('Promoted');
    await app.untilReady({ v2: REPLICAS });
    expect(app.fewestReady(begunMs)).toBeGreaterThanOrEqual(FEWEST);
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    expect(await app.leftovers()).toEqual([]);
  });

  test('a rollout is taken back pod by pod, with no more and no fewer pods than the strategy says', async () => {
    const app = await rollPart('back', 2);
    const begunMs = Date.now();
    await app.load.annotate('glidepath.dev/abort', app.load.status?.release?.id ?? '');
    const status = await app.load.untilPhase('RolledBack');
    expect(status.release?.reason).toBe('Aborted');
    await app.untilReady({ v1: REPLICAS });
    expect(app.fewestReady(begunMs)).toBeGreaterThanOrEqual(FEWEST);
    expectBounded(app.wantedSince(begunMs));
    expect(await isPaused(app)).toBe(true);
    expect(app.versionsAnswering(await app.untilOnly('v1'))).toEqual(['v1']);
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    expect(await app.leftovers()).toEqual([]);
  });

  test('a Deployment whose autoscaler took two pods away gets its load back in steps, and at once when they are there', async () => {
    const spec = { stages: [{ weight: 50, duration: '1s', approval: 'Required' }] };
    const app = await home.deploy({ name: 'shrunk', replicas: REPLICAS, before: [{ version: 'v1' }], rps: RPS }, spec);
    const begunMs = Date.now();
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    // Half of the load is on the canary: so much less is there to see for the autoscaler.
    await app.scale(2);
    await app.untilReady({ v1: 2 });
    await app.load.command('approve', 1);
    const step = await app.load.until('the first step', ({ state, weight }) => state === 'promoting.restoring' && weight === 37);
    expect(step.message).toContain('Deployment shrunk has 2 of the 4 pods that served before');
    expect(app.readyNow()).toEqual({ v2: 2 });
    const canary = { kind: 'Deployment', namespace: home.stand.namespace, name: 'shrunk-canary' } as const;
    expect((await home.stand.cluster.get<Workload>(canary))?.spec.replicas).toBe(2);
    await app.scale(REPLICAS);
    await app.load.untilPhase('Promoted');
    expect(sharesOf(trajectoryOf(app.load, 'api', 'api-canary'))).toEqual([0, 50, expect.closeTo(37, 0), 0]);
    await app.untilReady({ v2: REPLICAS });
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    expect(await app.leftovers()).toEqual([]);
  });
});
