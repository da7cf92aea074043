import { describe, expect, test } from 'vitest';
import type { OwnRule } from '../../../../../src/api/release.ts';
import type { RouteMatch } from '../../../../../src/api/routes.ts';
import { recordAlone, recordOwnAgain, recordOwnRules } from '../../../../../src/core/release/facts/own-rules.ts';
import { recordRoutes } from '../../../../../src/core/release/facts/scope.ts';
import type { Sides } from '../../../../../src/core/release/facts/sides.ts';
import { aRoute, aRule, aSpec, SIDES } from '../../../../fixtures/builders.ts';

const header = (name: string) => ({ matches: [{ headers: [{ name, value: 'yes' }] }] as readonly RouteMatch[] });
const driven = aRule({ v1: 1, v2: 0 });
const testers = { ...aRule({ v2: 1 }), ...header('x-tester'), name: 'testers' };
const namesOf = (own: readonly OwnRule[]) => own.map(({ name, rule }) => `${name} ${rule}`);

describe('the rules of the user’s own', () => {
  test('the rules of the user’s own are those that send the canary requests when a release begins, on whatever route, and that it does not drive', () => {
    const store = aRoute({ rules: [driven, testers, aRule({ other: 1 })] });
    const beta = aRoute({ metadata: { name: 'beta' }, rules: [{ ...aRule({ v2: 3, other: 1 }), ...header('x-beta') }] });
    const recorded = recordRoutes(aSpec(), [store, beta], SIDES);
    expect(namesOf(recordOwnRules([store, beta], recorded, SIDES))).toEqual(['store testers', 'beta rules[0]']);
  });

  test('the rules of the user’s own are those that the spec leaves out, where they give the canary weight already', () => {
    const spec = aSpec({ routeRefs: [{ name: 'store', rules: ['api'] }] });
    const rules = [
      { ...driven, name: 'api' },
      { ...aRule({ v1: 50, v2: 50 }), name: 'web' },
      { ...driven, name: 'admin' },
    ];
    const route = aRoute({ rules });
    expect(namesOf(recordOwnRules([route], recordRoutes(spec, [route], SIDES), SIDES))).toEqual(['store web']);
  });

  test('every rule that names the canary’s Service is one of the user’s own where the release makes that Service', () => {
    const sides: Sides = { serving: 'store', canary: 'store-canary', adds: true };
    const route = aRoute({ rules: [aRule({ store: 1 }), { ...aRule({ 'store-canary': 0, other: 1 }), ...header('x-beta') }] });
    const spec = aSpec({ routeRefs: [{ name: 'store', rules: ['rules[0]'] }] });
    expect(namesOf(recordOwnRules([route], recordRoutes(spec, [route], sides), sides))).toEqual(['store rules[1]']);
  });

  test('the rules of the user’s own may come until the first weight, if they name the canary alone, and go', () => {
    const before = recordOwnRules([aRoute({ rules: [driven, testers] })], recordRoutes(aSpec(), [aRoute()], SIDES), SIDES);
    const again = (...rules: readonly ReturnType<typeof aRule>[]) => {
      const route = aRoute({ rules: [driven, ...rules] });
      return recordOwnAgain([route], recordRoutes(aSpec(), [aRoute()], SIDES), SIDES, before);
    };
    expect(again(testers)).toBe(before);
    expect(namesOf(again(testers, { ...aRule({ v2: 1 }), ...header('x-beta') }))).toEqual(['store testers', 'store rules[2]']);
    expect(again({ ...aRule({ v1: 1, v2: 1 }), ...header('x-beta') })).toEqual([]);
  });

  test('the rules of the user’s own of a promotion that is undone are those that name its canary alone', () => {
    const route = aRoute({ rules: [aRule({ v1: 0, v2: 1 }), testers, { ...aRule({ v1: 0, v2: 1 }), ...header('x-new') }] });
    expect(namesOf(recordAlone([route], recordRoutes(aSpec(), [aRoute()], SIDES), SIDES))).toEqual(['store testers']);
  });
});
