// No release ends without a look: as long as a rule of any route gives the canary traffic, or names a Service that is about to be
// removed, it waits and says which rule. Rules of the user's own, which were there before, may stay, and are named.

import { describe, expect, test } from 'vitest';
import type { RouteMatch, RouteRule } from '../../src/api/routes.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { type MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { buildStore, SPEC, startStory, untilState } from '../fixtures/story.ts';

const LONG = {
  stages: [
    { weight: 20, duration: '1h' },
    { weight: 50, duration: '2h' },
  ],
};
const TESTERS: readonly RouteMatch[] = [{ headers: [{ name: 'x-tester', value: 'yes' }] }];
const testers = (weights: Readonly<Record<string, number>>): RouteRule => ({ ...buildRule(weights, 'testers'), matches: TESTERS });

function editRules(world: MemoryWorld, edit: (rules: readonly RouteRule[]) => readonly RouteRule[]): void {
  world.editRoute('store', 'helm', (route) => ({ ...route, spec: { ...route.spec, rules: [...edit(route.spec.rules ?? [])] } }));
}

const conditionOf = (world: MemoryWorld) => world.status('web')?.conditions?.find(({ type }) => type === 'OtherCanaryRules');
const notesOf = (world: MemoryWorld, wanted: string) =>
  world.journal.events.filter(({ reason }) => reason === wanted).map(({ note }) => note);

/** Deployment mode at 20%. */
async function startDeployment(): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin(LONG);
  story.apply('store:2');
  await untilState(story.world, 'stage.analyzing');
  await story.world.run(30_000);
  return story;
}

const hasCanary = ({ world, canary }: DeploymentStory) =>
  canary !== undefined && world.api.get({ kind: 'Service', namespace: NAMESPACE, name: 'store-canary' }) !== undefined;

describe('Services mode: a rule that appears in mid-release', () => {
  test('a rule that appears during a release and gives the canary weight is set to 0 within a second, by its own serving ref, and the event names it', async () => {
    const world = await startStory(LONG);
    await world.run(30_000);
    editRules(world, (rules) => [testers({ v1: 70, v2: 30, beta: 100 }), ...rules]);
    await world.until('nothing', () => world.weights('store', 0)['v2'] === 0, 1_000);
    expect(world.weights('store', 0)).toEqual({ v1: 100, v2: 0, beta: 100 });
    expect(world.weights('store', 1)).toEqual({ v1: 8_000, v2: 2_000 });
    expect(notesOf(world, 'RouteDrift')).toEqual([
      'HTTPRoute store, rule testers: field manager helm added weight for Service v2 to a rule that the release does not change; set to 0 at once',
    ]);
    expect(conditionOf(world)).toBeUndefined();
  });

  test('a rule that appears during a release and names the canary alone keeps the rollback from its end, and the message says which rule and what to do', async () => {
    const world = await startStory(LONG);
    await world.run(30_000);
    editRules(world, (rules) => [...rules, testers({ v2: 1 })]);
    await world.run(5_000);
    expect(conditionOf(world)).toMatchObject({ status: 'True', reason: 'ForeignRules' });
    world.abort('web');
    await untilState(world, 'rollingBack.cleaning', 60_000);
    await world.run(120_000);
    expect(world.weights('store', 0)).toEqual({ v1: 1, v2: 0 });
    expect(world.status('web')).toMatchObject({
      state: 'rollingBack.cleaning',
      message: expect.stringContaining(
        'waiting: rule testers of HTTPRoute store (weight 1) sends requests to Service v2 and was not there when the release began; remove the backendRef to v2, or the whole rule where it is the only one',
      ),
    });
    expect(notesOf(world, 'OtherCanaryRules')).toHaveLength(1);
    editRules(world, ([first]) => (first === undefined ? [] : [first]));
    await untilState(world, 'rolledBack', 5_000);
    expect(conditionOf(world)).toBeUndefined();
  });

  test('a rule that appears during a release does not keep a release that is deleted', async () => {
    const world = await startStory(LONG);
    editRules(world, (rules) => [...rules, testers({ v2: 1 })]);
    await world.run(5_000);
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 60_000);
  });

  test('a rule that appears during a release and still sends requests to what served before is reported after a promotion', async () => {
    const world = await startStory();
    editRules(world, (rules) => [testers({ v1: 100, v2: 0 }), ...rules]);
    await untilState(world, 'promoted');
    expect(world.weights('store', 0)).toEqual({ v1: 100, v2: 0 });
    expect(world.weights('store', 1)).toEqual({ v1: 0, v2: 1 });
    expect(conditionOf(world)).toMatchObject({
      reason: 'FormerServing',
      message: expect.stringContaining('rule testers of HTTPRoute store'),
    });
  });
});

