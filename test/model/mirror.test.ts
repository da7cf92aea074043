// A mirror through the whole operator: copies go to the canary in their own stage alone, serving answers all requests, and nothing of the
// rule is left at any end.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { ourRulesOf } from '../fakes/memory/our-rules.ts';
import { type MemoryWorld, NAMESPACE } from '../fakes/memory/world.ts';
import { buildStore, editRules, reasonsOf, shareOf, specWith, startStory, untilState, watchWrites } from '../fixtures/story.ts';

const MIRROR = { percent: 100 };
const STAGES: SpecInput['stages'] = [
  { name: 'copies', weight: 0, mirror: MIRROR, duration: '1m' },
  { weight: 10, duration: '10m' },
];
const ROOT = { path: { type: 'PathPrefix', value: '/' } };
const ref = (name: string) => ({ group: '', kind: 'Service', name, port: 80 });
const mirrorTo = (name: string, percent?: number) => ({
  type: 'RequestMirror',
  requestMirror: { backendRef: ref(name), ...(percent === undefined ? {} : { percent }) },
});
const RULE = {
  name: 'glidepath-mirror-1',
  matches: [
    { ...ROOT, method: 'GET' },
    { ...ROOT, method: 'HEAD' },
  ],
  filters: [mirrorTo('v2')],
  backendRefs: [{ ...ref('v1'), weight: 1 }],
};

const ours = (world: MemoryWorld) => ourRulesOf(world.route('store'));

describe('a mirror sends copies to the canary', () => {
  test('a mirror sends copies by a rule that serving answers, and the weight stays 0', async () => {
    const world = await startStory({ stages: STAGES });
    expect([shareOf(world), ours(world)]).toEqual([0, [RULE]]);
    expect(world.status('web')?.message).toContain(
      'stage 1/2 (copies) at 0% (copies of 100% of the GET and HEAD requests go to the canary)',
    );
    await world.run(30_000);
    expect(world.traffic.countsOf('v2').requests).toBeGreaterThan(100);
    expect(ours(world)).toEqual([RULE]);
  });

  test('a mirror sends copies in its own stage alone: the write that gives the first weight removes its rule', async () => {
    const world = await startStory({ stages: STAGES });
    const writes = watchWrites(world);
    await world.until('10%', () => shareOf(world) === 10);
    expect(writes).toEqual([{ share: 10, rules: 0 }]);
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
    expect(reasonsOf(world)).not.toContain('TrafficSplitMismatch');
  });

  test('a mirror is stored in a state that operators of before mirrors do not read, because they would send the requests themselves', async () => {
    const world = await startStory({ stages: STAGES });
    expect(world.status('web')).toMatchObject({ stateVersion: 2, release: { cohort: { mirrorPercent: 100 } } });
    await world.until('10%', () => shareOf(world) === 10);
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')).toMatchObject({ stateVersion: 1 });
  });

  test('a mirror of POST requests is what somebody has asked for', async () => {
    const world = await startStory({
      stages: [{ weight: 0, mirror: { percent: 100, methods: ['POST'] }, duration: '1m' }, { weight: 10 }],
    });
    expect(ours(world)[0]?.matches).toEqual([{ ...ROOT, method: 'POST' }]);
  });

  test('a mirror keeps filters and foreign backends of the rule, in the shares that they had', async () => {
    const world = buildStore();
    const filters = [{ type: 'RequestHeaderModifier' }];
    editRules(world, 'helm', () => [{ ...buildRule({ v1: 3, v2: 0, other: 1 }), filters }]);
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES }));
    await untilState(world, 'stage.analyzing');
    const backendRefs = [
      { ...ref('v1'), weight: 3 },
      { ...ref('other'), weight: 1 },
    ];
    expect(ours(world)).toEqual([{ ...RULE, filters: [...filters, mirrorTo('v2')], backendRefs }]);
    await world.run(30_000);
    expect(ours(world)).toHaveLength(1);
  });
});

describe('a mirror is judged', () => {
  test('a mirror that shows errors ends the release, and no user has seen one', async () => {
    const world = await startStory({ stages: STAGES });
    const writes = watchWrites(world);
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 120_000);
    expect(world.status('web')?.release?.reason).toBe('ErrorRatio');
    expect(writes[0]).toEqual({ share: 0, rules: 0 });
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    expect(world.traffic.countsOf('v1').errors).toBe(0);
  });

  test('a mirror is not compared: requests of other methods are counted with those of serving', async () => {
    const world = await startStory({ stages: STAGES, analysis: { comparison: { mode: 'Enforce' } } });
    await world.run(30_000);
    const compared = world.status('web')?.checks?.find(({ name }) => name === 'comparison');
    expect(compared).toMatchObject({ verdict: 'Inconclusive', message: expect.stringContaining('not compared') as string });
  });

  test('a mirror without a check that may act is refused', async () => {
    const world = buildStore();
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES, analysis: { checks: [], comparison: { mode: 'Enforce' } } }));
    await world.run(10_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Blocked',
      message: expect.stringContaining('copies are not compared with the requests of serving, and no check may act') as string,
    });
  });
});

