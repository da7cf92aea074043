// Rule 5 in Deployment mode: the operator is killed before and after each of its writes, and the next one ends in the same world.

import { describe, expect, test } from 'vitest';
import type { CrashPlan } from '../support/memory/calls.ts';
import { DeploymentStory } from '../support/deployment-story.ts';

const QUICK = {
  stages: [
    { weight: 10, duration: '20s' },
    { weight: 50, duration: '20s' },
  ],
};
const MOST_WRITES = 200;

interface End {
  readonly state: string | undefined;
  readonly images: readonly string[];
  readonly behind: Readonly<Record<string, number>>;
  readonly left: readonly string[];
}

/** Plays a release to its end; the operator dies at the crash and comes back two seconds later. */
async function play(bad: boolean, crash: CrashPlan): Promise<{ readonly end: End; readonly crashed: boolean }> {
  const story = await DeploymentStory.begin(QUICK);
  const { world } = story;
  const images = story.watchImages();
  for (const operator of world.operators) operator.kill();
  const first = world.startOperator(crash);
  if (bad) world.setVersion('store-canary', { errorRatio: 0.5 });
  story.apply('store:2');
  const isOver = () => ['promoted', 'rolledBack'].includes(world.status('web')?.state ?? '');
  await world.until('the end or the crash', () => first.gate.dead || isOver());
  const crashed = first.gate.dead;
  if (crashed) {
    await world.run(2_000);
    world.startOperator();
  }
  await world.until('the end', isOver);
  await world.run(2_000);
  return { end: { state: world.status('web')?.state, images, behind: story.behindService(), left: story.leftovers() }, crashed };
}

async function crashEverywhere(bad: boolean, expected: End): Promise<number> {
  for (let write = 1; write < MOST_WRITES; write += 1) {
    let reached = false;
    for (const side of ['before', 'after'] as const) {
      const { end, crashed } = await play(bad, { write, side });
      expect(end, `killed ${side} write ${write}`).toEqual(expected);
      reached ||= crashed;
    }
    if (!reached) return write;
  }
  throw new Error('the release makes no end of writes');
}

describe('an operator that is killed around any of its writes', () => {
  test('promotes a good image all the same, and leaves nothing behind', async () => {
    const expected = { state: 'promoted', images: ['store:1', 'store:2'], behind: { 'store:2': 4 }, left: [] };
    expect(await crashEverywhere(false, expected)).toBeGreaterThan(15);
  });

  test('rolls a bad image back all the same, and never lets it behind the serving Service', async () => {
    const expected = { state: 'rolledBack', images: ['store:1'], behind: { 'store:1': 4 }, left: [] };
    expect(await crashEverywhere(true, expected)).toBeGreaterThan(12);
  });
});
