import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePolicies } from '../../../../src/core/workload/parity.ts';
import type { PolicyObject } from '../../../../src/core/workload/policy-kinds.ts';
import { findMoves, moveSelectors, readSelector, selects } from '../../../../src/core/workload/selectors.ts';
import { anyNetworkPolicy, aPolicy, POLICY_SIDES } from '../../../fixtures/policies.ts';

const SERVING = { matchLabels: { app: 'store' } };
const CANARY = { matchLabels: { app: 'store-canary' } };
const DB = { matchLabels: { app: 'db' } };
const BOTH = { matchExpressions: [{ key: 'app', operator: 'In', values: ['store', 'store-canary'] }] };
const PORTS = [{ port: 80 }];

const net = (spec: Readonly<Record<string, unknown>>, name = 'allow-store') => aPolicy('NetworkPolicy', spec, name);
const findings = (...policies: readonly PolicyObject[]) => comparePolicies(policies, POLICY_SIDES);
const from = (...peers: readonly unknown[]) => [{ from: peers, ports: PORTS }];
const pods = (podSelector: object, namespaceSelector?: object) => ({
  podSelector,
  ...(namespaceSelector === undefined ? {} : { namespaceSelector }),
});
const DB_LETS_IN = net({ podSelector: DB, ingress: from(pods(SERVING)) }, 'db');

describe('a NetworkPolicy that is no difference', () => {
  test.each<[string, readonly PolicyObject[]]>([
    ['an empty podSelector', [net({ podSelector: {} })]],
    ['none at all', [net({})]],
    ['labels that both have', [net({ podSelector: { matchLabels: { tier: 'web' } } })]],
    ['an expression that names both', [net({ podSelector: BOTH })]],
    ['other pods, and nobody of ours in its rules', [net({ podSelector: DB, ingress: from(pods(DB)) })]],
    ['a rule for everyone', [net({ podSelector: DB, ingress: [{}] })]],
    ['a rule with an empty list of peers', [net({ podSelector: DB, ingress: [{ from: [] }] })]],
    ['addresses', [net({ podSelector: DB, ingress: from({ ipBlock: { cidr: '10.0.0.0/8' } }) })]],
    ['a rule for all pods of the namespace', [net({ podSelector: DB, ingress: from(pods({})) })]],
    ['a rule for both', [net({ podSelector: DB, ingress: from(pods(SERVING), pods(CANARY)) })]],
    ['a rule for serving and a wider one for another port and all', [net({ podSelector: DB, ingress: [...from(pods(SERVING)), {}] })]],
    ['pods like ours of another namespace', [net({ podSelector: DB, ingress: from(pods(SERVING, inNamespace('other'))) })]],
    ['ingress rules that its types leave out', [net({ podSelector: DB, policyTypes: ['Egress'], ingress: from(pods(SERVING)) })]],
    ['a second one that lets the canary in', [DB_LETS_IN, net({ podSelector: DB, ingress: [{ from: [pods(CANARY)] }] }, 'db-canary')]],
    ['a second one for every pod that lets the canary in', [DB_LETS_IN, net({ podSelector: {}, ingress: from(pods(CANARY)) }, 'all')]],
    [
      'a twin for the canary',
      [net({ podSelector: SERVING, ingress: from(pods(DB)) }), net({ podSelector: CANARY, ingress: from(pods(DB)) }, 'twin')],
    ],
    [
      'twins that divide the rules',
      [
        net({ podSelector: SERVING, ingress: [...from(pods(DB)), { ports: PORTS }] }),
        net({ podSelector: CANARY, ingress: from(pods(DB)) }, 'one'),
        net({ podSelector: CANARY, ingress: [{ ports: PORTS }] }, 'two'),
      ],
    ],
    [
      'both isolated already by one for all, and nothing more let in',
      [net({ podSelector: {}, policyTypes: ['Ingress'] }, 'deny'), net({ podSelector: SERVING, policyTypes: ['Ingress'] })],
    ],
  ])('a NetworkPolicy is no difference with %s', (_what, policies) => {
    expect(findings(...policies)).toEqual([]);
  });
});

