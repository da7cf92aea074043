import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecordedRule } from '../../../../src/api/release.ts';
import type { Route, RouteBackendRef, RouteRule } from '../../../../src/api/routes.ts';
import { compareShare, observedShare } from '../../../../src/core/routing/canary-share.ts';
import {
  hasLeft,
  isOffScale,
  lastForeignManager,
  letGo,
  type RouteStanding,
  type RuleStanding,
  standLeft,
  standRoutes,
  type WantedWeights,
  weightsFor,
} from '../../../../src/core/routing/standing.ts';
import { MAX_BACKEND_WEIGHT, pickFactor } from '../../../../src/core/routing/weights.ts';
import { aRecordedRoute, aRecordedRule, aRef, aRoute, aRule, MARK, marked, SIDES } from '../../../fixtures/builders.ts';

/** The only standing of a route. */
function stand(route: Route, recorded: readonly RecordedRule[] = [aRecordedRule()]): RouteStanding {
  const [standing] = standRoutes([aRecordedRoute({ rules: recorded })], [route], SIDES);
  if (standing === undefined) throw new Error('the route was not found');
  return standing;
}

const TESTERS = [{ headers: [{ name: 'x-tester', value: 'yes' }] }];

/** The only rule of a route with these weights. */
function standWeights(weights: Readonly<Record<string, number>>, recorded: Partial<RecordedRule> = {}) {
  const [rule] = stand(aRoute({ rules: [aRule(weights)] }), [aRecordedRule(recorded)]).rules;
  if (rule === undefined) throw new Error('the rule was not found');
  return rule;
}

/** The rule as the release drives it now. */
function nowOf(rule: RuleStanding | undefined) {
  return rule?.kind === 'found' ? rule.now : undefined;
}

const share = (percent: number): WantedWeights => ({ kind: 'share', percent });

/** Writes what is wanted into every rule that is found, as the route writer would. */
function write(route: Route, recorded: readonly RecordedRule[], wanted: WantedWeights): Route {
  const rules = (route.spec.rules ?? []).map((rule) => ({ ...rule, backendRefs: [...(rule.backendRefs ?? [])] }));
  for (const rule of stand(route, recorded).rules) {
    if (rule.kind !== 'found') continue;
    const weights = weightsFor(rule, wanted);
    const set = (index: number, weight: number | undefined) => {
      const refs = rules[rule.now.index]?.backendRefs;
      const ref = refs?.[index];
      if (refs !== undefined && ref !== undefined && weight !== undefined) refs[index] = { ...ref, weight };
    };
    set(rule.now.serving.index, weights.serving);
    set(rule.now.canary.index, weights.canary);
    for (const [index, ref] of rule.now.others.entries()) set(ref.index, weights.others[index]);
  }
  return { ...route, spec: { ...route.spec, rules } };
}

function editRef(route: Route, index: number, change: Partial<RouteBackendRef>): Route {
  const rules: readonly RouteRule[] = (route.spec.rules ?? []).map((rule) => ({
    ...rule,
    backendRefs: (rule.backendRefs ?? []).map((ref, at) => (at === index ? { ...ref, ...change } : ref)),
  }));
  return { ...route, spec: { ...route.spec, rules } };
}

const weightsOf = (route: Route) => (route.spec.rules?.[0]?.backendRefs ?? []).map(({ weight }) => weight);

describe('the standing of routes', () => {
  test('pairs every recorded route with the one of its kind and name, and with its mark', () => {
    const grpc = aRoute({ kind: 'GRPCRoute', metadata: marked() });
    const [first, second] = standRoutes([aRecordedRoute(), aRecordedRoute({ kind: 'GRPCRoute' })], [grpc, aRoute()], SIDES);
    expect([first?.mark, second?.mark]).toEqual([undefined, MARK]);
    expect(nowOf(first?.rules[0])?.key).toBe('rules[0]');
  });

  test('the standing of routes keeps a route that is gone, with its rules', () => {
    const [gone] = standRoutes([aRecordedRoute()], [], SIDES);
    expect(gone).toEqual({
      recorded: aRecordedRoute(),
      mark: undefined,
      rules: [{ kind: 'removed', recorded: aRecordedRule(), original: { serving: 1, canary: 0, others: [] } }],
      foreign: [],
      ours: [],
    });
  });

  test('the standing of routes knows the original weights from the record, not from the route', () => {
    const recorded = aRecordedRule({ serving: 3, factor: 100, others: [{ name: 'third', weight: 2 }] });
    const [rule] = stand(aRoute({ rules: [aRule({ v1: 225, v2: 75, third: 200 })] }), [recorded]).rules;
    expect(rule?.original).toEqual({ serving: 3, canary: 0, others: [2] });
    const { canary: _canary, ...older } = recorded;
    expect(stand(aRoute(), [older]).rules[0]?.original.canary).toBe(0);
  });
});

