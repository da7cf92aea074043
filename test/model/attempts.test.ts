// A revision is rejected for what it did, never for what happened to it: after such an end the release begins again, at most three
// times, and then waits for a person.

import { describe, expect, test } from 'vitest';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { crashing, PLACED, READY, running, statusWith } from '../fixtures/pods.ts';
import { buildStore, shareOf, specWith, startStory, untilState } from '../fixtures/story.ts';

/** The canary loses its endpoints, and the release has gone home. */
async function loseCanary(world: MemoryWorld): Promise<void> {
  await untilState(world, 'stage.analyzing');
  world.setService('v2', { ready: 0, unready: 2 });
  expect(await world.until('home', () => shareOf(world) === 0)).toBe(0);
  await untilState(world, 'rolledBack');
}

function startedNotes(world: MemoryWorld): readonly string[] {
  return world.journal.events.filter(({ reason }) => reason === 'ReleaseStarted').map(({ note }) => note);
}

function conditionOf(world: MemoryWorld, type: string) {
  return world.status('web')?.conditions?.find((condition) => condition.type === type);
}

describe('a canary that lost its pods', () => {
  test('a canary that lost its pods is tried again when they are back, and is not rejected', async () => {
    const world = await startStory();
    const first = world.status('web')?.release?.id;
    await loseCanary(world);
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({ state: 'rolledBack' });
    expect(world.status('web')?.rejected).toBeUndefined();
    expect(world.status('web')?.message).toContain('attempt 2 of 3 begins when there are ready endpoints of Service v2');
    expect([conditionOf(world, 'Stalled'), conditionOf(world, 'Reconciling')?.status]).toEqual([undefined, 'True']);
    world.setService('v2', { ready: 2, unready: 0 });
    await untilState(world, 'stage.analyzing', 1_000);
    expect(world.status('web')?.release).toMatchObject({ attempt: 2, retries: 1 });
    expect(world.status('web')?.release?.id).toMatch(/-2$/);
    expect(world.status('web')?.release?.id).not.toBe(first);
    expect(startedNotes(world).at(-1)).toContain('attempt 2 of 3; the one before ended with CanaryEmpty: Service v2 has weight and no');
    await untilState(world, 'promoted');
    expect(world.status('web')?.history?.map(({ reason }) => reason)).toEqual([undefined, 'CanaryEmpty']);
  });

  test('a canary that lost its pods waits for a person after the third time, who gives it three more attempts', async () => {
    const world = await startStory();
    for (const pause of [0, 10_000, 60_000]) {
      await loseCanary(world);
      world.setService('v2', { ready: 2, unready: 0 });
      // The next attempt does not begin before its time.
      await world.run(pause / 2);
    }
    await world.run(3_600_000);
    expect(world.status('web')).toMatchObject({ state: 'rolledBack', release: { retries: 2 } });
    expect(world.status('web')?.rejected).toBeUndefined();
    expect(world.status('web')?.release?.retryAt).toBeUndefined();
    expect(world.status('web')?.message).toContain('3 attempts ended without a verdict: send command retry:');
    expect(conditionOf(world, 'Stalled')?.status).toBe('True');
    expect(startedNotes(world)).toHaveLength(3);
    world.command('web', 'retry');
    await loseCanary(world);
    expect(world.status('web')?.release).toMatchObject({ attempt: 4 });
    expect(world.status('web')?.release?.retries).toBeUndefined();
    world.setService('v2', { ready: 2, unready: 0 });
    await untilState(world, 'promoted');
    expect(world.status('web')?.release).toMatchObject({ attempt: 5, retries: 1 });
  });

  test('a canary that lost its pods makes way for a new revision, which counts its attempts again', async () => {
    const world = await startStory();
    await loseCanary(world);
    world.setService('v2', { ready: 2, unready: 0, hashes: ['v2-2'] });
    await untilState(world, 'preparing', 1_000);
    expect(world.status('web')?.release).toMatchObject({ attempt: 1, templateHashes: ['v2-2'] });
    expect(world.status('web')?.release?.retries).toBeUndefined();
    await untilState(world, 'promoted');
  });

  test('a canary that lost its pods is tried again by the next operator, too', async () => {
    const world = await startStory();
    await loseCanary(world);
    world.operators[0]?.kill();
    world.startOperator();
    world.setService('v2', { ready: 2, unready: 0 });
    expect(await untilState(world, 'stage.analyzing')).toBeLessThanOrEqual(11_000);
  });

  test('a canary that lost its pods is not tried again while spec.paused says so', async () => {
    const world = await startStory();
    await loseCanary(world);
    world.editSpec('web', (spec) => ({ ...spec, paused: true }));
    world.setService('v2', { ready: 2, unready: 0 });
    await world.run(600_000);
    expect(world.status('web')?.state).toBe('rolledBack');
    expect(world.status('web')?.message).toContain('begins when spec.paused is false');
    world.editSpec('web', (spec) => ({ ...spec, paused: false }));
    await untilState(world, 'promoted');
  });
});

