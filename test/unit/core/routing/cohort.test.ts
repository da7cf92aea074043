import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cohort, RecordedRule } from '../../../../src/api/release.ts';
import type { Route, RouteFilter, RouteMatch, RouteRule } from '../../../../src/api/routes.ts';
import { buildPatch } from '../../../../src/core/release/desired/patch.ts';
import { describeCohort, isSameCohort, narrowMatches } from '../../../../src/core/routing/cohort.ts';
import { recordRule } from '../../../../src/core/routing/identity.ts';
import { findOurRules } from '../../../../src/core/routing/our-rules.ts';
import { scanRules } from '../../../../src/core/routing/rules.ts';
import { type RouteStanding, standRoutes } from '../../../../src/core/routing/standing.ts';
import { MAX_BACKEND_WEIGHT } from '../../../../src/core/routing/weights.ts';
import { wantRules } from '../../../../src/core/routing/wanted-rules.ts';
import { aRecordedRoute, aRef, aRoute, aRule, HOME_MARK, MARK, marked, SIDES } from '../../../fixtures/builders.ts';
import { applyJsonPatch, PatchRefused } from '../../../fakes/memory/json-patch.ts';

const USERS = { name: 'X-Canary-User', value: 'true', type: 'Exact' as const };
const COHORT: Cohort = { headers: [USERS] };
const ROOT = { path: { type: 'PathPrefix', value: '/' } };

const matchesFor = (matches: readonly RouteMatch[] | undefined, cohort: Cohort, kind: Route['kind'] = 'HTTPRoute') =>
  narrowMatches(kind, matches, cohort).map(({ match }) => match);

describe('the matches of a rule with the condition of a cohort', () => {
  test('the matches of a rule with the condition of a cohort keep all that they ask for', () => {
    const match = { ...ROOT, method: 'GET', headers: [{ name: 'x-shop', value: 'eu' }], queryParams: [{ name: 'page', value: '1' }] };
    expect(matchesFor([match], COHORT)).toEqual([{ ...match, headers: [...match.headers, USERS] }]);
    const preview = { name: 'preview', value: '1', type: 'Exact' as const };
    expect(matchesFor([match], { queryParams: [preview] })).toEqual([{ ...match, queryParams: [...match.queryParams, preview] }]);
  });

  test('the matches of a rule without any are that of every request', () => {
    expect(matchesFor(undefined, COHORT)).toEqual([{ ...ROOT, headers: [USERS] }]);
    expect(matchesFor([], COHORT, 'GRPCRoute')).toEqual([{ headers: [USERS] }]);
    const call = { method: { service: 'shop.Cart', method: 'Add' } };
    expect(matchesFor([call], COHORT, 'GRPCRoute')).toEqual([{ ...call, headers: [USERS] }]);
  });

  test('the matches of a rule become one for each method, and those of other methods are left out', () => {
    expect(matchesFor([ROOT, { ...ROOT, method: 'PUT' }], { methods: ['GET', 'PUT'] })).toEqual([
      { ...ROOT, method: 'GET' },
      { ...ROOT, method: 'PUT' },
    ]);
    expect(matchesFor([{ ...ROOT, method: 'POST' }], { methods: ['GET'] })).toEqual([]);
  });

  test('the matches of a rule that ask for another value of the header are left out, and names of headers are compared without case', () => {
    const asks = (value: string) => ({ ...ROOT, headers: [{ name: 'x-canary-user', value }] });
    expect(matchesFor([asks('false'), asks('true')], COHORT)).toEqual([asks('true')]);
  });
});

describe('a cohort', () => {
  test('a cohort is the same whatever order its fields have', () => {
    expect(
      isSameCohort(
        { headers: [USERS], methods: ['GET'] },
        { methods: ['GET'], headers: [{ type: 'Exact', value: 'true', name: 'X-Canary-User' }] },
      ),
    ).toBe(true);
    expect(isSameCohort(COHORT, { headers: [{ ...USERS, value: 'all' }] })).toBe(false);
    expect(isSameCohort(COHORT, undefined)).toBe(false);
  });

  test('a cohort is described by its conditions', () => {
    const queryParams = [{ name: 'preview', value: '.*', type: 'RegularExpression' as const }];
    expect(describeCohort({ headers: [USERS], queryParams, methods: ['GET', 'HEAD'] })).toBe(
      'GET and HEAD requests with X-Canary-User: true and ?preview like .*',
    );
  });
});

const OURS = { purpose: 'cohort' as const, matches: '0123456789abcdef' };

