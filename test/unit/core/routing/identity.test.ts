import { describe, expect, test } from 'vitest';
import type { RecordedRule } from '../../../../src/api/release.ts';
import type { RouteMatch, RouteRule } from '../../../../src/api/routes.ts';
import { followRule, identityOf, pairRules, recordRule } from '../../../../src/core/routing/identity.ts';
import { MAX_BACKEND_WEIGHT } from '../../../../src/core/routing/weights.ts';
import { scanRules, seeRules } from '../../../../src/core/routing/rules.ts';
import { aRef, aRoute, aRule, managedRule, SIDES } from '../../../fixtures/builders.ts';

const path = (value: string) => ({ matches: [{ path: { type: 'PathPrefix', value } } as RouteMatch] });
const named = (name: string) => ({ name });
/** A rule as its owner wrote it, and as a release left it at 20%. */
const original = aRule({ v1: 1, v2: 0 });
const shifted = aRule({ v1: 8_000, v2: 2_000 });

/** The rules as a release records them when it begins. */
function record(...rules: readonly RouteRule[]): readonly RecordedRule[] {
  return scanRules(aRoute({ rules }), SIDES, undefined).rules.map((rule) => recordRule(rule, MAX_BACKEND_WEIGHT));
}

/** Where each recorded rule is found among these: its position, or undefined where it is not there. */
function find(recorded: readonly RecordedRule[], ...rules: readonly RouteRule[]): readonly (number | undefined)[] {
  const paired = pairRules(recorded, seeRules(aRoute({ rules }), SIDES), SIDES);
  return recorded.map((rule) => paired.get(rule)?.index);
}

