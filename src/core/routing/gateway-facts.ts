// What is known of gateways beside what they count, by the name of their controller: one entry for each, so that a new gateway has one
// place. What they count is in src/sources.

import { oncePer } from '../../api/once.ts';
import type { Route } from '../../api/routes.ts';
import { controllersOf } from './parents.ts';

/** How a gateway copies requests. `exact`: by the percentage; `whole`: every request, whatever the percentage says; else what happens instead. */
export type Mirroring = 'exact' | 'whole' | { readonly refuses: string };

/** What gateways say that they can do (`supportedFeatures` of their classes), by controller. */
export type GatewayFeatures = ReadonlyMap<string, ReadonlySet<string>>;

/** What was read of the classes of gateways. */
export interface SaidOfGateways {
  /** Absent where the classes could not be listed. */
  readonly features?: GatewayFeatures;
}

/** What a gateway does differently from others; a field that is absent is as the Gateway API says, or not known. */
export interface GatewayFacts {
  /** The largest weight that it takes, where that is less than the Gateway API allows. */
  readonly weightLimit?: number;
  /** Its backends come and go with their weight: each time some requests fail, of the whole route. */
  readonly forgetsBackends?: true;
  /** So long a change may take to be in effect after its status says so, milliseconds. Measured: docs/gateways.md. */
  readonly lagMs?: number;
  /** Absent: not known. From conformance reports and sources; for Contour, Envoy Gateway, Istio and Traefik measured. */
  readonly mirroring?: Mirroring;
}

/** Target groups of AWS take 0 to 999. */
const AWS: GatewayFacts = { weightLimit: 999 };
/** Targets of Kong take 0 to 65,535. */
const KONG: GatewayFacts = { weightLimit: 65_535, mirroring: { refuses: 'Kong drops a rule with a mirror' } };
const HAPROXY: GatewayFacts = { mirroring: { refuses: 'HAProxy ignores mirrors' } };
const MIRRORS: GatewayFacts = { mirroring: 'exact' };

const CONTOUR: GatewayFacts = { mirroring: 'whole' };
/** Contour is called whatever its configuration says, below its domain. */
const CONTOUR_DOMAIN = 'projectcontour.io/';

const FACTS: ReadonlyMap<string, GatewayFacts> = new Map<string, GatewayFacts>([
  ['gateway.envoyproxy.io/gatewayclass-controller', { forgetsBackends: true, mirroring: 'exact' }],
  [
    'traefik.io/gateway-controller',
    { lagMs: 2_000, mirroring: { refuses: 'Traefik answers every request of a rule with a mirror by a 500' } },
  ],
  ['istio.io/gateway-controller', MIRRORS],
  ['istio.io/unmanaged-gateway', MIRRORS],
  ['istio.io/mesh-controller', MIRRORS],
  ['io.cilium/gateway-controller', MIRRORS],
  ['kgateway.dev/kgateway', MIRRORS],
  ['agentgateway.dev/agentgateway', MIRRORS],
  ['kgateway.dev/agentgateway', MIRRORS],
  ['gateway.nginx.org/nginx-gateway-controller', MIRRORS],
  ['solo.io/gloo-gateway', { mirroring: 'whole' }],
  ['linkerd.io/policy-controller', { mirroring: { refuses: 'Linkerd takes no change of a route any more while it has a mirror' } }],
  ['haproxy-ingress.github.io/controller', HAPROXY],
  ['gate.haproxy.org/hug', HAPROXY],
  ['konghq.com/kic-gateway-controller', KONG],
  ['konghq.com/gateway-operator', KONG],
  ['gateway.k8s.aws/alb', AWS],
  ['gateway.k8s.aws/nlb', AWS],
  ['application-networking.k8s.aws/gateway-api-controller', AWS],
  // Weighted backend services of Google Cloud take 0 to 1,000.
  ['networking.gke.io/gateway', { weightLimit: 1_000 }],
]);

const NOTHING: GatewayFacts = {};

/** What is known of the gateways of a controller. */
export function factsOf(controller: string): GatewayFacts {
  return FACTS.get(controller) ?? (controller.startsWith(CONTOUR_DOMAIN) ? CONTOUR : NOTHING);
}

/** Does a gateway of the route forget a backend whose weight is 0? */
export function forgetsBackends(route: Route): boolean {
  return controllersOf(route).some((name) => factsOf(name).forgetsBackends === true);
}

/** How long a change of the route may take to be in effect after its status says so, milliseconds; 0 where that is not known to take time. */
export const lagOf = oncePer((route: Route): number => Math.max(0, ...controllersOf(route).map((name) => factsOf(name).lagMs ?? 0)));
