// A release that was blocked for too long and is paused says what blocked it, until somebody resumes it.

import { expect, test } from 'vitest';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, specWith, startStory, untilState } from '../fixtures/story.ts';

function conditionOf(world: MemoryWorld, type: string) {
  return world.status('web')?.conditions?.find((condition) => condition.type === type);
}

/** The gateway takes the route as it is, and no raise of it. */
async function pauseByRefusal(): Promise<MemoryWorld> {
  const world = await startStory({ onBlocked: { after: '5m', then: 'Pause' } });
  world.gateway.refused.set('store', 'WeightTooLarge');
  await untilState(world, 'paused');
  return world;
}

test('the trouble of a raise that was taken back stays in status, event and condition', async () => {
  const world = await pauseByRefusal();
  await world.run(600_000);
  const { status } = world.release('web') ?? {};
  expect(status).toMatchObject({ phase: 'Paused', release: { pausedBy: 'BlockedTooLong', blockedReason: 'RouteNotAccepted' } });
  expect(status?.message).toMatch(/it was blocked for too long \(RouteNotAccepted: .*WeightTooLarge/);
  expect(conditionOf(world, 'Stalled')).toMatchObject({ status: 'True', reason: 'Blocked' });
  expect(conditionOf(world, 'Stalled')?.message).toMatch(/^blocked: RouteNotAccepted: .*WeightTooLarge/);
  expect(conditionOf(world, 'Ready')).toMatchObject({ status: 'False', reason: 'Paused' });
  expect(conditionOf(world, 'Reconciling')).toBeUndefined();
  expect(world.journal.events.find(({ reason }) => reason === 'Paused')?.note).toMatch(/blocked for too long \(RouteNotAccepted: /);
});

test('a resume forgets it, and begins to count again where it is still there', async () => {
  const world = await pauseByRefusal();
  world.command('web', 'resume');
  const took = await world.until('the next pause', () => world.status('web')?.state === 'paused' && world.clock.now() > 400_000);
  expect(took).toBeGreaterThan(290_000);
  world.gateway.refused.clear();
  world.gateway.wake();
  world.command('web', 'resume');
  await untilState(world, 'promoted');
  expect([conditionOf(world, 'Stalled'), world.status('web')?.release?.blockedMessage]).toEqual([undefined, undefined]);
});

test('a person who pauses a blocked release sees on what blocks it', async () => {
  const world = buildStore();
  world.createRelease('web', specWith({ onBlocked: { after: '5m', then: 'Pause' } }));
  await untilState(world, 'stage.analyzing');
  world.editSpec('web', (spec) => ({ ...spec, routeRefs: [{ name: 'store' }] }));
  world.api.delete({ kind: 'HTTPRoute', namespace: 'shop', name: 'store' }, 'kubectl');
  await untilState(world, 'blocked');
  world.editSpec('web', (spec) => ({ ...spec, paused: true }));
  await untilState(world, 'paused');
  expect(world.status('web')?.message).toMatch(/spec.paused is true \(RouteNotFound: /);
  expect(conditionOf(world, 'Stalled')).toMatchObject({ reason: 'Blocked' });
});

test('a pause without a block stalls nothing', async () => {
  const world = await startStory();
  world.command('web', 'pause');
  await untilState(world, 'paused');
  expect(conditionOf(world, 'Stalled')).toBeUndefined();
  expect(conditionOf(world, 'Reconciling')).toMatchObject({ status: 'True', reason: 'Paused' });
});
