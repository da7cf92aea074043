// The command undo in Services mode: both versions are still there, so the way back is the way home, in the bake and after it.

import { describe, expect, test } from 'vitest';
import { FINALIZER, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { reasonsOf, shareOf, startStory, untilState } from '../fixtures/story.ts';

async function startPromoted(): Promise<MemoryWorld> {
  const world = await startStory();
  await untilState(world, 'promoted');
  await world.run(2_000);
  return world;
}

test('rule 1: in the bake it brings all traffic home with the next write, and rejects the revision', async () => {
  const world = await startStory({ promotion: { bake: '10m' } });
  await untilState(world, 'promoting.baking');
  const raises = world.guardian.raises.length;
  world.command('web', 'undo');
  expect(await world.until('home', () => shareOf(world) === 0)).toBeLessThan(1_000);
  await untilState(world, 'rolledBack');
  expect(world.status('web')).toMatchObject({ release: { reason: 'Undone' }, rejected: [{ reason: 'Undone' }] });
  expect([world.weights('store'), world.guardian.raises.length]).toEqual([{ v1: 1, v2: 0 }, raises]);
});

describe('after a promotion', () => {
  test('undo gives all traffic back to the former Service, which serves again until something new comes', async () => {
    const world = await startPromoted();
    const raises = world.guardian.raises.length;
    world.command('web', 'undo');
    expect(await world.until('home', () => shareOf(world) === 0)).toBeLessThan(1_000);
    await untilState(world, 'rolledBack');
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({
      state: 'rolledBack',
      serving: { service: 'v1' },
      proven: [],
      rejected: [{ reason: 'Undone' }],
      history: [{ outcome: 'RolledBack', reason: 'Undone' }, { outcome: 'Promoted' }],
      lastHandledCommand: { verb: 'undo', result: 'Done' },
    });
    expect([world.weights('store'), world.guardian.raises.length]).toEqual([{ v1: 1, v2: 0 }, raises]);
    expect(world.route('store').metadata.annotations?.[RELEASE_ANNOTATION]).toBeUndefined();
    expect(world.release('web')?.metadata.finalizers ?? []).not.toContain(FINALIZER);
    expect(reasonsOf(world).slice(-2)).toEqual(['RollbackStarted', 'RolledBack']);
    // The next version behind the Service that was undone is a release like any.
    world.setService('v2', { hashes: ['v2-next'] });
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });

  test('rule 3: what people made of the route since is kept: only the two versions change places', async () => {
    const world = await startPromoted();
    world.editRoute('store', 'git', (route) => ({
      ...route,
      spec: {
        ...route.spec,
        rules: (route.spec.rules ?? []).map((rule) => ({
          ...rule,
          backendRefs: [
            { name: 'v1', port: 80, weight: 0 },
            { name: 'beta', port: 80, weight: 3 },
            { name: 'v2', port: 80, weight: 7 },
          ],
        })),
      },
    }));
    await world.run(1_000);
    world.command('web', 'undo');
    await untilState(world, 'rolledBack');
    expect(world.weights('store')).toEqual({ v1: 7, beta: 3, v2: 0 });
  });

  test.each([
    ['has no pod any more', (world: MemoryWorld) => world.setService('v1', { ready: 0, hashes: [] }), 'has no ready endpoint'],
    [
      'is no longer named by the route',
      (world: MemoryWorld) => world.editRoute('store', 'git', withoutV1),
      'has no rule of the release any more that names both Service v1 and Service v2',
    ],
  ])('undo is refused when the former Service %s', async (_what, happen, words) => {
    const world = await startPromoted();
    happen(world);
    await world.run(2_000);
    world.command('web', 'undo');
    await world.run(5_000);
    expect(world.status('web')).toMatchObject({
      state: 'promoted',
      lastHandledCommand: { verb: 'undo', result: 'Refused', message: expect.stringContaining(words) },
    });
  });

  test('an operator that is killed at any of its writes ends in the same world', async () => {
    for (let write = 1; ; write += 1) {
      const world = await startPromoted();
      for (const operator of world.operators) operator.kill();
      const first = world.startOperator({ write, side: 'after' });
      world.command('web', 'undo');
      await world.until('the end or the crash', () => first.gate.dead || world.status('web')?.state === 'rolledBack');
      const crashed = first.gate.dead;
      if (crashed) world.startOperator();
      await untilState(world, 'rolledBack');
      await world.run(2_000);
      expect([world.weights('store'), world.release('web')?.metadata.finalizers ?? []], `killed after write ${write}`).toEqual([
        { v1: 1, v2: 0 },
        [],
      ]);
      if (crashed) continue;
      expect(write).toBeGreaterThan(4);
      return;
    }
  });
});

type Route = ReturnType<MemoryWorld['route']>;

function withoutV1(route: Route): Route {
  const rules = (route.spec.rules ?? []).map((rule) => ({
    ...rule,
    backendRefs: (rule.backendRefs ?? []).filter(({ name }) => name !== 'v1'),
  }));
  return { ...route, spec: { ...route.spec, rules } };
}
