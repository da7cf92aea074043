// Deployment mode and the number of pods: whatever is promoted, paused or taken back, what gets traffic has the pods for it.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { DeploymentObject } from '../../src/core/workload/objects.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { untilState } from '../fixtures/story.ts';

type Change = Partial<DeploymentObject['spec']>;

/** A release of store:2 that is judged at its first weight, of a Deployment that was changed before. */
async function startWith(deployment: Change, change: Partial<SpecInput> = {}): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin(change);
  story.edit('git', (spec) => ({ ...spec, ...deployment }));
  await story.world.until('its pods', () => story.ready === (deployment.replicas ?? 4));
  story.apply('store:2');
  await untilState(story.world, 'stage.analyzing');
  return story;
}

const RECREATE = { strategy: { type: 'Recreate' } } as const;
const FULL = {
  stages: [
    { weight: 10, duration: '1m' },
    { weight: 100, duration: '1m' },
  ],
};

describe('strategy Recreate', () => {
  test('with strategy Recreate the canary has all traffic before all old pods end, also where a person promotes at the first weight', async () => {
    const story = await startWith(RECREATE, FULL);
    const { world } = story;
    const short = story.watchCapacity(1);
    world.command('web', 'promote');
    await world.until('no pod of the Deployment', () => story.ready === 0);
    expect([story.share, story.canary?.spec.replicas]).toEqual([100, 4]);
    await untilState(world, 'promoted');
    expect([short, story.behindService(), story.leftovers()]).toEqual([[], { 'store:2': 4 }, []]);
  });

  test('strategy Recreate is respected too when it is set during a release', async () => {
    const story = await startWith({});
    const { world } = story;
    const short = story.watchCapacity(1);
    story.edit('git', (spec) => ({ ...spec, ...RECREATE }));
    await untilState(world, 'promoted');
    expect([short, story.behindService()]).toEqual([[], { 'store:2': 4 }]);
  });

  test.each(['abort', 'another commit'])(
    'with strategy Recreate the traffic stays on the canary until a serving pod is ready: %s',
    async (what) => {
      const story = await startWith(RECREATE, FULL);
      const { world } = story;
      const short = story.watchCapacity(1);
      await world.until('no pod of the Deployment', () => story.ready === 0);
      if (what === 'abort') world.abort('web');
      else story.apply('store:3');
      await untilState(world, 'rollingBack.goingHome');
      expect(world.status('web')?.message).toContain('Service store has no ready pod yet, so the canary keeps its share until it has one');
      await world.until('home', () => story.share === 0, 10_000);
      expect(story.ready).toBeGreaterThan(0);
      await untilState(world, what === 'abort' ? 'rolledBack' : 'stage.analyzing');
      expect([short, story.behindService()]).toEqual([[], { 'store:1': 4 }]);
    },
  );

  test('with strategy Recreate the release is rolled back all the same where the Deployment is scaled to 0', async () => {
    const story = await startWith(RECREATE, FULL);
    const { world } = story;
    await world.until('no pod of the Deployment', () => story.ready === 0);
    story.edit('keda', (spec) => ({ ...spec, replicas: 0 }));
    world.abort('web');
    await world.until('home', () => story.share === 0, 2_000);
  });
});

describe('a rollout that is taken back', () => {
  test.each<[string, Change, number]>([
    ['as the default strategy says', {}, 15],
    ['without a pod fewer', { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }, 20],
    ['without a pod more', { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: '20%' } } }, 16],
  ])('a rollout is taken back pod by pod: %s', async (_what, change, least) => {
    for (const [when, what] of [
      [8, 'abort'],
      [16, 'another commit'],
      [20, 'abort'],
    ] as const) {
      const story = await startWith({ replicas: 20, ...change });
      const { world } = story;
      await untilState(world, 'promoting.rollingOut');
      await world.until(`${when} new pods`, () => (story.behindService()['store:2'] ?? 0) >= when);
      const short = story.watchCapacity(Math.min(least, story.ready));
      if (what === 'abort') world.abort('web');
      else story.apply('store:3');
      await world.until('the old version', () => JSON.stringify(story.behindService()) === '{"store:1":20}', 120_000);
      await world.until('all of it', () => story.ready === 20);
      expect(short, `${what} at ${when}`).toEqual([]);
      await world.run(30_000);
      expect(story.behindService()).toEqual({ 'store:1': 20 });
    }
  });
});

describe('a pause', () => {
  test('a pause stops a rollout in its middle, and a resume lets it continue', async () => {
    const story = await startWith({ replicas: 20 });
    const { world } = story;
    await untilState(world, 'promoting.rollingOut');
    await world.until('a part of it', () => (story.behindService()['store:2'] ?? 0) >= 5);
    world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(5_000);
    const there = story.behindService();
    expect([story.deployment.spec.paused, there['store:1'] ?? 0]).toEqual([true, expect.any(Number)]);
    expect(there['store:1']).toBeGreaterThan(0);
    await world.run(60_000);
    expect([story.behindService(), story.share]).toEqual([there, 50]);
    world.command('web', 'resume');
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 20 });
  });
});

