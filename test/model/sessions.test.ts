// Rules that keep users on the version that answered them first: in Services mode a release does not begin, in Deployment mode a
// rollback ends the pods.

import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/api/routes.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { buildStore, shareOf, SPEC, startStory, untilState } from '../fixtures/story.ts';

/** A person gives the first rule of the route sessions, or takes them away. */
function setSessions(world: MemoryWorld, wanted: boolean): void {
  world.editRoute('store', 'kubectl-edit', (route) => {
    const [first, ...others] = route.spec.rules ?? [];
    const { sessionPersistence: _before, ...rest } = first ?? {};
    const rule = wanted ? { ...rest, sessionPersistence: { type: 'Cookie' } } : rest;
    return { ...route, spec: { ...route.spec, rules: [rule, ...others] } } satisfies Route;
  });
}

/** @returns the milliseconds between the last share of the canary and the end of its pods */
async function timeToEnd(story: DeploymentStory): Promise<number> {
  const { world } = story;
  story.apply('store:2');
  await untilState(world, 'stage.analyzing');
  world.abort('web');
  await world.until('no share', () => story.share === 0);
  const left = world.clock.now();
  await world.until('the pods of the canary to end', () => (story.canary?.spec.replicas ?? 0) === 0);
  return world.clock.now() - left;
}

describe('a rule of a release in Services mode keeps sessions', () => {
  test('such a release does not begin, and writes nothing, until the rule keeps no sessions', async () => {
    const world = buildStore();
    setSessions(world, true);
    world.createRelease('web', SPEC);
    await world.run(60_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Blocked',
      message: expect.stringContaining('SessionsPersist: HTTPRoute store, rule rules[0]'),
    });
    expect(world.journal.routeWrites()).toEqual([]);
    setSessions(world, false);
    await untilState(world, 'promoted');
  });

  test('a running release is not raised while its rule keeps sessions, and can go back', async () => {
    const world = await startStory();
    setSessions(world, true);
    await world.run(300_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked' });
    expect(shareOf(world)).toBe(10);
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect(shareOf(world)).toBe(0);
  });
});

describe('a rule of a release in Deployment mode keeps sessions', () => {
  test('a rollback ends the pods as soon as the serving version can answer; without sessions they have the drain time', async () => {
    const plain = await DeploymentStory.begin();
    expect(await timeToEnd(plain)).toBeGreaterThanOrEqual(10_000);
    const story = await DeploymentStory.begin();
    setSessions(story.world, true);
    expect(await timeToEnd(story)).toBeLessThan(1_000);
    await untilState(story.world, 'rolledBack');
    expect(story.leftovers()).toEqual([]);
  });

  test('a condition names the rule while the release runs, and the release is promoted', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    setSessions(world, true);
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    const said = () => world.status('web')?.conditions?.find(({ type }) => type === 'SessionsPersist');
    expect(said()).toMatchObject({
      status: 'True',
      reason: 'RulesPersist',
      message: expect.stringMatching(/rule rules\[0\] of HTTPRoute store$/),
    });
    await untilState(world, 'promoted');
    setSessions(world, false);
    await world.run(60_000);
    expect(said()).toBeUndefined();
  });
});