describe('the rule of a mirror goes', () => {
  test.each([
    ['at an abort', (world: MemoryWorld) => world.abort('web')],
    ['with an empty canary', (world: MemoryWorld) => world.setService('v2', { ready: 0 })],
  ])('the rule of a mirror goes %s', async (_when, act) => {
    const world = await startStory({ stages: STAGES });
    const writes = watchWrites(world);
    act(world);
    await world.until('gone', () => ours(world).length === 0, 60_000);
    expect(writes[0]).toEqual({ share: 0, rules: 0 });
  });

  test('the rule of a mirror goes at once where somebody changes it, and comes again with the next Pass', async () => {
    const world = await startStory({ stages: STAGES });
    editRules(world, 'somebody', (rules) => rules.map((rule) => (rule.name === RULE.name ? { ...rule, backendRefs: [] } : rule)));
    await world.until('gone', () => ours(world).length === 0, 5_000);
    await world.until('again', () => ours(world).length === 1, 120_000);
    expect(ours(world)).toEqual([RULE]);
  });

  test('the rule of a mirror is known without its name, where the API server keeps none', async () => {
    const world = buildStore();
    world.api.dropsRuleNames = true;
    await world.run(2_000);
    world.createRelease('web', specWith({ stages: STAGES }));
    const unnamed = () => (world.route('store').spec.rules ?? []).filter(({ filters = [] }) => filters.length > 0);
    await world.until('the mirror', () => unnamed().length === 1, 60_000);
    await world.until('10%', () => shareOf(world) === 10);
    expect(unnamed()).toEqual([]);
  });
});

describe('a mirror is refused before anything is written', () => {
  const block = async (stages: SpecInput['stages'], prepare: (world: MemoryWorld) => void = () => undefined) => {
    const world = buildStore();
    prepare(world);
    await world.run(2_000);
    world.createRelease('web', specWith({ stages }));
    await world.run(20_000);
    expect(world.route('store').metadata.annotations).not.toHaveProperty(['glidepath.dev/release']);
    return world.status('web');
  };
  const refused = (message: string) => ({ phase: 'Blocked', message: expect.stringContaining(message) as string });

  test('a mirror of a part is refused where the gateway copies every request', async () => {
    const status = await block([{ weight: 0, mirror: { percent: 10 }, duration: '1m' }, { weight: 10 }]);
    expect(status).toMatchObject(refused('copy every request, whatever the percentage says'));
    expect(status?.message).toContain('MirrorNotPossible');
  });

  test('a mirror is refused where the gateway answers by errors', async () => {
    const status = await block(STAGES, (world) => {
      world.gateway.controllerName = 'traefik.io/gateway-controller';
    });
    expect(status).toMatchObject(refused('Traefik answers every request of a rule with a mirror by a 500'));
  });

  test.each([
    ['a mirror is refused where the gateway is not known and its class says nothing', [], 'remove the mirror'],
    [
      'a mirror is refused where the class of the gateway does not list it',
      ['HTTPRouteMethodMatching'],
      'does not list HTTPRouteRequestMirror',
    ],
    ['a mirror of a part is refused where the class lists whole mirrors alone', ['HTTPRouteRequestMirror'], 'copy every request'],
  ])('%s', async (_title, supported, message) => {
    const status = await block([{ weight: 0, mirror: { percent: 10 }, duration: '1m' }, { weight: 10 }], (world) => {
      world.gateway.controllerName = 'example.com/gateway';
      world.api.create(
        {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'GatewayClass',
          metadata: { name: 'example', namespace: '' },
          spec: { controllerName: 'example.com/gateway' },
          status: { supportedFeatures: supported.map((name) => ({ name })) },
        } as never,
        'helm',
      );
    });
    expect(status).toMatchObject(refused(message));
  });

  test('a mirror is refused where the rule has one already', async () => {
    const status = await block(STAGES, (world) =>
      editRules(world, 'helm', () => [{ ...buildRule({ v1: 1, v2: 0 }, 'api'), matches: [ROOT], filters: [mirrorTo('v3')] }]),
    );
    expect(status).toMatchObject(refused('rule api: it has a mirror already'));
  });

  test('a mirror is refused where it would take requests from another rule', async () => {
    const users = { name: 'X-Beta', value: 'true', type: 'Exact' };
    const status = await block(STAGES, (world) =>
      editRules(world, 'helm', () => [
        { ...buildRule({ v1: 1, v2: 0 }, 'api'), matches: [ROOT] },
        { ...buildRule({ other: 1 }, 'beta'), matches: [{ ...ROOT, headers: [users] }] },
      ]),
    );
    expect(status).toMatchObject(refused('the mirror would take requests from rule beta of HTTPRoute store'));
  });

  test('a mirror is refused under a policy that holds for the rule alone', async () => {
    const status = await block(STAGES, (world) => {
      editRules(world, 'helm', () => [{ ...buildRule({ v1: 1, v2: 0 }, 'api'), matches: [ROOT] }]);
      world.api.create(
        {
          apiVersion: 'gateway.envoyproxy.io/v1alpha1',
          kind: 'SecurityPolicy',
          metadata: { name: 'jwt', namespace: NAMESPACE },
          spec: { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'store', sectionName: 'api' }] },
        },
        'helm',
      );
    });
    expect(status).toMatchObject(refused('requests of the mirror would escape it'));
  });
});
