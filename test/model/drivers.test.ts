// Rule 8: one release drives a route, a Deployment, a Service and every name of what the operator makes; another one that would do the
// same is blocked from its creation, writes nothing, and takes over when the first one is gone.

import { describe, expect, test } from 'vitest';
import { buildRule } from '../fakes/memory/gateway.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory, deploymentSpec } from '../fixtures/deployment-story.ts';
import { buildStore, specWith, untilState } from '../fixtures/story.ts';

/** What the second release says of the first. */
function expectBlocked(world: MemoryWorld, message: string): void {
  const { phase, message: told, conditions } = world.status('younger') ?? {};
  expect({ phase, told }).toEqual({ phase: 'Blocked', told: `blocked: AnotherRelease: ${message}` });
  expect(conditions?.find(({ type }) => type === 'Stalled')).toMatchObject({ status: 'True', reason: 'Blocked' });
}

const DEPLOYMENT =
  'Deployment store is driven by canaryrelease/web; one release drives a Deployment: delete one of them, or name another Deployment in spec.targetRef';

describe('two releases of one Deployment', () => {
  test('rule 8: the younger one is blocked from its creation, and nothing of the older one changes by it', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    world.createRelease('younger', deploymentSpec({ service: { name: 'store' } }));
    await world.run(1_000);
    expectBlocked(world, DEPLOYMENT);
    story.commit('store:2');
    for (const state of ['preparing', 'stage.analyzing', 'promoting.rollingOut', 'promoted']) {
      await untilState(world, state);
      expectBlocked(world, DEPLOYMENT);
    }
    await world.run(60_000);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
    expect(story.leftovers()).toEqual([]);
    // One who drives nothing has nothing to tell of what happens there.
    const told = world.journal.events.filter(({ release }) => release === 'younger').map(({ reason }) => reason);
    expect(new Set(told)).toEqual(new Set(['Blocked']));
  });

  test('rule 8: a rollback of the older one is its own, and the younger one takes over when it is deleted', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    await world.run(1_000);
    story.commit('store:2');
    await untilState(world, 'stage.analyzing');
    world.createRelease('younger', deploymentSpec());
    await world.run(1_000);
    expectBlocked(world, DEPLOYMENT);
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(30_000);
    expectBlocked(world, DEPLOYMENT);
    expect(story.deployment.spec.paused).toBe(true);
    world.deleteRelease('web');
    await world.until('the second one to begin', () => world.status('younger')?.state === 'stage.analyzing', 60_000);
    expect(story.share).toBe(10);
  });
});

describe('two releases that share a Service', () => {
  test('rule 8: are told apart by age, though each has a route of its own', async () => {
    const world = buildStore();
    world.setService('v3', {});
    world.createRoute('other', [buildRule({ v1: 1, v3: 0 })]);
    await world.run(1_000);
    world.createRelease('web', specWith({ routeRefs: [{ name: 'store' }] }));
    await untilState(world, 'stage.analyzing');
    world.createRelease('younger', specWith({ services: [{ name: 'v1' }, { name: 'v3' }], routeRefs: [{ name: 'other' }] }));
    await world.run(1_000);
    const message =
      'Service v1 is driven by canaryrelease/web; one release drives a Service: delete one of them, or name other Services in spec.services';
    expectBlocked(world, message);
    await untilState(world, 'promoted');
    await world.run(60_000);
    expectBlocked(world, message);
    expect(world.weights('other')).toEqual({ v1: 1, v3: 0 });
    world.deleteRelease('web');
    await world.until('the second one to begin', () => world.share('other', 'v1', 'v3') === 10, 60_000);
  });

  test('rule 8: share it where one of them makes it for its canary', async () => {
    const { world } = await DeploymentStory.begin();
    world.createRoute('canary', [buildRule({ 'store-canary': 1, next: 0 })]);
    world.setService('next', {});
    world.createRelease('younger', specWith({ services: [{ name: 'store-canary' }, { name: 'next' }] }));
    await world.run(1_000);
    expectBlocked(
      world,
      'Service store-canary is driven by canaryrelease/web; one release drives a Service: delete one of them, or name other Services in spec.services',
    );
  });
});
