import { describe, expect, test } from 'vitest';
import type { OwnRule, RecordedRule } from '../../../../src/api/release.ts';
import type { RouteMatch, RouteRule } from '../../../../src/api/routes.ts';
import {
  compareShare,
  findHolders,
  findUnproven,
  givesNothing,
  observedShare,
  shareOf,
} from '../../../../src/core/routing/canary-share.ts';
import { drainRule, recordOwn } from '../../../../src/core/routing/foreign-rules.ts';
import type { BackendPair } from '../../../../src/core/routing/rules.ts';
import { seeRules } from '../../../../src/core/routing/rules.ts';
import { type RouteStanding, standRoutes, standStranger } from '../../../../src/core/routing/standing.ts';
import { aRecordedRoute, aRecordedRule, aRef, aRoute, aRule, SIDES } from '../../../fixtures/builders.ts';

const TESTERS = { matches: [{ headers: [{ name: 'x-tester', value: 'yes' }] }] as readonly RouteMatch[] };
const ADDS: BackendPair = { serving: 'store', canary: 'store-canary', adds: true };
const driven = aRule({ v1: 8_000, v2: 2_000 });

function stand(
  rules: readonly RouteRule[],
  {
    recorded = [aRecordedRule()],
    own = [],
    pair = SIDES,
  }: { recorded?: readonly RecordedRule[]; own?: readonly OwnRule[]; pair?: BackendPair } = {},
): RouteStanding {
  const [standing] = standRoutes([aRecordedRoute({ rules: recorded })], [aRoute({ rules })], pair, own);
  if (standing === undefined) throw new Error('the route was not found');
  return standing;
}

/** What is recorded of a rule of the user's own. */
function ownOf(rule: RouteRule): OwnRule {
  const route = aRoute({ rules: [rule] });
  const [seen] = seeRules(route, SIDES);
  if (seen === undefined) throw new Error('the rule names neither Service');
  return recordOwn(route, seen);
}

describe('a rule that appears while a release runs', () => {
  test('a rule that appears while a release runs is not the release’s, whatever it names, and counts with what it gives the canary', () => {
    const standing = stand([aRule({ v1: 70, v2: 30 }), driven]);
    expect(standing.rules.map(({ kind }) => kind)).toEqual(['found']);
    expect(standing.foreign.map(({ rule, weight, own }) => [rule.key, weight, own])).toEqual([['rules[0]', 30, false]]);
    expect(observedShare([standing])).toBe(30);
    expect(findUnproven(standing)).toHaveLength(1);
    expect(givesNothing(stand([aRule({ v1: 70, v2: 30 }), aRule({ v1: 10_000, v2: 0 })]))).toBe(false);
  });

  test('a rule that appears while a release runs does not count while it gives the canary nothing, or names the serving Service alone', () => {
    const standing = stand([aRule({ v1: 100, v2: 0 }), aRule({ v1: 1 }), aRule({ v1: 10_000, v2: 0 })]);
    expect([observedShare([standing]), givesNothing(standing), findUnproven(standing)]).toEqual([0, true, []]);
  });

  test('a rule that appears while a release runs counts with every ref of the Service', () => {
    const twice = { backendRefs: [aRef('v1', 50), aRef('v2', 0), aRef('v2', 50, { port: 8443 })] };
    expect(observedShare([stand([twice, driven])])).toBe(50);
  });

  test('a rule of the user’s own does not count, by its name or by its requests, wherever it stands', () => {
    const rule = { ...aRule({ v2: 1 }), ...TESTERS };
    const own = [ownOf(rule)];
    for (const rules of [
      [rule, driven],
      [driven, { ...rule, name: 'testers' }],
    ]) {
      const standing = stand(rules, { own });
      expect(standing.foreign.map((one) => one.own)).toEqual([true]);
      expect([observedShare([standing]), findUnproven(standing), findHolders([standing], 'gives')]).toEqual([20, [], []]);
    }
    const ofAnother = { ...aRule({ v2: 1 }), matches: [{ headers: [{ name: 'x-other', value: 'yes' }] }] };
    expect(stand([ofAnother, driven], { own }).foreign.map((one) => one.own)).toEqual([false]);
  });

  test('a rule that appears while a release runs is seen on a route that the release did not record', () => {
    const standing = standStranger(aRoute({ rules: [aRule({ v1: 3, v2: 1 })] }), SIDES, []);
    expect([standing.rules, observedShare([standing])]).toEqual([[], 25]);
  });
});