function inNamespace(name: string): object {
  return { matchLabels: { 'kubernetes.io/metadata.name': name } };
}

describe('a NetworkPolicy that treats the canary differently', () => {
  const WIDE = 'set its spec.podSelector to {matchExpressions: [{key: app, operator: In, values: [store, store-canary]}]}';
  const ADD = 'add to its spec.ingress[0].from {podSelector: {matchLabels: {app: store-canary}}}';

  test.each<[string, readonly PolicyObject[], missing: string, add: string]>([
    ['selects serving pods alone', [net({ podSelector: SERVING })], 'selects the serving pods and not the canary', WIDE],
    [
      'excludes canaries',
      [net({ podSelector: { matchExpressions: [{ key: 'glidepath.dev/role', operator: 'DoesNotExist' }] } })],
      'selects the serving pods and not the canary',
      'add another NetworkPolicy like it with spec.podSelector {matchLabels: {app: store-canary}}',
    ],
    [
      'has a twin with other rules',
      [net({ podSelector: SERVING, ingress: from(pods(DB)) }), net({ podSelector: {}, ingress: [{ ports: PORTS }] }, 'twin')],
      'selects the serving pods',
      WIDE,
    ],
    [
      'has a twin for the other direction only',
      [net({ podSelector: SERVING, policyTypes: ['Egress'] }), net({ podSelector: {}, policyTypes: ['Ingress'] }, 'twin')],
      'selects the serving pods',
      WIDE,
    ],
    [
      'selects the canary alone',
      [net({ podSelector: CANARY })],
      "selects the canary's pods (app: store-canary) and not",
      'let it cover both',
    ],
    ['lets serving in to others', [DB_LETS_IN], 'lets in traffic from the serving pods and not from the canary', ADD],
    [
      'lets others out to serving',
      [net({ podSelector: DB, egress: [{ to: [pods(SERVING)] }] })],
      'lets out traffic to the serving pods and not to the canary',
      'add to its spec.egress[0].to {podSelector: {matchLabels: {app: store-canary}}}',
    ],
    [
      'lets serving in by a namespace that is ours',
      [net({ podSelector: DB, ingress: from(pods(SERVING, inNamespace('shop'))) })],
      'lets in traffic',
      `add to its spec.ingress[0].from {podSelector: {matchLabels: {app: store-canary}}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}`,
    ],
    [
      'lets serving in by a label of namespaces that ours may have',
      [net({ podSelector: DB, ingress: from(pods(SERVING, { matchLabels: { team: 'shop' } })) })],
      'lets in traffic',
      'namespaceSelector: {matchLabels: {team: shop}}',
    ],
    [
      'lets the canary in to other ports only',
      [DB_LETS_IN, net({ podSelector: DB, ingress: [{ from: [pods(CANARY)], ports: [{ port: 81 }] }] })],
      'lets in',
      ADD,
    ],
    [
      'lets the canary in to other pods only',
      [DB_LETS_IN, net({ podSelector: { matchLabels: { app: 'x' } }, ingress: from(pods(CANARY)) })],
      'lets in',
      ADD,
    ],
    [
      'names serving by an expression',
      [
        net({
          podSelector: DB,
          ingress: [{}, ...from(pods({ matchExpressions: [{ key: 'app', operator: 'In', values: ['store'] }] }))],
          policyTypes: ['Egress'],
          egress: [{ to: [pods({ matchExpressions: [{ key: 'app', operator: 'In', values: ['store'] }] })] }],
        }),
      ],
      'lets out traffic',
      'add to its spec.egress[0].to {podSelector: {matchExpressions: [{key: app, operator: In, values: [store-canary]}]}}',
    ],
  ])('a NetworkPolicy that %s treats the canary differently', (_what, policies, missing, add) => {
    const [finding, ...others] = findings(...policies);
    expect(finding).toMatchObject({ kind: 'NetworkPolicy', security: true });
    expect(finding?.missing).toContain(missing);
    expect(finding?.add).toContain(add);
    expect(others).toEqual([]);
  });

  test('a NetworkPolicy that treats the canary differently is reported for each of its rules', () => {
    const policy = net({ podSelector: SERVING, ingress: [...from(pods(DB)), ...from(pods(SERVING))], egress: [{ to: [pods(SERVING)] }] });
    expect(findings(policy).map(({ missing }) => missing.split(' ').slice(0, 3).join(' '))).toEqual([
      'selects the serving',
      'lets in traffic',
      'lets out traffic',
    ]);
  });

  test('a NetworkPolicy that treats the canary differently may be met by another label of the canary, where both selectors have one that the policy does not ask for', () => {
    const sides = { ...POLICY_SIDES, alternatives: ['app', 'tier'] };
    const told = comparePolicies([net({ podSelector: SERVING }), DB_LETS_IN], sides);
    for (const { add } of told) expect(add).toMatch(/, or let the canary differ by another label: spec.canary.labels \{tier: canary\}$/);
    expect(told).toHaveLength(2);
    const [asked] = comparePolicies([net({ podSelector: { matchLabels: { app: 'store', tier: 'web' } } })], sides);
    expect(asked?.add).not.toContain('spec.canary.labels');
  });
});

