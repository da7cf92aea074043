// What a pipeline is told that waits for the template that a Deployment has now, on the statuses that the operator really leaves.

import { expect, test } from 'vitest';
import { readSeen } from '../../src/cli/cluster/releases.ts';
import { trackRelease } from '../../src/cli/watch/ending.ts';
import { hashTemplate, nameTemplate } from '../../src/core/workload/template.ts';
import { BAKE, DeploymentStory, startIn } from '../fixtures/deployment-story.ts';
import { untilState } from '../fixtures/story.ts';

/** The code of a `watch --for deploy/store` that begins now; undefined while it waits. */
function watchNow({ world, deployment }: DeploymentStory): number | undefined {
  const { template } = deployment.spec;
  const now = { hash: hashTemplate(template), revision: nameTemplate(template) };
  const readings = { latest: () => ({ number: 1, template: now }), again: () => 1 };
  const wanted = { kind: 'template', deployment: 'store', template: now.hash, revision: now.revision, readings } as const;
  return trackRelease({ wanted, endsForPersons: true })(readSeen(world.release('web')), world.clock.now())?.code;
}

test('what was adopted at first contact serves, what is held is waited for, and what was promoted is', async () => {
  const story = await DeploymentStory.begin();
  expect(watchNow(story)).toBe(0);
  story.apply('store:2');
  await untilState(story.world, 'stage.analyzing');
  expect(watchNow(story)).toBeUndefined();
  await untilState(story.world, 'promoted');
  expect(watchNow(story)).toBe(0);
});

test('what rolls past the hold is no promotion, before the first release and after it', async () => {
  for (const story of [await DeploymentStory.begin(), await startIn('promoted')]) {
    story.world.holds = false;
    story.apply('store:3');
    await story.world.run(30_000);
    expect(story.world.status('web')?.serving?.revision).toMatch(/^3-/);
    // Before the first release only a missing hold gives it away, which the operator finds out in 10 minutes.
    await story.world.run(11 * 60_000);
    expect(watchNow(story)).toBe(3);
  }
});

test('a change back to what served before a release that went home is no bypass', async () => {
  const story = await startIn('promoting.baking', BAKE);
  const { world } = story;
  world.command('web', 'undo');
  await untilState(world, 'rolledBack');
  expect(watchNow(story)).toBe(2);
  story.apply('store:1');
  await world.run(30_000);
  expect(watchNow(story)).toBe(0);
});

test('an undone promotion gives what served before, and its revert in Git is no bypass', async () => {
  const story = await startIn('promoted');
  const { world } = story;
  world.command('web', 'undo');
  await world.run(60_000);
  story.apply('store:1');
  await world.run(30_000);
  expect(story.behindService()).toEqual({ 'store:1': 4 });
  expect(watchNow(story)).toBe(0);
});
