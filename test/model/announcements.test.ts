// What is announced: in the status until it is delivered, once while an operator lives, and at least once across a crash.

import { describe, expect, test } from 'vitest';
import { FINALIZER } from '../../src/api/names.ts';
import { buildStore, reasonsOf, SPEC, specWith, startStory, untilState } from '../fixtures/story.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

const pendingOf = (world: MemoryWorld) => world.status('web')?.internal?.announcements ?? [];
const statusWrites = (world: MemoryWorld) => world.journal.calls.filter(({ verb }) => verb === 'status').length;
const eventWrites = (world: MemoryWorld) => world.journal.calls.filter(({ verb }) => verb === 'event').length;

describe('an announcement', () => {
  test('an announcement is delivered once while an operator lives, and each has an id of its own', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(600_000);
    const ids = world.journal.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(world.journal.notifications.map(({ id }) => id)).toEqual(ids);
    expect(eventWrites(world)).toBe(ids.length);
  });

  test('an announcement is committed with its step, and costs one write more at the end of a release, a minute later', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(2_000);
    expect(pendingOf(world).map(({ reason }) => reason)).toContain('Promoted');
    const writes = statusWrites(world);
    await world.run(61_000);
    expect(pendingOf(world)).toEqual([]);
    await world.run(3_600_000);
    expect(statusWrites(world)).toBe(writes + 1);
  });

  test('an announcement is not repeated by an operator that starts when it is long delivered', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(120_000);
    const before = world.journal.notifications.length;
    for (let restart = 0; restart < 3; restart += 1) {
      for (const operator of world.operators) operator.kill();
      world.startOperator();
      await world.run(120_000);
    }
    expect(world.journal.notifications).toHaveLength(before);
  });

  test('an announcement that a killed operator left is made by the next one, however long after, under the same id and with its own time', async () => {
    const world = buildStore();
    for (const operator of world.operators) operator.kill();
    const counting = world.startOperator();
    await world.run(1_000);
    world.createRelease('web', SPEC);
    await untilState(world, 'promoted');
    counting.kill();
    // As if it had been killed right behind the last commit: nothing of it was delivered.
    const [left] = pendingOf(world).filter(({ reason }) => reason === 'Promoted');
    world.journal.events.length = 0;
    await world.run(3 * 3_600_000);
    world.startOperator();
    await world.run(1_000);
    expect(world.journal.events.filter(({ reason }) => reason === 'Promoted')).toMatchObject([{ id: left?.id, at: left?.at }]);
  });

  test('an announcement of a release that is deleted comes before its finalizer goes', async () => {
    const world = await startStory();
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 10_000);
    const calls = world.journal.calls.filter(({ verb }) => verb === 'event' || verb === 'finalizer');
    expect(calls.at(-1)).toMatchObject({ verb: 'finalizer', body: false });
    expect(reasonsOf(world)).toContain('RolledBack');
  });

  test('an announcement that cannot be made holds a deletion up for seconds, not for ever', async () => {
    const world = await startStory();
    world.faults = ({ verb }) => (verb === 'event' ? { when: 'never' } : undefined);
    world.deleteRelease('web');
    await world.run(3_000);
    expect(world.release('web')?.metadata.finalizers).toContain(FINALIZER);
    await world.until('gone', () => world.release('web') === undefined, 10_000);
  });

  test('an announcement that cannot be made stays in the status, which never grows beyond twenty of them', async () => {
    const world = await startStory(specWith({ stages: [{ weight: 20, duration: '10h' }] }));
    world.faults = ({ verb }) => (verb === 'event' ? { when: 'never' } : undefined);
    for (let round = 0; round < 30; round += 1) {
      world.command('web', round % 2 === 0 ? 'pause' : 'resume');
      await world.run(2_000);
    }
    expect(pendingOf(world)).toHaveLength(20);
    world.faults = () => undefined;
    for (const operator of world.operators) operator.kill();
    world.startOperator();
    const before = world.journal.events.length;
    await world.run(2_000);
    expect(world.journal.events.length - before).toBe(20);
  });
});