describe('what happened to a release and not to its revision', () => {
  test('Prometheus was away: the next attempt waits for an answer before its first weight', async () => {
    const world = await startStory({ analysis: { onUnavailable: { after: '5m', then: 'Rollback' } } });
    world.prometheus.mode = 'down';
    await untilState(world, 'rolledBack', 330_000);
    await untilState(world, 'preparing', 11_000);
    await world.run(3_600_000);
    expect(world.status('web')).toMatchObject({ state: 'preparing', release: { attempt: 2 } });
    expect(world.status('web')?.rejected).toBeUndefined();
    expect(shareOf(world)).toBe(0);
    world.prometheus.mode = 'up';
    await untilState(world, 'promoted');
  });

  test('a release was blocked for too long: it begins again when the gateway has accepted the route', async () => {
    const world = await startStory({ onBlocked: { after: '2m', then: 'Rollback' } });
    world.gateway.refused.set('store', 'BackendNotFound');
    world.gateway.wake();
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('BlockedTooLong');
    await world.run(1_800_000);
    expect(world.status('web')).toMatchObject({ state: 'rolledBack', phase: 'Blocked' });
    expect(world.status('web')?.rejected).toBeUndefined();
    world.gateway.refused.clear();
    world.gateway.wake();
    await untilState(world, 'promoted');
    expect(world.status('web')?.release).toMatchObject({ attempt: 2, retries: 1 });
  });

  test('a deadline is no verdict: nothing is rejected, and a person begins again', async () => {
    const world = buildStore();
    world.setTraffic(0);
    const stages = [{ weight: 10, duration: '1m', timeout: '3h' }];
    world.createRelease('web', specWith({ stages, deadline: { after: '1h', then: 'Rollback' } }));
    await untilState(world, 'rolledBack', 3_610_000);
    expect(world.status('web')).toMatchObject({ release: { reason: 'DeadlineExceeded' } });
    expect(world.status('web')?.rejected).toBeUndefined();
    expect(world.status('web')?.message).toMatch(/timed out and is rolled back.*not rejected: command retry:/);
    await world.run(3_600_000);
    expect(world.status('web')?.state).toBe('rolledBack');
    world.setTraffic(50);
    world.command('web', 'retry');
    await untilState(world, 'promoted');
  });

  test('missing evidence is none either', async () => {
    const world = await startStory({ analysis: { onInconclusive: 'Rollback' } });
    world.setTraffic(0);
    await untilState(world, 'rolledBack');
    expect(world.status('web')).toMatchObject({ release: { reason: 'Inconclusive' } });
    expect(world.status('web')?.rejected).toBeUndefined();
    expect(world.status('web')?.message).toContain('it is not rejected');
  });
});

describe('in Deployment mode', () => {
  /** The only pod of the canary says this, and is no endpoint any more. */
  async function failPods(status: Parameters<DeploymentStory['world']['deployments']['setPodStatus']>[1]): Promise<DeploymentStory> {
    const story = await DeploymentStory.begin({ canary: { minReplicas: 1 } });
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    const set = world.deployments.replicaSets().find(({ metadata }) => metadata.name.startsWith('store-canary-'));
    if (set === undefined) throw new Error('there is no canary');
    const { uid, name } = set.metadata;
    const pod = { kind: 'Pod', namespace: 'shop', name: `${name}-0` };
    const owner = { kind: 'ReplicaSet', name, uid };
    const metadata = { name: pod.name, namespace: pod.namespace, ownerReferences: [owner] };
    world.api.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec: {} }, 'kubelet');
    world.api.update(pod, 'kubelet', (old) => ({ ...old, status: statusWith(running(), { conditions: [PLACED, READY] }) }), 'status');
    await world.run(5_000);
    world.api.update(pod, 'kubelet', (old) => ({ ...old, status }), 'status');
    const key = { kind: 'ReplicaSet', namespace: 'shop', name };
    world.api.update(key, 'kubelet', (old) => ({ ...old, status: { replicas: 1, readyReplicas: 0 } }), 'status');
    await untilState(world, 'rolledBack');
    return story;
  }

  test('the only pod of the canary is drained: home, not rejected, and tried again', async () => {
    const evicted = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };
    const { world } = await failPods(statusWith(running(), { conditions: [PLACED, evicted] }));
    expect(world.status('web')).toMatchObject({ release: { reason: 'CanaryEmpty' } });
    expect(world.status('web')?.rejected).toBeUndefined();
    await untilState(world, 'stage.analyzing', 30_000);
    expect(world.status('web')?.release).toMatchObject({ attempt: 2, retries: 1 });
    await untilState(world, 'promoted');
  });

  test('the only pod of the canary crashed under traffic: that is what the revision did', async () => {
    const { world } = await failPods(statusWith(crashing(1, 137, 'OOMKilled', '')));
    expect(world.status('web')?.rejected).toMatchObject([{ reason: 'CanaryCrashed' }]);
    expect(world.status('web')?.release?.reasonMessage).toContain('exited with 137 (OOMKilled)');
    await world.run(600_000);
    expect(world.status('web')?.state).toBe('rolledBack');
  });

  test('a change back to what serves ends it: nothing is left to try', async () => {
    const story = await failPods(statusWith(running(), { conditions: [PLACED] }));
    const { world } = story;
    story.commit('store:1');
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({ phase: 'Idle', state: 'rolledBack' });
    expect(story.behindService()).toEqual({ 'store:1': 4 });
  });
});
