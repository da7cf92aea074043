import { describe, expect, test } from 'vitest';
import { buildRegistration, CHANGED_OR_RELEASED, hostsOf, type WebhookEndpoint } from '../../../../src/core/hold/registration.ts';
import { type HoldTarget, OPERATOR_USER } from '../../../../src/core/hold/review.ts';

const SERVICE: WebhookEndpoint = { kind: 'service', namespace: 'glidepath-system' };
const URL_ENDPOINT: WebhookEndpoint = { kind: 'url', url: 'https://10.0.0.5:9443' };
const targets: readonly HoldTarget[] = [
  { namespace: 'shop', release: 'web', deployment: 'store' },
  { namespace: 'pay', release: 'pay', deployment: 'pay' },
  { namespace: 'shop', release: 'second', deployment: 'store' },
];

describe('the registration', () => {
  test('the registration is empty while no release names a Deployment: the API server asks no one', () => {
    expect(buildRegistration([], SERVICE, 'PEM')).toEqual([]);
  });

  test('the registration is about the Deployments under a release by name, and only about updates that may have to be held', () => {
    const [entry, ...others] = buildRegistration(targets, SERVICE, 'PEM');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments'], scope: 'Namespaced' }],
      namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['pay', 'shop'] }] },
      matchConditions: [
        { name: 'mine', expression: "request.namespace + '/' + object.metadata.name in ['pay/pay', 'shop/store']" },
        { name: 'changed-or-released', expression: CHANGED_OR_RELEASED },
      ],
    });
    expect(CHANGED_OR_RELEASED).toContain(`!= '${OPERATOR_USER}'`);
  });

  test('the registration lets a write through where the webhook is dead, soon, and is asked in dry-runs too', () => {
    expect(buildRegistration(targets, SERVICE, 'PEM')[0]).toMatchObject({
      failurePolicy: 'Ignore',
      timeoutSeconds: 2,
      sideEffects: 'None',
      reinvocationPolicy: 'IfNeeded',
    });
  });

  test('the registration is the same whatever order the releases come in', () => {
    expect(buildRegistration(targets.toReversed(), SERVICE, 'PEM')).toEqual(buildRegistration(targets, SERVICE, 'PEM'));
  });

  test('a registration of many names has several entries, because no expression may have more than 100,000 characters', () => {
    const long = (index: number) => `${String(index).padStart(5, '0')}${'x'.repeat(58)}`;
    const many = Array.from({ length: 1_200 }, (_, index) => ({ namespace: long(index % 7), release: 'web', deployment: long(index) }));
    const entries = buildRegistration(many, SERVICE, 'PEM');
    expect(entries.map((entry) => entry['name'])).toEqual(['hold.glidepath.dev', 'hold-1.glidepath.dev', 'hold-2.glidepath.dev']);
    const expressions = entries.map(
      (entry) => (entry['matchConditions'] as readonly { readonly expression: string }[])[0]?.expression ?? '',
    );
    expect(Math.max(...expressions.map(({ length }) => length))).toBeLessThan(100_000);
    for (const { namespace, deployment } of many)
      expect(expressions.filter((expression) => expression.includes(`'${namespace}/${deployment}'`))).toHaveLength(1);
  });

  test('the registration says where the webhook is, and whom to trust', () => {
    const clientOf = (endpoint: WebhookEndpoint) => buildRegistration(targets, endpoint, 'PEM')[0]?.['clientConfig'];
    const caBundle = Buffer.from('PEM').toString('base64');
    expect(clientOf(SERVICE)).toEqual({
      caBundle,
      service: { namespace: 'glidepath-system', name: 'glidepath-webhook', path: '/hold', port: 443 },
    });
    expect(clientOf(URL_ENDPOINT)).toEqual({ caBundle, url: 'https://10.0.0.5:9443/hold' });
  });
});

test.each([
  [SERVICE, 'glidepath-webhook.glidepath-system.svc'],
  [URL_ENDPOINT, '10.0.0.5'],
  [{ kind: 'url', url: 'https://[fd00::5]:9443' }, 'fd00::5'],
  [{ kind: 'url', url: 'https://hold.example.org' }, 'hold.example.org'],
] as const)('the certificate for %j bears %s', (endpoint, host) => {
  expect(hostsOf(endpoint)).toEqual([host]);
});
