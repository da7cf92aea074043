// Policies that keep a user on the backend that answered first, set beside the routes and for a Service.

import { isFields, type RoutePolicy, targetsOf } from './route-policies.ts';

/** A kind of policy that may keep sessions. */
export interface SessionPolicyKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** The field of this policy that keeps sessions, with its value where that says more; undefined where none does. */
  readonly findSessions: (spec: Readonly<Record<string, unknown>>) => string | undefined;
}

const fieldOf = (value: unknown, name: string): unknown => (isFields(value) ? value[name] : undefined);

/**
 * The Gateway API (GEP-1619, experimental channel); Google Cloud, whose load balancers send a user again to the backend service that the
 * affinity names, whatever the weights are. Consistent hashing of Envoy Gateway is not here: it takes the clusters of backends together,
 * and is found by that (`BackendsCountedTogether`); elsewhere it chooses among the pods of a backend, behind the weights.
 */
export const SESSION_POLICY_KINDS: readonly SessionPolicyKind[] = [
  {
    group: 'gateway.networking.x-k8s.io',
    kind: 'XBackendTrafficPolicy',
    plural: 'xbackendtrafficpolicies',
    findSessions: ({ sessionPersistence }) => (sessionPersistence === undefined ? undefined : 'sessionPersistence'),
  },
  {
    group: 'networking.gke.io',
    kind: 'GCPBackendPolicy',
    plural: 'gcpbackendpolicies',
    findSessions: (spec) => {
      const type = fieldOf(fieldOf(spec['default'], 'sessionAffinity'), 'type');
      return typeof type !== 'string' || type === 'NONE' ? undefined : `sessionAffinity ${type}`;
    },
  },
];

/** A policy that keeps sessions for a Service of a release. */
export interface SessionPolicy {
  readonly kind: string;
  readonly name: string;
  readonly service: string;
  /** `sessionPersistence`, `sessionAffinity GENERATED_COOKIE`. */
  readonly field: string;
}

/** The policies that keep sessions for one of these Services. */
export function findSessionPolicies(policies: readonly RoutePolicy[], services: readonly string[]): readonly SessionPolicy[] {
  return policies.flatMap((policy) => {
    const { kind, name, spec } = policy;
    const field = SESSION_POLICY_KINDS.find((one) => one.kind === kind)?.findSessions(spec);
    const service = services.find((one) => targetsOf(policy).some((target) => isService(target, one)));
    return field === undefined || service === undefined ? [] : [{ kind, name, service, field }];
  });
}

function isService({ group = '', kind, name }: Readonly<Record<string, unknown>>, service: string): boolean {
  return group === '' && kind === 'Service' && name === service;
}
