// Policies that hold for one rule of a route: a rule of ours beside it would escape them (rule 9).

import type { Route } from '../../api/routes.ts';

/** A kind of policy that may mean one rule of a route by `sectionName`. Policies on a whole route hold for our rules, too. */
export interface RoutePolicyKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** What the section of a rule is called: its name, or `rule-` and its place from 1. */
  readonly sections: 'names' | 'places';
}

/** Where such kinds are documented: gateway.envoyproxy.io, kgateway.dev, agentgateway.dev and docs.kuadrant.io. */
export const ROUTE_POLICY_KINDS: readonly RoutePolicyKind[] = [
  { group: 'gateway.envoyproxy.io', kind: 'SecurityPolicy', plural: 'securitypolicies', sections: 'names' },
  { group: 'gateway.envoyproxy.io', kind: 'BackendTrafficPolicy', plural: 'backendtrafficpolicies', sections: 'names' },
  { group: 'gateway.envoyproxy.io', kind: 'EnvoyExtensionPolicy', plural: 'envoyextensionpolicies', sections: 'names' },
  { group: 'gateway.kgateway.dev', kind: 'TrafficPolicy', plural: 'trafficpolicies', sections: 'names' },
  { group: 'agentgateway.dev', kind: 'AgentgatewayPolicy', plural: 'agentgatewaypolicies', sections: 'names' },
  { group: 'kuadrant.io', kind: 'AuthPolicy', plural: 'authpolicies', sections: 'places' },
  { group: 'kuadrant.io', kind: 'RateLimitPolicy', plural: 'ratelimitpolicies', sections: 'places' },
  { group: 'kuadrant.io', kind: 'TokenRateLimitPolicy', plural: 'tokenratelimitpolicies', sections: 'places' },
];

/** A policy, as far as it says whom it means. */
export interface RoutePolicy {
  readonly kind: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A policy that means one rule of a route. */
export interface RuleTarget {
  readonly kind: string;
  readonly name: string;
  /** Name or place of the rule. */
  readonly rule: string;
}

/** A rule as a policy may mean it. */
export interface SectionRule {
  readonly key: string;
  readonly name?: string;
  readonly index: number;
}

/** Can policies of this kind mean any of these rules? Those that go by names mean none without. */
export function mayMeanRules(kind: string, rules: readonly SectionRule[]): boolean {
  return sectionsOf(kind) === 'places' ? rules.length > 0 : rules.some(({ name }) => name !== undefined);
}

/** The policies that mean one of these rules of the route. */
export function findRuleTargets(
  { kind, metadata }: Pick<Route, 'kind' | 'metadata'>,
  rules: readonly SectionRule[],
  policies: readonly RoutePolicy[],
): readonly RuleTarget[] {
  return policies.flatMap((policy) =>
    targetsOf(policy).flatMap((target) => {
      // A selector means routes by their labels, which are not looked at: it may mean this one.
      const isMeant = target['kind'] === kind && (target['name'] === metadata.name || target['matchLabels'] !== undefined);
      const rule = isMeant ? rules.find((one) => isSection(policy.kind, one, target['sectionName'])) : undefined;
      return rule === undefined ? [] : [{ kind: policy.kind, name: policy.name, rule: rule.key }];
    }),
  );
}

function isSection(kind: string, { name, index }: SectionRule, section: unknown): boolean {
  if (typeof section !== 'string') return false;
  return section === name || (sectionsOf(kind) === 'places' && section === `rule-${index + 1}`);
}

/** A kind that the table does not have is none that was read. */
function sectionsOf(kind: string): RoutePolicyKind['sections'] {
  return ROUTE_POLICY_KINDS.find((one) => one.kind === kind)?.sections ?? 'names';
}

/** Whom a policy is for, as it says. */
export function targetsOf({ spec }: RoutePolicy): readonly Readonly<Record<string, unknown>>[] {
  const { targetRef, targetRefs, targetSelectors } = spec;
  return [targetRef, ...listOf(targetRefs), ...listOf(targetSelectors)].filter(isFields);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** An object, and no list. */
export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
