// Every metrics source there is, by name.
import { cilium } from './cilium.ts';
import { contour } from './contour.ts';
import { envoyGateway, envoyGatewayMerged } from './envoygateway.ts';
import { istio, istioWaypoint } from './istio.ts';
import { kgateway } from './kgateway.ts';
import { linkerd } from './linkerd.ts';
import { openTelemetry } from './opentelemetry.ts';
import { prometheusClient } from './prometheusclient.ts';
import type { MetricsSource } from './source.ts';
import { traefik } from './traefik.ts';

/** Every source, in the order of the documentation. */
export const SOURCES: readonly MetricsSource[] = [
  contour,
  traefik,
  envoyGateway,
  envoyGatewayMerged,
  istio,
  istioWaypoint,
  linkerd,
  kgateway,
  cilium,
  openTelemetry,
  prometheusClient,
];

/** The name that asks for the source of the route's own controller. */
export const AUTO = 'Auto';

/** The source of that name; `Auto` is none. */
export function findSource(name: string): MetricsSource | undefined {
  return SOURCES.find((source) => source.name === name);
}