describe('a recorded rule', () => {
  const keysOf = (route: Route, ...recorded: readonly string[]) =>
    stand(
      route,
      recorded.map((key, index) => aRecordedRule({ key, index })),
    ).rules.map((rule) => nowOf(rule)?.index);
  const ours = (name?: string) => aRule({ v1: 1, v2: 0 }, name === undefined ? {} : { name });
  const other = aRule({ web: 1 });

  test('a recorded rule is found by its name wherever it moved', () => {
    expect(keysOf(aRoute({ rules: [other, ours('b'), ours('a')] }), 'a', 'b')).toEqual([2, 1]);
  });

  test('a recorded rule without a name is found again when a rule was inserted before it', () => {
    expect(keysOf(aRoute({ rules: [other, ours()] }), 'rules[0]')).toEqual([1]);
  });

  test('a recorded rule without a name is found in its order when there are several: none keeps its share when the release goes home', () => {
    expect(keysOf(aRoute({ rules: [other, ours(), ours()] }), 'rules[0]', 'rules[1]')).toEqual([1, 2]);
    expect(keysOf(aRoute({ rules: [ours('a'), other, ours(), ours()] }), 'a', 'rules[1]', 'rules[2]')).toEqual([0, 2, 3]);
  });

  test('a recorded rule stays at its key when rules of ours came or went', () => {
    expect(keysOf(aRoute({ rules: [ours(), ours(), ours()] }), 'rules[0]', 'rules[1]')).toEqual([0, 1]);
    expect(keysOf(aRoute({ rules: [ours()] }), 'rules[0]', 'rules[1]')).toEqual([0, undefined]);
  });

  test('a recorded rule that was renamed is the one that takes the same requests', () => {
    expect(keysOf(aRoute({ rules: [ours('new')] }), 'old')).toEqual([0]);
    expect(keysOf(aRoute({ rules: [aRule({ v1: 1, v2: 0 }, { name: 'newer', matches: TESTERS }), ours('new')] }), 'old')).toEqual([1]);
  });

  test('a recorded rule that went away is never another recorded one, which would be written twice', () => {
    expect(keysOf(aRoute({ rules: [ours('b')] }), 'a', 'b')).toEqual([undefined, 0]);
    expect(keysOf(aRoute({ rules: [other] }), 'a')).toEqual([undefined]);
  });
});

