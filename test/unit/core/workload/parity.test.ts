import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePolicies, findAlternatives } from '../../../../src/core/workload/parity.ts';
import { POLICY_KINDS, type PolicyObject } from '../../../../src/core/workload/policy-kinds.ts';
import { toFlow } from '../../../../src/core/workload/flow.ts';
import { anySelector, aPolicy, POLICY_SIDES } from '../../../fixtures/policies.ts';

const SERVING = { matchLabels: { app: 'store' } };
const CANARY = { matchLabels: { app: 'store-canary' } };
const BOTH = { matchExpressions: [{ key: 'app', operator: 'In', values: ['store', 'store-canary'] }] };
const target = (name: string, more: object = {}) => ({ group: '', kind: 'Service', name, ...more });

const findings = (...policies: readonly PolicyObject[]) => comparePolicies(policies, POLICY_SIDES);

describe('no difference is', () => {
  const tls = (targetRefs: readonly object[], hostname = 'store', name = 'tls') =>
    aPolicy('BackendTLSPolicy', { targetRefs, validation: { hostname } }, name);

  test.each<[string, readonly PolicyObject[]]>([
    ['nothing', []],
    ['a kind that nobody compares', [aPolicy('Secret', { selector: SERVING })]],
    ['a policy on both Services', [tls([target('store'), target('store-canary')])]],
    ['a policy on another Service', [tls([target('db')])]],
    [
      'a policy on something else of that name',
      [
        tls([
          { group: 'example.org', kind: 'Service', name: 'store' },
          { kind: 'HTTPRoute', name: 'store' },
        ]),
      ],
    ],
    ['a policy on each Service that says the same', [tls([target('store')]), tls([target('store-canary')], 'store', 'tls-canary')]],
    ['a port of serving, and all of the canary', [tls([target('store', { sectionName: 'https' }), target('store-canary')])]],
    ['an Istio policy for the whole namespace', [aPolicy('PeerAuthentication', { mtls: { mode: 'STRICT' } })]],
    [
      'an Istio policy for a Gateway',
      [aPolicy('AuthorizationPolicy', { targetRefs: [{ kind: 'Gateway', name: 'waypoint' }], selector: SERVING })],
    ],
    ['a disruption budget for both', [aPolicy('PodDisruptionBudget', { selector: BOTH })]],
    ['a disruption budget without a selector', [aPolicy('PodDisruptionBudget', {})]],
    ['a disruption budget for the canary alone', [aPolicy('PodDisruptionBudget', { selector: CANARY })]],
    [
      'a disruption budget for each',
      [aPolicy('PodDisruptionBudget', { selector: SERVING }), aPolicy('PodDisruptionBudget', { selector: CANARY, minAvailable: 1 }, 'x')],
    ],
    ['a PodMonitor for another namespace', [aPolicy('PodMonitor', { selector: SERVING, namespaceSelector: { matchNames: ['other'] } })]],
    ['a ServiceMonitor for every Service', [aPolicy('ServiceMonitor', { selector: {} })]],
    ['a Cilium policy for every pod', [aPolicy('CiliumNetworkPolicy', { endpointSelector: {} })]],
    ['a Cilium policy for nodes', [aPolicy('CiliumNetworkPolicy', { nodeSelector: SERVING })]],
  ])('no difference is found in %s', (_what, policies) => {
    expect(findings(...policies)).toEqual([]);
  });
});

