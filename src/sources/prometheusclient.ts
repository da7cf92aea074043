// The conventions of Prometheus client libraries in the application itself: http_requests_total by code, and
// grpc_server_handled_total by grpc_code. The backend is known by its pods, else by the `service` label.
import { CLIENT_BOUNDS } from './bounds.ts';
import { classifyGrpc, classifyHttp } from './codes.ts';
import type { Labels, Outcome } from './codes.ts';
import { podRegex } from './pods.ts';
import { equals, matches, rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, MetricsSource } from './source.ts';

function selectPods(backend: BackendIdentity): readonly Matcher[] {
  const pods = podRegex(backend);
  const which = pods === undefined ? equals('service', backend.service) : matches('pod', pods);
  return [equals('namespace', backend.namespace), which];
}

function isGrpc(backend: BackendIdentity): boolean {
  return backend.route?.kind === 'GRPCRoute';
}

function classify(labels: Labels): Outcome {
  if ('grpc_code' in labels) return classifyGrpc(labels['grpc_code']);
  return classifyHttp(labels['code'] ?? labels['status'] ?? labels['status_code']);
}

/** Metrics of an application that counts its own requests with a Prometheus client library. */
export const prometheusClient: MetricsSource = {
  name: 'PrometheusClient',
  tier: 'application',
  scope: 'service',
  reportedBy: 'server',
  usualBounds: CLIENT_BOUNDS,
  requests: (backend, rangeMs) =>
    rangeSelector(isGrpc(backend) ? 'grpc_server_handled_total' : 'http_requests_total', selectPods(backend), rangeMs),
  classify,
  latency: (backend, rangeMs) => ({
    query: rangeSelector(
      isGrpc(backend) ? 'grpc_server_handling_seconds_bucket' : 'http_request_duration_seconds_bucket',
      selectPods(backend),
      rangeMs,
    ),
    unit: 's',
  }),
  hazards: [
    {
      code: 'UnansweredUnseen',
      message: 'the application counts what it answers: refused connections and an empty backend are not seen',
    },
    {
      code: 'ScrapedTwice',
      message: 'pods that two ServiceMonitor endpoints select are scraped and counted twice: keep the selections apart',
    },
    {
      code: 'LabelsNeeded',
      message: 'series need the labels namespace and pod (or service), as ServiceMonitor and PodMonitor give them',
    },
  ],
};