describe('while the canary of a promoted Deployment drains', () => {
  test('a deletion takes the canary and leaves what was promoted', async () => {
    const story = await startWith({});
    const { world } = story;
    await untilState(world, 'promoting.restoring');
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 30_000);
    expect([story.behindService(), story.deployment.spec.paused, story.canary]).toEqual([{ 'store:2': 4 }, false, undefined]);
  });

  test('the deadline comes too late', async () => {
    const story = await startWith({});
    const { world } = story;
    await untilState(world, 'promoting.restoring');
    world.editSpec('web', (spec) => ({ ...spec, deadline: { after: '1s', then: 'Rollback' } }));
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });
});

test('an autoscaler that sees less load behind the Service takes no pods from the canary', async () => {
  const story = await startWith({ replicas: 10 });
  const { world } = story;
  await world.until('the second stage', () => story.share === 50);
  story.edit('kube-controller-manager', (spec) => ({ ...spec, replicas: 5 }));
  await world.run(30_000);
  expect([story.deployment.spec.replicas, story.canary?.spec.replicas]).toEqual([5, 5]);
  story.edit('keda', (spec) => ({ ...spec, replicas: 0 }));
  await world.run(5_000);
  expect(story.canary?.spec.replicas).toBe(1);
});

describe('a Deployment whose pods an autoscaler took away', () => {
  /** Ten pods served; five are left when half of the load has been on the canary. */
  async function shrink(): Promise<DeploymentStory> {
    const story = await startWith({ replicas: 10 });
    await story.world.until('the second stage', () => story.share === 50);
    story.edit('kube-controller-manager', (spec) => ({ ...spec, replicas: 5 }));
    await untilState(story.world, 'promoting.restoring');
    return story;
  }

  test('a Deployment whose pods an autoscaler took away gets its load back in steps when it is promoted, and at once as soon as it has its pods again', async () => {
    const story = await shrink();
    const { world } = story;
    expect([story.share, story.behindService()]).toEqual([37, { 'store:2': 5 }]);
    expect(world.status('web')?.message).toContain('Deployment store has 5 of the 10 pods that served before');
    await world.run(50_000);
    expect(story.share).toBe(37);
    await world.until('the next step', () => story.share < 37, 15_000);
    expect(story.share).toBe(21);
    story.edit('kube-controller-manager', (spec) => ({ ...spec, replicas: 10 }));
    await world.until('all of it', () => story.share === 0, 10_000);
    await untilState(world, 'promoted');
    expect([story.behindService(), story.leftovers()]).toEqual([{ 'store:2': 10 }, []]);
  });

  test('a Deployment whose pods an autoscaler took away has its load back within minutes also where no pod comes', async () => {
    const story = await shrink();
    const began = story.world.clock.now();
    await story.world.until('all of it', () => story.share === 0);
    expect(story.world.clock.now() - began).toBeLessThanOrEqual(200_000);
    await untilState(story.world, 'promoted');
    expect(story.leftovers()).toEqual([]);
  });

  test('a Deployment whose pods an autoscaler took away has its load back at once when the canary is gone, and what was promoted stays', async () => {
    const story = await shrink();
    story.world.api.delete({ kind: 'Deployment', namespace: 'shop', name: 'store-canary' }, 'somebody');
    await story.world.until('all of it', () => story.share === 0, 5_000);
    await untilState(story.world, 'promoted');
    expect([story.behindService(), story.leftovers()]).toEqual([{ 'store:2': 5 }, []]);
  });

  test('rule 13: is taken back where the canary turns bad meanwhile: what has a share is judged', async () => {
    const story = await shrink();
    story.world.setVersion('store-canary', { errorRatio: 0.5 });
    await story.world.until('home', () => story.share === 0, 30_000);
    expect(story.world.status('web')?.release?.outcome).toBe('RolledBack');
    await untilState(story.world, 'rolledBack');
    expect([story.behindService(), story.leftovers()]).toEqual([{ 'store:1': 5 }, []]);
  });

  test('a Deployment whose pods an autoscaler took away has its load back although the operator is killed all the time', async () => {
    const story = await shrink();
    const { world } = story;
    for (let round = 0; world.status('web')?.state !== 'promoted' && round < 100; round += 1) {
      for (const operator of world.operators) operator.kill();
      world.startOperator();
      await world.run(7_300);
    }
    expect([world.status('web')?.state, story.leftovers()]).toEqual(['promoted', []]);
  });
});
