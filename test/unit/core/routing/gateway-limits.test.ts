import { describe, expect, test } from 'vitest';
import type { RouteRule } from '../../../../src/api/routes.ts';
import { compareShare } from '../../../../src/core/routing/canary-share.ts';
import { fitRoute, isOutgrown, weightLimitOf } from '../../../../src/core/routing/gateway-limits.ts';
import { type RouteStanding, standRoutes } from '../../../../src/core/routing/standing.ts';
import { anAnswer, aRecordedRoute, aRecordedRule, aRoute, aRule, SIDES } from '../../../fixtures/builders.ts';

function servedBy(...controllers: readonly string[]) {
  const parentRefs = controllers.map((_name, index) => ({ name: `gateway-${index}` }));
  return aRoute({
    parentRefs,
    parents: controllers.map((controllerName, index) => anAnswer(1, { controllerName, parentRef: { name: `gateway-${index}` } })),
  });
}

describe('the largest weight of a route', () => {
  test.each([
    ['gateway.k8s.aws/alb', 999],
    ['application-networking.k8s.aws/gateway-api-controller', 999],
    ['networking.gke.io/gateway', 1_000],
    ['konghq.com/kic-gateway-controller', 65_535],
    ['projectcontour.io/gateway-controller', 1_000_000],
  ])('the largest weight of a route with the controller %s is %i', (controller, weight) => {
    expect(weightLimitOf(servedBy(controller), [])).toBe(weight);
  });

  test('the largest weight of a route is that of its strictest gateway, and 1,000,000 where none has answered', () => {
    expect(weightLimitOf(servedBy('konghq.com/gateway-operator', 'gateway.k8s.aws/alb'), [])).toBe(999);
    expect(weightLimitOf(aRoute({ parents: [] }), [])).toBe(1_000_000);
  });

  test('the largest weight of a route is what was learned about its controller, and about no other', () => {
    const learned = [{ controller: 'example.org/small', weight: 100 }];
    expect(weightLimitOf(servedBy('example.org/small'), learned)).toBe(100);
    expect(weightLimitOf(servedBy('example.org/large'), learned)).toBe(1_000_000);
  });
});

/** A route whose rules were recorded as the first ones and say the second ones now. */
function stand(rule: RouteRule, change: Parameters<typeof aRecordedRoute>[0] = {}): RouteStanding {
  const [standing] = standRoutes([aRecordedRoute(change)], [aRoute({ rules: [rule] })], SIDES);
  if (standing === undefined) throw new Error('the route is not recorded');
  return standing;
}

describe('a route that is rejected', () => {
  const scaled = aRule({ v1: 9_500, v2: 500 });

  test('a route that is rejected gets weights up to 999, then percents, then none', () => {
    expect(fitRoute(stand(scaled), 'c')).toMatchObject({ weightLimit: 999, fitting: 'c', rules: [{ factor: 900 }] });
    const second = stand(aRule({ v1: 855, v2: 45 }), { weightLimit: 999, fitting: 'c', rules: [aRecordedRule({ factor: 900 })] });
    expect(fitRoute(second, 'c')).toMatchObject({ weightLimit: 100, rules: [{ factor: 100 }] });
    expect(fitRoute(stand(aRule({ v1: 95, v2: 5 }), { weightLimit: 100, fitting: 'c' }), 'c')).toBeUndefined();
  });

  test('a rule whose own refs were edited keeps the shares of the others when smaller weights are tried', () => {
    const recorded = [aRecordedRule({ serving: 1, factor: 5_000, others: [{ name: 'beta', weight: 1 }] })];
    const edited = aRule({ v1: 9_900, v2: 100, beta: 5_000 });
    const { rules } = fitRoute(stand(edited, { rules: recorded }), 'c') ?? {};
    const [rule] = stand(aRule({ v1: 1, v2: 0, beta: 5_000 }), { rules: rules ?? [] }).rules;
    expect(rule?.original).toEqual({ serving: 1, canary: 0, others: [1] });
  });

  test('a route that is rejected is left alone as its owner wrote it, and while the smaller weights are still to be written', () => {
    expect(fitRoute(stand(aRule({ v1: 5_000, v2: 0 }), { rules: [aRecordedRule({ serving: 5_000, factor: 2 })] }), 'c')).toBeUndefined();
    const waiting = stand(scaled, { weightLimit: 999, fitting: 'c', rules: [aRecordedRule({ factor: 900 })] });
    expect([isOutgrown(waiting), fitRoute(waiting, 'c')]).toEqual([true, undefined]);
    expect(isOutgrown(stand(scaled))).toBe(false);
  });

  test('a route that is rejected is left alone where no smaller weights can say its shares', () => {
    const rules = [aRecordedRule({ factor: 100, others: [{ name: 'legacy', weight: 500 }] })];
    expect(fitRoute(stand(aRule({ v1: 95, v2: 5, legacy: 50_000 }), { rules }), 'c')).toBeUndefined();
  });
});

test('a share that the integers of a gateway cannot say is reached by the next smaller one, and passed by the next larger one', () => {
  const rules = [aRecordedRule({ serving: 11, factor: 90 })];
  const compare = (v1: number, v2: number) => stand(aRule({ v1, v2 }), { rules }).rules.map((rule) => compareShare(rule, 5));
  expect([compare(941, 49), compare(940, 50), compare(942, 48)]).toEqual([['equal'], ['above'], ['below']]);
});
