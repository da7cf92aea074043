// A raise that waits for pods of the canary: it is said which and why, `onBlocked` decides, and nothing is rejected.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { PLACED, running, statusWith } from '../fixtures/pods.ts';
import { shareOf, startStory, untilState } from '../fixtures/story.ts';

function conditionOf(world: MemoryWorld, type: string) {
  return world.status('web')?.conditions?.find((condition) => condition.type === type);
}

function notesOf(world: MemoryWorld, event: string): readonly string[] {
  return world.journal.events.filter(({ reason }) => reason === event).map(({ note }) => note);
}

/** Half a minute into stage 1 of one minute one of ten pods is not ready any more. */
async function loseOne(change: Partial<SpecInput> = {}): Promise<MemoryWorld> {
  const world = await startStory(change);
  world.setService('v2', { ready: 10 });
  await world.run(30_000);
  world.setService('v2', { ready: 9, unready: 1 });
  return world;
}

describe('one pod of ten that is not ready when the stage is proven', () => {
  test('a pod that is not ready when the stage is proven is reported within a minute, in a condition and an event, and no time that has passed is promised', async () => {
    const world = await loseOne();
    await world.run(1_000);
    expect(conditionOf(world, 'CanaryReady')).toMatchObject({ status: 'False', reason: 'NotAllReady' });
    await world.run(60_000);
    const words = '1 of 10 endpoints of Service v2 is not ready since 2030-01-01T00:00:3';
    expect(conditionOf(world, 'CanaryReady')?.message).toContain(words);
    expect(notesOf(world, 'CanaryNotReady')).toEqual([expect.stringContaining(words)]);
    await world.run(300_000);
    expect(world.status('web')).toMatchObject({ phase: 'Analyzing', verdict: 'Pass', weight: 10 });
    expect(world.status('web')?.message).toContain(`50% waits: ${words}`);
    expect(notesOf(world, 'CanaryNotReady')).toHaveLength(1);
  });

  test('blocks after onBlocked.after, pauses after as long again, and rejects nothing', async () => {
    const world = await loseOne({ onBlocked: { after: '15m', then: 'Pause' } });
    await untilState(world, 'blocked', 16 * 60_000);
    expect(world.status('web')?.message).toMatch(/^blocked: PodsNotReady: 1 of 10 endpoints of Service v2 is not ready since/);
    expect(shareOf(world)).toBe(10);
    await untilState(world, 'paused', 16 * 60_000);
    expect(world.status('web')?.message).toContain('blocked for too long (PodsNotReady: 1 of 10');
    await world.run(3_600_000);
    expect(world.status('web')?.rejected).toBeUndefined();
    world.setService('v2', { ready: 10, unready: 0 });
    world.command('web', 'resume');
    await untilState(world, 'promoted');
  });

  test('a pod that gets ready ends the wait: the raise comes without a person, blocked or not', async () => {
    for (const waitMs of [120_000, 20 * 60_000]) {
      const world = await loseOne();
      await world.run(waitMs);
      world.setService('v2', { ready: 10, unready: 0 });
      await world.until('the raise', () => shareOf(world) === 50, 20_000);
      expect(conditionOf(world, 'CanaryReady')).toMatchObject({ status: 'True', reason: 'EndpointsReady' });
      await untilState(world, 'promoted');
    }
  });

  test('a pod that is not ready when the stage is proven rolls the release back where onBlocked says so, and it is tried again when the pod is ready', async () => {
    const world = await loseOne({ onBlocked: { after: '5m', then: 'Rollback' } });
    await untilState(world, 'rolledBack', 11 * 60_000);
    expect(world.status('web')?.release?.reason).toBe('BlockedTooLong');
    expect(world.status('web')?.rejected).toBeUndefined();
    await world.run(3_600_000);
    expect(world.status('web')?.state).toBe('rolledBack');
    world.setService('v2', { ready: 10, unready: 0 });
    await untilState(world, 'promoted');
    expect(world.status('web')?.release).toMatchObject({ attempt: 2 });
  });
});

test('a stage that is not proven is not blocked by it: there is no raise to wait', async () => {
  const world = await startStory({ stages: [{ weight: 10, duration: '1h' }], onBlocked: { after: '5m', then: 'Pause' } });
  world.setService('v2', { ready: 9, unready: 1 });
  await world.run(1_800_000);
  expect(world.status('web')?.phase).toBe('Analyzing');
  expect(conditionOf(world, 'CanaryReady')).toMatchObject({ status: 'False' });
});

test('in Deployment mode a raise that does not get its pods is reported with what the pods say', async () => {
  const story = await DeploymentStory.begin({ onBlocked: { after: '10m', then: 'Pause' }, canary: { minReplicas: 1 } });
  const { world } = story;
  story.apply('store:2');
  await untilState(world, 'stage.analyzing');
  const containers = 'containers with unready status: [app]';
  const conditions = [PLACED, { type: 'Ready', status: 'False', reason: 'ContainersNotReady', message: containers }];
  world.deployments.podStatuses.set('store:2', statusWith(running(), { conditions }));
  await untilState(world, 'stage.shifting');
  await world.run(62_000);
  expect(story.share).toBe(10);
  expect(notesOf(world, 'CanaryNotReady').at(-1)).toMatch(
    /1 of 2 endpoints of Service store-canary is not ready since .*: pod store-canary-.*: containers with unready status: \[app\]/,
  );
  await untilState(world, 'blocked', 11 * 60_000);
  expect(world.status('web')?.message).toContain('PodsNotReady: 1 of 2 endpoints');
  expect(story.share).toBe(10);
});