describe('Services mode: a route that appears in mid-release', () => {
  test('a route that appears during a release and gives the canary weight is set to 0, and keeps neither mark nor field ownership', async () => {
    const world = await startStory(LONG);
    world.createRoute('late', [buildRule({ v1: 1, v2: 1 })]);
    await world.until('nothing', () => world.weights('late')['v2'] === 0, 2_000);
    expect(world.weights('late')).toEqual({ v1: 2, v2: 0 });
    world.abort('web');
    await untilState(world, 'rolledBack', 60_000);
    const { annotations, managedFields } = world.route('late').metadata;
    expect(annotations).toEqual({ 'example.org/team': 'shop' });
    expect((managedFields ?? []).map(({ manager }) => manager)).not.toContain('glidepath');
  });

  test('a route that appears during a release and is left out by the spec stays as it is, and keeps the rollback from its end', async () => {
    const world = await startStory({ ...LONG, routeRefs: [{ name: 'store' }] });
    world.createRoute('late', [buildRule({ v1: 1, v2: 1 })]);
    await world.run(5_000);
    world.abort('web');
    await world.run(60_000);
    expect(world.weights('late')).toEqual({ v1: 1, v2: 1 });
    expect(world.status('web')?.state).toBe('rollingBack.cleaning');
    expect(world.status('web')?.message).toContain('rule rules[0] of HTTPRoute late (weight 1)');
    world.editWeights('late', 'helm', { v2: 0 });
    await untilState(world, 'rolledBack', 5_000);
  });

  test('a route that appears during a release is seen before the end although the watch has not shown it yet', async () => {
    let lagMs = 0;
    const world = await startStory({ ...LONG, routeRefs: [{ name: 'store' }] }, { lagMs: () => lagMs });
    await world.run(20_000);
    world.setVersion('v2', { errorRatio: 1 });
    lagMs = 60_000;
    world.createRoute('late', [buildRule({ v2: 1 })]);
    await world.until('a rollback', () => world.weights('store')['v2'] === 0, 40_000);
    await world.run(5_000);
    expect(world.status('web')?.state).toBe('rollingBack.cleaning');
  });
});

describe('Deployment mode: as long as a rule that is not the release’s names the canary', () => {
  test('the Service and Deployment stay, and the status says which rule; they go when it does', async () => {
    const story = await startDeployment();
    const { world } = story;
    editRules(world, (rules) => [...rules, testers({ store: 1, 'store-canary': 1 })]);
    await world.until('nothing', () => world.weights('store', 1)['store-canary'] === 0, 2_000);
    world.abort('web');
    await untilState(world, 'rollingBack.cleaning', 120_000);
    await world.run(120_000);
    expect([world.status('web')?.state, hasCanary(story)]).toEqual(['rollingBack.cleaning', true]);
    expect(world.weights('store', 0)).toEqual({ store: 1, beta: 1 });
    expect(world.status('web')?.message).toContain(
      'rule testers of HTTPRoute store (weight 0) names Service store-canary and was not there when the release began, so Service and Deployment of the canary stay until it does not; remove the backendRef to store-canary',
    );
    editRules(world, ([first]) => (first === undefined ? [] : [first, testers({ store: 1 })]));
    await untilState(world, 'rolledBack', 60_000);
    expect(hasCanary(story)).toBe(false);
  });

  test('a promotion waits, too', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    editRules(world, (rules) => [...rules, testers({ 'store-canary': 1 })]);
    await untilState(world, 'promoting.restoring');
    await world.run(300_000);
    expect([world.status('web')?.state, hasCanary(story)]).toEqual(['promoting.restoring', true]);
    expect(world.status('web')?.message).toContain('rule testers of HTTPRoute store (weight 1) names Service store-canary');
    editRules(world, ([first]) => (first === undefined ? [] : [first]));
    await untilState(world, 'promoted', 120_000);
    expect(story.leftovers()).toEqual([]);
  });

  test('a deletion waits, too', async () => {
    const story = await startDeployment();
    const { world } = story;
    editRules(world, (rules) => [...rules, testers({ 'store-canary': 1 })]);
    await world.run(2_000);
    world.deleteRelease('web');
    await world.run(300_000);
    expect([world.release('web') === undefined, hasCanary(story)]).toEqual([false, true]);
    editRules(world, ([first]) => (first === undefined ? [] : [first]));
    await world.until('gone', () => world.release('web') === undefined, 60_000);
    expect(hasCanary(story)).toBe(false);
  });

  test('a second ref to the canary that somebody added counts as well', async () => {
    const story = await startDeployment();
    const { world } = story;
    editRules(world, ([first]) => {
      const refs = first?.backendRefs ?? [];
      return [{ ...first, backendRefs: [...refs, { group: '', kind: 'Service', name: 'store-canary', port: 8_443, weight: 0 }] }];
    });
    world.abort('web');
    await world.run(180_000);
    expect([world.status('web')?.state, hasCanary(story)]).toEqual(['rollingBack.cleaning', true]);
    editRules(world, ([first]) => [{ ...first, backendRefs: (first?.backendRefs ?? []).filter(({ name }) => name !== 'store-canary') }]);
    await untilState(world, 'rolledBack', 60_000);
    expect(story.leftovers()).toEqual([]);
  });
});

