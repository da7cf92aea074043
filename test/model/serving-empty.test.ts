// Serving without a ready endpoint: told at once with its cause, never a quiet wait through all stages, and no rollback to nobody.

import { describe, expect, test } from 'vitest';
import { HELD_ANNOTATION } from '../../src/api/names.ts';
import { type MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { DeploymentStory, startIn } from '../fixtures/deployment-story.ts';
import { reasonsOf, shareOf, startStory, untilState } from '../fixtures/story.ts';

const noteOf = (world: MemoryWorld, reason: string) => world.journal.events.find((event) => event.reason === reason)?.note ?? '';
const servingReady = (world: MemoryWorld) => world.status('web')?.conditions?.find(({ type }) => type === 'ServingReady');
const messageOf = (world: MemoryWorld) => world.status('web')?.message ?? '';

/** One commit changes the labels of the pods and the selector of their Service. */
function relabel(story: DeploymentStory): void {
  const labels = { app: 'store', tier: 'web' };
  const key = { kind: 'Service', namespace: NAMESPACE, name: 'store' };
  story.world.api.update(key, 'helm', (old) => ({ ...old, spec: { ...(old['spec'] as object), selector: labels } }));
  story.edit('helm', (spec) => ({
    ...spec,
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'store:2' }] } },
  }));
}

/** The pods of an image are lost and do not come back. */
async function lose(story: DeploymentStory, image: string): Promise<void> {
  const { world } = story;
  world.deployments.broken.add(image);
  for (const set of world.deployments.replicaSets()) {
    const key = { kind: 'ReplicaSet', namespace: NAMESPACE, name: set.metadata.name };
    world.api.update(key, 'kubelet', (old) => ({ ...old, status: { ...(old['status'] as object), readyReplicas: 0 } }), 'status');
  }
  const key = { kind: 'Service', namespace: NAMESPACE, name: 'store' };
  await world.until('no endpoint', () => (world.api.get(key)?.['spec'] as { ready: number } | undefined)?.ready === 0);
}

/** store:2 was rejected, and then the pods of store:1 are lost. */
async function rejectAndLose(): Promise<DeploymentStory> {
  const story = await startIn('stage.analyzing');
  story.world.abort('web');
  await untilState(story.world, 'rolledBack');
  await lose(story, 'store:1');
  return story;
}

