// A cohort through the whole operator: its requests go to the canary from the stage on that names it, by a rule of ours, and nothing of
// it is left at any end, whoever edits the route meanwhile.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { COHORT_HEADER, ourRulesOf, withoutOurs } from '../fakes/memory/our-rules.ts';
import { type MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { buildStore, editRules, reasonsOf, shareOf, specWith, startStory, untilState, watchWrites } from '../fixtures/story.ts';

const COHORT = { headers: [{ name: 'X-Canary-User', value: 'true' }] };
/** Testers alone, then testers and a tenth of the others. */
const STAGES: SpecInput['stages'] = [
  { weight: 0, cohort: COHORT, duration: '1m' },
  { weight: 10, duration: '10m' },
];
const ROOT = { path: { type: 'PathPrefix', value: '/' } };
const USERS = { name: 'X-Canary-User', value: 'true', type: 'Exact' };
const RULE = {
  name: 'glidepath-cohort-1',
  matches: [{ ...ROOT, headers: [USERS] }],
  backendRefs: [{ group: '', kind: 'Service', name: 'v2', port: 80, weight: 1 }],
};

const ours = (world: MemoryWorld) => ourRulesOf(world.route('store'));

/** The store, where testers and a tenth of the others have been sent to the canary for a while. */
async function startWithBoth(change: Partial<SpecInput> = {}): Promise<MemoryWorld> {
  const world = await startStory({ stages: STAGES, ...change });
  await world.until('10%', () => shareOf(world) === 10);
  await untilState(world, 'stage.analyzing');
  await world.run(30_000);
  return world;
}

describe('a cohort is sent to the canary', () => {
  test('from its stage on, by a copy of the rule with the condition added, and in every later stage', async () => {
    const world = await startStory({ stages: STAGES });
    expect([shareOf(world), ours(world)]).toEqual([0, [RULE]]);
    expect(world.status('web')?.message).toContain('stage 1/2 at 0% (requests with X-Canary-User: true go to the canary)');
    await world.until('10%', () => shareOf(world) === 10);
    expect(ours(world)).toEqual([RULE]);
  });

  test('a cohort is sent to the canary until the promotion, which leaves nothing of it', async () => {
    const world = await startStory({
      stages: [
        { weight: 0, cohort: COHORT, duration: '1m' },
        { weight: 10, duration: '1m' },
      ],
    });
    const writes = watchWrites(world);
    await untilState(world, 'promoted');
    expect(ours(world)).toEqual([]);
    expect(writes.filter(({ share }) => share === 100).map(({ rules }) => rules)).toEqual([1, 0, 0]);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });

  test('with the filters of its rule, once for each rule that is driven, behind all others', async () => {
    const world = buildStore();
    const filters = [{ type: 'RequestHeaderModifier' }];
    const matches = [{ path: { type: 'PathPrefix', value: '/cart' } }];
    editRules(world, 'helm', () => [
      { ...buildRule({ v1: 1, v2: 0 }), filters },
      { ...buildRule({ v1: 3, v2: 0 }, 'cart'), matches },
    ]);
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES }));
    await untilState(world, 'stage.analyzing');
    const [, , first, second] = world.route('store').spec.rules ?? [];
    expect(first).toEqual({ ...RULE, filters });
    expect(second).toMatchObject({ name: 'glidepath-cohort-2', matches: [{ ...matches[0], headers: [USERS] }] });
  });

  test('in place of the one before, where a later stage names another one', async () => {
    const other = { headers: [{ name: 'X-Canary-User', value: 'all' }] };
    const world = await startStory({
      stages: [
        { weight: 0, cohort: COHORT, duration: '1m' },
        { weight: 10, cohort: other, duration: '10m' },
      ],
    });
    const writes = watchWrites(world);
    await world.until('10%', () => shareOf(world) === 10);
    expect(writes).toEqual([{ share: 10, rules: 1 }]);
    expect(ours(world)[0]?.matches).toEqual([{ ...ROOT, headers: [{ ...USERS, value: 'all' }] }]);
  });

  test('although its requests are counted with the others and not compared: the checks decide, and say so', async () => {
    const world = await startWithBoth({ analysis: { comparison: { mode: 'Enforce' } } });
    const compared = world.status('web')?.checks?.find(({ name }) => name === 'comparison');
    expect(compared).toMatchObject({ verdict: 'Inconclusive', message: expect.stringContaining('not compared') as string });
    expect(world.status('web')?.measured).toBeUndefined();
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).not.toContain('TrafficSplitMismatch');
  });
});

