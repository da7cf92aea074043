// Rules of routes that others insert, rename, move, remove or give a second ref while a release runs (rules 1, 3 and 8): a rule is
// known by its name or by what it does, and no release ends while a rule of any route still gives the canary traffic.

import { describe, expect, test } from 'vitest';
import type { RouteRule } from '../../src/api/routes.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, specWith, startStory, untilState } from '../fixtures/story.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';

const LONG = {
  stages: [
    { weight: 20, duration: '1h' },
    { weight: 50, duration: '2h' },
  ],
};

const rulesOf = (world: MemoryWorld) => world.route('store').spec.rules ?? [];
const weightsOf = (world: MemoryWorld) =>
  rulesOf(world).map(({ backendRefs = [] }) => backendRefs.map(({ name, weight }) => [name, weight]));

/** Somebody edits the list of rules. */
function editRules(world: MemoryWorld, edit: (rules: readonly RouteRule[]) => readonly RouteRule[]): void {
  world.editRoute('store', 'helm', (route) => ({ ...route, spec: { ...route.spec, rules: [...edit(route.spec.rules ?? [])] } }));
}

/** A route `store` with these rules, and its release at 20%. */
async function startWith(rules: readonly RouteRule[]): Promise<MemoryWorld> {
  const world = buildStore();
  editRules(world, () => rules);
  await world.run(2_000);
  world.createRelease('web', specWith(LONG));
  await untilState(world, 'stage.analyzing');
  await world.run(30_000);
  return world;
}

const addRef = (name: string, port: number, weight: number) => (rules: readonly RouteRule[]) =>
  rules.map((rule) => ({ ...rule, backendRefs: [...(rule.backendRefs ?? []), { group: '', kind: 'Service', name, port, weight }] }));

describe('Services mode: a rule keeps its identity', () => {
  test('R1: when another one that names both Services is put in front of it, which keeps its own weights', async () => {
    const world = await startStory(LONG);
    await world.run(30_000);
    editRules(world, (rules) => [buildRule({ v1: 100, v2: 0 }), ...rules]);
    await world.run(30_000);
    world.setVersion('v2', { errorRatio: 1 });
    await world.run(300_000);
    expect(weightsOf(world)).toEqual([
      [
        ['v1', 100],
        ['v2', 0],
      ],
      [
        ['v1', 1],
        ['v2', 0],
      ],
    ]);
    expect(world.status('web')?.state).toBe('rolledBack');
  });

  test('R4: when it gets a name', async () => {
    const world = await startWith([buildRule({ v1: 1, v2: 0 }), buildRule({ v1: 1, v2: 0 })]);
    editRules(world, ([first, second]) => [
      { ...first, name: 'api' },
      { ...second, name: 'web' },
    ]);
    await world.run(30_000);
    expect(world.status('web')?.state).toBe('stage.analyzing');
    world.setVersion('v2', { errorRatio: 1 });
    await world.run(300_000);
    const home = [
      ['v1', 1],
      ['v2', 0],
    ];
    expect(weightsOf(world)).toEqual([home, home]);
  });

  test.each(['v1', 'v2'])('R6: when it gets a second ref to %s at another port, which stays as its editor wrote it', async (name) => {
    const world = await startStory(LONG);
    await world.run(30_000);
    editRules(world, addRef(name, 8_443, 0));
    await world.run(30_000);
    expect(world.status('web')?.state).toBe('stage.analyzing');
    const written: unknown[] = [];
    world.api.onChange(({ kind, manager }) => void (kind === 'HTTPRoute' && manager === 'glidepath' && written.push(weightsOf(world)[0])));
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 60_000);
    expect(written[0]).toEqual([
      ['v1', 10_000],
      ['v2', 0],
      [name, 0],
    ]);
    expect(weightsOf(world)).toEqual([
      [
        ['v1', 1],
        ['v2', 0],
        [name, 0],
      ],
    ]);
  });

  test('R8: when the one before it is removed', async () => {
    const world = await startWith([buildRule({ v1: 1, v2: 0 }), buildRule({ v1: 80, legacy: 20, v2: 0 })]);
    editRules(world, ([, second]) => (second === undefined ? [] : [second]));
    await world.run(30_000);
    expect(world.status('web')?.state).toBe('stage.analyzing');
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect(weightsOf(world)).toEqual([
      [
        ['v1', 80],
        ['legacy', 20],
        ['v2', 0],
      ],
    ]);
  });
});

describe('Deployment mode: a rule keeps its identity', () => {
  test('R2: when another one that names the Service is put in front of it, and the canary stays as long as a rule names it', async () => {
    const story = await DeploymentStory.begin(LONG);
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    await world.run(30_000);
    editRules(world, (rules) => [buildRule({ store: 1 }), ...rules]);
    await world.run(30_000);
    world.setVersion('store-canary', { errorRatio: 1 });
    await world.run(300_000);
    expect(weightsOf(world)).toEqual([
      [['store', 1]],
      [
        ['store', 1],
        ['beta', 1],
      ],
    ]);
    expect(world.status('web')?.state).toBe('rolledBack');
  });
});