describe('a recorded rule', () => {
  test('a recorded rule is found behind a new one that names both Services, too: only its weights are as a release writes them', () => {
    expect(find(record(original), aRule({ v1: 100, v2: 0 }), shifted)).toEqual([1]);
    expect(find(record(original), aRule({ v1: 1, v2: 0 }), shifted)).toEqual([1]);
  });

  test('a recorded rule is found behind a new one by its matches, whatever the weights of both', () => {
    const recorded = record({ ...original, ...path('/api') });
    expect(find(recorded, { ...original, ...path('/new') }, { ...original, ...path('/api') })).toEqual([1]);
    expect(find(recorded, { ...shifted, ...path('/new') }, { ...original, ...path('/api') })).toEqual([1]);
  });

  test('a recorded rule is found when its matches are changed, as long as its weights are as a release writes them, or as they were', () => {
    const recorded = record({ ...original, ...path('/a') }, { ...aRule({ v1: 30, v2: 0 }), ...path('/b') });
    const edited = { ...aRule({ v1: 7_500, v2: 2_500 }), ...path('/b') };
    expect(find(recorded, { ...shifted, ...path('/c') }, edited)).toEqual([0, 1]);
    expect(find(recorded, { ...original, ...path('/c') }, edited)).toEqual([0, 1]);
  });

  test('a recorded rule is found when it gets a name, when it is renamed, and when it loses its name', () => {
    const two = [
      { ...original, ...path('/a') },
      { ...original, ...path('/b') },
    ];
    const renamed = [
      { ...shifted, ...path('/b'), ...named('b') },
      { ...shifted, ...path('/a'), ...named('a') },
    ];
    expect(find(record(...two), ...renamed)).toEqual([1, 0]);
    expect(find(record(...renamed.map((rule) => ({ ...rule, ...original }))), ...two)).toEqual([1, 0]);
  });

  test('a recorded rule is found by its name before all else', () => {
    const recorded = record({ ...original, ...path('/a'), ...named('a') }, { ...original, ...path('/b'), ...named('b') });
    const exchanged = [
      { ...original, ...path('/b'), ...named('a') },
      { ...original, ...path('/a'), ...named('b') },
    ];
    expect(find(recorded, ...exchanged)).toEqual([0, 1]);
  });

  test('a recorded rule is found in its new place when rules change places', () => {
    const recorded = record({ ...original, ...path('/a') }, { ...original, ...path('/b') });
    expect(find(recorded, { ...shifted, ...path('/b') }, { ...shifted, ...path('/a') })).toEqual([1, 0]);
  });

  test('a recorded rule of several that are equal in all else is found by the order', () => {
    expect(find(record(original, original), shifted, shifted)).toEqual([0, 1]);
    expect(find(record(original, original), aRule({ web: 1 }), shifted, shifted)).toEqual([1, 2]);
  });

  test('a recorded rule of several that are equal in all else is the one in its place, where rules were put before or behind it', () => {
    const [first] = record(original);
    if (first === undefined) throw new Error('nothing is recorded');
    expect(find([{ ...first, index: 1 }], original, original, original)).toEqual([1]);
    expect(find([first], original, original)).toEqual([0]);
    expect(find([{ ...first, index: 5 }], original, original)).toEqual([0]);
  });

  test('a recorded rule whose weights were edited is not mistaken for another one that has those of before', () => {
    const [first] = record(original);
    if (first === undefined) throw new Error('nothing is recorded');
    expect(find([{ ...first, index: 1 }], original, aRule({ v1: 8_000, v2: 1 }))).toEqual([1]);
    expect(find([first], aRule({ v1: 8_000, v2: 1 }), original)).toEqual([0]);
  });

  test('recorded rules that are equal in all else keep their order, although another one stands in the place of each', () => {
    expect(find(record(original, original, original), aRule({ web: 1 }), shifted, shifted, shifted)).toEqual([1, 2, 3]);
    expect(find(record(original, original), shifted, shifted, shifted)).toEqual([0, 1]);
  });

  test('a recorded rule is told from another one by its backends', () => {
    const recorded = record(original, aRule({ v1: 80, legacy: 20, v2: 0 }));
    expect(find(recorded, aRule({ v1: 6_400, legacy: 2_000, v2: 1_600 }))).toEqual([undefined, 0]);
    expect(find(recorded, shifted)).toEqual([0, undefined]);
  });

  test('a recorded rule is not mistaken for one whose weight happens to be its own on the scale of the release', () => {
    const recorded = record(aRule({ v1: 200, x: 77, v2: 0 }), aRule({ v1: 2, x: 150, y: 4, v2: 0 }));
    expect(recorded[1]?.factor).toBe(100);
    expect(find(recorded, aRule({ v1: 200, x: 77, v2: 0 }), aRule({ v1: 2, x: 150, y: 4, v2: 0 }))).toEqual([0, 1]);
  });

  test('a recorded rule is not mistaken for one that lacks its backends and has its weight on the scale of the release by chance', () => {
    const rules = [aRule({ v1: 100, x: 1, v2: 0 }), aRule({ v1: 1, x: 1, y: 100, v2: 0 })];
    expect(record(...rules)[1]?.factor).toBe(100);
    const [first, second] = record({ ...aRule({ v1: 100, x: 1, v2: 0 }), ...path('/a') }, aRule({ v1: 1, x: 1, y: 100, v2: 0 }));
    if (first === undefined || second === undefined) throw new Error('nothing is recorded');
    expect(find([first, second], ...rules)).toEqual([0, 1]);
  });

  test('a recorded rule is not mistaken for a copy of another one that was put in its place with its matches', () => {
    const recorded = record({ ...original, ...path('/c') }, { ...aRule({ v1: 1, x: 0, v2: 0 }), ...named('other') });
    const live = aRule({ v1: 8_000, x: 0, v2: 2_000 });
    expect(find(recorded, { ...live, ...path('/c') }, { ...shifted, ...path('/c') }, { ...live, ...named('other') })).toEqual([1, 2]);
  });

  test('a recorded rule is not mistaken for one that takes the same requests and has its weight on the scale of the release', () => {
    const rules = [
      { ...aRule({ v1: 100, x: 0, y: 20, v2: 0 }), ...path('/c') },
      { ...aRule({ v1: 1, x: 100, y: 20, v2: 0 }), ...path('/c') },
    ];
    expect(record(...rules)[1]?.factor).toBe(100);
    expect(find(record(...rules), ...rules)).toEqual([0, 1]);
  });

  test('a recorded rule is found behind a new one when a foreign weight in it was edited, or another backend added', () => {
    const recorded = record(aRule({ v1: 80, legacy: 20, v2: 0 }));
    const fresh = aRule({ v1: 80, legacy: 20, v2: 0 });
    expect(find(recorded, fresh, aRule({ v1: 6_400, legacy: 9, v2: 1_600 }))).toEqual([1]);
    expect(find(recorded, fresh, aRule({ v1: 6_400, legacy: 2_000, v2: 1_600, more: 3 }))).toEqual([1]);
  });

  describe('where the release added the ref to the canary', () => {
    const pair = { ...SIDES, adds: true };
    const manifest = { ...aRule({ v1: 1, beta: 100 }), ...path('/b') };
    const claimed = { ...aRule({ v1: 1, beta: 100, v2: 0 }), ...path('/b') };
    const recorded = scanRules(aRoute({ rules: [manifest] }), pair, undefined).rules.map((rule) => recordRule(rule, MAX_BACKEND_WEIGHT));
    const findAdded = (...rules: readonly RouteRule[]) => {
      const paired = pairRules(recorded, seeRules(aRoute({ rules }), pair), pair);
      return recorded.map((rule) => paired.get(rule)?.index);
    };

    test('a recorded rule is the one that has this ref, and not a copy of the manifest in its place', () => {
      expect(findAdded(manifest, claimed)).toEqual([1]);
      expect(findAdded(manifest, { ...aRule({ v1: 1, beta: 3, v2: 0 }), ...path('/b') })).toEqual([1]);
    });

    test('a recorded rule is the one with the weights of the claim, and not a rule of the same requests in its place', () => {
      expect(findAdded({ ...aRule({ v1: 7, beta: 100, v2: 0 }), ...path('/b') }, claimed)).toEqual([1]);
    });

    test('a recorded rule is not known by a ref to the canary alone, which anyone may write', () => {
      const other = { ...aRule({ v1: 7, beta: 1, v2: 30 }), ...path('/new') };
      expect(findAdded(other, aRule({ v1: 5 }))).toEqual([undefined]);
    });
  });

  test('a recorded rule is none of those that appeared when it was removed', () => {
    const recorded = record({ ...original, ...path('/a') }, { ...original, ...path('/b') });
    expect(find(recorded, { ...shifted, ...path('/b') }, { ...aRule({ v1: 100, v2: 0 }), ...path('/c') })).toEqual([undefined, 0]);
    expect(find(recorded, aRule({ web: 1 }))).toEqual([undefined, undefined]);
  });

  test('a recorded rule is found when it is the only one that names the serving Service, whatever was edited in it', () => {
    const recorded = record({ ...original, ...path('/a'), ...named('a') });
    const edited = { ...aRule({ v1: 9, v2: 3 }), ...path('/b'), ...named('b') };
    expect(find(recorded, edited)).toEqual([0]);
    expect(find(recorded, { ...aRule({ v2: 1 }), ...path('/testers') }, edited)).toEqual([1]);
  });

  test('a recorded rule that lost its serving ref is found by its name or its matches, and only where no rule has one', () => {
    const recorded = record({ ...original, ...path('/a'), ...named('a') }, { ...original, ...path('/b') });
    expect(find(recorded, { ...aRule({ v2: 1 }), ...named('a') }, { ...aRule({ v2: 1 }), ...path('/b') })).toEqual([0, 1]);
    expect(find(recorded, aRule({ v2: 1 }))).toEqual([undefined, undefined]);
    expect(find(record({ ...original, ...path('/a') }), { ...aRule({ v2: 1 }), ...path('/a') }, { ...shifted, ...path('/c') })).toEqual([
      1,
    ]);
  });

  test('a recorded rule keeps what it is known by with a second ref to one of its Services at another port', () => {
    const twice = { backendRefs: [aRef('v2', 0, { port: 8443 }), ...(shifted.backendRefs ?? [])] };
    expect(find(record(original), aRule({ v1: 100, v2: 0 }), twice)).toEqual([1]);
  });

  test('a recorded rule of an operator that recorded no matches is found by the rest', () => {
    const recorded = record({ ...original, ...path('/a') }, { ...aRule({ v1: 30, v2: 0 }), ...path('/b') });
    const older = recorded.map(({ matches: _matches, servingPort: _serving, canaryPort: _canary, ...rule }) => rule);
    expect(find(older, aRule({ v1: 100, v2: 0 }), aRule({ v1: 8_160, v2: 2_040 }), { ...shifted, ...path('/a') })).toEqual([2, 1]);
  });
});

describe('the record of a rule', () => {
  test('the record of a rule holds what it was known by when the release began', () => {
    const [recorded] = record({ ...original, ...path('/a'), ...named('a') });
    expect(recorded).toMatchObject({ key: 'a', index: 0, servingPort: 80, canaryPort: 80, serving: 1, canary: 0 });
    expect(recorded?.matches).toMatch(/^[0-9a-f]{16}$/);
  });

  test('the record of a rule follows the rule, so that one edit after the other does not make it unknown', () => {
    const [recorded] = record(original, original);
    if (recorded === undefined) throw new Error('nothing is recorded');
    const moved = managedRule(aRoute({ rules: [aRule({ web: 1 }), { ...shifted, ...path('/a'), ...named('a') }] }));
    const followed = followRule(recorded, moved);
    expect(followed).toEqual({ ...recorded, ...identityOf(moved) });
    expect(followed).toMatchObject({ key: 'a', index: 1, serving: 1, factor: 10_000 });
    expect(followRule(followed, moved)).toBe(followed);
  });
});
