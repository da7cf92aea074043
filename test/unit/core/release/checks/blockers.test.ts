import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, SpecInput } from '../../../../../src/api/release.ts';
import type { Route } from '../../../../../src/api/routes.ts';
import { findBlocker } from '../../../../../src/core/release/checks/blockers.ts';
import type { Known } from '../../../../../src/core/release/facts/known.ts';
import { scanRoutes } from '../../../../../src/core/release/facts/route-facts.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import type { Observation } from '../../../../../src/core/release/observation.ts';
import { standRoutes } from '../../../../../src/core/routing/standing.ts';
import {
  aBackend,
  after,
  anAnswer,
  anObservation,
  aRecordedRoute,
  aRecordedRule,
  aRef,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aStatus,
  marked,
  SIDES,
} from '../../../../fixtures/builders.ts';

interface Scene {
  readonly spec?: Partial<SpecInput>;
  readonly observation?: Partial<Observation>;
  readonly routes?: readonly Route[];
}

interface Change extends Partial<Known> {
  readonly status?: CanaryReleaseStatus;
}

/** Before the first release, with everything ready for it. */
function before({ spec = {}, observation = {}, routes = [aRoute()] }: Scene = {}, { status, ...change }: Change = {}) {
  const present = status ?? { observedGeneration: 1 };
  const state: StateName = change.state ?? 'idle';
  const whole = aSpec(spec);
  const known = gatherFacts(whole, present, state, anObservation({ routes, ...observation }), after(0));
  const sides = 'sides' in change ? change.sides : SIDES;
  const scans = scanRoutes(known, present, state, sides);
  return findBlocker({ ...known, standings: [], rejection: undefined, ...change, sides, scans }, present);
}

/** In the middle of a release. */
function during(scene: Scene = {}, status: CanaryReleaseStatus = aStatus(), change: Change = {}) {
  const standings = standRoutes(status.release?.routes ?? [], scene.routes ?? [aRoute()], SIDES);
  return before(scene, { status, state: 'stage.analyzing', standings, ...change });
}

const withRules = (...rules: Parameters<typeof aRule>[0][]) => ({ routes: [aRoute({ rules: rules.map((weights) => aRule(weights)) })] });
const refusal = {
  parents: [
    anAnswer(1, { conditions: [{ type: 'Accepted', status: 'False', reason: 'NotAllowed', message: 'no', observedGeneration: 1 }] }),
  ],
};

describe('nothing stands in the way', () => {
  test('nothing stands in the way of a release for which everything is ready, nor of one that runs well', () => {
    expect(before()).toBeUndefined();
    expect(during()).toBeUndefined();
  });
});

describe('at any time a release is blocked', () => {
  const always: readonly (readonly [reason: string, scene: Scene, words: string])[] = [
    ['OldSchema', { observation: { oldSchema: true } }, 'apply the CRD'],
    ['MirrorNotPossible', { spec: { stages: [{ weight: 0, mirror: { percent: 10 } }, { weight: 5 }] } }, 'spec.stages[].mirror'],
    [
      'AnotherRelease',
      { observation: { driver: { kind: 'other', name: 'blue', shared: { kind: 'HTTPRoute', name: 'store' } } } },
      'HTTPRoute store is driven by canaryrelease/blue',
    ],
    ['GatewayApiMissing', { observation: { servedKinds: [] } }, 'any kind of gateway.networking.k8s.io'],
    ['GatewayApiMissing', { spec: { routeRefs: [{ kind: 'TLSRoute', name: 'store' }] } }, 'does not serve TLSRoute'],
    [
      'ServiceNotFound',
      { observation: { backends: { v1: aBackend('v1'), v2: aBackend('v2', { exists: false }) } } },
      'Service v2 is not there',
    ],
    [
      'PrometheusNotAllowed',
      { observation: { metrics: { kind: 'refused', reason: 'PrometheusNotAllowed', message: 'not on the list' } } },
      'not on the list',
    ],
    [
      'InvalidSpec',
      {
        spec: {
          analysis: {
            comparison: { mode: 'Observe' },
            checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Observe' }],
          },
        },
      },
      'neither the comparison nor a check may act',
    ],
  ];

  test.each(always)('a release is blocked at any time by %s', (reason, scene, words) => {
    for (const blocker of [before(scene), during(scene)]) {
      expect(blocker?.reason).toBe(reason);
      expect(blocker?.message).toContain(words);
    }
  });

  test('a release is not blocked by a judge that is not asked', () => {
    expect(
      before({
        spec: { analysis: { mode: 'Off' } },
        observation: { metrics: { kind: 'refused', reason: 'InvalidSpec', message: 'none' } },
      }),
    ).toBeUndefined();
  });
});

