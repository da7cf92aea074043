// Policies for tests, and arbitrary ones: labels, selectors and NetworkPolicies from a small alphabet, so that they meet often.

import fc from 'fast-check';
import type { PolicyObject } from '../../src/core/workload/policy-kinds.ts';
import type { PolicySides } from '../../src/core/workload/policy-sides.ts';
import type { Labels, LabelSelector, Requirement } from '../../src/core/workload/selectors.ts';

/** Pods of `store` serve behind Service `store`; the canary has another `app`. */
export const POLICY_SIDES: PolicySides = {
  namespace: 'shop',
  serving: { podLabels: { app: 'store', tier: 'web' }, service: 'store', serviceLabels: { app: 'store' } },
  canary: {
    podLabels: { app: 'store-canary', tier: 'web', 'glidepath.dev/role': 'canary' },
    service: 'store-canary',
    serviceLabels: { 'glidepath.dev/role': 'canary', 'app.kubernetes.io/managed-by': 'glidepath' },
  },
  alternatives: [],
};

export function aPolicy(kind: string, spec: Readonly<Record<string, unknown>>, name = 'store'): PolicyObject {
  return { kind, name, spec };
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  app: ['store', 'store-canary', 'db'],
  tier: ['web', 'data'],
  'glidepath.dev/role': ['canary', 'x'],
};
const KEYS = Object.keys(VALUES);

const anyEntry = (keys: readonly string[]) =>
  fc.constantFrom(...keys).chain((key) => fc.constantFrom(...(VALUES[key] ?? [])).map((value) => [key, value] as const));

export function anyLabels(keys: readonly string[] = KEYS): fc.Arbitrary<Labels> {
  return fc.array(anyEntry(keys), { maxLength: 3 }).map((entries) => Object.fromEntries(entries));
}

function anyRequirement(keys: readonly string[]): fc.Arbitrary<Requirement> {
  return fc.constantFrom(...keys).chain((key) =>
    fc.oneof(
      fc.record({
        key: fc.constant(key),
        operator: fc.constantFrom('In', 'NotIn'),
        values: fc.uniqueArray(fc.constantFrom(...(VALUES[key] ?? [])), { minLength: 1, maxLength: 2 }),
      }),
      fc.record({ key: fc.constant(key), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
    ),
  );
}

/** @param keys the labels that it may ask about */
export function anySelector(keys: readonly string[] = KEYS): fc.Arbitrary<LabelSelector> {
  return fc.record(
    { matchLabels: anyLabels(keys), matchExpressions: fc.array(anyRequirement(keys), { maxLength: 2 }) },
    { requiredKeys: [] },
  );
}

function anyPeer(keys: readonly string[]): fc.Arbitrary<object> {
  const pods = anySelector(keys);
  const namespaces = fc.constantFrom(
    {},
    { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
    { matchLabels: { 'kubernetes.io/metadata.name': 'elsewhere' } },
    { matchLabels: { team: 'shop' } },
  );
  return fc.oneof(
    fc.record({ podSelector: pods }),
    fc.record({ podSelector: pods, namespaceSelector: namespaces }),
    fc.record({ namespaceSelector: namespaces }),
    fc.constant({ ipBlock: { cidr: '10.0.0.0/8' } }),
  );
}

/** @param keys the labels that its selectors may ask about */
export function anyNetworkPolicy(keys: readonly string[] = KEYS): fc.Arbitrary<PolicyObject> {
  const ports = fc.array(fc.constantFrom({ port: 80 }, { port: 5432, protocol: 'TCP' }), { maxLength: 2 });
  const rules = (peers: 'from' | 'to') =>
    fc.array(fc.record({ [peers]: fc.array(anyPeer(keys), { maxLength: 2 }), ports }, { requiredKeys: [] }), { maxLength: 2 });
  const policyTypes = fc.constantFrom(['Ingress'], ['Egress'], ['Ingress', 'Egress']);
  return fc
    .record({ podSelector: anySelector(keys), ingress: rules('from'), egress: rules('to'), policyTypes }, { requiredKeys: ['podSelector'] })
    .map((spec) => aPolicy('NetworkPolicy', spec as Readonly<Record<string, unknown>>));
}