describe('A6: rules of the user’s own, which were there before the release', () => {
  /** Testers get the canary by a header; 20% of the requests of the route are theirs, beside the weights of the release. */
  async function start(): Promise<MemoryWorld> {
    const world = buildStore();
    editRules(world, (rules) => [testers({ v2: 1 }), ...rules]);
    await world.run(2_000);
    world.createRelease('web', { ...SPEC, analysis: { minRequests: 20 }, stages: [{ weight: 5, duration: '20m' }] });
    await untilState(world, 'stage.analyzing');
    return world;
  }

  test('rules of the user’s own that were there before the release are named by a condition and an event before the first weight, and stay as they are', async () => {
    const world = await start();
    expect(conditionOf(world)).toMatchObject({
      reason: 'OwnRules',
      message: expect.stringContaining('rule testers of HTTPRoute store sends requests to Service v2 beside the weights of the release'),
    });
    const told = world.journal.events.findIndex(({ reason }) => reason === 'OtherCanaryRules');
    const shifted = world.journal.events.findIndex(({ reason }) => reason === 'WeightShifted');
    expect(told).toBeGreaterThanOrEqual(0);
    expect(told).toBeLessThan(shifted);
    await world.run(60_000);
    expect(world.weights('store', 0)).toEqual({ v2: 1 });
    expect(world.status('web')?.observedWeight).toBe(5);
  });

  test('rules of the user’s own that were there before the release are no mismatch of the split: the release is promoted', async () => {
    const world = await start();
    await world.run(600_000);
    expect(world.journal.events.map(({ reason }) => reason)).not.toContain('TrafficSplitMismatch');
    await untilState(world, 'promoted');
  });

  test('hold up no rollback, after which it is told that testers still get the rejected revision', async () => {
    const world = await start();
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 300_000);
    expect(world.weights('store', 0)).toEqual({ v2: 1 });
    await world.run(5_000);
    expect(conditionOf(world)?.message).toContain(
      'rule testers of HTTPRoute store still sends requests to Service v2, which runs the rejected revision v2-1',
    );
    expect(notesOf(world, 'OtherCanaryRules')).toHaveLength(2);
  });

  test('a rule that came after the rollback and gets the rejected revision is told as well, until it goes', async () => {
    const world = buildStore();
    await world.run(2_000);
    world.createRelease('web', { ...SPEC, analysis: { minRequests: 20 } });
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 300_000);
    expect(conditionOf(world)).toBeUndefined();
    editRules(world, (rules) => [testers({ v2: 1 }), ...rules]);
    await world.run(5_000);
    expect(conditionOf(world)?.message).toContain(
      'rule testers of HTTPRoute store still sends requests to Service v2, which runs the rejected',
    );
    editRules(world, (rules) => rules.slice(1));
    await world.run(5_000);
    expect(conditionOf(world)).toBeUndefined();
  });
});