describe('in Services mode', () => {
  test('serving that loses its pods is told within a second, raises are held, and the release goes on when they are back', async () => {
    const world = await startStory();
    world.setService('v1', { ready: 0, unready: 2 });
    const took = await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'));
    expect(took).toBeLessThanOrEqual(1_000);
    expect(servingReady(world)).toMatchObject({ status: 'False', reason: 'NoEndpoints' });
    await world.run(600_000);
    expect([world.status('web')?.state, shareOf(world)]).toEqual(['stage.analyzing', 10]);
    expect(messageOf(world)).toMatch(
      /^Service v1 has no ready endpoint since .*: none of its 2 endpoints is ready.*; the canary is held at 10%/,
    );
    expect(messageOf(world)).toContain('50% waits for a ready endpoint of Service v1');
    expect(reasonsOf(world).filter((reason) => reason === 'ServingEmpty')).toHaveLength(1);
    world.setService('v1', { ready: 2, unready: 0 });
    await untilState(world, 'promoted');
    expect(servingReady(world)).toBeUndefined();
  });

  test('a person promotes the canary that alone answers', async () => {
    const world = await startStory();
    world.setService('v1', { ready: 0 });
    await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'));
    world.command('web', 'promote');
    await untilState(world, 'promoted', 10_000);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });

  test('with onServingEmpty Promote the canary is promoted after 10 s', async () => {
    const world = await startStory({ onServingEmpty: 'Promote' });
    world.setService('v1', { ready: 0 });
    const took = await untilState(world, 'promoted', 20_000);
    expect(took).toBeGreaterThanOrEqual(10_000);
    expect(noteOf(world, 'ServingEmpty')).toContain('Service v1 has no ready endpoint');
    expect(world.journal.events.map(({ note }) => note).join()).toContain('spec.onServingEmpty: Promote');
  });

  test('pods that come back within 10 s are not given up', async () => {
    const world = await startStory({ onServingEmpty: 'Promote' });
    world.setService('v1', { ready: 0 });
    await world.run(8_000);
    world.setService('v1', { ready: 2 });
    await world.run(20_000);
    expect([world.status('web')?.state, shareOf(world)]).toEqual(['stage.analyzing', 10]);
  });

  test('an approval that is missing keeps a canary from being promoted by itself', async () => {
    const world = await startStory({ onServingEmpty: 'Promote', promotion: { approval: 'Required' } });
    world.setService('v1', { ready: 0 });
    await world.run(60_000);
    expect([world.status('web')?.state, shareOf(world)]).toEqual(['stage.analyzing', 10]);
    expect(messageOf(world)).toContain('spec.onServingEmpty does not promote a canary that');
  });

  test('an absolute limit does not take the canary to a home that cannot answer; it does once home answers', async () => {
    const world = await startStory({
      analysis: { checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback' }] },
    });
    world.setService('v1', { ready: 0 });
    await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'));
    world.setVersion('v2', { errorRatio: 0.2 });
    await world.run(120_000);
    expect(reasonsOf(world)).toContain('VerdictFailed');
    expect([world.status('web')?.state, shareOf(world)]).toEqual(['stage.analyzing', 10]);
    expect(messageOf(world)).toContain('a rollback waits for a ready endpoint (errors ');
    world.setService('v1', { ready: 2 });
    const took = await untilState(world, 'rolledBack');
    expect(took).toBeLessThan(5_000);
    expect(world.status('web')?.release).toMatchObject({ reason: 'ErrorRatio', rejects: true });
  });

  test('an order to abort is obeyed all the same', async () => {
    const world = await startStory();
    world.setService('v1', { ready: 0 });
    await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'));
    world.abort('web');
    await untilState(world, 'rolledBack', 5_000);
    expect(shareOf(world)).toBe(0);
  });

  test.each(['v1 first', 'v2 first', 'both'])(
    'where both lose their pods and get them back (%s) the revision is not rejected',
    async (order) => {
      const world = await startStory();
      world.setService('v1', { ready: 0 });
      world.setService('v2', { ready: 0 });
      await world.run(60_000);
      expect([world.status('web')?.state, shareOf(world)]).toEqual(['stage.analyzing', 10]);
      if (order !== 'v2 first') world.setService('v1', { ready: 2 });
      if (order !== 'v1 first') world.setService('v2', { ready: 2 });
      await world.run(30_000);
      world.setService('v1', { ready: 2 });
      world.setService('v2', { ready: 2 });
      await untilState(world, 'promoted');
      expect(world.status('web')?.history?.map(({ outcome, reason }) => reason ?? outcome)).toEqual(['Promoted', 'CanaryEmpty']);
      expect(world.status('web')?.rejected ?? []).toEqual([]);
    },
  );
});

describe('in Deployment mode, while a release runs', () => {
  test('a selector that was changed with the labels of the template is named within a second, and nothing rises', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    relabel(story);
    const took = await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'));
    expect(took).toBeLessThanOrEqual(1_000);
    expect(noteOf(world, 'ServingEmpty')).toMatch(
      /Service store has no ready endpoint.*: it selects none of the serving pods, its selector app=store,tier=web does not match the labels of ReplicaSet store-/,
    );
    await world.run(600_000);
    expect([world.status('web')?.state, world.status('web')?.weight]).toEqual(['preparing', 0]);
    expect(messageOf(world)).toContain('put its selector back, or promote the canary (promote:');
  });

  test('promoted by a person, the Deployment rolls and its pods are behind the Service again', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    relabel(story);
    await world.until('the canary', () => messageOf(world).includes('ready for its first share'));
    world.command('web', 'promote');
    await untilState(world, 'promoted', 60_000);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
    expect(story.leftovers()).toEqual([]);
  });

  test('with the selector put back, the release runs its stages', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    relabel(story);
    await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'));
    const key = { kind: 'Service', namespace: NAMESPACE, name: 'store' };
    world.api.update(key, 'helm', (old) => ({ ...old, spec: { ...(old['spec'] as object), selector: { app: 'store' } } }));
    await untilState(world, 'stage.analyzing', 10_000);
    expect(servingReady(world)).toMatchObject({ status: 'True' });
  });

  test('pods that are replaced by the rollout of a promotion are no outage', async () => {
    const story = await DeploymentStory.begin({ stages: [{ weight: 100, duration: '1m' }] });
    const { world } = story;
    story.edit('helm', (spec) => ({ ...spec, strategy: { type: 'Recreate' } }));
    story.apply('store:2');
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).not.toContain('ServingEmpty');
  });
});

