// Which metrics source fits the controller of a gateway, by the `controllerName` that it writes into the status of routes, and why there
// is none where gateways count nothing that distinguishes two backends.

import { cilium } from './cilium.ts';
import { contour } from './contour.ts';
import { envoyGateway } from './envoygateway.ts';
import { istio, istioWaypoint } from './istio.ts';
import { kgateway } from './kgateway.ts';
import { envoyGatewayLayout, type LayoutSeries } from './layout.ts';
import { linkerd } from './linkerd.ts';
import type { MetricsSource } from './source.ts';
import { traefik } from './traefik.ts';

/** What is known of a controller: the source that reads its gateways, or what these count instead. */
export type Counting =
  | { readonly kind: 'source'; readonly source: MetricsSource }
  /** `instead` is a sentence: what the gateways count. */
  | { readonly kind: 'none'; readonly instead: string };

const SOURCES: Readonly<Record<string, MetricsSource>> = {
  'projectcontour.io/gateway-controller': contour,
  'traefik.io/gateway-controller': traefik,
  'gateway.envoyproxy.io/gatewayclass-controller': envoyGateway,
  'istio.io/gateway-controller': istio,
  'istio.io/unmanaged-gateway': istio,
  'istio.io/mesh-controller': istioWaypoint,
  'linkerd.io/policy-controller': linkerd,
  'kgateway.dev/kgateway': kgateway,
  'io.cilium/gateway-controller': cilium,
};

const KONG = 'Kong counts requests by rule, not by backend';
const LATTICE = 'Amazon VPC Lattice reports to CloudWatch, by target group, and has no counters for Prometheus';
const AWS = 'AWS load balancers report to CloudWatch, by target group, and have no counters for Prometheus';
const AGENTGATEWAY = 'agentgateway counts by backend, but its series were never compared with a running one, so no source reads them';

const NOT_COUNTED: Readonly<Record<string, string>> = {
  'konghq.com/kic-gateway-controller': KONG,
  'konghq.com/gateway-operator': KONG,
  'gateway.nginx.org/nginx-gateway-controller':
    'NGINX Gateway Fabric counts the requests of the whole process only, with NGINX Plus those of a backend without a latency histogram',
  'haproxy-ingress.github.io/controller': 'HAProxy Ingress counts requests by rule, not by backend',
  'gate.haproxy.org/hug': 'HAProxy Unified Gateway has no latency histograms and names backends ambiguously',
  'networking.gke.io/gateway': 'the load balancers of GKE report to Cloud Monitoring, and have no counters for Prometheus',
  'application-networking.k8s.aws/gateway-api-controller': LATTICE,
  'gateway.k8s.aws/alb': AWS,
  'gateway.k8s.aws/nlb': AWS,
  'alb.networking.azure.io/alb-controller':
    'Application Gateway for Containers reports to Azure Monitor, and has no counters for Prometheus',
  'agentgateway.dev/agentgateway': AGENTGATEWAY,
  // Its name while it was a part of kgateway.
  'kgateway.dev/agentgateway': AGENTGATEWAY,
  'solo.io/gloo-gateway': 'how Gloo Gateway 1 names the clusters of its Envoy was never seen, so no source reads them',
  'apisix.apache.org/apisix-ingress-controller': 'APISIX counts requests by route and by the address of a pod, not by backend',
  'stunner.l7mp.io/gateway-operator': 'STUNner relays the media of UDPRoutes and counts packets and connections, never requests',
};

/** Gateways that may count all backends of a rule together, and how that is seen. */
const LAYOUTS: Readonly<Record<string, LayoutSeries>> = { 'gateway.envoyproxy.io/gatewayclass-controller': envoyGatewayLayout };

/** How it is seen whether the gateways of this controller count backends apart; undefined where they always do, or are not counted by. */
export function findLayoutSeries(controllerName: string): LayoutSeries | undefined {
  return LAYOUTS[controllerName];
}

/** What is known of a controller that was started under a name of its own, below the usual domain or path. */
function findByPrefix(controllerName: string): Counting | undefined {
  // Contour takes whatever its configuration says; its older examples say projectcontour.io/projectcontour/contour.
  if (controllerName.startsWith('projectcontour.io/')) return { kind: 'source', source: contour };
  const [usual] = Object.entries(NOT_COUNTED).filter(([name]) => controllerName.startsWith(`${name}/`));
  return usual === undefined ? undefined : { kind: 'none', instead: usual[1] };
}

/** What is known of the controller; undefined where nothing is. */
export function findCounting(controllerName: string): Counting | undefined {
  const source = SOURCES[controllerName];
  if (source !== undefined) return { kind: 'source', source };
  const instead = NOT_COUNTED[controllerName];
  return instead === undefined ? findByPrefix(controllerName) : { kind: 'none', instead };
}