describe('a difference is', () => {
  test.each<[PolicyObject, security: boolean, missing: string, add: string]>([
    [
      aPolicy('BackendTLSPolicy', { targetRefs: [target('store')] }),
      true,
      'targets Service store and not Service store-canary',
      'add to its spec.targetRefs {group: "", kind: Service, name: store-canary}',
    ],
    [
      aPolicy('BackendTLSPolicy', {
        targetRefs: [target('store', { sectionName: 'https' }), target('store-canary', { sectionName: 'http' })],
      }),
      true,
      'targets Service store and not',
      'name: store-canary, sectionName: https}',
    ],
    [
      aPolicy('BackendTLSPolicy', { targetRefs: [target('store-canary')] }),
      true,
      'targets Service store-canary and not Service store',
      'let it cover both, or neither',
    ],
    [
      aPolicy('GCPBackendPolicy', { targetRef: target('store') }),
      true,
      'targets Service store and not',
      'add another GCPBackendPolicy like it with spec.targetRef {group: "", kind: Service, name: store-canary}',
    ],
    [
      aPolicy('AuthorizationPolicy', { selector: SERVING }),
      true,
      'selects the serving pods and not the canary',
      'add another AuthorizationPolicy like it with spec.selector {matchLabels: {app: store-canary}}',
    ],
    [aPolicy('PeerAuthentication', { selector: CANARY }), true, 'and not the serving ones', 'let it cover both, or neither'],
    [
      aPolicy('CiliumNetworkPolicy', { endpointSelector: { matchLabels: { 'k8s:app': 'store', 'any.tier': 'web' } } }),
      true,
      'selects the serving pods',
      'set its spec.endpointSelector to {matchLabels: {tier: web}, matchExpressions: [{key: app, operator: In, values: [store, store-canary]}]}',
    ],
    [
      aPolicy('PodDisruptionBudget', { selector: SERVING, minAvailable: 1 }),
      false,
      'selects the serving pods',
      'add another PodDisruptionBudget like it with spec.selector {matchLabels: {app: store-canary}}',
    ],
    [aPolicy('PodMonitor', { selector: SERVING }), false, 'selects the serving pods', 'set its spec.selector to {matchExpressions: [{'],
    [
      aPolicy('ServiceMonitor', { selector: SERVING }),
      false,
      'selects Service store and not Service store-canary',
      'add another ServiceMonitor like it with spec.selector {matchLabels: {glidepath.dev/role: canary}}',
    ],
  ])('a difference is found in %j', (policy, security, missing, add) => {
    expect(findings(policy)).toEqual([
      { kind: policy.kind, name: 'store', security, missing: expect.stringContaining(missing), add: expect.stringContaining(add) },
    ]);
  });

  test('a security policy for each side that says something else, in both directions', () => {
    const policy = (selector: object, action: string, name: string) => aPolicy('AuthorizationPolicy', { selector, action }, name);
    const told = findings(policy(SERVING, 'DENY', 'a'), policy(CANARY, 'ALLOW', 'b'));
    expect(told.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(findings(policy(SERVING, 'DENY', 'a'), policy(CANARY, 'DENY', 'b'))).toEqual([]);
  });
});

test('what matters for security comes first, then kinds and names in their order', () => {
  const told = findings(
    aPolicy('PodDisruptionBudget', { selector: SERVING }),
    aPolicy('NetworkPolicy', { podSelector: SERVING }, 'b'),
    aPolicy('NetworkPolicy', { podSelector: SERVING }, 'a'),
    aPolicy('AuthorizationPolicy', { selector: SERVING }),
  );
  expect(told.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    'AuthorizationPolicy/store',
    'NetworkPolicy/a',
    'NetworkPolicy/b',
    'PodDisruptionBudget/store',
  ]);
});

describe('of every kind with a selector', () => {
  const kinds = POLICY_KINDS.flatMap(({ kind, aim }) => (aim.by === 'selector' && aim.of === 'pods' ? [[kind, aim.field] as const] : []));

  test.each(kinds)('%s that asks for nothing in which the sides differ is no difference', (kind, field) => {
    fc.assert(
      fc.property(fc.array(anySelector(['tier']), { maxLength: 4 }), (selectors) => {
        expect(findings(...selectors.map((selector) => aPolicy(kind, { [field]: selector })))).toEqual([]);
      }),
    );
  });
});

test('another label can tell the canary apart where both selectors have it and the canary does not change it', () => {
  const labels = { app: 'store', track: 'stable', tier: 'web' };
  expect(findAlternatives(labels, { app: 'store', track: 'stable', team: 'shop' }, { ...labels, app: 'store-canary' })).toEqual(['track']);
  expect(findAlternatives({ app: 'store' }, { app: 'store' }, { app: 'store-canary' })).toEqual([]);
});

test('what is to be pasted is YAML in one line, with text quoted that would be something else', () => {
  expect(toFlow({ a: ['x', 'yes', '1', '', 'a b'], 'b/c': { d: true, e: 80 } })).toBe(
    '{a: [x, "yes", "1", "", "a b"], b/c: {d: true, e: 80}}',
  );
});
