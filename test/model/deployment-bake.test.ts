// The bake in Deployment mode: the canary takes everything before the Deployment rolls, so that home is one weight write away.

import { describe, expect, test } from 'vitest';
import { BAKE, sharesOf, startIn } from '../fixtures/deployment-story.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';

describe('a bake', () => {
  test('the canary gets all traffic in a bake with as many pods as serve, the old pods stay, and the Deployment rolls after it', async () => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    const images = story.watchImages();
    expect([story.share, story.canary?.spec.replicas]).toEqual([100, 4]);
    expect([story.behindService(), story.deployment.spec.paused]).toEqual([{ 'store:1': 4 }, true]);
    expect(world.status('web')?.message).toMatch(
      /watched at 100% until .*; undo:[0-9a-f]{10} goes back to the old pods of Deployment store/,
    );
    const began = world.clock.now();
    await untilState(world, 'promoting.rollingOut');
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(295_000);
    expect([images, story.share]).toEqual([[], 100]);
    await untilState(world, 'promoting.restoring');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
    await untilState(world, 'promoted');
    expect([sharesOf(story), story.leftovers()]).toEqual([[0, 10, 50, 100, 0, 0], []]);
    expect(world.status('web')).toMatchObject({ serving: { revision: expect.stringMatching(/^2-/) }, history: [{ maxWeight: 100 }] });
  });

  test('a bake gives the canary all traffic only when its pods are there', async () => {
    const story = await startIn('stage.analyzing', BAKE);
    const { world } = story;
    await world.until('everything', () => story.share === 100);
    expect(world.api.get({ kind: 'Service', namespace: 'shop', name: 'store-canary' })?.spec).toMatchObject({ ready: 4, unready: 0 });
  });

  test('a bake keeps the canary at full size when an autoscaler takes the idle old pods away, and says what is left for the way back', async () => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    story.edit('horizontal-pod-autoscaler', (spec) => ({ ...spec, replicas: 2 }));
    await world.run(30_000);
    expect([story.canary?.spec.replicas, story.share]).toEqual([4, 100]);
    expect(world.status('web')?.message).toContain('only 2 of 4 old pods are left for the way back');
    story.edit('horizontal-pod-autoscaler', (spec) => ({ ...spec, replicas: 6 }));
    await world.run(30_000);
    expect(story.canary?.spec.replicas).toBe(6);
  });

  test('rule 13: is judged; a Fail goes home with one write, and no new pod ever stood behind the Service', async () => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    const images = story.watchImages();
    world.setVersion('store-canary', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('ErrorRatio');
    expect([images, story.behindService(), story.leftovers()]).toEqual([[], { 'store:1': 4 }, []]);
    expect([sharesOf(story), story.deployment.spec.paused]).toEqual([[0, 10, 50, 100, 0, 0], true]);
  });

  test('a bake that someone ends early by lifting the hold is rolled back', async () => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    world.holds = false;
    story.edit('kubectl-edit', (spec) => ({ ...spec, paused: false }));
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('HoldBypassed');
  });

  test.each([
    ['longer', '20m', 1_100_000],
    ['to nothing', '0s', 0],
  ])('a bake that is edited %s during the promotion follows the edit before the Deployment rolls', async (_how, bake, leastMs) => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    const images = story.watchImages();
    const began = world.clock.now();
    world.editSpec('web', (spec) => ({ ...spec, promotion: { bake } }));
    await untilState(world, 'promoting.rollingOut');
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(leastMs);
    expect(images).toEqual([]);
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('a bake that is added while the Deployment rolls already does not move the traffic back to the canary', async () => {
    const story = await startIn('promoting.rollingOut');
    const { world } = story;
    world.editSpec('web', (spec) => ({ ...spec, promotion: { bake: '10m' } }));
    await untilState(world, 'promoted', 60_000);
    expect(sharesOf(story)).toEqual([0, 10, 50, 0, 0]);
  });

  test('a rollout that is stuck after the bake keeps all traffic on the canary', async () => {
    const story = await startIn('promoting.baking', { promotion: { bake: '1m' } });
    const { world } = story;
    world.deployments.broken.add('store:2');
    await untilState(world, 'promoting.rollingOut');
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store' };
    const stuck = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'no progress' }];
    const tell = (conditions: typeof stuck) =>
      world.api.update(key, 'kube-controller-manager', (old) => ({ ...old, status: { ...(old.status as object), conditions } }), 'status');
    tell(stuck);
    await untilState(world, 'blocked');
    await world.run(5_000);
    expect([story.share, world.status('web')?.weight]).toEqual([100, 100]);
    tell([]);
    await untilState(world, 'promoting.rollingOut');
    expect(story.share).toBe(100);
  });

  test('a bake without pods because of a quota is blocked at the last stage, and tried again now and then', async () => {
    const story = await startIn('stage.analyzing', BAKE);
    const { world } = story;
    let quota = 3;
    const refused = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' };
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store-canary' };
    world.api.onChange(({ kind }) => {
      const { spec, status } = story.canary ?? {};
      if (kind !== 'Deployment' || spec === undefined) return;
      const conditions = (spec.replicas ?? 1) > quota ? [refused] : [];
      if (JSON.stringify(status?.conditions ?? []) === JSON.stringify(conditions)) return;
      world.clock.schedule(world.clock.now() + 200, () =>
        world.api.update(
          key,
          'kube-controller-manager',
          (old) => ({ ...old, status: { ...(old.status as object), conditions } }),
          'status',
        ),
      );
    });
    await untilState(world, 'blocked');
    const { length } = reasonsOf(world);
    await world.run(300_000);
    expect(reasonsOf(world).length - length).toBeLessThan(14);
    expect(story.share).toBe(50);
    quota = 10;
    await untilState(world, 'promoting.baking', 120_000);
    expect(story.canary?.spec.replicas).toBe(4);
  });

  test('a bake is paused and resumed where it was', async () => {
    const story = await startIn('promoting.baking', BAKE);
    const { world } = story;
    world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(600_000);
    expect([story.behindService(), story.share]).toEqual([{ 'store:1': 4 }, 100]);
    world.command('web', 'resume');
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });
});