describe('whatever the policies of a namespace are', () => {
  const { serving, canary } = POLICY_SIDES;
  const moves = findMoves(serving.podLabels, canary.podLabels);

  test('those that ask for nothing in which the sides differ are no difference', () => {
    fc.assert(
      fc.property(fc.array(anyNetworkPolicy(['tier']), { maxLength: 5 }), (policies) => {
        expect(findings(...policies)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('what the serving side has is not reported when the canary has no labels of its own', () => {
    const same = { ...POLICY_SIDES, canary: { ...canary, podLabels: serving.podLabels } };
    fc.assert(
      fc.property(fc.array(anyNetworkPolicy(), { maxLength: 5 }), (policies) => {
        expect(comparePolicies(policies, same)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('no policy holds for serving alone with a twin that is moved to the canary', () => {
    const asksNoRole = ['app', 'tier'];
    fc.assert(
      fc.property(fc.array(anyNetworkPolicy(asksNoRole), { maxLength: 4 }), (policies) => {
        const twins = policies.map(({ spec }) => net(moveSelectors(spec, moves) as Readonly<Record<string, unknown>>, 'twin'));
        const covers = ({ spec }: PolicyObject, labels: Readonly<Record<string, string>>) =>
          selects(readSelector(spec['podSelector']) ?? {}, labels);
        // One that excludes the canary by name has no such twin.
        const isTwin = (policy: PolicyObject, twin: PolicyObject | undefined) =>
          !covers(policy, serving.podLabels) || (twin !== undefined && covers(twin, canary.podLabels));
        fc.pre(policies.every((policy, index) => isTwin(policy, twins[index])));
        fc.pre(twins.every((twin) => !covers(twin, serving.podLabels) || covers(twin, canary.podLabels)));
        const lacking = findings(...policies, ...twins).filter(({ missing }) => missing.startsWith('selects the serving pods'));
        expect(lacking).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('a policy that selects serving and not the canary is found, and nothing else is taken for one', () => {
    fc.assert(
      fc.property(anyNetworkPolicy(), (policy) => {
        const selector = policy.spec['podSelector'] as { matchLabels?: Record<string, string>; matchExpressions?: readonly unknown[] };
        fc.pre(selector.matchExpressions === undefined);
        const asked = Object.entries(selector.matchLabels ?? {});
        const on = (labels: Readonly<Record<string, string>>) => asked.every(([key, value]) => labels[key] === value);
        const told = findings(policy).some(({ missing }) => missing.startsWith('selects the serving pods'));
        expect(told).toBe(on(serving.podLabels) && !on(canary.podLabels));
      }),
      { numRuns: 500 },
    );
  });
});
