// Rule 5 in Deployment mode: the operator is killed at each of its writes, and the next one ends in the same world.

import { describe, expect, test } from 'vitest';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';

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

type Tale = 'good' | 'bad' | 'aborted' | 'baked' | 'undone in the bake' | 'undone when promoted';

const BAKES: readonly Tale[] = ['baked', 'undone in the bake'];

/** A person aborts as soon as the Deployment rolls. */
function abortWhileItRolls(world: MemoryWorld): void {
  let aborted = false;
  world.api.onChange(({ kind }) => {
    if (kind !== 'CanaryRelease' || aborted || world.status('web')?.state !== 'promoting.rollingOut') return;
    aborted = true;
    world.clock.schedule(world.clock.now() + 1_000, () => world.abort('web'));
  });
}

/** A person takes a promotion back, one that is under way or one that is over. */
function undoIn(world: MemoryWorld, state: string): void {
  let undone = false;
  world.api.onChange(({ kind }) => {
    if (kind !== 'CanaryRelease' || undone || world.status('web')?.state !== state) return;
    undone = true;
    world.clock.schedule(world.clock.now() + 1_000, () => world.command('web', 'undo'));
  });
}

/** Plays a release to its end; the operator dies at the crash and comes back two seconds later. */
async function play(tale: Tale, crash: CrashPlan): Promise<{ readonly end: End; readonly crashed: boolean }> {
  const story = await DeploymentStory.begin({ ...QUICK, ...(BAKES.includes(tale) ? { promotion: { bake: '20s' } } : {}) });
  const { world } = story;
  const images = story.watchImages();
  for (const operator of world.operators) operator.kill();
  const first = world.startOperator(crash);
  if (tale === 'bad') world.setVersion('store-canary', { errorRatio: 0.5 });
  story.apply('store:2');
  if (tale === 'aborted') abortWhileItRolls(world);
  if (tale === 'undone in the bake') undoIn(world, 'promoting.baking');
  if (tale === 'undone when promoted') undoIn(world, 'promoted');
  const ends = tale === 'undone when promoted' ? ['rolledBack'] : ['promoted', 'rolledBack'];
  const isOver = () => ends.includes(world.status('web')?.state ?? '');
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

/** Before the first write and after each: killed before the next one is the same to the world. @returns how many there are */
async function crashEverywhere(tale: Tale, expected: Partial<End>): Promise<number> {
  expect((await play(tale, { write: 1, side: 'before' })).end, 'killed before anything').toMatchObject(expected);
  for (let write = 1; write < MOST_WRITES; write += 1) {
    const { end, crashed } = await play(tale, { write, side: 'after' });
    expect(end, `killed after write ${write}`).toMatchObject(expected);
    if (!crashed) return write;
  }
  throw new Error('the release makes no end of writes');
}

describe('an operator that is killed around any of its writes', () => {
  test('an operator that is killed around any of its writes promotes a good image, and leaves nothing behind', async () => {
    const expected = { state: 'promoted', images: ['store:1', 'store:2'], behind: { 'store:2': 4 }, left: [] };
    expect(await crashEverywhere('good', expected)).toBeGreaterThan(15);
  });

  test('an operator that is killed around any of its writes rolls a bad image back, and never lets it behind the serving Service', async () => {
    const expected = { state: 'rolledBack', images: ['store:1'], behind: { 'store:1': 4 }, left: [] };
    expect(await crashEverywhere('bad', expected)).toBeGreaterThan(12);
  });

  test('an operator that is killed around any of its writes completes a bake, and lets nothing roll before', async () => {
    const expected = { state: 'promoted', images: ['store:1', 'store:2'], behind: { 'store:2': 4 }, left: [] };
    expect(await crashEverywhere('baked', expected)).toBeGreaterThan(18);
  });

  test('an operator that is killed around any of its writes rolls back when a person undoes in the bake', async () => {
    const expected = { state: 'rolledBack', images: ['store:1'], behind: { 'store:1': 4 }, left: [] };
    expect(await crashEverywhere('undone in the bake', expected)).toBeGreaterThan(15);
  });

  test('an operator that is killed around any of its writes lets the former template roll when a person undoes a promotion', async () => {
    const expected = { state: 'rolledBack', behind: { 'store:1': 4 }, left: [] };
    expect(await crashEverywhere('undone when promoted', expected)).toBeGreaterThan(20);
  });

  test('an operator that is killed around any of its writes takes back a rollout that a person aborted', async () => {
    const expected = { state: 'rolledBack', behind: { 'store:1': 4 }, left: [] };
    expect(await crashEverywhere('aborted', expected)).toBeGreaterThan(15);
  });
});
