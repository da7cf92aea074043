// Undo at any moment of a release of a Deployment, with restarts, a tool that puts Git back, and another commit meanwhile: it never
// raises, and what it undid does not serve in the end.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeploymentStory } from '../fixtures/deployment-story.ts';

const MOMENTS = ['stage.analyzing', 'promoting.rollingOut', 'promoting.baking', 'promoting.restoring', 'promoted'] as const;

const anyScene = fc.record({
  bake: fc.constantFrom('0s', '40s'),
  moment: fc.constantFrom(...MOMENTS),
  delayMs: fc.constantFrom(0, 10, 300, 1_500, 9_000),
  lagMs: fc.constantFrom(0, 30, 700),
  meanwhile: fc.constantFrom('nothing', 'restart', 'git', 'another commit', 'delete'),
  waitMs: fc.constantFrom(0, 50, 400, 1_200, 6_000),
});
type Scene = typeof anyScene extends fc.Arbitrary<infer One> ? One : never;

/** A release whose moment has come; undefined where it never comes. */
async function startScene({ bake, moment, lagMs, delayMs }: Scene): Promise<DeploymentStory | undefined> {
  if (moment === 'promoting.baking' && bake === '0s') return undefined;
  const stages = [
    { weight: 10, duration: '20s' },
    { weight: 50, duration: '20s' },
  ];
  const story = await DeploymentStory.begin({ stages, promotion: { bake } }, { lagMs });
  story.apply('store:2');
  await story.world.until(moment, () => story.world.status('web')?.state === moment);
  await story.world.run(delayMs);
  return story;
}

async function happen(story: DeploymentStory, what: Scene['meanwhile']): Promise<void> {
  const { world } = story;
  switch (what) {
    case 'restart':
      for (const operator of world.operators) operator.kill();
      await world.run(1_000);
      world.startOperator();
      return;
    case 'git':
      return story.apply('store:2');
    case 'another commit':
      return story.apply('store:3');
    case 'delete':
      return world.deleteRelease('web');
    case 'nothing':
      return;
  }
}

test('undo at any moment never raises, and leaves a world at rest with one version behind the Service', async () => {
  let undone = 0;
  await fc.assert(
    fc.asyncProperty(anyScene, async (scene) => {
      const story = await startScene(scene);
      if (story === undefined) return;
      const { world } = story;
      const id = world.status('web')?.release?.id;
      world.command('web', 'undo');
      // Raises under way are taken back, none is added, as soon as the command is read.
      await world.run(scene.lagMs + 5);
      const before = world.guardian.raises.length;
      await world.run(scene.waitMs);
      await happen(story, scene.meanwhile);
      const isOver = () =>
        world.release('web') === undefined ||
        world.status('web')?.release?.id !== id ||
        ['promoted', 'rolledBack'].includes(world.status('web')?.state ?? '');
      const done = world.status('web')?.lastHandledCommand?.result === 'Done';
      await world.until('the end', isOver, 600_000);
      const raises = world.guardian.raises.slice(before).filter(({ mark }) => mark.includes(id ?? '-'));
      if (done) expect(raises).toEqual([]);
      await world.until(
        'rest',
        () => world.release('web') === undefined || ['promoted', 'rolledBack'].includes(world.status('web')?.state ?? ''),
      );
      await world.run(60_000);
      const images = Object.keys(story.behindService());
      expect(images).toHaveLength(1);
      if (!done || scene.meanwhile === 'another commit') return;
      undone += 1;
      // Once the release is gone nobody holds what Git says.
      if (scene.meanwhile !== 'delete') expect(images).toEqual(['store:1']);
    }),
    { numRuns: Number(process.env['MODEL_RUNS'] ?? 60), seed: Number(process.env['MODEL_SEED'] ?? 20_300_102) },
  );
  expect(undone).toBeGreaterThan(10);
});
