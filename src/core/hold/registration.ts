// How the API server calls the webhook: only about changes that may have to be held, of Deployments that a release
// names. So a webhook that is dead delays those writes and no other, and no labels are needed.

import type { HoldTarget } from './review.ts';
import type { Json } from '../workload/objects.ts';

/** Name of the MutatingWebhookConfiguration of config/webhook. */
export const WEBHOOK_CONFIGURATION = 'glidepath-hold';
/** Name of the Service in front of the operator, and of the Secret with its certificate, both in the operator's namespace. */
export const WEBHOOK_NAME = 'glidepath-webhook';
/** Path that AdmissionReviews are sent to. */
export const WEBHOOK_PATH = '/hold';

/** Where the API server reaches the webhook. */
export type WebhookEndpoint =
  | { readonly kind: 'service'; readonly namespace: string }
  /** Without a path. */
  | { readonly kind: 'url'; readonly url: string };

/** The same words as in the policy of config/deployment-mode. */
export const CHANGED_OR_RELEASED = [
  'object.spec.template != oldObject.spec.template ||',
  '(oldObject.spec.?paused.orValue(false) && !object.spec.?paused.orValue(false)',
  "&& request.userInfo.username != 'system:serviceaccount:glidepath-system:glidepath')",
].join(' ');

/** An answer takes milliseconds; whoever is slower is taken for dead. */
const TIMEOUT_SECONDS = 2;

/** The API server reads expressions of up to 100,000 characters; two names and what is around them have 131 at most. */
const NAMES_AN_ENTRY = 500;

/**
 * The entries of the MutatingWebhookConfiguration, with every field written out that the API server would fill in: none while
 * no release names a Deployment, else as many as the names need.
 * @param authorities PEM
 */
export function buildRegistration(targets: readonly HoldTarget[], endpoint: WebhookEndpoint, authorities: string): readonly Json[] {
  const names = [...new Set(targets.map(({ namespace, deployment }) => `${namespace}/${deployment}`))].toSorted();
  const clientConfig = { caBundle: btoa(authorities), ...locate(endpoint) };
  return Array.from({ length: Math.ceil(names.length / NAMES_AN_ENTRY) }, (_, index) => {
    const some = names.slice(index * NAMES_AN_ENTRY, (index + 1) * NAMES_AN_ENTRY);
    return { name: `hold${index === 0 ? '' : `-${index}`}.glidepath.dev`, clientConfig, ...ALWAYS, ...describeScope(some) };
  });
}

const ALWAYS: Json = {
  admissionReviewVersions: ['v1'],
  rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments'], scope: 'Namespaced' }],
  matchPolicy: 'Equivalent',
  objectSelector: {},
  failurePolicy: 'Ignore',
  // Somebody else's webhook may change the template after ours was asked.
  reinvocationPolicy: 'IfNeeded',
  sideEffects: 'None',
  timeoutSeconds: TIMEOUT_SECONDS,
};

/** @param names as namespace/name, sorted */
function describeScope(names: readonly string[]): Json {
  const namespaces = [...new Set(names.map((name) => name.slice(0, name.indexOf('/'))))];
  const listed = names.map((name) => `'${name}'`).join(', ');
  return {
    namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: namespaces }] },
    matchConditions: [
      { name: 'mine', expression: `request.namespace + '/' + object.metadata.name in [${listed}]` },
      { name: 'changed-or-released', expression: CHANGED_OR_RELEASED },
    ],
  };
}

function locate(endpoint: WebhookEndpoint): Json {
  if (endpoint.kind === 'url') return { url: `${endpoint.url}${WEBHOOK_PATH}` };
  return { service: { namespace: endpoint.namespace, name: WEBHOOK_NAME, path: WEBHOOK_PATH, port: 443 } };
}

/** Names that the certificate has to bear. */
export function hostsOf(endpoint: WebhookEndpoint): readonly string[] {
  if (endpoint.kind === 'url') return [new URL(endpoint.url).hostname.replaceAll(/^\[|\]$/g, '')];
  return [`${WEBHOOK_NAME}.${endpoint.namespace}.svc`];
}