describe('in Deployment mode, at rest', () => {
  test('a first version that never got ready is followed by its fix at once, without a canary', async () => {
    const story = await DeploymentStory.begin({}, { broken: ['store:1'] });
    const { world } = story;
    story.commit('store:2');
    await world.until('pods', () => story.behindService()['store:2'] === 4, 15_000);
    expect(noteOf(world, 'ServingEmpty')).toContain('rolls out at once, without a canary');
    expect(world.status('web')).toMatchObject({ phase: 'Idle' });
    expect(world.status('web')?.release).toBeUndefined();
    expect(story.leftovers()).toEqual([]);
  });

  test('serving pods that are all down are followed by the fix after 10 s', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    await lose(story, 'store:1');
    await world.run(2_000);
    story.commit('store:2');
    const took = await world.until('pods', () => story.behindService()['store:2'] === 4, 30_000);
    expect(took).toBeGreaterThan(9_000);
    expect(noteOf(world, 'ServingEmpty')).toContain('rolls out at once, without a canary');
    expect([world.status('web')?.release, story.leftovers()]).toEqual([undefined, []]);
  });

  test('serving pods that are back within 10 s are protected: a canary runs', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    await lose(story, 'store:1');
    story.commit('store:2');
    await world.run(5_000);
    expect(messageOf(world)).toContain('rolls out without a canary at ');
    world.deployments.broken.delete('store:1');
    story.edit('hpa', (spec) => ({ ...spec, replicas: 5 }));
    await untilState(world, 'stage.analyzing', 30_000);
    expect(story.behindService()).toEqual({ 'store:1': 5 });
  });

  test('a Deployment that is scaled to 0 takes a change at once, and keeps it when it is scaled up', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.edit('keda', (spec) => ({ ...spec, replicas: 0 }));
    await world.run(5_000);
    story.commit('store:2');
    await world.until('the event', () => reasonsOf(world).includes('ServingEmpty'), 2_000);
    await world.until('the rollout', () => story.deployment.spec.paused !== true, 2_000);
    story.edit('keda', (spec) => ({ ...spec, replicas: 3 }));
    await world.until('pods', () => story.behindService()['store:2'] === 3, 10_000);
    expect(world.status('web')?.release).toBeUndefined();
  });

  test.each([
    ['is scaled to 0', (story: DeploymentStory) => story.edit('keda', (spec) => ({ ...spec, replicas: 0 })), 3],
    ['loses all its pods', (story: DeploymentStory) => lose(story, 'store:1'), undefined],
  ])(
    'a release whose Deployment %s before the first weight ends without a rejection, and its revision rolls',
    async (_what, lost, wake) => {
      const story = await DeploymentStory.begin();
      const { world } = story;
      world.deployments.broken.add('store:2');
      story.commit('store:2');
      await untilState(world, 'preparing');
      await lost(story);
      await untilState(world, 'rolledBack', 30_000);
      world.deployments.broken.delete('store:2');
      await world.until('the rollout', () => story.deployment.spec.paused !== true, 15_000);
      if (wake !== undefined) story.edit('keda', (spec) => ({ ...spec, replicas: wake }));
      await world.until('pods', () => story.behindService()['store:2'] === (wake ?? 4), 20_000);
      await world.run(5_000);
      expect(world.status('web')?.history?.map(({ reason }) => reason)).toEqual(['NothingServes']);
      expect([world.status('web')?.rejected ?? [], story.leftovers()]).toEqual([[], []]);
    },
  );

  test('a change of a Deployment that rests paused rolls out and is paused again', async () => {
    const story = await DeploymentStory.begin({ targetRef: { name: 'store', hold: 'PausedAtRest' } });
    const { world } = story;
    world.holds = false;
    const isHeld = () => story.deployment.spec.paused === true && story.deployment.metadata.annotations?.[HELD_ANNOTATION] === 'web';
    await world.until('the pause at rest', isHeld);
    await lose(story, 'store:1');
    story.commit('store:2');
    await world.until('pods', () => story.behindService()['store:2'] === 4, 30_000);
    await world.until('the pause', isHeld, 10_000);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('a revision that was rejected does not roll out because serving is down', async () => {
    const story = await rejectAndLose();
    const { world } = story;
    await world.run(60_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    expect(world.status('web')?.phase).toBe('RolledBack');
  });

  test('a rejected revision is tried again by the command retry, and promoted by another one', async () => {
    const story = await rejectAndLose();
    const { world } = story;
    world.command('web', 'retry');
    await world.until('the canary', () => messageOf(world).includes('ready for its first share'), 20_000);
    world.command('web', 'promote');
    await untilState(world, 'promoted', 60_000);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('a release that a person paused does not roll either', async () => {
    const story = await DeploymentStory.begin({ paused: true });
    const { world } = story;
    await lose(story, 'store:1');
    story.commit('store:2');
    await world.run(60_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
  });
});