describe('before its first write a release is blocked', () => {
  const cases: readonly (readonly [what: string, reason: string, scene: Scene, words: string])[] = [
    ['a listed route that is not there', 'RouteNotFound', { spec: { routeRefs: [{ name: 'other' }] } }, 'HTTPRoute other is not there'],
    ['routes that name neither Service', 'BackendNotRouted', withRules({ third: 1 }), 'no route of this namespace names Service v1 or v2'],
    ['no routes', 'BackendNotRouted', { routes: [] }, 'no route of this namespace'],
    [
      'a listed route that names neither',
      'BackendNotRouted',
      { ...withRules({ third: 1 }), spec: { routeRefs: [{ name: 'store' }] } },
      'no route of spec.routeRefs names Service v1 or v2',
    ],
    [
      'a listed rule that is not there',
      'RuleNotFound',
      { spec: { routeRefs: [{ name: 'store', rules: ['api'] }] } },
      'has no rule named api',
    ],
    ['a rule without the canary', 'BackendNotRouted', withRules({ v1: 1, v2: 0 }, { v1: 1 }), 'rule rules[1] names Service v1 but not v2'],
    ['routes that name the canary alone', 'BackendNotRouted', withRules({ v2: 1 }), 'no rule names both Service v1 and Service v2'],
    [
      'a Service named twice',
      'BackendNotRouted',
      { routes: [aRoute({ rules: [{ backendRefs: [{ name: 'v1' }, { name: 'v2', weight: 0 }, { name: 'v1' }] }] })] },
      'names Service v1 twice',
    ],
    [
      'a Service that is named by other ports only',
      'BackendNotRouted',
      {
        spec: {
          services: [
            { name: 'v1', port: 9090 },
            { name: 'v2', port: 9090 },
          ],
        },
      },
      'names Service v1 with port 9090 or v2 with port 9090 in its backendRefs; HTTPRoute store names v1 with port 80: correct spec.services[].port, or the route',
    ],
    ['more rules than can be recorded', 'TooManyRules', withRules(...Array.from({ length: 65 }, () => ({ v1: 1, v2: 0 }))), '65 rules'],
    ['a canary that has traffic', 'CanaryAlreadyHasTraffic', withRules({ v1: 9, v2: 1 }), 'already gives Service v2 weight 1'],
    [
      'nothing to share',
      'BackendNotRouted',
      withRules({ v1: 1, v2: 0 }, { v1: 0, v2: 0, third: 1 }),
      'rule rules[1] gives Service v1 weight 0',
    ],
    ['weights that cannot be split', 'WeightsTooLarge', withRules({ v1: 999_999, v2: 0 }), 'cannot be split'],
    ['a gateway that refuses the route', 'RouteNotAccepted', { routes: [aRoute(refusal)] }, 'NotAllowed'],
    [
      'a write that is forbidden',
      'Forbidden',
      { observation: { writeProblems: [{ route: 'HTTPRoute store', kind: 'forbidden', message: 'no' }] } },
      'grant',
    ],
  ];

  test.each(cases)('a release is blocked before its first write by %s', (_what, reason, scene, words) => {
    const blocker = before(scene);
    expect(blocker?.reason).toBe(reason);
    expect(blocker?.message).toContain(words);
  });

  test('a release is blocked before its first write by roles that cannot be found', () => {
    expect(before(withRules({ v1: 1, v2: 1 }), { sides: undefined })).toEqual({
      reason: 'CanaryAlreadyHasTraffic',
      message: `v1 and v2 have equal weights, so neither of them is the one that serves; give the new one weight 0; if that is v2: kubectl patch httproute store -n shop --type json -p '[{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":0}]'`,
    });
  });

  test('a release is not blocked before its first write by what only matters later', () => {
    expect(
      before({}, { rejection: { kind: 'rejected', about: 'route', controller: 'c', reason: 'NotAllowed', message: 'no' } }),
    ).toBeUndefined();
  });

  test('a release is blocked before its first write also when the last one has ended: what it recorded is over', () => {
    expect(before(withRules({ v1: 9, v2: 1 }), { status: aStatus(), state: 'rolledBack' })?.reason).toBe('CanaryAlreadyHasTraffic');
  });
});