describe('the rule for a cohort goes', () => {
  test('in the very patch that takes the weight home at a Fail', async () => {
    const world = await startWithBoth();
    const writes = watchWrites(world);
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    expect(writes[0]).toEqual({ share: 0, rules: 0 });
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
  });

  test('at a Fail of the cohort alone, before the canary has any weight', async () => {
    const world = await startStory({ stages: STAGES });
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 120_000);
    expect(ours(world)).toEqual([]);
    expect(world.status('web')?.release?.reason).toBe('ErrorRatio');
  });

  test.each([
    ['an abort', (world: MemoryWorld) => world.abort('web')],
    ['a new revision', (world: MemoryWorld) => world.setService('v2', { hashes: ['v2-2'] })],
    ['an empty canary', (world: MemoryWorld) => world.setService('v2', { ready: 0 })],
  ])('at %s', async (_what, act) => {
    const world = await startWithBoth();
    const writes = watchWrites(world);
    act(world);
    await world.until('home', () => shareOf(world) === 0, 60_000);
    expect(writes[0]).toEqual({ share: 0, rules: 0 });
    await world.run(5_000);
  });

  test('with an empty canary that has no weight yet', async () => {
    const world = await startStory({ stages: STAGES });
    const writes = watchWrites(world);
    world.setService('v2', { ready: 0 });
    await world.until('home', () => ours(world).length === 0, 5_000);
    expect(writes[0]).toEqual({ share: 0, rules: 0 });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('CanaryEmpty');
  });

  test.each(['Restore', 'Retain'] as const)('when the release is deleted with deletionPolicy %s', async (deletionPolicy) => {
    const world = await startWithBoth({ deletionPolicy });
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 60_000);
    expect(ours(world)).toEqual([]);
    expect(shareOf(world)).toBe(deletionPolicy === 'Retain' ? 10 : 0);
  });

  test('when an edit of the spec takes the cohort out of all stages', async () => {
    const world = await startWithBoth();
    world.editSpec('web', (spec) => ({ ...spec, stages: [{ weight: 10, duration: '10m' }] }));
    await world.until('lifted', () => ours(world).length === 0, 5_000);
    expect(shareOf(world)).toBe(10);
  });

  test('in favour of another one that an edit of the spec names, with the next Pass', async () => {
    const world = await startWithBoth();
    const cohort = { headers: [{ name: 'X-Canary-User', value: 'all' }] };
    world.editSpec('web', (spec) => ({ ...spec, stages: [{ weight: 10, duration: '1m', cohort }, { weight: 50 }] }));
    await world.run(1_000);
    expect(ours(world)).toEqual([RULE]);
    await world.until('the other one', () => ours(world)[0]?.matches?.[0]?.headers?.[0]?.value === 'all', 300_000);
    expect(ours(world)).toHaveLength(1);
  });

  test('when the gateway refuses the route with it, until the raise is tried again', async () => {
    const world = buildStore();
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES }));
    await world.until('cohort', () => ours(world).length === 1);
    world.gateway.refused.set('store', 'UnsupportedValue');
    await untilState(world, 'blocked', 120_000);
    await world.run(2_000);
    expect(ours(world)).toEqual([]);
    world.gateway.refused.clear();
    world.gateway.wake();
    await untilState(world, 'stage.analyzing', 300_000);
    expect(ours(world)).toEqual([RULE]);
  });

  test('before the canary does, where a Deployment is promoted', async () => {
    const story = await DeploymentStory.begin({
      stages: [
        { weight: 0, cohort: COHORT, duration: '30s' },
        { weight: 20, duration: '30s' },
      ],
    });
    const { world } = story;
    story.commit('store:2');
    await world.until('cohort', () => ours(world).length === 1, 600_000);
    await untilState(world, 'promoted', 1_200_000);
    expect(ours(world)).toEqual([]);
    expect(world.api.get({ kind: 'Service', namespace: NAMESPACE, name: 'store-canary' })).toBeUndefined();
  });

  test('the canary of a Deployment is left to answer the cohort before it is removed', async () => {
    const story = await DeploymentStory.begin({ stages: [{ weight: 0, cohort: COHORT, duration: '10m' }] });
    const { world } = story;
    story.commit('store:2');
    await world.until('cohort', () => ours(world).length === 1, 600_000);
    await world.run(20_000);
    world.abort('web');
    await world.until('home', () => ours(world).length === 0, 10_000);
    const took = await world.until(
      'removed',
      () => world.api.get({ kind: 'Service', namespace: NAMESPACE, name: 'store-canary' }) === undefined,
      120_000,
    );
    expect(took).toBeGreaterThanOrEqual(9_000);
  });
});

