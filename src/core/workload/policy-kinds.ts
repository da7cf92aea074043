// Which kinds of policy are compared between the serving side and the canary, and how each says whom it means. Only kinds that
// can name pods by label, or a Service by name: policies on Gateways and routes hold for both sides alike.

import type { SaidOfGateways } from '../routing/gateway-facts.ts';

/** How the objects of a kind say whom they mean. `targetRefs` to a Service are read of every kind. */
export type Aim =
  /** NetworkPolicy: selects pods, and names others in its rules. */
  | { readonly by: 'network' }
  /** By a selector over pods, or over Services. @see Remedy */
  | {
      readonly by: 'selector';
      readonly of: 'pods' | 'services';
      readonly field: string;
      readonly absent: 'all' | 'none';
      readonly remedy: Remedy;
    }
  /** By `targetRefs` alone. */
  | { readonly by: 'targets' };

/** What helps: a selector that names both, or a second object, where the kind knows no `In` or must not cover two workloads at once. */
export type Remedy = 'widen' | 'another';

export interface PolicyKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  /** Decides who may talk to whom, or how: a canary that is treated differently is less safe, or is judged for what it did not do. */
  readonly security: boolean;
  readonly aim: Aim;
}

const TARGETS: Aim = { by: 'targets' };
/** Istio: a selector without expressions; without any, the whole namespace. */
const ISTIO: Aim = { by: 'selector', of: 'pods', field: 'selector', absent: 'all', remedy: 'another' };

export const POLICY_KINDS: readonly PolicyKind[] = [
  { group: 'networking.k8s.io', kind: 'NetworkPolicy', plural: 'networkpolicies', security: true, aim: { by: 'network' } },
  { group: 'gateway.networking.k8s.io', kind: 'BackendTLSPolicy', plural: 'backendtlspolicies', security: true, aim: TARGETS },
  { group: 'security.istio.io', kind: 'AuthorizationPolicy', plural: 'authorizationpolicies', security: true, aim: ISTIO },
  { group: 'security.istio.io', kind: 'PeerAuthentication', plural: 'peerauthentications', security: true, aim: ISTIO },
  { group: 'security.istio.io', kind: 'RequestAuthentication', plural: 'requestauthentications', security: true, aim: ISTIO },
  {
    group: 'cilium.io',
    kind: 'CiliumNetworkPolicy',
    plural: 'ciliumnetworkpolicies',
    security: true,
    aim: { by: 'selector', of: 'pods', field: 'endpointSelector', absent: 'none', remedy: 'widen' },
  },
  {
    group: 'policy.linkerd.io',
    kind: 'Server',
    plural: 'servers',
    security: true,
    aim: { by: 'selector', of: 'pods', field: 'podSelector', absent: 'none', remedy: 'widen' },
  },
  { group: 'gateway.kgateway.dev', kind: 'BackendConfigPolicy', plural: 'backendconfigpolicies', security: true, aim: TARGETS },
  { group: 'networking.gke.io', kind: 'GCPBackendPolicy', plural: 'gcpbackendpolicies', security: true, aim: TARGETS },
  {
    group: 'policy',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    security: false,
    // A budget over both would count the canary among the serving pods.
    aim: { by: 'selector', of: 'pods', field: 'selector', absent: 'none', remedy: 'another' },
  },
  {
    group: 'monitoring.coreos.com',
    kind: 'PodMonitor',
    plural: 'podmonitors',
    security: false,
    aim: { by: 'selector', of: 'pods', field: 'selector', absent: 'all', remedy: 'widen' },
  },
  {
    group: 'monitoring.coreos.com',
    kind: 'ServiceMonitor',
    plural: 'servicemonitors',
    security: false,
    aim: { by: 'selector', of: 'services', field: 'selector', absent: 'all', remedy: 'another' },
  },
  { group: 'gateway.networking.x-k8s.io', kind: 'XBackendTrafficPolicy', plural: 'xbackendtrafficpolicies', security: false, aim: TARGETS },
  { group: 'gateway.nginx.org', kind: 'UpstreamSettingsPolicy', plural: 'upstreamsettingspolicies', security: false, aim: TARGETS },
  { group: 'networking.gke.io', kind: 'HealthCheckPolicy', plural: 'healthcheckpolicies', security: false, aim: TARGETS },
];

/** An object of one of these kinds, as far as it is compared. */
export interface PolicyObject {
  readonly kind: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A kind whose objects could not be read. */
export interface UnreadKind {
  readonly kind: string;
  /** `forbidden`: no right to list them. `failed`: the API server did not answer, and may the next time. */
  readonly why: 'forbidden' | 'failed';
  readonly message: string;
}

/** What one look at a namespace found. A kind that the API server does not serve is in neither list. */
export interface PolicyReading {
  readonly objects: readonly PolicyObject[];
  readonly unread: readonly UnreadKind[];
}

/** What a rule of ours has to know of the cluster before it is added to a route. */
export interface RoutePolicyReading extends PolicyReading, SaidOfGateways {}
