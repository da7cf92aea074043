import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Route } from '../../../../src/api/routes.ts';
import {
  buildClaim,
  buildForget,
  buildHome,
  buildLower,
  buildRaise,
  buildRestore,
  type JsonPatchOperation,
  type RuleChange,
} from '../../../../src/core/routing/patch.ts';
import { type ManagedRule, scanRules } from '../../../../src/core/routing/rules.ts';
import { homeWeights, pickFactor, type RuleWeights, splitWeights } from '../../../../src/core/routing/weights.ts';
import { aRef, aRoute, aRule, HOME_MARK, managedRule, MARK, marked, SIDES } from '../../../fixtures/builders.ts';

class TestFailed extends Error {}

/** RFC 6902 as far as our patches use it. @throws TestFailed where a test does not hold, RangeError where a path is not there */
function applyPatch(route: Route, operations: readonly JsonPatchOperation[]): Route {
  const copy: unknown = structuredClone(route);
  for (const operation of operations) applyOperation(copy, operation);
  return copy as Route;
}

function applyOperation(root: unknown, operation: JsonPatchOperation): void {
  const keys = operation.path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  const parent = keys.reduce((at, key) => member(at, key, operation.path), root) as Record<string, unknown>;
  if (typeof parent !== 'object' || parent === null) throw new RangeError(`${operation.path} has no parent`);
  // To the API server what is not there equals null.
  if (operation.op === 'test' && operation.value === null && !Object.hasOwn(parent, last)) return;
  if (operation.op !== 'add' && !Object.hasOwn(parent, last)) throw new RangeError(`${operation.path} is not there`);
  if (operation.op === 'remove') delete parent[last];
  else if (operation.op === 'test') {
    if (JSON.stringify(parent[last]) !== JSON.stringify(operation.value)) throw new TestFailed(operation.path);
  } else parent[last] = operation.value;
}

function member(at: unknown, key: string, path: string): unknown {
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) throw new RangeError(`${path} is not there`);
  return (at as Record<string, unknown>)[key];
}

/** The weights of a rule at a share, from the weights it has now as originals. */
function changeTo(rule: ManagedRule, percent: number): RuleChange {
  const original = { serving: rule.serving.weight, canary: 0, others: rule.others.map(({ weight }) => weight) };
  return { rule, weights: splitWeights(original, pickFactor(original) ?? 1, percent) };
}

/** The route with nothing that a release may change: no weights of the rule, no mark. */
function withoutOurs(route: Route, ruleIndex: number): unknown {
  const copy = structuredClone(route) as unknown as {
    metadata: { annotations?: Record<string, string> };
    spec: { rules: { backendRefs: { weight?: number }[] }[] };
  };
  delete copy.metadata.annotations?.['glidepath.dev/release'];
  for (const ref of copy.spec.rules[ruleIndex]?.backendRefs ?? []) delete ref.weight;
  return copy;
}

function setWeight(route: Route, rule: number, ref: number, weight: number): Route {
  return applyPatch(route, [{ op: 'replace', path: `/spec/rules/${rule}/backendRefs/${ref}/weight`, value: weight }]);
}

const foreign = fc.record({ weight: fc.integer({ min: 0, max: 50 }), kind: fc.constantFrom('Service', 'Store') });
/** Routes with a rule of ours among others; our refs stand anywhere in it. */
const anyRoute = fc
  .record({
    serving: fc.integer({ min: 1, max: 100 }),
    others: fc.array(foreign, { maxLength: 4 }),
    canaryAt: fc.nat({ max: 5 }),
    servingAt: fc.nat({ max: 5 }),
    before: fc.nat({ max: 2 }),
    annotations: fc.dictionary(fc.constantFrom('team', 'a/b'), fc.string()),
  })
  .map(({ serving, others, canaryAt, servingAt, before, annotations }) => {
    const refs = others.map(({ weight, kind }, index) =>
      aRef(`other-${index}`, weight, kind === 'Service' ? {} : { group: 'example.com', kind }),
    );
    refs.splice(servingAt % (refs.length + 1), 0, aRef('v1', serving));
    refs.splice(canaryAt % (refs.length + 1), 0, aRef('v2', 0, { filters: [{ type: 'RequestHeaderModifier' }] }));
    const rules = [
      ...Array.from({ length: before }, (_, index) => aRule({ web: index })),
      { name: 'ours', backendRefs: refs },
      aRule({ web: 9 }),
    ];
    return aRoute({ rules, metadata: marked(MARK, annotations) });
  });