describe('rule 3: wanted weights', () => {
  test('wanted weights are a share, what was there, or the roles swapped', () => {
    const rule = standWeights({ v1: 100, v2: 0, third: 300 }, { factor: 100, others: [{ name: 'third', weight: 3 }] });
    expect(weightsFor(rule, share(25))).toEqual({ serving: 75, canary: 25, others: [300] });
    expect(weightsFor(rule, { kind: 'restored' })).toEqual({ serving: 1, canary: 0, others: [3] });
    expect(weightsFor(rule, { kind: 'promoted' })).toEqual({ serving: 0, canary: 1, others: [3] });
  });

  test('scale a foreign weight that Git put back to its original', () => {
    const rule = standWeights({ v1: 1, v2: 0, third: 3 }, { factor: 100, others: [{ name: 'third', weight: 3 }] });
    expect(weightsFor(rule, share(25)).others).toEqual([300]);
  });

  test('wanted weights leave a foreign weight that was edited on the scale of the release, and its share when it ends', () => {
    const rule = standWeights({ v1: 75, v2: 25, third: 400 }, { factor: 100, others: [{ name: 'third', weight: 3 }] });
    expect(weightsFor(rule, share(50)).others).toEqual([400]);
    expect(weightsFor(rule, { kind: 'restored' })).toEqual({ serving: 1, canary: 0, others: [4] });
  });

  test('scale a foreign weight that was edited on the scale of Git', () => {
    const rule = standWeights({ v1: 1, v2: 0, third: 5 }, { factor: 100, others: [{ name: 'third', weight: 3 }] });
    expect(weightsFor(rule, share(25)).others).toEqual([500]);
    expect(weightsFor(rule, { kind: 'restored' }).others).toEqual([5]);
  });

  test('wanted weights take a foreign backend that came later, and one beside which ours have nothing, as they are', () => {
    expect(weightsFor(standWeights({ v1: 75, v2: 25, late: 50 }, { factor: 100 }), share(50)).others).toEqual([50]);
    expect(weightsFor(standWeights({ v1: 0, v2: 0, late: 50 }, { factor: 100 }), share(50)).others).toEqual([50]);
  });

  test('wanted weights tell two foreign refs of one name apart', () => {
    const recorded = aRecordedRule({
      factor: 1_000,
      others: [
        { name: 'third', weight: 2 },
        { name: 'third', weight: 7 },
      ],
    });
    const refs = [aRef('v1', 1), aRef('v2', 0), aRef('third', 2), aRef('third', 7, { port: 81 })];
    const shifted = write(aRoute({ rules: [{ backendRefs: refs }] }), [recorded], share(10));
    expect(weightsOf(shifted)).toEqual([900, 100, 2_000, 7_000]);
    expect(weightsOf(write(shifted, [recorded], share(50)))).toEqual([500, 500, 2_000, 7_000]);
    expect(weightsOf(write(shifted, [recorded], { kind: 'restored' }))).toEqual([1, 0, 2, 7]);
  });

  const anyStory = fc.record({
    serving: fc.integer({ min: 1, max: 100 }),
    others: fc.array(fc.record({ name: fc.constantFrom('third', 'fourth'), weight: fc.integer({ min: 0, max: 40 }) }), { maxLength: 3 }),
    steps: fc.array(
      fc.record({
        percent: fc.integer({ min: 0, max: 100 }),
        edit: fc.option(fc.record({ index: fc.nat({ max: 4 }), weight: fc.integer({ min: 0, max: MAX_BACKEND_WEIGHT }) }), {
          nil: undefined,
        }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  });
  type Story = typeof anyStory extends fc.Arbitrary<infer S> ? S : never;

  /** The route and record that a story begins with. */
  function begin({ serving, others }: Story) {
    const factor = pickFactor({ serving, canary: 0, others: others.map(({ weight }) => weight) }) ?? 1;
    const refs = [aRef('v1', serving), aRef('v2', 0), ...others.map(({ name, weight }) => aRef(name, weight))];
    return { route: aRoute({ rules: [{ backendRefs: refs }] }), recorded: [aRecordedRule({ serving, factor, others })] };
  }

  test('bring back exactly what was there, after any number of shifts', () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const { route, recorded } = begin(story);
        const shifted = story.steps.reduce((at, { percent }) => write(at, recorded, share(percent)), route);
        expect(weightsOf(write(shifted, recorded, { kind: 'restored' }))).toEqual(weightsOf(route));
      }),
    );
  });

  test('wanted weights are what the API takes, whole and not all 0, whatever foreign weights were edited to meanwhile: a home write is never refused', () => {
    fc.assert(
      fc.property(anyStory, (story) => {
        const { route, recorded } = begin(story);
        let now = route;
        for (const { percent, edit } of story.steps) {
          now = write(now, recorded, share(percent));
          if (edit !== undefined) now = editRef(now, edit.index, { weight: edit.weight });
          for (const wanted of [share(0), share(100), { kind: 'restored' as const }, { kind: 'promoted' as const }]) {
            const [weights] = stand(now, recorded).rules.map((rule) => weightsFor(rule, wanted));
            const all = [weights?.serving ?? -1, weights?.canary ?? -1, ...(weights?.others ?? [])];
            expect(all.every((weight) => Number.isInteger(weight) && weight >= 0 && weight <= MAX_BACKEND_WEIGHT)).toBe(true);
            expect((weights?.serving ?? 0) + (weights?.canary ?? 0)).toBeGreaterThan(0);
          }
        }
      }),
    );
  });

  test('wanted weights stay as they are once written: a second write changes nothing', () => {
    fc.assert(
      fc.property(
        anyStory,
        fc.constantFrom<WantedWeights>(share(0), share(25), { kind: 'restored' }, { kind: 'promoted' }),
        (story, wanted) => {
          const { route, recorded } = begin(story);
          const edited = story.steps.reduce((at, { percent, edit }) => {
            const shifted = write(at, recorded, share(percent));
            // Ours are edited elsewhere; here a foreign weight is.
            return edit === undefined || edit.index < 2 ? shifted : editRef(shifted, edit.index, { weight: edit.weight % 5_000 });
          }, route);
          const once = write(edited, recorded, wanted);
          expect(weightsOf(write(once, recorded, wanted))).toEqual(weightsOf(once));
        },
      ),
    );
  });
});

