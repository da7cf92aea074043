// Deployment mode: the canary's ref is added with the claim and removed with the last write; everything else stays in place.

import { describe, expect, test } from 'vitest';
import { recordRoutes } from '../../../../src/core/release/facts/scope.ts';
import { buildPatch } from '../../../../src/core/release/desired/patch.ts';
import type { RouteIntent } from '../../../../src/core/release/desired/route-intent.ts';
import { scanRules } from '../../../../src/core/routing/rules.ts';
import { compareShare } from '../../../../src/core/routing/canary-share.ts';
import { hasLeft, standRoutes } from '../../../../src/core/routing/standing.ts';
import type { Route } from '../../../../src/api/routes.ts';
import { applyJsonPatch } from '../../../fakes/api-server/objects.ts';
import { aRef, aRoute, aRule, aSpec, MARK } from '../../../fixtures/builders.ts';

const PAIR = { serving: 'v1', canary: 'v2', adds: true } as const;
const filters = [{ type: 'RequestHeaderModifier' }];
const plain = aRoute({
  metadata: { annotations: { team: 'shop' } },
  rules: [{ backendRefs: [aRef('v1', 3, { filters, port: 8080 }), aRef('beta', 1)] }, aRule({ other: 1 })],
});
const recorded = recordRoutes(aSpec(), [plain], PAIR);

/** Carries an intent out on a route. */
function write(route: Route, kind: RouteIntent['kind'], percent: number): Route {
  const [standing] = standRoutes(recorded, [route], PAIR);
  if (standing === undefined) throw new Error('nothing is recorded');
  const wanted = kind === 'restore' ? ({ kind: 'restored' } as const) : ({ kind: 'share', percent } as const);
  const mark = kind === 'home' ? `${MARK}/home` : MARK;
  return applyJsonPatch(route, buildPatch({ kind, standing, wanted, mark })) as Route;
}

const standingOf = (route: Route) => standRoutes(recorded, [route], PAIR)[0];
const refsOf = (route: Route) => route.spec.rules?.[0]?.backendRefs?.map(({ name, weight }) => [name, weight]);

describe('a rule that names the serving Service alone', () => {
  test('a rule that names the serving Service alone is ours where we add the canary, and lacks it where we do not', () => {
    expect(scanRules(plain, PAIR, undefined).rules.map(({ key }) => key)).toEqual(['rules[0]']);
    expect(scanRules(plain, { serving: 'v1', canary: 'v2' }, undefined).problems).toEqual([{ kind: 'canaryMissing', key: 'rules[0]' }]);
  });

  test('a rule that names the serving Service alone is recorded without a weight of the canary', () => {
    expect(recorded[0]?.rules[0]).not.toHaveProperty('canary');
  });
});

test('the claim adds the ref with weight 0, with the port and the filters of the serving one', () => {
  const claimed = write(plain, 'claim', 0);
  expect(claimed.spec.rules?.[0]?.backendRefs?.[2]).toEqual(aRef('v2', 0, { filters, port: 8080 }));
  expect(claimed.metadata.annotations).toEqual({ team: 'shop', 'glidepath.dev/release': MARK });
});

test('a release raises, goes home, and leaves the route exactly as it was', () => {
  const raised = write(write(plain, 'claim', 0), 'raise', 25);
  expect(refsOf(raised)?.map(([name]) => name)).toEqual(['v1', 'beta', 'v2']);
  const rule = standingOf(raised)?.rules[0];
  expect(rule === undefined ? undefined : compareShare(rule, 25)).toBe('equal');
  const home = write(raised, 'home', 0);
  expect(refsOf(home)?.at(-1)).toEqual(['v2', 0]);
  const restored = write(home, 'restore', 0);
  expect(restored.spec).toEqual(plain.spec);
  expect(restored.metadata.annotations).toEqual({ team: 'shop' });
});

test('a promoted release removes the ref although it has weight', () => {
  expect(write(write(write(plain, 'claim', 0), 'raise', 50), 'restore', 0).spec).toEqual(plain.spec);
});

test('a ref that comes before others is removed without moving their weights', () => {
  const raised = write(write(plain, 'claim', 0), 'raise', 50);
  const [first, second, third] = raised.spec.rules?.[0]?.backendRefs ?? [];
  const moved = [third, first, second].filter((ref) => ref !== undefined);
  const shuffled = { ...raised, spec: { ...raised.spec, rules: [{ backendRefs: moved }, ...(raised.spec.rules ?? []).slice(1)] } };
  expect(write(shuffled, 'restore', 0).spec).toEqual(plain.spec);
});

test('a ref that somebody took away is added again by a raise, and missed neither at home nor in the end', () => {
  const claimed = write(plain, 'claim', 0);
  const taken = { ...claimed, spec: plain.spec };
  expect(refsOf(write(taken, 'raise', 25))?.map(([name]) => name)).toEqual(['v1', 'beta', 'v2']);
  expect(refsOf(write(taken, 'home', 0))?.map(([name]) => name)).toEqual(['v1', 'beta']);
  expect(write(taken, 'restore', 0).spec).toEqual(plain.spec);
});

test('a route is left only when the ref is gone', () => {
  const claimed = write(plain, 'claim', 0);
  const unmarked = { ...claimed, spec: { ...claimed.spec }, metadata: plain.metadata };
  const [of, original] = [standingOf(unmarked), standingOf(plain)];
  expect(of === undefined || original === undefined ? [] : [hasLeft(of), hasLeft(original)]).toEqual([false, true]);
});