const anyPercent = fc.integer({ min: 1, max: 100 });

describe('a raise', () => {
  test('a raise changes our weights, the foreign ones by the factor, and nothing else', () => {
    fc.assert(
      fc.property(anyRoute, anyPercent, (route, percent) => {
        const rule = managedRule(route);
        const change = changeTo(rule, percent);
        const raised = applyPatch(route, buildRaise([change], MARK));
        expect(weightsOf(managedRule(raised))).toEqual(change.weights);
        expect(withoutOurs(raised, rule.index)).toEqual(withoutOurs(route, rule.index));
        expect(raised.metadata.annotations).toEqual(route.metadata.annotations);
      }),
    );
  });

  test('a raise fails when our mark is another one or gone: a deposed operator raises nothing', () => {
    fc.assert(
      fc.property(anyRoute, anyPercent, (route, percent) => {
        const operations = buildRaise([changeTo(managedRule(route), percent)], MARK);
        const home = { ...route, metadata: { ...route.metadata, ...marked(HOME_MARK) } };
        const bare = { ...route, metadata: { ...route.metadata, annotations: { team: 'a' } } };
        expect(() => applyPatch(home, operations)).toThrow(TestFailed);
        expect(() => applyPatch(bare, operations)).toThrow(RangeError);
      }),
    );
  });

  test('a raise fails when a weight that it replaces is another one by now', () => {
    fc.assert(
      fc.property(anyRoute, anyPercent, (route, percent) => {
        const rule = managedRule(route);
        const operations = buildRaise([changeTo(rule, percent)], MARK);
        const edited = setWeight(route, rule.index, rule.canary.index, rule.canary.weight + 3);
        expect(() => applyPatch(edited, operations)).toThrow(TestFailed);
      }),
    );
  });

  test('a raise fails when a foreign weight that stays as it is has been changed: it would mean another share beside the new ones', () => {
    const route = aRoute({ metadata: marked(), rules: [aRule({ v1: 1, v2: 0, beta: 0 })] });
    const operations = buildRaise([changeTo(managedRule(route), 25)], MARK);
    const edited = aRoute({ metadata: marked(), rules: [aRule({ v1: 1, v2: 0, beta: 100 })] });
    expect(() => applyPatch(edited, operations)).toThrow(TestFailed);
  });

  test('a raise fails when the refs moved', () => {
    const route = aRoute({ metadata: marked() });
    const operations = buildRaise([changeTo(managedRule(route), 25)], MARK);
    const turned = aRoute({ metadata: marked(), rules: [aRule({ v2: 0, v1: 1 })] });
    expect(() => applyPatch(turned, operations)).toThrow(TestFailed);
  });

  test('a raise fails when refs of one name, which differ by port, changed places', () => {
    const refs = [aRef('v1', 1), aRef('v2', 0), aRef('v1', 1, { port: 9090 })];
    const route = aRoute({ metadata: marked(), rules: [{ backendRefs: refs }] });
    const [rule] = scanRules(route, { ...SIDES, servingPort: 80 }, undefined).rules;
    if (rule === undefined) throw new Error('no rule is ours');
    const operations = buildRaise([changeTo(rule, 25)], MARK);
    expect(applyPatch(route, operations)).toMatchObject({ spec: { rules: [{ backendRefs: [{ port: 80 }, {}, { port: 9090 }] }] } });
    const turned = aRoute({ metadata: marked(), rules: [{ backendRefs: refs.toReversed() }] });
    expect(() => applyPatch(turned, operations)).toThrow(TestFailed);
  });

  test('a raise has no patch when nothing would change', () => {
    const route = aRoute({ rules: [aRule({ v1: 7_500, v2: 2_500 })], metadata: marked() });
    expect(buildRaise([{ rule: managedRule(route), weights: { serving: 7_500, canary: 2_500, others: [] } }], MARK)).toEqual([]);
  });
});

