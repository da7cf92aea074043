// Rule 5 for canaries that cannot run, and for canaries that drain: the operator is killed at each of its writes, and the next one
// ends in the same world.

import { describe, expect, test } from 'vitest';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { crashing, statusWith, waiting } from '../fixtures/pods.ts';

const QUICK = { stages: [{ weight: 10, duration: '20s' }] };
const MOST_WRITES = 200;

type Tale = 'crashes' | 'notPulled' | 'drains';

const STATUSES = {
  crashes: statusWith(crashing(2)),
  notPulled: statusWith(waiting('ImagePullBackOff'), { phase: 'Pending' }),
  drains: undefined,
};

/** Aborted at its first weight while somebody else goes on calling the canary for half a minute. */
function abortUnderDirectCalls(world: MemoryWorld): void {
  let aborted = false;
  world.api.onChange(({ kind }) => {
    if (kind !== 'CanaryRelease' || aborted || world.status('web')?.state !== 'stage.analyzing') return;
    aborted = true;
    const key = { kind: 'HTTPRoute', namespace: 'shop', name: 'direct' };
    world.clock.schedule(world.clock.now() + 6_000, () => {
      world.createRoute('direct', [buildRule({ 'store-canary': 1 })]);
      world.abort('web');
    });
    world.clock.schedule(world.clock.now() + 36_000, () => world.api.delete(key, 'kubectl-delete'));
  });
}

async function play(tale: Tale, crash: CrashPlan) {
  const story = await DeploymentStory.begin(QUICK);
  const { world } = story;
  const images = story.watchImages();
  const status = STATUSES[tale];
  if (status !== undefined) world.deployments.podStatuses.set('store:2', status);
  for (const operator of world.operators) operator.kill();
  const first = world.startOperator(crash);
  story.apply('store:2');
  if (tale === 'drains') abortUnderDirectCalls(world);
  let lastShare = 0;
  let goneAtMs = 0;
  world.api.onChange(({ kind, now }) => {
    if (kind === 'HTTPRoute' && story.share > 0) lastShare = world.clock.now();
    if (kind === 'Deployment' && now === undefined) goneAtMs = world.clock.now();
  });
  const isOver = () => world.status('web')?.state === 'rolledBack';
  await world.until('the end or the crash', () => first.gate.dead || isOver());
  const crashed = first.gate.dead;
  if (crashed) {
    await world.run(2_000);
    world.startOperator();
  }
  await world.until('the end', isOver);
  await world.run(2_000);
  const { reason, maxWeight } = world.status('web')?.release ?? {};
  const end = { reason, maxWeight, images, behind: story.behindService(), left: story.leftovers() };
  return { end, crashed, drainedMs: goneAtMs - lastShare };
}

async function crashEverywhere(tale: Tale, expected: object, leastDrainMs: number): Promise<number> {
  for (let write = 1; write < MOST_WRITES; write += 1) {
    const { end, crashed, drainedMs } = await play(tale, { write, side: 'after' });
    expect(end, `killed after write ${write}`).toMatchObject(expected);
    expect(drainedMs, `killed after write ${write}`).toBeGreaterThanOrEqual(leastDrainMs);
    if (!crashed) return write;
  }
  throw new Error('the release makes no end of writes');
}

describe('an operator that is killed around any of its writes', () => {
  const held = { images: ['store:1'], behind: { 'store:1': 4 }, left: [] };

  test('an operator that is killed around any of its writes rejects a canary that crashes again and again', async () => {
    const expected = { ...held, reason: 'CanaryCrashLooping', maxWeight: 0 };
    expect(await crashEverywhere('crashes', expected, 0)).toBeGreaterThan(6);
  });

  test('an operator that is killed around any of its writes rejects an image that cannot be pulled', async () => {
    const expected = { ...held, reason: 'ImageNotPulled', maxWeight: 0 };
    expect(await crashEverywhere('notPulled', expected, 0)).toBeGreaterThan(6);
  });

  test('an operator that is killed around any of its writes keeps a canary until its requests have stopped', async () => {
    expect(await crashEverywhere('drains', { ...held, maxWeight: 10 }, 29_000)).toBeGreaterThan(10);
  });
});
