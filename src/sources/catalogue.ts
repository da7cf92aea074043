// Which metrics source judges a release: the one its spec names, or with `Auto` the one of the controllers that serve
// its routes. Refuses with advice where a gateway counts nothing per backend.
import type { RouteKind } from '../api/names.ts';
import { cilium } from './cilium.ts';
import { contour } from './contour.ts';
import { envoyGateway, envoyGatewayMerged } from './envoygateway.ts';
import { istio, istioWaypoint } from './istio.ts';
import { kgateway } from './kgateway.ts';
import { linkerd } from './linkerd.ts';
import { openTelemetry } from './opentelemetry.ts';
import { prometheusClient } from './prometheusclient.ts';
import type { MetricsSource, SourceRefusal } from './source.ts';
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

/** What the choice depends on. */
export interface SourceQuestion {
  /** `spec.analysis.metrics.source`. */
  readonly wanted: string;
  /** Kinds of the release's routes. */
  readonly kinds: readonly RouteKind[];
  /** `status.parents[].controllerName` of the release's routes. */
  readonly controllerNames: readonly string[];
}

/** The source, or why there is none. */
export type SourceChoice = { readonly ok: true; readonly source: MetricsSource } | ({ readonly ok: false } & SourceRefusal);

const BY_CONTROLLER: ReadonlyMap<string, MetricsSource> = new Map([
  ['projectcontour.io/gateway-controller', contour],
  ['traefik.io/gateway-controller', traefik],
  ['gateway.envoyproxy.io/gatewayclass-controller', envoyGateway],
  ['istio.io/gateway-controller', istio],
  ['istio.io/unmanaged-gateway', istio],
  ['istio.io/mesh-controller', istioWaypoint],
  ['linkerd.io/policy-controller', linkerd],
  ['kgateway.dev/kgateway', kgateway],
  ['io.cilium/gateway-controller', cilium],
]);

const APPLICATION = 'set spec.analysis.metrics.source to OpenTelemetry or PrometheusClient';

const NOT_COUNTED: ReadonlyMap<string, string> = new Map([
  ['konghq.com/kic-gateway-controller', 'Kong counts requests by rule, not by backend'],
  ['konghq.com/gateway-operator', 'Kong counts requests by rule, not by backend'],
  ['gateway.nginx.org/nginx-gateway-controller', 'NGINX Gateway Fabric counts requests of the whole process only'],
  ['haproxy-ingress.github.io/controller', 'HAProxy Ingress counts requests by rule, not by backend'],
  ['gate.haproxy.org/hug', 'HAProxy Unified Gateway has no latency histograms and names backends ambiguously'],
]);

function refuse(reason: SourceRefusal['reason'], message: string): SourceChoice {
  return { ok: false, reason, message };
}

/** The source of that name; `Auto` is none. */
export function findSource(name: string): MetricsSource | undefined {
  return SOURCES.find((source) => source.name === name);
}

/** Chooses the metrics source of a release. */
export function chooseSource(question: SourceQuestion): SourceChoice {
  const choice = question.wanted === AUTO ? chooseByControllers(question.controllerNames) : chooseByName(question.wanted);
  if (!choice.ok || choice.source.tier === 'application') return choice;
  const uncounted = question.kinds.find((kind) => kind !== 'HTTPRoute' && kind !== 'GRPCRoute');
  if (uncounted === undefined) return choice;
  return refuse(
    'NotSupported',
    `${choice.source.name} counts no requests for a ${uncounted}: ${APPLICATION}, or write queries of your own`,
  );
}

function chooseByName(wanted: string): SourceChoice {
  const source = findSource(wanted);
  if (source !== undefined) return { ok: true, source };
  const names = [AUTO, ...SOURCES.map(({ name }) => name)].join(', ');
  return refuse('InvalidSpec', `spec.analysis.metrics.source is "${wanted}": write one of ${names}`);
}

function chooseByControllers(controllerNames: readonly string[]): SourceChoice {
  const distinct = [...new Set(controllerNames)];
  if (distinct.length === 0) {
    return refuse(
      'Unavailable',
      `no controller serves the routes yet, so the metrics source is unknown: wait, or name it in spec.analysis.metrics.source`,
    );
  }
  const choices = distinct.map(chooseByController);
  const refused = choices.find((choice) => !choice.ok);
  if (refused !== undefined) return refused;
  const sources = new Set(choices.flatMap((choice) => (choice.ok ? [choice.source] : [])));
  const [first] = sources;
  if (first !== undefined && sources.size === 1) return { ok: true, source: first };
  const found = [...sources].map(({ name }) => name).join(' and ');
  return refuse('NotSupported', `the routes are served by ${found}, which count differently: ${APPLICATION}, which sees both`);
}

function chooseByController(controllerName: string): SourceChoice {
  const source = BY_CONTROLLER.get(controllerName);
  if (source !== undefined) return { ok: true, source };
  const why = NOT_COUNTED.get(controllerName) ?? `no metrics source is known for the controller "${controllerName}"`;
  return refuse('NotSupported', `${why}: ${APPLICATION}`);
}
