// A Deployment that is deleted and created again (kubectl replace --force): it has no former pods to protect, so it rolls.

import { expect, test } from 'vitest';
import type { DeploymentObject } from '../../src/core/workload/objects.ts';
import { BAKE, DeploymentStory, startIn } from '../fixtures/deployment-story.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';

const KEY = { kind: 'Deployment', namespace: 'shop', name: 'store' };

/** The same manifest, without a pause: what a client writes that deletes and creates. */
async function replaceByForce(story: DeploymentStory, awayMs: number): Promise<void> {
  const { world } = story;
  const { paused: _paused, ...spec } = story.deployment.spec;
  world.api.delete(KEY, 'kubectl-replace');
  for (const { metadata } of world.deployments.replicaSets())
    if (!metadata.name.startsWith('store-canary'))
      world.api.delete({ kind: 'ReplicaSet', namespace: 'shop', name: metadata.name }, 'garbage-collector');
  await world.run(awayMs);
  world.api.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'store', namespace: 'shop' }, spec }, 'kubectl-replace');
}

function expectToServe(story: DeploymentStory): void {
  const { spec } = story.world.api.get(KEY) as unknown as DeploymentObject;
  expect(spec.paused ?? false).toBe(false);
  expect(story.behindService()).toEqual({ 'store:2': 4 });
  expect(story.ready).toBe(4);
}

test.each(['stage.analyzing', 'rollingBack.draining'])(
  'a Deployment that is recreated in %s is never paused before it has a pod',
  async (state) => {
    const story = await startIn('stage.analyzing');
    const { world } = story;
    if (state === 'rollingBack.draining') {
      world.abort('web');
      await untilState(world, state);
    }
    await replaceByForce(story, 1_000);
    await untilState(world, 'rolledBack');
    await world.run(60_000);
    expectToServe(story);
    expect(reasonsOf(world)).toContain('HoldBypassed');
    expect(story.leftovers()).toEqual([]);
  },
);

test('a Deployment that is recreated in the bake, at 100%, is not paused either, and the canary answers until it serves', async () => {
  const story = await startIn('promoting.baking', BAKE);
  await replaceByForce(story, 1_000);
  await untilState(story.world, 'rolledBack');
  await story.world.run(60_000);
  expectToServe(story);
});

test('a Deployment that is recreated at rest rolls as well', async () => {
  const story = await DeploymentStory.begin();
  story.apply('store:2');
  await untilState(story.world, 'stage.analyzing');
  story.world.abort('web');
  await untilState(story.world, 'rolledBack');
  await replaceByForce(story, 1_000);
  await story.world.run(60_000);
  expectToServe(story);
});