describe('rules of the operator in a route', () => {
  const named = aRule({ v2: 1 }, { name: 'glidepath-cohort-1', matches: [{ ...ROOT, headers: [USERS] }] });
  const recordedFor = (change: Partial<RecordedRule> = {}): readonly RecordedRule[] => {
    const [rule] = aRecordedRoute().rules;
    return rule === undefined ? [] : [{ ...rule, ...change }];
  };

  test('rules of the operator in a route are known by their names, once the release has recorded that it adds some', () => {
    const route = aRoute({ rules: [aRule({ v1: 1, v2: 0 }), named] });
    expect(findOurRules(route, recordedFor({ ours: [OURS] }), 'v2')).toMatchObject([{ purpose: 'cohort', number: 1, index: 1 }]);
    expect(findOurRules(route, recordedFor(), 'v2')).toEqual([]);
    expect(findOurRules(route, [], 'v2')).toEqual([]);
  });

  test('rules of the operator in a route without names are known by their requests, and only with the canary alone', () => {
    const { name: _name, ...nameless } = named;
    const wanted = wantedOf(aRoute({ rules: [aRule({ v1: 1, v2: 0 })] }));
    const recorded = recordedFor({ ours: [{ purpose: 'cohort', matches: wanted }] });
    const find = (rule: RouteRule) => findOurRules(aRoute({ rules: [aRule({ v1: 1, v2: 0 }), rule] }), recorded, 'v2').length;
    expect(find(nameless)).toBe(1);
    expect(find({ ...nameless, backendRefs: [aRef('v2', 1), aRef('v1', 1)] })).toBe(0);
    expect(find({ ...nameless, matches: [ROOT] })).toBe(0);
    expect(find({ ...nameless, name: 'testers' })).toBe(0);
  });
});

/** The hash of the matches that a rule for the cohort would have. */
function wantedOf(route: Route): string {
  return wantRules(stand(route, recordOf(route)), COHORT)[0]?.matches ?? '';
}

function recordOf(route: Route, cohort?: Cohort): readonly RecordedRule[] {
  const rules = scanRules(route, SIDES, undefined).rules.map((rule) => recordRule(rule, MAX_BACKEND_WEIGHT));
  if (cohort === undefined) return rules;
  const wanted = wantRules(stand(route, rules), cohort);
  return rules.map((rule, place) => {
    const want = wanted.find(({ number }) => number === place + 1);
    return want === undefined ? rule : { ...rule, ours: [{ purpose: 'cohort' as const, matches: want.matches }] };
  });
}

function stand(route: Route, recorded: readonly RecordedRule[]): RouteStanding {
  const [standing] = standRoutes([aRecordedRoute({ rules: [...recorded] })], [route], SIDES);
  if (standing === undefined) throw new Error('the route was not found');
  return standing;
}

const raise = (route: Route, recorded: readonly RecordedRule[], cohort: Cohort | 'none' = COHORT) =>
  buildPatch({
    kind: 'raise',
    standing: stand(route, recorded),
    wanted: { kind: 'share', percent: 10 },
    cohort: cohort === 'none' ? undefined : cohort,
    mark: MARK,
  });
const home = (route: Route, recorded: readonly RecordedRule[]) =>
  buildPatch({ kind: 'home', standing: stand(route, recorded), wanted: { kind: 'share', percent: 0 }, mark: HOME_MARK });
const restore = (route: Route, recorded: readonly RecordedRule[]) =>
  buildPatch({ kind: 'restore', standing: stand(route, recorded), wanted: { kind: 'restored' }, mark: MARK });

/** Rules of all sorts, each with a path of its own: driven ones, with filters and fields that no code of ours knows, and those of others. */
const someRules = fc.uniqueArray(
  fc.record({
    path: fc.integer({ min: 0, max: 99 }),
    driven: fc.boolean(),
    name: fc.boolean(),
    serving: fc.integer({ min: 1, max: 9 }),
    beside: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    timeouts: fc.option(fc.constantFrom('1s', '5s'), { nil: undefined }),
    filtered: fc.boolean(),
  }),
  { selector: ({ path }) => path, minLength: 1, maxLength: 6 },
);

type Drawn = (typeof someRules extends fc.Arbitrary<infer T> ? T : never)[number];

function ruleOf({ path, driven, name, serving, beside, timeouts, filtered }: Drawn): RouteRule {
  const foreign = beside === undefined ? {} : { other: beside };
  return aRule(driven ? { v1: serving, v2: 0, ...foreign } : { other: serving }, {
    ...(name ? { name: `rule-${path}` } : {}),
    matches: [{ path: { type: 'PathPrefix', value: `/${path}` } }],
    ...(timeouts === undefined ? {} : { timeouts: { request: timeouts } }),
    ...(filtered ? { filters: [{ type: 'ExtensionRef', extensionRef: { name: 'auth' } } as RouteFilter] } : {}),
  } as Partial<RouteRule>);
}