describe('the canary’s traffic in a rule of somebody else', () => {
  const drain = (rule: RouteRule) => drainRule(seeRules(aRoute({ rules: [rule] }), SIDES)[0] ?? ({} as never));

  test('the canary’s traffic in a rule of someone else goes to the serving ref, so that the shares of all others stay', () => {
    expect(drain(aRule({ v1: 80, v2: 20, legacy: 100 }))?.map(({ ref, weight }) => [ref.name, weight])).toEqual([
      ['v1', 100],
      ['v2', 0],
    ]);
  });

  test('the canary’s traffic in a rule of someone else goes to the others where there is no serving ref', () => {
    expect(drain(aRule({ v2: 20, legacy: 100 }))?.map(({ ref, weight }) => [ref.name, weight])).toEqual([['v2', 0]]);
  });

  test('the canary’s traffic in a rule of someone else stays where nothing else would answer', () => {
    expect(drain(aRule({ v2: 20 }))).toBeUndefined();
    expect(drain(aRule({ v2: 20, legacy: 0 }))).toBeUndefined();
  });
});

describe('a recorded rule', () => {
  test('a recorded rule that is not there has no share, which is not a share of 0', () => {
    const [rule] = stand([aRule({ web: 1 })]).rules;
    expect(rule?.kind).toBe('removed');
    expect(rule === undefined ? null : [shareOf(rule), compareShare(rule, 0), compareShare(rule, 20)]).toEqual([undefined, 'none', 'none']);
    expect(observedShare([stand([aRule({ web: 1 })])])).toBeUndefined();
  });

  test('a recorded rule that lost the canary has no share that could be raised', () => {
    const [rule] = stand([aRule({ v1: 8_000 })]).rules;
    expect(rule?.kind).toBe('lacksCanary');
    expect(rule === undefined ? null : [shareOf(rule), compareShare(rule, 20), compareShare(rule, 0)]).toEqual([0, 'none', 'equal']);
  });

  test('a recorded rule that lost its serving ref gives the canary all that it has', () => {
    const standing = stand([aRule({ v2: 2_000, legacy: 500 })]);
    expect(standing.rules[0]?.kind).toBe('lacksServing');
    expect([observedShare([standing]), givesNothing(standing)]).toEqual([100, false]);
    // Nothing can be taken away from it, and nothing ends meanwhile.
    const alone = stand([aRule({ v2: 2_000 })]);
    expect([givesNothing(alone), findHolders([alone], 'gives').map(({ rule, weight }) => [rule, weight])]).toEqual([
      true,
      [['rules[0]', 2_000]],
    ]);
  });

  test('a recorded rule with a second ref to the canary has the share of both', () => {
    const twice = { backendRefs: [aRef('v1', 8_000), aRef('v2', 1_000), aRef('v2', 1_000, { port: 8443 })] };
    const [rule] = stand([twice]).rules;
    expect(rule === undefined ? null : [shareOf(rule), compareShare(rule, 20)]).toEqual([20, 'equal']);
    expect(givesNothing(stand([{ backendRefs: [aRef('v1', 1), aRef('v2', 0), aRef('v2', 5, { port: 8443 })] }]))).toBe(false);
  });
});

describe('what holds a release up before its end', () => {
  const recorded = [aRecordedRule()].map(({ canary: _canary, ...rule }) => rule);
  const holders = (rules: readonly RouteRule[], what: 'gives' | 'names') => findHolders([stand(rules, { recorded, pair: ADDS })], what);

  test('a release is held up before its end by a foreign rule that gives the canary weight, or names a Service that is about to be removed', () => {
    const rules = [aRule({ store: 1 }), aRule({ store: 1, 'store-canary': 0 }, { name: 'copy', ...TESTERS })];
    expect(holders(rules, 'gives')).toEqual([]);
    expect(holders(rules, 'names')).toEqual([{ route: 'HTTPRoute store', rule: 'copy', weight: 0, stays: true, hasOthers: true }]);
    const alone = [aRule({ store: 1 }), aRule({ 'store-canary': 7 }, { name: 'copy', ...TESTERS })];
    expect(holders(alone, 'gives')).toEqual([{ route: 'HTTPRoute store', rule: 'copy', weight: 7, stays: true, hasOthers: false }]);
  });

  test('a release is held up before its end by a ref that someone added beside the release’s own', () => {
    const twice = { backendRefs: [aRef('store', 1), aRef('store-canary', 0), aRef('store-canary', 0, { port: 8443 })] };
    expect(holders([twice], 'names')).toEqual([{ route: 'HTTPRoute store', rule: 'rules[0]', weight: 0, stays: true, hasOthers: true }]);
    expect(holders([{ backendRefs: [aRef('store', 1), aRef('store-canary', 0)] }], 'names')).toEqual([]);
  });
});