describe('a claim', () => {
  const recordedAs = (route: Route, serving: number): RuleChange[] => [
    { rule: managedRule(route), weights: { serving, canary: 0, others: [] } },
  ];

  test('sets the mark and changes nothing else', () => {
    for (const annotations of [undefined, { team: 'a' }, { 'glidepath.dev/release': 'old/0123456789/home' }]) {
      const route = aRoute({ metadata: annotations === undefined ? {} : { annotations } });
      const claimed = applyPatch(route, buildClaim(recordedAs(route, 1), route, MARK));
      expect(claimed).toEqual({ ...route, metadata: { ...route.metadata, ...marked(MARK, annotations) } });
    }
  });

  test('a claim fails when a weight is another one than was recorded', () => {
    const route = aRoute();
    expect(() => applyPatch(route, buildClaim(recordedAs(route, 3), route, MARK))).toThrow(TestFailed);
    const operations = buildClaim(recordedAs(route, 1), route, MARK);
    expect(() => applyPatch(setWeight(route, 0, 1, 7), operations)).toThrow(TestFailed);
  });

  test('a claim fails when a backend was added meanwhile, which no recorded weight speaks of', () => {
    const route = aRoute();
    const [rule] = route.spec.rules ?? [];
    const added = aRoute({ rules: [{ ...rule, backendRefs: [...(rule?.backendRefs ?? []), aRef('other', 5)] }] });
    expect(() => applyPatch(added, buildClaim(recordedAs(route, 1), route, MARK))).toThrow(TestFailed);
  });

  test('a claim fails when another mark, or the first annotation, came meanwhile', () => {
    const route = aRoute({ metadata: { annotations: { team: 'a' } } });
    const taken = aRoute({ metadata: marked('other/0123456789', { team: 'a' }) });
    expect(() => applyPatch(taken, buildClaim(recordedAs(route, 1), route, MARK))).toThrow(TestFailed);
    const bare = aRoute();
    expect(() => applyPatch(route, buildClaim(recordedAs(bare, 1), bare, MARK))).toThrow(TestFailed);
  });
});