describe('in mid-release', () => {
  test('the weights of the release itself are no trouble', () => {
    expect(during(withRules({ v1: 7_500, v2: 2_500 }))).toBeUndefined();
  });

  test('a refused write blocks, a failed one is only tried again', () => {
    const problem = (kind: 'forbidden' | 'invalid' | 'error') =>
      during({ observation: { writeProblems: [{ route: 'HTTPRoute store', kind, message: 'no' }] } })?.reason;
    expect([problem('forbidden'), problem('invalid'), problem('error')]).toEqual(['Forbidden', 'RouteRefused', undefined]);
  });

  test('a rule that names one of the two by another port blocks before the first write, and later does not', () => {
    const moved = aRoute({ rules: [{ backendRefs: [aRef('v1', 1), aRef('v2', 0, { port: 9090 })] }] });
    const sides = { ...SIDES, servingPort: 80, canaryPort: 80 };
    expect(before({ routes: [moved] }, { sides })?.message).toBe(
      'HTTPRoute store, rule rules[0] names Service v2 with port 9090 and not 80; correct spec.services[].port, or the rule',
    );
    const standings = standRoutes([aRecordedRoute()], [moved], sides);
    expect(during({ routes: [moved] }, aStatus(), { sides, standings })).toBeUndefined();
  });

  test('weight that came to the canary before the claim blocks, and after it does not', () => {
    const preparing = (status: CanaryReleaseStatus, routes: readonly Route[]) => during({ routes }, status, { state: 'preparing' })?.reason;
    const given = aRoute({ rules: [aRule({ v1: 7, v2: 3 })] });
    expect(preparing(aStatus(), [given])).toBe('CanaryAlreadyHasTraffic');
    expect(preparing(aStatus(), [aRoute({ rules: [aRule({ v1: 0, v2: 0 })] })])).toBe('BackendNotRouted');
    expect(preparing(aStatus(), [aRoute()])).toBeUndefined();
    expect(preparing(aStatus(), [{ ...given, metadata: { ...given.metadata, ...marked() } }])).toBeUndefined();
  });

  test('a write that only fails is tried for ten seconds', () => {
    const failing = (sinceMs: number) =>
      during({ observation: { writeProblems: [{ route: 'HTTPRoute store', kind: 'error', message: '503', sinceMs }] } });
    expect(failing(after(-9))).toBeUndefined();
    expect(failing(after(-10))).toMatchObject({ reason: 'RouteWriteFailed', message: expect.stringContaining('HTTPRoute store') });
  });

  test('a recorded route that went away blocks, and so does a rule that lost a Service', () => {
    expect(during({ routes: [] })?.reason).toBe('RouteNotFound');
    const blocker = during(withRules({ v1: 1 }));
    expect(blocker?.reason).toBe('BackendNotRouted');
    expect(blocker?.message).toBe('HTTPRoute store, rule rules[0] no longer names Service v2; put it back, or abort the release');
    expect(during(withRules({ v2: 1 }))?.message).toContain('rule rules[0] no longer names Service v1;');
    expect(during(withRules({ other: 1 }))?.message).toContain('HTTPRoute store has lost rule rules[0], which the release shifts');
  });

  test('a rule that was removed does not block as long as another one of its route is left', () => {
    const status = aStatus({
      release: aReleaseStatus({
        routes: [aRecordedRoute({ rules: [aRecordedRule(), aRecordedRule({ key: 'api', index: 1, serving: 7 })] })],
      }),
    });
    const routes = [aRoute({ rules: [aRule({ v1: 7, v2: 0 }, { name: 'api' })] })];
    expect(during({ routes }, status)).toBeUndefined();
    expect(during({ routes: [aRoute({ rules: [aRule({ other: 1 })] })] }, status)?.message).toContain(
      'HTTPRoute store has lost all 2 rules that the release shifts',
    );
  });

  test('a gateway that refuses the route now blocks', () => {
    expect(
      during({}, aStatus(), { rejection: { kind: 'rejected', about: 'route', controller: 'c', reason: 'NotAllowed', message: 'no' } }),
    ).toEqual({
      reason: 'RouteNotAccepted',
      message: 'no',
    });
  });

  test.each([
    ['argocd-application-controller', 'RespectIgnoreDifferences=true'],
    ['kustomize-controller', 'kustomize.toolkit.fluxcd.io/reconcile: disabled'],
    ['helm-controller', 'helm.toolkit.fluxcd.io/driftDetection: disabled'],
    ['kubectl-edit', 'let nothing but Glidepath write'],
  ])('a fight with %s blocks and names the setting that ends it', (contestedBy, words) => {
    const blocker = during({}, aStatus({ release: aReleaseStatus({ contestedBy }) }));
    expect(blocker?.reason).toBe('RouteContested');
    expect(blocker?.message).toContain(words);
  });
});
