// The part that all Envoy gateways share: counters and histograms of a cluster. Only the cluster's name differs.
import { ENVOY_BOUNDS } from './bounds.ts';
import { classifyHttp } from './codes.ts';
import { equals, fits, matches, rangeSelector, wantedBy } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, GatewayCounters, Hazard, MetricsSource } from './source.ts';

/** The label that names an Envoy cluster. */
export const CLUSTER_LABEL = 'envoy_cluster_name';

/** The label that names a listener; `envoy_http_no_cluster` has no other. */
const LISTENER_LABEL = 'envoy_http_conn_manager_prefix';

/** Finished requests by response code. */
const REQUESTS = 'envoy_cluster_upstream_rq';

/** Default of `stats_flush_interval`. Measured: 1.5 s after 904 answers the histograms had 428 of them, the counters all. */
const FLUSH_MS = 5_000;

const ENVOY_HAZARDS: readonly Hazard[] = [
  {
    code: 'RetriesHideFailures',
    message: 'a failed try that Envoy retries with success is not counted as an error: keep retries off on canary rules',
  },
  {
    code: 'LatencyLags',
    message:
      'latencies reach the histograms every 5 s (stats_flush_interval) and answers at once: those of the first 5 s of a raised weight are not judged',
  },
  {
    code: 'GrpcStatusUnseen',
    message: 'gRPC failures inside HTTP 200 answers are not seen: use the OpenTelemetry or PrometheusClient source',
    kinds: ['GRPCRoute'],
    blind: true,
  },
];

/** What makes one Envoy gateway different from the next. */
export interface EnvoyNaming {
  readonly name: string;
  readonly tier: MetricsSource['tier'];
  readonly scope: MetricsSource['scope'];
  /** Matcher that selects the cluster of a backend. */
  readonly selectCluster: (backend: BackendIdentity) => Matcher;
  readonly hazards: readonly Hazard[];
  readonly refuseRoute?: MetricsSource['refuseRoute'];
  /** Port at which the gateway's pods answer `/stats/prometheus` with Envoy's `filter`; absent where that is not known to work. */
  readonly statsPort?: number;
}

/**
 * A source over Envoy's cluster statistics. Requests are `envoy_cluster_upstream_rq` by response code, never
 * `envoy_cluster_upstream_rq_total`: that one leaves out the 503s which Envoy answers itself for an empty backend. (Contour and Istio keep
 * such a backend's cluster; Envoy Gateway does not, and no series has them.)
 */
export function createEnvoySource(naming: EnvoyNaming): MetricsSource {
  return {
    name: naming.name,
    tier: naming.tier,
    scope: naming.scope,
    reportedBy: 'caller',
    latencyLagMs: FLUSH_MS,
    usualBounds: ENVOY_BOUNDS,
    requests: (backend, rangeMs) => rangeSelector(REQUESTS, [naming.selectCluster(backend)], rangeMs),
    classify: (labels) => classifyHttp(labels['envoy_response_code']),
    latency: (backend, rangeMs) => ({
      query: rangeSelector('envoy_cluster_upstream_rq_time_bucket', [naming.selectCluster(backend)], rangeMs),
      unit: 'ms',
    }),
    ownErrors: (rangeMs) => rangeSelector('envoy_http_no_cluster', [matches(LISTENER_LABEL, '.+')], rangeMs),
    ...(naming.statsPort === undefined ? {} : { sentinel: countersAt(naming.statsPort, naming.selectCluster) }),
    ...(naming.refuseRoute === undefined ? {} : { refuseRoute: naming.refuseRoute }),
    hazards: [...ENVOY_HAZARDS, ...naming.hazards],
  };
}

/**
 * Envoy's `filter` is an RE2 expression over the names of statistics before tags are taken out of them:
 * `cluster.shop_store_80.upstream_rq_503`, and not `upstream_rq_5xx`, `external.upstream_rq_503` or histograms.
 */
function countersAt(port: number, selectCluster: EnvoyNaming['selectCluster']): GatewayCounters {
  return {
    port,
    path: (backends) => {
      const clusters = [...new Set(backends.map((backend) => wantedBy(selectCluster(backend))))];
      return `/stats/prometheus?filter=${encodeURIComponent(`^cluster\\.(${clusters.join('|')})\\.upstream_rq_[0-9]+$`)}`;
    },
    counts: (backend, labels) => fits([equals('__name__', REQUESTS), selectCluster(backend)], labels),
  };
}
