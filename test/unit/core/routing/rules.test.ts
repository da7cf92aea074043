import { describe, expect, test } from 'vitest';
import { namesService } from '../../../../src/core/routing/refs.ts';
import { scanRules } from '../../../../src/core/routing/rules.ts';
import { aRef, aRoute, aRule, SIDES } from '../../../fixtures/builders.ts';

describe('a scan', () => {
  test('a scan finds the rules that name both Services, by name or by position, with what they say', () => {
    const route = aRoute({ rules: [aRule({ other: 1 }), aRule({ v2: 5, v1: 95, third: 7 }, { name: 'api' })] });
    expect(scanRules(route, SIDES, undefined)).toEqual({
      rules: [
        {
          key: 'api',
          name: 'api',
          index: 1,
          serving: { index: 1, name: 'v1', listedName: 'v1', namespace: 'shop', port: 80, weight: 95, hasFilters: false },
          canary: { index: 0, name: 'v2', listedName: 'v2', namespace: 'shop', port: 80, weight: 5, hasFilters: false },
          extras: [],
          others: [{ index: 2, name: 'third', listedName: 'third', namespace: 'shop', port: 80, weight: 7, hasFilters: false }],
        },
      ],
      problems: [],
      unknownRules: [],
    });
  });

  test('a scan reads a ref as the API server defaults it', () => {
    const route = aRoute({ rules: [{ backendRefs: [{ name: 'v1' }, { name: 'v2', filters: [{ type: 'RequestHeaderModifier' }] }] }] });
    const [rule] = scanRules(route, SIDES, undefined).rules;
    expect(rule?.serving).toEqual({ index: 0, name: 'v1', listedName: 'v1', namespace: 'shop', weight: 1, hasFilters: false });
    expect(rule?.canary.hasFilters).toBe(true);
  });

  test('a scan leaves a rule alone that names neither, or the canary alone, or has no backends', () => {
    const route = aRoute({ rules: [aRule({ other: 1 }), aRule({ v2: 1 }), {}] });
    expect(scanRules(route, SIDES, undefined)).toEqual({ rules: [], problems: [], unknownRules: [] });
  });

  test('a scan reports a rule without the canary, and a Service that is named twice', () => {
    const route = aRoute({
      rules: [
        aRule({ v1: 1 }),
        { backendRefs: [aRef('v1', 1), aRef('v2', 0), aRef('v1', 1, { port: 81 })] },
        { backendRefs: [aRef('v1', 1), aRef('v2', 0), aRef('v2', 0)] },
      ],
    });
    expect(scanRules(route, SIDES, undefined).problems).toEqual([
      { kind: 'canaryMissing', key: 'rules[0]' },
      { kind: 'namedTwice', key: 'rules[1]', service: 'v1' },
      { kind: 'namedTwice', key: 'rules[2]', service: 'v2' },
    ]);
  });

  test('a scan keeps to the chosen rules and names those that are not there', () => {
    const route = aRoute({ rules: [aRule({ v1: 1, v2: 0 }, { name: 'api' }), aRule({ v1: 1 }), aRule({ v1: 1, v2: 0 })] });
    const scan = scanRules(route, SIDES, ['rules[2]', 'web']);
    expect(scan.rules.map(({ key }) => key)).toEqual(['rules[2]']);
    expect(scan.problems).toEqual([]);
    expect(scan.unknownRules).toEqual(['web']);
  });

  test('a scan takes no Service of another namespace and nothing that is no Service for ours', () => {
    const foreign = [
      aRef('v2', 3, { namespace: 'other' }),
      { group: 'example.com', kind: 'Store', name: 'v2', weight: 4 },
      { kind: 'Store', name: 'v1', weight: 5 },
    ];
    const route = aRoute({ rules: [{ backendRefs: [aRef('v1', 1, { namespace: 'shop' }), aRef('v2', 0), ...foreign] }] });
    const [rule] = scanRules(route, SIDES, undefined).rules;
    expect([rule?.serving.index, rule?.canary.index]).toEqual([0, 1]);
    expect(rule?.others.map(({ name, listedName }) => [name, listedName])).toEqual([
      ['v2', 'v2'],
      ['example.com/Store/v2', 'v2'],
      ['/Store/v1', 'v1'],
    ]);
  });

  test('a scan of a route without rules finds nothing', () => {
    const { rules: _rules, ...spec } = aRoute().spec;
    expect(scanRules({ ...aRoute(), spec }, SIDES, undefined).rules).toEqual([]);
    expect(namesService({ ...aRoute(), spec }, [{ name: 'v1' }])).toBe(false);
  });
});