describe('somebody else edits the rule for a cohort', () => {
  test('removes it: that stays until the next Pass, then it is put back', async () => {
    const world = await startWithBoth();
    editRules(world, 'kubectl', (rules) => rules.slice(0, 1));
    await world.run(200);
    expect(ours(world)).toEqual([]);
    expect(world.journal.events.at(-1)).toMatchObject({
      reason: 'RouteDrift',
      note: expect.stringContaining('field manager kubectl removed the rule that sends requests with X-Canary-User: true') as string,
    });
    await world.until('put back', () => ours(world).length === 1, 60_000);
    expect(shareOf(world)).toBe(10);
  });

  test('widens it: it is removed at once, and written again with the next Pass', async () => {
    const world = await startWithBoth();
    editRules(world, 'kubectl', (rules) => rules.map((rule) => (rule.name === RULE.name ? { ...rule, matches: [ROOT] } : rule)));
    await world.run(200);
    expect(ours(world)).toEqual([]);
    expect(world.journal.events.at(-1)?.note).toContain(
      'rule glidepath-cohort-1: field manager kubectl changed the rule for a cohort, or the rule that it is a copy of; removed at once',
    );
    await world.until('again', () => ours(world).length === 1, 60_000);
    expect(ours(world)).toEqual([RULE]);
  });

  test('changes the rule that it is a copy of: requests of the cohort do not go by the old copy', async () => {
    const world = await startWithBoth();
    const filters = [{ type: 'ExtensionRef' }];
    editRules(world, 'helm', (rules) => rules.map((rule) => (rule.name === RULE.name ? rule : { ...rule, filters })));
    await world.run(200);
    expect(ours(world)).toEqual([]);
    await world.until('again', () => ours(world).length === 1, 60_000);
    expect(ours(world)).toEqual([{ ...RULE, filters }]);
  });

  test('copies it: the copy goes at once', async () => {
    const world = await startWithBoth();
    editRules(world, 'kubectl', (rules) => [...rules, { ...RULE, name: 'glidepath-cohort-2' }]);
    await world.run(1_000);
    expect(ours(world)).toEqual([RULE]);
  });

  test('removes it before the canary has any weight: no Pass can come, so that the release begins again', async () => {
    const world = await startStory({ stages: STAGES });
    await world.run(10_000);
    editRules(world, 'kubectl', (rules) => rules.slice(0, 1));
    await world.until('again', () => ours(world).length === 1, 5_000);
    expect(reasonsOf(world)).toContain('RouteDrift');
  });

  test('undoes it again and again: the route is contested, and the release waits for a person', async () => {
    const world = await startWithBoth();
    const undo = () => editRules(world, 'argocd-controller', (rules) => rules.slice(0, 1));
    for (let time = 0; time < 3; time += 1) {
      undo();
      await world.until('put back or contested', () => ours(world).length === 1 || world.status('web')?.state === 'blocked', 120_000);
      await world.run(5_000);
    }
    await untilState(world, 'blocked', 120_000);
    expect(world.status('web')?.message).toContain('RouteContested');
  });

  test('puts rules before and behind it: home takes the right one', async () => {
    const world = await startWithBoth();
    const foreign = (path: string) => ({ ...buildRule({ other: 1 }), matches: [{ path: { type: 'Exact', value: path } }] });
    editRules(world, 'helm', (rules) => [foreign('/a'), ...rules, foreign('/z')]);
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    expect(world.route('store').spec.rules).toHaveLength(3);
    expect(ours(world)).toEqual([]);
  });
});

describe('where the API server drops the names of rules', () => {
  const cohort = { headers: [{ name: COHORT_HEADER, value: 'true' }] };

  test.each(['promoted', 'rolledBack'])(
    'the rule for a cohort is known by what it does, and gone when the release is %s',
    async (state) => {
      const world = buildStore();
      world.api.dropsRuleNames = true;
      await world.run(2_000);
      world.createRelease(
        'web',
        specWith({
          stages: [
            { weight: 0, cohort, duration: '1m' },
            { weight: 10, duration: '1m' },
          ],
        }),
      );
      await world.until('10%', () => shareOf(world) === 10);
      expect(ours(world)).toHaveLength(1);
      expect(ours(world)[0]).not.toHaveProperty('name');
      for (const { kill } of world.operators) kill();
      world.startOperator();
      if (state === 'rolledBack') world.setVersion('v2', { errorRatio: 1 });
      await untilState(world, state);
      expect(withoutOurs(world.route('store'))).toEqual(world.route('store'));
    },
  );
});
