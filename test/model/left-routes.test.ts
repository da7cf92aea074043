// Routes in the last moments of a release: what it wrote its last to is its owners' again, and what it leaves has nothing of it.

import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import type { RouteMatch, RouteRule } from '../../src/api/routes.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { buildStore, SPEC, specWith, startStory, untilState } from '../fixtures/story.ts';

/** By this filter the guardian knows a rule of its owner's from ours. */
const TAG: Pick<RouteRule, 'filters'> = { filters: [{ type: 'RequestMirror' }] };
const LONG = { stages: [{ weight: 20, duration: '1h' }] };

const rulesOf = (world: MemoryWorld, route = 'store') => (world.route(route).spec.rules ?? []).map((_, rule) => world.weights(route, rule));
const managersOf = (world: MemoryWorld, route: string) => (world.route(route).metadata.managedFields ?? []).map(({ manager }) => manager);

function editRules(world: MemoryWorld, edit: (rules: readonly RouteRule[]) => readonly RouteRule[]): void {
  world.editRoute('store', 'helm', (route) => ({ ...route, spec: { ...route.spec, rules: [...edit(route.spec.rules ?? [])] } }));
}

/** A release over the routes `store` and `other`; no write to `other` is answered. */
async function startWithAnother(): Promise<MemoryWorld> {
  const world = buildStore();
  world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
  await world.run(2_000);
  world.createRelease('web', SPEC);
  await untilState(world, 'stage.analyzing');
  return world;
}

function refuse(world: MemoryWorld, route: string): void {
  const error = new GlidepathError('GLIDEPATH_E_SERVER', 'a fault of the test', { retryable: true });
  world.faults = ({ verb, target }) => (verb === 'patch' && target === `HTTPRoute ${route}` ? { when: 'instead', error } : undefined);
}

describe('a route that a promotion wrote its last to', () => {
  test('a new rule in a route that was left after a promotion stays as its owner wrote it, although it is equal to the recorded one', async () => {
    const world = await startWithAnother();
    await world.until('all of the traffic', () => world.weights('other')['v1'] === 0);
    refuse(world, 'other');
    await world.until('the last write', () => world.route('store').metadata.annotations?.['glidepath.dev/release'] === undefined);
    editRules(world, (rules) => [buildRule({ v1: 1, v2: 0 }), ...rules]);
    await world.run(5_000);
    world.faults = () => undefined;
    await untilState(world, 'promoted', 60_000);
    expect(rulesOf(world)).toEqual([
      { v1: 1, v2: 0 },
      { v1: 0, v2: 1 },
    ]);
    expect(world.status('web')?.conditions?.find(({ type }) => type === 'OtherCanaryRules')).toMatchObject({
      reason: 'FormerServing',
      message: expect.stringContaining('rule rules[0] of HTTPRoute store still sends requests to Service v1'),
    });
  });
});

describe('a route that a rollback wrote its last to, while it waits for another rule', () => {
  async function startWaiting(): Promise<MemoryWorld> {
    const world = await startStory(LONG);
    world.createRoute('late', [buildRule({ v2: 1 })]);
    await world.run(5_000);
    world.abort('web');
    await untilState(world, 'rollingBack.cleaning', 60_000);
    await world.run(5_000);
    expect(rulesOf(world)).toEqual([{ v1: 1, v2: 0 }]);
    return world;
  }

  test('weights in a route that was left after a rollback stay as their owner writes them', async () => {
    const world = await startWaiting();
    world.editWeights('store', 'helm', { v1: 7 });
    await world.run(60_000);
    expect(rulesOf(world)).toEqual([{ v1: 7, v2: 0 }]);
    expect(world.status('web')?.state).toBe('rollingBack.cleaning');
  });

  test('a share of the canary in a route that was left goes to the serving backend, and the others keep theirs', async () => {
    const world = await startWaiting();
    editRules(world, () => [buildRule({ v1: 7, v2: 3, beta: 5 })]);
    await world.until('nothing', () => world.weights('store')['v2'] === 0, 2_000);
    expect(rulesOf(world)).toEqual([{ v1: 10, v2: 0, beta: 5 }]);
    editRules(world, (rules) => [...rules, buildRule({ v1: 1, v2: 1 })]);
    await world.until('nothing', () => world.weights('store', 1)['v2'] === 0, 2_000);
    world.api.delete({ kind: 'HTTPRoute', namespace: 'shop', name: 'late' }, 'helm');
    await untilState(world, 'rolledBack', 5_000);
    expect(rulesOf(world)).toEqual([
      { v1: 10, v2: 0, beta: 5 },
      { v1: 2, v2: 0 },
    ]);
    expect(managersOf(world, 'store')).not.toContain('glidepath');
  });
});

