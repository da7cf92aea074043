// Blue/green: a stage at weight 0 that somebody approves, then everything in one write.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { buildStore, shareOf, specWith, untilState } from '../fixtures/story.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

const SPEC: Partial<SpecInput> = {
  stages: [
    { name: 'preview', weight: 0, duration: '0s', approval: 'Required' },
    { name: 'all', weight: 100, duration: '1m' },
  ],
  analysis: { checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback' }] },
  promotion: { bake: '5m' },
};

async function approved(): Promise<MemoryWorld> {
  const world = buildStore();
  world.createRelease('web', specWith(SPEC));
  await untilState(world, 'stage.awaitingApproval');
  expect(shareOf(world)).toBe(0);
  world.command('web', 'approve', 1);
  await world.until('everything', () => shareOf(world) === 100);
  return world;
}

describe('a blue/green release', () => {
  test('the preview waits for a person without any traffic, then one write gives everything', async () => {
    const world = await approved();
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ from, to }) => `${from} to ${to}`)).toEqual(['0 to 100']);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });

  test('a version that fails in the bake goes home in one write', async () => {
    const world = await approved();
    await untilState(world, 'promoting.baking');
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 60_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
  });
});