describe('going home', () => {
  const home = (route: Route) =>
    buildHome([changeTo(managedRule(route), 0)], HOME_MARK, route.metadata.annotations === undefined ? 'absent' : 'present');

  test('a home write sets the canary to 0 and marks the route in one patch, and changes nothing else', () => {
    fc.assert(
      fc.property(anyRoute, (route) => {
        const rule = managedRule(route);
        const gone = applyPatch(route, home(route));
        expect(managedRule(gone).canary.weight).toBe(0);
        expect(managedRule(gone).serving.weight).toBeGreaterThan(0);
        expect(gone.metadata.annotations).toEqual({ ...route.metadata.annotations, 'glidepath.dev/release': HOME_MARK });
        expect(withoutOurs(gone, rule.index)).toEqual(withoutOurs(route, rule.index));
      }),
    );
  });

  test('a home write never fails because of weights or marks that are others by now', () => {
    fc.assert(
      fc.property(anyRoute, fc.nat({ max: 1_000 }), fc.nat({ max: 1_000 }), (route, serving, canary) => {
        const rule = managedRule(route);
        const operations = home(route);
        const weighted = setWeight(setWeight(route, rule.index, rule.serving.index, serving), rule.index, rule.canary.index, canary);
        const edited = { ...weighted, metadata: { ...weighted.metadata, ...marked('other/0123456789') } };
        expect(managedRule(applyPatch(edited, operations)).canary.weight).toBe(0);
      }),
    );
  });

  test('a home write tests which rule and which refs it writes to, and nothing else', () => {
    const route = aRoute({ rules: [aRule({ v1: 3, v2: 1, third: 5 })], metadata: marked() });
    const tests = home(route).filter(({ op }) => op === 'test');
    expect(tests.map(({ path }) => path.split('/').slice(4).join('/'))).toEqual([
      'matches',
      'backendRefs/0/name',
      'backendRefs/1/name',
      'backendRefs/2/name',
    ]);
    const named = aRoute({ rules: [aRule({ v1: 3, v2: 1 }, { name: 'api' })], metadata: marked() });
    expect(home(named)[0]).toEqual({ op: 'test', path: '/spec/rules/0/name', value: 'api' });
  });

  test('a home write fails when another rule stands in its place, which names both Services, too', () => {
    const matches = [{ headers: [{ name: 'x-user', value: 'a' }] }];
    const route = aRoute({ rules: [aRule({ v1: 3, v2: 1 })], metadata: marked() });
    const inserted = aRoute({ rules: [aRule({ v1: 9, v2: 0 }, { matches }), aRule({ v1: 3, v2: 1 })], metadata: marked() });
    expect(() => applyPatch(inserted, home(route))).toThrow(TestFailed);
  });

  test('a home write writes the weights also where the cache says that they are right', () => {
    const route = aRoute({ rules: [aRule({ v1: 10_000, v2: 0 })], metadata: marked() });
    const weights = { serving: 10_000, canary: 0, others: [] };
    expect(buildHome([{ rule: managedRule(route), weights }], HOME_MARK, 'present').filter(({ op }) => op === 'replace')).toHaveLength(2);
  });

  test('a home write fails when a backend was renamed', () => {
    expect(() =>
      applyPatch(aRoute({ rules: [aRule({ v1: 1, v3: 0 })], metadata: marked() }), home(aRoute({ metadata: marked() }))),
    ).toThrow(TestFailed);
  });

  test('a home write makes the annotations where the route has none', () => {
    expect(applyPatch(aRoute(), home(aRoute())).metadata.annotations).toEqual({ 'glidepath.dev/release': HOME_MARK });
  });

  test('a home write fails where someone added the first annotation meanwhile, so that it is not lost', () => {
    const annotated = aRoute({ metadata: { annotations: { team: 'a' } } });
    expect(() => applyPatch(annotated, home(aRoute()))).toThrow(TestFailed);
    expect(applyPatch(annotated, home(annotated)).metadata.annotations).toEqual({ team: 'a', 'glidepath.dev/release': HOME_MARK });
  });

  test('a home write marks a route of which no rule is left, so that it counts as home', () => {
    const route = aRoute({ rules: [aRule({ web: 1 })], metadata: marked() });
    expect(applyPatch(route, buildHome([], HOME_MARK, 'present')).metadata.annotations).toEqual({ 'glidepath.dev/release': HOME_MARK });
  });

  test('a home write finds a foreign backend that is no Service by the name it is listed under', () => {
    const store = { group: 'example.com', kind: 'Store', name: 'static', weight: 3 };
    const route = aRoute({ rules: [{ backendRefs: [aRef('v1', 1), aRef('v2', 0), store] }], metadata: marked() });
    const raised = applyPatch(route, buildRaise([changeTo(managedRule(route), 25)], MARK));
    expect(raised.spec.rules?.[0]?.backendRefs?.map(({ weight }) => weight)).toEqual([1_875, 625, 7_500]);
  });
});