describe('a scan by port', () => {
  const byPort = { ...SIDES, servingPort: 80, canaryPort: 80 };

  test('a scan by port finds the rules that name the Services with the wanted ports, and no others', () => {
    const admin = { backendRefs: [aRef('v1', 1, { port: 9090 }), aRef('v2', 0, { port: 9090 })] };
    const route = aRoute({ rules: [admin, aRule({ v1: 1, v2: 0 })] });
    expect(scanRules(route, byPort, undefined).rules.map(({ key }) => key)).toEqual(['rules[1]']);
    expect(scanRules(route, SIDES, undefined).rules).toHaveLength(2);
  });

  test('a scan by port leaves the same Service by another port among the others of the rule', () => {
    const refs = [aRef('v1', 3, { port: 9090 }), aRef('v1', 1), aRef('v2', 0)];
    const [rule] = scanRules(aRoute({ rules: [{ backendRefs: refs }] }), byPort, undefined).rules;
    expect([rule?.serving.index, rule?.canary.index, rule?.others.map(({ index }) => index)]).toEqual([1, 2, [0]]);
  });

  test('a scan by port adds the canary by the port of the serving ref', () => {
    const route = aRoute({ rules: [{ backendRefs: [aRef('store', 1, { port: 9090 })] }] });
    const sides = { serving: 'store', canary: 'store-canary', adds: true, servingPort: 9090, canaryPort: 9090 };
    expect(scanRules(route, sides, undefined).rules[0]?.canary.missing).toMatchObject({ name: 'store-canary', port: 9090 });
  });

  test('a scan by port loses no rule during a release whose one port is edited, nor one with the ref that we added', () => {
    const moved = (v1: number, v2: number) => ({ backendRefs: [aRef('v1', 75, { port: v1 }), aRef('v2', 25, { port: v2 })] });
    const route = aRoute({ rules: [moved(9090, 80), moved(80, 9090), moved(9090, 9090)] });
    expect(scanRules(route, byPort, undefined).rules.map(({ key }) => key)).toEqual(['rules[0]', 'rules[1]']);
    expect(scanRules(route, { ...byPort, adds: true }, undefined).rules).toHaveLength(3);
  });
});

describe('a route names a Service', () => {
  test('a route names a Service by the wanted port, where one is wanted', () => {
    expect(namesService(aRoute(), [{ name: 'v1', port: 80 }])).toBe(true);
    expect(namesService(aRoute(), [{ name: 'v1', port: 9090 }])).toBe(false);
  });

  test('a route names a Service where one of its rules does, in its own namespace', () => {
    expect(namesService(aRoute(), [{ name: 'v2' }])).toBe(true);
    expect(namesService(aRoute(), [{ name: 'v3' }])).toBe(false);
    expect(namesService(aRoute({ rules: [{}] }), [{ name: 'v1' }])).toBe(false);
    expect(namesService(aRoute({ rules: [{ backendRefs: [aRef('v1', 1, { namespace: 'other' })] }] }), [{ name: 'v1' }])).toBe(false);
    expect(namesService(aRoute({ rules: [{ backendRefs: [{ name: 'v1' }] }] }), [{ name: 'v1' }])).toBe(true);
    expect(
      namesService(aRoute({ rules: [{ backendRefs: [{ group: 'example.com', kind: 'Service', name: 'v1' }] }] }), [{ name: 'v1' }]),
    ).toBe(false);
  });
});