describe('the share now', () => {
  test('the share now is compared with the wanted one, not by its integers', () => {
    expect(compareShare(standWeights({ v1: 7_500, v2: 2_500 }), 25)).toBe('equal');
    expect(compareShare(standWeights({ v1: 3, v2: 1 }), 25)).toBe('equal');
    expect(compareShare(standWeights({ v1: 7_499, v2: 2_501 }), 25)).toBe('above');
    expect(compareShare(standWeights({ v1: 1, v2: 0 }), 25)).toBe('below');
  });

  test('the share now of two zeros is 0, and of a rule that went away there is none', () => {
    expect(compareShare(standWeights({ v1: 0, v2: 0 }), 0)).toBe('equal');
    expect(compareShare({ kind: 'removed', recorded: aRecordedRule(), original: { serving: 1, canary: 0, others: [] } }, 25)).toBe('none');
  });

  test('the share that people see is the largest of all rules, rounded up', () => {
    const route = (v1: number, v2: number) => stand(aRoute({ rules: [aRule({ v1, v2 })] }));
    expect(observedShare([route(75, 25), route(1_000, 1)])).toBe(25);
    expect(observedShare([route(1_000, 1)])).toBe(1);
    expect(observedShare([route(0, 0), ...standRoutes([aRecordedRoute()], [], SIDES)])).toBe(0);
    expect(observedShare(standRoutes([aRecordedRoute()], [], SIDES))).toBeUndefined();
    expect(observedShare([])).toBeUndefined();
    expect(observedShare([route(0, 5)])).toBe(100);
  });
});

describe('a route that the release wrote its last to', () => {
  const leftWith = (weights: Readonly<Record<string, number>>) => hasLeft(stand(aRoute({ rules: [aRule(weights)] })));

  test('a route was left when our mark is gone', () => {
    expect(leftWith({ v1: 1, v2: 0 })).toBe(true);
    expect(hasLeft(stand(aRoute({ metadata: marked() })))).toBe(false);
  });

  test('a route that was left is its owners’ again, whatever they wrote since, a copy of what the release wrote included', () => {
    expect(leftWith({ v1: 7, v2: 0 })).toBe(true);
    expect(leftWith({ v1: 1, v2: 1 })).toBe(true);
    expect(hasLeft(stand(aRoute({ rules: [aRule({ v1: 0, v2: 1 }), aRule({ v1: 10_000, v2: 0 })] })))).toBe(true);
  });

  test('a route is left as well when it or its rules are gone', () => {
    expect(standRoutes([aRecordedRoute()], [], SIDES).every(hasLeft)).toBe(true);
    expect(hasLeft(stand(aRoute({ rules: [] })))).toBe(true);
  });

  test('a route that was left has none of the release’s rules: what it gives the canary is what others gave', () => {
    const left = standLeft(stand(aRoute({ rules: [aRule({ v1: 7, v2: 3 })] })), SIDES, []);
    expect(left.rules).toEqual([]);
    expect(left.foreign.map(({ weight, own }) => [weight, own])).toEqual([[3, false]]);
    const [gone] = standRoutes([aRecordedRoute()], [], SIDES);
    expect(gone === undefined ? undefined : standLeft(gone, SIDES, []).rules).toEqual([]);
  });
});

