import { describe, expect, test } from 'vitest';
import { hashMatches } from '../../../../src/core/routing/matches.ts';
import { type RuleStanding, standRoutes } from '../../../../src/core/routing/standing.ts';
import { aRecordedRoute, aRecordedRule, aRoute, aRule, SIDES } from '../../../fixtures/builders.ts';

function indexOf(rule: RuleStanding | undefined): number | undefined {
  return rule?.kind === 'found' ? rule.now.index : undefined;
}

describe('rules of the user’s own beside those of a release', () => {
  test('a recorded rule is found although one of the user’s own takes the same requests', () => {
    const route = aRoute({ rules: [aRule({ v1: 8_000, v2: 2_000 }), aRule({ v2: 1 })] });
    const own = [{ kind: 'HTTPRoute' as const, name: 'store', rule: 'rules[1]', matches: hashMatches(undefined) }];
    const [standing] = standRoutes([aRecordedRoute()], [route], SIDES, own);
    expect(indexOf(standing?.rules[0])).toBe(0);
    expect(standing?.foreign.map(({ rule, own: isOwn }) => [rule.index, isOwn])).toEqual([[1, true]]);
  });

  test('a recorded rule whose matches become those of a rule of the user’s own is still the release’s', () => {
    const route = aRoute({ rules: [aRule({ v1: 8_000, v2: 2_000 }), aRule({ v1: 4_000, v2: 1_000 }), aRule({ v2: 1 })] });
    const own = [{ kind: 'HTTPRoute' as const, name: 'store', rule: 'rules[2]', matches: hashMatches(undefined) }];
    const before = (index: number) => aRecordedRule({ key: `rules[${index}]`, index, matches: `before-${index}` });
    const recorded = aRecordedRoute({ rules: [before(0), { ...before(1), factor: 5_000 }] });
    const [standing] = standRoutes([recorded], [route], SIDES, own);
    expect(standing?.rules.map((rule) => indexOf(rule))).toEqual([0, 1]);
    expect(standing?.foreign.map(({ rule, own: isOwn }) => [rule.index, isOwn])).toEqual([[2, true]]);
  });

  test('a rule of the user’s own that names both Services stays theirs beside one that names the canary alone', () => {
    const route = aRoute({ rules: [aRule({ v1: 8_000, v2: 2_000 }), aRule({ v2: 1 }), aRule({ v1: 1, v2: 5 })] });
    const theirs = (index: number) => ({
      kind: 'HTTPRoute' as const,
      name: 'store',
      rule: `rules[${index}]`,
      matches: hashMatches(undefined),
    });
    const recorded = aRecordedRoute({ rules: [aRecordedRule({ matches: 'before' })] });
    const [standing] = standRoutes([recorded], [route], SIDES, [theirs(1), theirs(2)]);
    expect(standing?.foreign.filter(({ own }) => own).map(({ rule }) => rule.index)).toContain(2);
  });
});