const withoutWeights = (rules: readonly RouteRule[]) =>
  rules.map((rule) => ({ ...rule, backendRefs: (rule.backendRefs ?? []).map((ref) => ({ ...ref, weight: 0 })) }));

describe('patches with a rule for a cohort', () => {
  test('patches with a rule for a cohort leave every rule of others as it is and where it is, and restore the route byte by byte', () => {
    fc.assert(
      fc.property(someRules, fc.boolean(), (drawn, goesHome) => {
        const before = drawn.map(ruleOf);
        const count = drawn.filter(({ driven }) => driven).length;
        const route = aRoute({ rules: before, metadata: marked() });
        const recorded = recordOf(route, COHORT);
        const raised = applyJsonPatch(route, raise(route, recorded));
        const rules = raised.spec.rules ?? [];
        expect(rules).toHaveLength(before.length + count);
        expect(withoutWeights(rules.slice(0, before.length))).toEqual(withoutWeights(before));
        drawn.forEach(({ driven }, index) => {
          if (!driven) expect(rules[index]).toEqual(before[index]);
        });
        // Each is a copy of a driven rule: its fields and filters, the canary alone, and one more condition.
        const driven = before.filter((_rule, index) => drawn[index]?.driven === true);
        rules.slice(before.length).forEach((rule, index) => {
          const { name: _name, ...copied } = driven[index] ?? {};
          const matches = (copied.matches ?? []).map((match) => ({ ...match, headers: [USERS] }));
          expect(rule).toEqual({ ...copied, name: `glidepath-cohort-${index + 1}`, matches, backendRefs: [aRef('v2', 1)] });
        });
        const next = goesHome ? applyJsonPatch(raised, home(raised, recorded)) : raised;
        if (goesHome) expect(next.spec.rules).toHaveLength(before.length);
        const restored = applyJsonPatch(next, restore(next, recorded));
        expect(JSON.stringify(restored.spec.rules)).toBe(JSON.stringify(before));
      }),
    );
  });

  const route = aRoute({
    rules: [aRule({ v1: 1, v2: 0 }), aRule({ other: 1 }, { matches: [{ path: { type: 'Exact', value: '/z' } }] })],
    metadata: marked(),
  });
  const recorded = recordOf(route, COHORT);
  const raised = applyJsonPatch(route, raise(route, recorded));

  test('patches with a rule for a cohort are refused where the route was edited since it was read', () => {
    const edited = { ...route, metadata: { ...route.metadata, generation: 2 } };
    expect(() => applyJsonPatch(edited, raise(route, recorded))).toThrow(PatchRefused);
  });

  test('patches that take it away are refused where another rule is in its place, and never take that one', () => {
    const [first, second, ours] = raised.spec.rules ?? [];
    const moved = { ...raised, spec: { ...raised.spec, rules: [first, ours, second] } } as Route;
    expect(() => applyJsonPatch(moved, home(raised, recorded))).toThrow(PatchRefused);
    expect(applyJsonPatch(moved, home(moved, recorded)).spec.rules?.[1]).toEqual(second);
    const replaced = { ...raised, spec: { ...raised.spec, rules: [first, second, { ...second, name: 'late' }] } } as Route;
    expect(() => applyJsonPatch(replaced, home(raised, recorded))).toThrow(PatchRefused);
    expect(applyJsonPatch(replaced, home(replaced, recorded)).spec.rules).toHaveLength(3);
  });

  test('patches with a rule for a cohort wait until it is recorded', () => {
    const unrecorded = raise(route, recordOf(route));
    expect(unrecorded.filter(({ path }) => path === '/spec/rules/-')).toEqual([]);
  });

  test('patches to another cohort replace the rule in one piece', () => {
    const other: Cohort = { headers: [{ ...USERS, value: 'all' }] };
    const both = recordOf(route, other).map((rule, index) => ({
      ...rule,
      ours: [...(rule.ours ?? []), ...(recorded[index]?.ours ?? [])],
    }));
    const replaced = applyJsonPatch(raised, raise(raised, both, other));
    expect(replaced.spec.rules).toHaveLength(3);
    expect(replaced.spec.rules?.[2]?.matches?.[0]?.headers?.[0]?.value).toBe('all');
    const lifted = applyJsonPatch(replaced, raise(replaced, both, 'none'));
    expect(lifted.spec.rules?.map(({ matches }) => matches)).toEqual(route.spec.rules?.map(({ matches }) => matches));
  });
});
