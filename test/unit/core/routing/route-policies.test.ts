import { describe, expect, test } from 'vitest';
import { findRuleTargets, mayMeanRules } from '../../../../src/core/routing/route-policies.ts';
import { aRoute } from '../../../fixtures/builders.ts';

const RULES = [
  { key: 'api', name: 'api', index: 0 },
  { key: 'rules[1]', index: 1 },
] as const;
const TARGET = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'store' };

const find = (kind: string, spec: Readonly<Record<string, unknown>>) =>
  findRuleTargets(aRoute(), RULES, [{ kind, name: 'jwt', spec }]).map(({ rule }) => rule);

describe('a policy holds for one rule of a route', () => {
  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    [
      'SecurityPolicy',
      {
        targetRefs: [
          { ...TARGET, name: 'other', sectionName: 'api' },
          { ...TARGET, sectionName: 'api' },
        ],
      },
    ],
    ['SecurityPolicy', { targetRef: { ...TARGET, sectionName: 'api' } }],
    ['TrafficPolicy', { targetSelectors: [{ kind: 'HTTPRoute', matchLabels: { app: 'store' }, sectionName: 'api' }] }],
    ['AuthPolicy', { targetRef: { ...TARGET, sectionName: 'rule-1' } }],
  ])('a policy holds for one rule of a route: %s %j', (kind, spec) => {
    expect(find(kind, spec)).toEqual(['api']);
  });

  test('a policy of Kuadrant holds for a rule without a name by its place', () => {
    expect(find('AuthPolicy', { targetRef: { ...TARGET, sectionName: 'rule-2' } })).toEqual(['rules[1]']);
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['SecurityPolicy', { targetRefs: [TARGET] }],
    ['SecurityPolicy', { targetRefs: [{ ...TARGET, sectionName: 'admin' }] }],
    ['SecurityPolicy', { targetRefs: [{ ...TARGET, sectionName: 'rule-1' }] }],
    ['SecurityPolicy', { targetRefs: [{ ...TARGET, kind: 'Gateway', sectionName: 'api' }] }],
    ['SecurityPolicy', {}],
    ['SecurityPolicy', { targetRefs: 'store' }],
  ])('a policy of the whole route, or of something else, holds for no single rule: %s %j', (kind, spec) => {
    expect(find(kind, spec)).toEqual([]);
  });

  test('a kind of policy that goes by names can mean no rule without one', () => {
    const [named, nameless] = RULES;
    expect(mayMeanRules('SecurityPolicy', [nameless])).toBe(false);
    expect(mayMeanRules('SecurityPolicy', [nameless, named])).toBe(true);
    expect(mayMeanRules('AuthPolicy', [nameless])).toBe(true);
  });
});