describe('a put-back downwards', () => {
  test('a put-back downwards tests names only and leaves the mark alone', () => {
    const route = aRoute({ rules: [aRule({ v1: 1, v2: 1 })], metadata: marked() });
    const operations = buildLower([{ rule: managedRule(route), weights: { serving: 7_500, canary: 2_500, others: [] } }]);
    const edited = setWeight(route, 0, 1, 900);
    expect(weightsOf(managedRule(applyPatch(edited, operations)))).toEqual({ serving: 7_500, canary: 2_500, others: [] });
    expect(operations.some(({ path }) => path.includes('annotations'))).toBe(false);
  });

  test('a guarded put-back fails where somebody has lowered the weight further: what it leaves would be a raise', () => {
    const route = aRoute({ rules: [aRule({ v1: 1, v2: 1 })], metadata: marked() });
    const change = { rule: managedRule(route), weights: { serving: 7_500, canary: 2_500, others: [] } };
    const operations = buildLower([change], [], 'guarded');
    expect(weightsOf(managedRule(applyPatch(route, operations)))).toEqual(change.weights);
    expect(() => applyPatch(setWeight(route, 0, 1, 0), operations)).toThrow(TestFailed);
  });
});

describe('the restoring write', () => {
  const restored = (route: Route): RuleChange[] => [
    { rule: managedRule(route), weights: homeWeights({ serving: 1, canary: 0, others: [] }) },
  ];

  test('the restoring write leaves the final weights and takes our mark away, and no other annotation', () => {
    const route = aRoute({ rules: [aRule({ v1: 10_000, v2: 0 })], metadata: marked(HOME_MARK, { team: 'a' }) });
    const left = applyPatch(route, buildRestore(restored(route), route));
    expect(weightsOf(managedRule(left))).toEqual({ serving: 1, canary: 0, others: [] });
    expect(left.metadata.annotations).toEqual({ team: 'a' });
  });

  test('the restoring write fails when weights or mark are others by now', () => {
    const route = aRoute({ rules: [aRule({ v1: 10_000, v2: 0 })], metadata: marked(HOME_MARK) });
    const operations = buildRestore(restored(route), route);
    expect(() => applyPatch(setWeight(route, 0, 0, 5), operations)).toThrow(TestFailed);
    expect(() => applyPatch({ ...route, metadata: { ...route.metadata, ...marked('other/0123456789') } }, operations)).toThrow(TestFailed);
  });

  test('the restoring write only takes the mark away where the weights are right, and is empty where that is done too', () => {
    const done = aRoute({ rules: [aRule({ v1: 1, v2: 0 })], metadata: marked(HOME_MARK) });
    expect(buildRestore(restored(done), done).map(({ op }) => op)).toEqual(['test', 'remove']);
    expect(buildRestore(restored(aRoute()), aRoute())).toEqual([]);
  });
});

describe('the forgetting write', () => {
  const entries = [
    { manager: 'glidepath', operation: 'Update' },
    { manager: 'kubectl', operation: 'Apply' },
  ];

  test('drops our entries of managedFields, guarded by the version', () => {
    const route = aRoute({ metadata: { resourceVersion: '7', managedFields: entries } });
    expect(applyPatch(route, buildForget(route, 'glidepath')).metadata.managedFields).toEqual([entries[1]]);
    const moved = { ...route, metadata: { ...route.metadata, resourceVersion: '8' } };
    expect(() => applyPatch(moved, buildForget(route, 'glidepath'))).toThrow(TestFailed);
  });

  test('the forgetting write is empty without entries of ours, or where ours are the only ones', () => {
    expect(buildForget(aRoute(), 'glidepath')).toEqual([]);
    expect(buildForget(aRoute({ metadata: { managedFields: entries.slice(1) } }), 'glidepath')).toEqual([]);
    expect(buildForget(aRoute({ metadata: { managedFields: entries.slice(0, 1) } }), 'glidepath')).toEqual([]);
  });

  test('the forgetting write without a version to test is refused rather than blind', () => {
    const route = aRoute({ metadata: { managedFields: entries } });
    expect(buildForget(route, 'glidepath')[0]).toEqual({ op: 'test', path: '/metadata/resourceVersion', value: '' });
  });
});

function weightsOf(rule: ManagedRule): RuleWeights {
  return { serving: rule.serving.weight, canary: rule.canary.weight, others: rule.others.map(({ weight }) => weight) };
}