test('a manifest that is applied again in the moment of a home write keeps its foreign shares while another route is not home', async () => {
  let lagMs = 0;
  const world = buildStore({ lagMs: () => lagMs });
  editRules(world, () => [buildRule({ v1: 1, v2: 0, beta: 1 })]);
  world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
  await world.run(2_000);
  world.createRelease('web', specWith(LONG));
  await untilState(world, 'stage.analyzing');
  await world.run(30_000);
  refuse(world, 'other');
  lagMs = 5_000;
  world.abort('web');
  await world.run(4_900);
  editRules(world, () => [buildRule({ v1: 1, v2: 0, beta: 1 })]);
  await world.until('home', () => world.weights('store')['v2'] === 0 && world.weights('store')['v1'] !== 1, 10_000);
  await world.run(3_000);
  expect(world.weights('store')).toEqual({ v1: 5_000, v2: 0, beta: 5_000 });
  world.faults = () => undefined;
  await untilState(world, 'rolledBack', 60_000);
  expect(world.weights('store')).toEqual({ v1: 1, v2: 0, beta: 1 });
});

test('a route that the watch has not shown, and whose weight was taken away, keeps no field of ours after the end', async () => {
  let lagMs = 0;
  const world = await startStory(LONG, { lagMs: () => lagMs });
  await world.run(20_000);
  world.setVersion('v2', { errorRatio: 1 });
  lagMs = 600_000;
  world.createRoute('late', [buildRule({ v1: 1, v2: 1 })]);
  await untilState(world, 'rolledBack', 60_000);
  expect(world.weights('late')).toEqual({ v1: 2, v2: 0 });
  expect(managersOf(world, 'late')).not.toContain('glidepath');
  expect(world.release('web')?.metadata.finalizers ?? []).toEqual([]);
});

describe('another rule than ours with our ref', () => {
  async function startRestoring(): Promise<DeploymentStory> {
    const story = await DeploymentStory.begin();
    story.apply('store:2');
    await untilState(story.world, 'promoting.restoring');
    return story;
  }

  test('a copy of a rule that was made while our ref was in it is named and stays as its owner wrote it', async () => {
    const story = await startRestoring();
    const { world } = story;
    editRules(world, (rules) => [...rules, ...structuredClone(rules).map((rule) => ({ ...rule, ...TAG }))]);
    await world.run(60_000);
    const { backendRefs = [] } = world.route('store').spec.rules?.[0] ?? {};
    expect(backendRefs.map(({ name }) => name)).toEqual(['store', 'beta']);
    expect(world.weights('store', 1)).toEqual({ store: 5_000, beta: 5_000, 'store-canary': 0 });
    expect([world.status('web')?.state, story.canary === undefined]).toEqual(['promoting.restoring', false]);
    expect(world.status('web')?.message).toContain('rule rules[1] of HTTPRoute store (weight 0) names Service store-canary');
    editRules(world, ([first]) => (first === undefined ? [] : [first]));
    await untilState(world, 'promoted', 60_000);
    expect(story.leftovers()).toEqual([]);
  });

  test('a share that somebody gives the canary while it drains begins the drain anew', async () => {
    const { world } = await startRestoring();
    await world.run(4_000);
    world.editWeights('store', 'helm', { 'store-canary': 3 });
    await world.run(8_000);
    expect(world.weights('store')).toMatchObject({ 'store-canary': 0 });
    await untilState(world, 'promoted', 60_000);
  });

  test('a route whose mark was removed in mid-release is cleaned after the promotion as any other', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'promoting.rollingOut');
    world.editRoute('store', 'helm', (route) => ({
      ...route,
      metadata: { ...route.metadata, annotations: { 'example.org/team': 'shop' } },
    }));
    await untilState(world, 'promoted', 120_000);
    expect(story.leftovers()).toEqual([]);
  });
});

test('before the claim a rule that names the Service by two ports is told, and the release goes on when it does not any more', async () => {
  const story = await DeploymentStory.begin(LONG);
  const { world } = story;
  story.apply('store:2');
  await untilState(world, 'preparing');
  const second = { group: '', kind: 'Service', name: 'store', port: 8_443, weight: 1 };
  editRules(world, ([first]) => [{ ...first, backendRefs: [...(first?.backendRefs ?? []), second] }]);
  await world.run(2_000);
  expect(world.status('web')?.message).toContain('HTTPRoute store, rule rules[0] names Service store twice; name it once');
  editRules(world, () => [buildRule({ store: 1, beta: 1 })]);
  await world.until('the canary’s first weight', () => (world.weights('store')['store-canary'] ?? 0) > 0, 600_000);
});

test('two rules that take the same requests are claimed as they are, although one has its weight on the scale of the other', async () => {
  const world = buildStore();
  const matches = [{ path: { type: 'PathPrefix', value: '/c' } } as RouteMatch];
  editRules(world, () => [
    { ...buildRule({ v1: 100, x: 0, y: 20, v2: 0 }), matches },
    { ...buildRule({ v1: 1, x: 100, y: 20, v2: 0 }), matches },
  ]);
  await world.run(2_000);
  world.createRelease('web', SPEC);
  await untilState(world, 'stage.analyzing', 5_000);
});

test('the last write of a promotion does not mix with a weight that somebody wrote at the same moment', async () => {
  let lagMs = 0;
  const world = await startStory({}, { lagMs: () => lagMs });
  await untilState(world, 'promoting.rollingOut', 600_000);
  lagMs = 900;
  await world.until('all of the traffic', () => world.weights('store')['v1'] === 0);
  await world.run(500);
  world.editWeights('store', 'helm', { v1: 20 });
  await untilState(world, 'promoted', 10_000);
  expect(rulesOf(world)).toEqual([{ v1: 0, v2: 1 }]);
});
