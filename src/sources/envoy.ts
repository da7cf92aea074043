// The part that all Envoy gateways share: counters and histograms of a cluster. Only the cluster's name differs.
import { classifyHttp } from './codes.ts';
import { rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, Hazard, MetricsSource } from './source.ts';

/** The label that names an Envoy cluster. */
export const CLUSTER_LABEL = 'envoy_cluster_name';

const ENVOY_HAZARDS: readonly Hazard[] = [
  {
    code: 'RetriesHideFailures',
    message: 'a failed try that Envoy retries with success is not counted as an error: keep retries off on canary rules',
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
  readonly refuseRule?: MetricsSource['refuseRule'];
}

/**
 * A source over Envoy's cluster statistics. Requests are `envoy_cluster_upstream_rq` by response code, never
 * `envoy_cluster_upstream_rq_total`: that one leaves out the 503s which Envoy answers itself for an empty backend.
 */
export function createEnvoySource(naming: EnvoyNaming): MetricsSource {
  return {
    name: naming.name,
    tier: naming.tier,
    scope: naming.scope,
    reportedBy: 'caller',
    requests: (backend, rangeMs) => rangeSelector('envoy_cluster_upstream_rq', [naming.selectCluster(backend)], rangeMs),
    classify: (labels) => classifyHttp(labels['envoy_response_code']),
    latency: (backend, rangeMs) => ({
      query: rangeSelector('envoy_cluster_upstream_rq_time_bucket', [naming.selectCluster(backend)], rangeMs),
      unit: 'ms',
    }),
    ...(naming.refuseRule === undefined ? {} : { refuseRule: naming.refuseRule }),
    hazards: [...ENVOY_HAZARDS, ...naming.hazards],
  };
}