describe('a route while the last writes are made', () => {
  const PAIR = { ...SIDES, adds: true };
  const added = (port = 80): RouteRule => ({ backendRefs: [aRef('v1', 1), aRef('v2', 0, { port })] });
  const { canary: _canary, ...recorded } = aRecordedRule({ canaryPort: 80 });
  const isLeft = (rules: readonly RouteRule[], allMarked: boolean, metadata: Partial<Route['metadata']> = {}) => {
    const [standing] = standRoutes([aRecordedRoute({ rules: [recorded] })], [aRoute({ rules, metadata })], PAIR);
    return standing === undefined ? undefined : hasLeft(letGo(standing, PAIR, [], allMarked));
  };

  test('a route with our mark is the release’s', () => {
    expect(isLeft([added()], true, marked())).toBe(false);
  });

  test('a route without our mark is left where all had it, although a rule has our ref', () => {
    expect(isLeft([added()], true)).toBe(true);
  });

  test('a route without our mark that still has our ref is the release’s where somebody may have removed the mark', () => {
    expect(isLeft([added()], false)).toBe(false);
    expect(isLeft([aRule({ v1: 1 })], false)).toBe(true);
    expect(isLeft([added(8_443)], false)).toBe(true);
  });

  test('a rule of ours without our ref says that a copy with it is none of ours', () => {
    expect(isLeft([added(), aRule({ v1: 1 })], false)).toBe(true);
  });
});

describe('a foreign weight off the scale of ours', () => {
  const recorded = { factor: 100, others: [{ name: 'third', weight: 3 }] };

  test('a foreign weight is off the scale when it is the original one beside weights as the release writes them', () => {
    expect(isOffScale(standWeights({ v1: 100, v2: 0, third: 3 }, recorded))).toBe(true);
    expect(isOffScale(standWeights({ v1: 80, v2: 20, third: 3 }, recorded))).toBe(true);
  });

  test('a foreign weight is on the scale when it fits, when it was edited, and beside weights that somebody else wrote', () => {
    expect(isOffScale(standWeights({ v1: 80, v2: 20, third: 300 }, recorded))).toBe(false);
    expect(isOffScale(standWeights({ v1: 80, v2: 20, third: 250 }, recorded))).toBe(false);
    expect(isOffScale(standWeights({ v1: 1, v2: 0, third: 3 }, recorded))).toBe(false);
    expect(isOffScale(standWeights({ v1: 1, v2: 0, third: 3 }, { ...recorded, factor: 1 }))).toBe(false);
    expect(isOffScale(standWeights({ v1: 100, v2: 0, third: 0 }, { factor: 100, others: [{ name: 'third', weight: 0 }] }))).toBe(false);
    expect(isOffScale({ kind: 'removed', recorded: aRecordedRule(), original: { serving: 1, canary: 0, others: [] } })).toBe(false);
  });
});

describe('the last foreign manager', () => {
  const at = (manager: string, time: string, subresource?: string) => ({
    manager,
    time,
    ...(subresource === undefined ? {} : { subresource }),
  });

  test('the last foreign manager is the one with the newest entry, without ourselves and writers of status', () => {
    const managedFields = [
      at('kubectl', '2030-01-01T00:00:00Z'),
      at('argocd-controller', '2030-01-02T00:00:00Z'),
      at('glidepath', '2030-01-03T00:00:00Z'),
      at('contour', '2030-01-04T00:00:00Z', 'status'),
    ];
    expect(lastForeignManager(aRoute({ metadata: { managedFields } }), 'glidepath')).toBe('argocd-controller');
  });

  test('the last foreign manager is the later one in the list where times are equal or absent, and no one where there is none', () => {
    expect(lastForeignManager(aRoute({ metadata: { managedFields: [{ manager: 'a' }, { manager: 'b' }] } }), 'glidepath')).toBe('b');
    expect(
      lastForeignManager(aRoute({ metadata: { managedFields: [at('a', '2030-01-02T00:00:00Z'), { manager: 'b' }] } }), 'glidepath'),
    ).toBe('a');
    expect(lastForeignManager(aRoute(), 'glidepath')).toBeUndefined();
  });
});
