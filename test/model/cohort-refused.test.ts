// A cohort that would not do what it is for: the release is blocked before anything is written, or the cohort is lifted.

import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import type { SpecInput } from '../../src/api/release.ts';
import type { RouteRule } from '../../src/api/routes.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { ourRulesOf } from '../fakes/memory/our-rules.ts';
import { type MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { buildStore, editRules, shareOf, specWith, untilState } from '../fixtures/story.ts';

const COHORT = { headers: [{ name: 'X-Canary-User', value: 'true' }] };
const STAGES: SpecInput['stages'] = [
  { weight: 0, cohort: COHORT, duration: '1m' },
  { weight: 10, duration: '10m' },
];
const ROOT = { path: { type: 'PathPrefix', value: '/' } };
const USERS = { name: 'X-Canary-User', value: 'true', type: 'Exact' };

const ours = (world: MemoryWorld) => ourRulesOf(world.route('store'));

describe('a cohort that would not do what it is for blocks the release before anything is written', () => {
  const block = async (
    rules: readonly RouteRule[],
    change: Partial<SpecInput> = {},
    prepare: (world: MemoryWorld) => void = () => undefined,
  ) => {
    const world = buildStore();
    prepare(world);
    editRules(world, 'helm', () => rules);
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES, ...change }));
    await world.run(20_000);
    expect(world.status('web')?.phase).toBe('Blocked');
    expect(world.route('store').metadata.annotations).not.toHaveProperty(['glidepath.dev/release']);
    return world;
  };
  const named = { ...buildRule({ v1: 1, v2: 0 }, 'api'), matches: [ROOT] };
  const policy = (sectionName: string | undefined) => (world: MemoryWorld) =>
    void world.api.create(
      {
        apiVersion: 'gateway.envoyproxy.io/v1alpha1',
        kind: 'SecurityPolicy',
        metadata: { name: 'jwt', namespace: NAMESPACE },
        spec: {
          targetRefs: [
            { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'store', ...(sectionName === undefined ? {} : { sectionName }) },
          ],
        },
      },
      'helm',
    );

  test('where a policy holds for the rule alone', async () => {
    const world = await block([named], {}, policy('api'));
    expect(world.status('web')?.message).toContain('rule api: SecurityPolicy jwt holds for this rule alone');
    world.api.delete({ kind: 'SecurityPolicy', namespace: NAMESPACE, name: 'jwt' }, 'helm');
    await untilState(world, 'stage.analyzing', 120_000);
    expect(ours(world)).toHaveLength(1);
  });

  test('a policy that holds for the whole route is no obstacle', async () => {
    const world = buildStore();
    policy(undefined)(world);
    editRules(world, 'helm', () => [named]);
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES }));
    await untilState(world, 'stage.analyzing');
  });

  test('where policies cannot be read', async () => {
    const world = await block([named], {}, (it) => {
      const error = new GlidepathError('GLIDEPATH_E_FORBIDDEN', 'may not list');
      it.faults = ({ verb, target }) =>
        verb === 'readPolicies' && target.endsWith('SecurityPolicy') ? { when: 'instead', error } : undefined;
    });
    expect(world.status('web')?.message).toContain('kubectl apply --server-side -k config/cohort');
  });

  test('where a rule of the user takes its requests already', async () => {
    const flag = { ...buildRule({ v2: 1 }, 'flag'), matches: [{ ...ROOT, headers: [USERS] }] };
    const world = await block([flag, named]);
    expect(world.status('web')?.message).toContain('rule flag of HTTPRoute store takes requests with X-Canary-User: true already');
  });

  test('a policy that comes in mid-release lifts it at once', async () => {
    const world = buildStore();
    editRules(world, 'helm', () => [named]);
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES }));
    await world.until('10%', () => shareOf(world) === 10);
    policy('api')(world);
    await world.until('lifted', () => ours(world).length === 0, 90_000);
    expect(world.status('web')?.message).toContain('CohortNotPossible');
    expect(shareOf(world)).toBe(10);
    // An operator that starts knows no policies for a moment, and that is no reason to send the cohort again.
    let count = 0;
    world.api.onChange(({ kind }) => {
      if (kind === 'HTTPRoute') count = Math.max(count, ours(world).length);
    });
    for (const { kill } of world.operators) kill();
    world.startOperator();
    await world.run(180_000);
    expect([count, world.status('web')?.phase]).toEqual([0, 'Blocked']);
    world.api.delete({ kind: 'SecurityPolicy', namespace: NAMESPACE, name: 'jwt' }, 'helm');
    await world.until('again', () => ours(world).length === 1, 900_000);
  });

  test('a policy that was applied right before the release is seen, although another release has just read them', async () => {
    const world = buildStore();
    world.setService('w1', {});
    world.setService('w2', {});
    world.createRoute('beside', [{ ...buildRule({ w1: 1, w2: 0 }, 'beside'), matches: [{ path: { type: 'Exact', value: '/beside' } }] }]);
    editRules(world, 'helm', () => [named]);
    await world.run(2_000);
    world.createRelease('beside', specWith({ services: [{ name: 'w1' }, { name: 'w2' }], stages: STAGES }));
    await world.until('the other one', () => ourRulesOf(world.route('beside')).length === 1, 10_000);
    policy('api')(world);
    world.createRelease('web', specWith({ stages: STAGES }));
    await world.run(10_000);
    expect(world.status('web')?.message).toContain('CohortNotPossible');
    expect(world.route('store').metadata.annotations).not.toHaveProperty(['glidepath.dev/release']);
  });

  test('where a policy holds for the rule alone by its place, which it has without a name', async () => {
    const world = await block(
      [{ ...buildRule({ v1: 1, v2: 0 }), matches: [ROOT] }],
      {},
      (it) =>
        void it.api.create(
          {
            apiVersion: 'kuadrant.io/v1',
            kind: 'AuthPolicy',
            metadata: { name: 'login', namespace: NAMESPACE },
            spec: { targetRef: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'store', sectionName: 'rule-1' } },
          },
          'helm',
        ),
    );
    expect(world.status('web')?.message).toContain('rule rules[0]: AuthPolicy login holds for this rule alone');
  });

  test('where the route has no room for another rule', async () => {
    const others = Array.from({ length: 15 }, (_one, index) => ({
      ...buildRule({ other: 1 }),
      matches: [{ path: { type: 'Exact', value: `/${index}` } }],
    }));
    const world = await block([named, ...others]);
    expect(world.status('web')?.message).toContain('a route has at most 16 rules, and the cohort needs 1 beside the 16 that are there');
  });

  test('where its rule would have more matches than a rule may have', async () => {
    const matches = Array.from({ length: 64 }, (_one, index) => ({ path: { type: 'Exact', value: `/${index}` } }));
    const world = await block([{ ...named, matches }], { stages: [{ weight: 0, cohort: { methods: ['GET', 'POST'] } }, { weight: 10 }] });
    expect(world.status('web')?.message).toContain('the cohort needs 128 matches, and a rule has at most 64');
  });

  test('where the route would have more matches than a route may have', async () => {
    const rules = ['/a', '/b'].map((prefix, index) => ({
      ...buildRule({ v1: 1, v2: 0 }, `rule${index}`),
      matches: Array.from({ length: 40 }, (_one, match) => ({ path: { type: 'Exact', value: `${prefix}${match}` } })),
    }));
    const world = await block(rules);
    expect(world.status('web')?.message).toContain('with the cohort the route would have 160 matches, and it has room for 128');
  });

  test('where a regular expression decides which path wins', async () => {
    const world = await block([{ ...named, matches: [{ path: { type: 'RegularExpression', value: '/v[12]/.*' } }] }]);
    expect(world.status('web')?.message).toContain('a regular expression (the path /v[12]/.*)');
  });

  test('where a rule has the name of its own and no release added it: it stays as it is', async () => {
    const leftover = { ...buildRule({ v2: 1 }, 'glidepath-cohort-1'), matches: [{ ...ROOT, headers: [{ ...USERS, value: 'old' }] }] };
    const world = await block([named, leftover]);
    expect(world.status('web')?.message).toContain('rule glidepath-cohort-1: it has a name that the operator gives its own rules');
    await world.run(60_000);
    expect(world.route('store').spec.rules?.[1]).toEqual(leftover);
  });
});
