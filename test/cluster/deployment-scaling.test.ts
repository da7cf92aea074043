// Deployment mode while others scale and commit: an autoscaler, a scale to 0 and back while the Deployment is held, and a second
// commit in the middle of a promotion. No version that was withdrawn, and none that is unproven, ever serves.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { DeploymentStand, HELD_STAGES, type Workload } from '../fixtures/cluster/deployment-stand.ts';

let home: DeploymentStand;

beforeAll(async () => {
  home = await DeploymentStand.open('scaling');
});

afterAll(() => home?.close());

/** The lab has no metrics: such an autoscaler still enforces its limits, through the `scale` subresource. */
function autoscaler(name: string, minReplicas: number) {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name, namespace: home.stand.namespace },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas,
      maxReplicas: 5,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    },
  };
}

async function canaryReplicas(name: string): Promise<number | undefined> {
  const ref = { kind: 'Deployment', namespace: home.stand.namespace, name: `${name}-canary` } as const;
  return (await home.stand.cluster.get<Workload>(ref))?.spec.replicas;
}

describe.concurrent('a Deployment that is released', () => {
  test('a Deployment that is released is scaled by its autoscaler while held and while it rolls: the canary follows, and no answer is lost', async () => {
    const app = await home.deploy({ name: 'scaled', before: [{ version: 'v1' }] }, { stages: HELD_STAGES, canary: { minReplicas: 1 } });
    const begunMs = Date.now();
    await home.stand.cluster.apply(autoscaler('scaled', 2));
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    expect(await canaryReplicas('scaled')).toBe(1);
    await home.stand.cluster.apply(autoscaler('scaled', 3));
    await app.untilReady({ v1: 3 });
    expect((await app.deployment())?.spec.paused).toBe(true);
    await app.load.command('approve', 1);
    await waitFor('the canary to follow', async () => (await canaryReplicas('scaled')) === 2);
    await app.load.until('the promotion', ({ state }) => state === 'promoting.rollingOut');
    await app.scale(4);
    const status = await app.load.untilPhase('Promoted');
    expect(status.history?.[0]).toMatchObject({ outcome: 'Promoted', maxWeight: 50 });
    await app.untilReady({ v2: 4 });
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    expect(app.versionsAnswering(await app.untilAnswered())).toEqual(['v2']);
    expect(await app.leftovers()).toEqual([]);
  });

  test('a Deployment that is released is scaled to 0 and back while held: the version that was withdrawn before does not serve', async () => {
    // The Deployment controller takes the ReplicaSet that was created last, which is the withdrawn one.
    const before = [{ version: 'v1' }, { version: 'withdrawn' }, { version: 'v1' }];
    const app = await home.deploy({ name: 'nightly', before }, { stages: HELD_STAGES });
    await app.apply({ version: 'v2' });
    await app.load.untilPhase('AwaitingApproval');
    await app.scale(0);
    await app.untilReady({});
    const fromMs = Date.now();
    await app.scale(2);
    await app.untilReady({ v1: 2 });
    await home.stand.untilEvents('nightly', 'WrongVersionServing');
    await app.untilAnswered();
    expect(app.versionsAnswering(fromMs)).toEqual(['v1']);
    await app.load.command('approve', 1);
    await app.load.untilPhase('Promoted');
    expect(app.versionsAnswering(fromMs)).toEqual(['v1', 'v2']);
    expect(await app.leftovers()).toEqual([]);
  });

  test('a Deployment that is released gets a second commit while it rolls: the first version serves again until the second one is proven', async () => {
    // Slow enough to be caught in the middle.
    const change = (spec: object) => ({ ...spec, minReadySeconds: 2 });
    const app = await home.deploy({ name: 'twice', replicas: 3, change, before: [{ version: 'v1' }] });
    const begunMs = Date.now();
    await app.apply({ version: 'v2' });
    await waitFor('a part of v2', async () => (app.readyNow()['v2'] ?? 0) >= 1);
    await app.apply({ version: 'v3' });
    await app.untilReady({ v1: 3 });
    const backMs = await app.untilOnly('v1');
    await app.load.until('the second promotion', ({ state, history }) => state === 'promoting.rollingOut' && history?.length === 1);
    expect(app.versionsAnswering(backMs, Date.now())).toEqual(['v1']);
    const status = await app.load.untilPhase('Promoted');
    expect(status.history).toMatchObject([{ outcome: 'Promoted' }, { outcome: 'RolledBack', reason: 'Superseded' }]);
    await app.untilReady({ v3: 3 });
    expect(app.versionsAnswering(backMs)).toEqual(['v1', 'v3']);
    expect(app.load.badAnswers(begunMs)).toEqual([]);
    expect(await app.leftovers()).toEqual([]);
  });
});
