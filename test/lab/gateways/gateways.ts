// The gateways of the lab, for whoever attaches routes to them and sends requests.
import type { GATEWAY_EXTRAS } from '../extras.ts';
import { GATEWAY_URL } from '../settings.ts';

/** Names of gateways; `contour` is there in every lab. */
export const GATEWAY_NAMES = ['contour', 'envoy-gateway', 'envoy-gateway-merged', 'envoy-gateway-plain', 'traefik', 'istio'] as const;
export type GatewayName = (typeof GATEWAY_NAMES)[number];

/** A gateway of the lab. */
export interface LabGateway {
  /** What a lab is brought up with to have it; absent: every lab has it. */
  readonly extra?: (typeof GATEWAY_EXTRAS)[number];
  /** Of the Gateway object, in the namespace `default`. */
  readonly gateway: string;
  /** Who counts requests, where its own counters cannot be had; absent: the gateway. */
  readonly source?: 'PrometheusClient';
  /** It serves callers inside a mesh as well. */
  readonly hasMesh?: true;
  /** Where it answers, inside the lab's network. */
  readonly url: string;
}

/** From the part of the Service range that Kubernetes never hands out by itself. */
export const ENVOY_GATEWAY_ADDRESS = '10.96.0.91';
export const PROXY_ADDRESSES = {
  /** Backends are counted apart by the policy that config/gateways/envoy-gateway has. */
  'edge-eg': '10.96.0.92',
  /** Clusters are named by Service (`mergeBackends`). */
  'edge-eg-merged': '10.96.0.93',
  /** As it is installed: one cluster for all backends of a rule. */
  'edge-eg-plain': '10.96.0.94',
} as const;

/** From the same part of the Service range. */
export const ISTIO_ADDRESS = '10.96.0.95';

/** Traefik listens on the node itself. */
export const TRAEFIK_PORT = 8000;
export const TRAEFIK_METRICS = '127.0.0.1:8099';

/** Every gateway of the lab. */
export const LAB_GATEWAYS: Readonly<Record<GatewayName, LabGateway>> = {
  contour: { gateway: 'edge', url: GATEWAY_URL },
  'envoy-gateway': { extra: 'envoy-gateway', gateway: 'edge-eg', url: `http://${PROXY_ADDRESSES['edge-eg']}` },
  'envoy-gateway-merged': { extra: 'envoy-gateway', gateway: 'edge-eg-merged', url: `http://${PROXY_ADDRESSES['edge-eg-merged']}` },
  'envoy-gateway-plain': { extra: 'envoy-gateway', gateway: 'edge-eg-plain', url: `http://${PROXY_ADDRESSES['edge-eg-plain']}` },
  traefik: { extra: 'traefik', gateway: 'edge-traefik', url: `http://127.0.0.1:${TRAEFIK_PORT}` },
  istio: { extra: 'istio', gateway: 'edge-istio', url: `http://${ISTIO_ADDRESS}`, source: 'PrometheusClient', hasMesh: true },
};
