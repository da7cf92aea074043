// Istio: requests as the calling proxy reports them (gateways and sidecars), by destination Service; at a waypoint by
// destination workload. One reporter only: adding two would count each request twice.
import { ENVOY_BOUNDS } from './bounds.ts';
import { GlidepathError } from '../api/errors.ts';
import { classifyGrpc, classifyHttp } from './codes.ts';
import type { Labels, Outcome } from './codes.ts';
import { equals, escapeRegex, fits, rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, GatewayCounters, Hazard, MetricsSource } from './source.ts';

const REQUESTS = 'istio_requests_total';
const BUCKETS = 'istio_request_duration_milliseconds_bucket';

const RETRIES: Hazard = {
  code: 'RetriesHideFailures',
  message: 'Istio retries twice by default, which hides connection failures of the canary: set retries to 0 there',
};

/** Code 0 means that no answer was sent: the client's doing when it hung up (flag DC), else the server's. */
function classify(labels: Labels): Outcome {
  const code = labels['response_code'];
  if (code === '0') return labels['response_flags'] === 'DC' ? 'ignore' : 'serverError';
  const grpc = labels['grpc_response_status'] ?? '';
  const byCode = classifyHttp(code);
  return byCode === 'success' && grpc !== '' ? classifyGrpc(grpc) : byCode;
}

function createIstioSource(
  name: string,
  select: (backend: BackendIdentity) => readonly Matcher[],
  hazards: readonly Hazard[],
): MetricsSource {
  return {
    name,
    tier: 'recorded',
    scope: 'service',
    reportedBy: 'caller',
    usualBounds: ENVOY_BOUNDS,
    requests: (backend, rangeMs) => rangeSelector(REQUESTS, select(backend), rangeMs),
    classify,
    latency: (backend, rangeMs) => ({ query: rangeSelector(BUCKETS, select(backend), rangeMs), unit: 'ms' }),
    hazards,
  };
}

/**
 * Envoy in the gateway's pod, past the agent that merges metrics. The names of these statistics hold all label values, joined by dots,
 * so the filter asks for the Services' names.
 */
function countersOf(select: (backend: BackendIdentity) => readonly Matcher[]): GatewayCounters {
  return {
    port: 15_090,
    path: (backends) => {
      const services = [...new Set(backends.map(({ service }) => escapeRegex(service)))];
      return `/stats/prometheus?filter=${encodeURIComponent(`istio_requests_total.*\\b(${services.join('|')})\\b`)}`;
    },
    counts: (backend, labels) => fits([equals('__name__', REQUESTS), ...select(backend)], labels),
  };
}

function selectService({ namespace, service }: BackendIdentity): readonly Matcher[] {
  return [equals('reporter', 'source'), equals('destination_service_name', service), equals('destination_service_namespace', namespace)];
}

/** Metrics of Istio's gateways and sidecars, by the Service a request was sent to. */
export const istio: MetricsSource = {
  ...createIstioSource('Istio', selectService, [
    RETRIES,
    {
      code: 'CallersNeeded',
      message: 'only gateways and clients with a sidecar report: behind a waypoint use source IstioWaypoint',
    },
  ]),
  sentinel: countersOf(selectService),
};

function selectWorkload({ namespace, service, workload }: BackendIdentity): readonly Matcher[] {
  if (workload === undefined) {
    throw new GlidepathError('GLIDEPATH_E_SOURCE', `a waypoint needs the workload behind Service "${service}"`);
  }
  return [
    equals('reporter', 'waypoint'),
    equals('destination_workload', workload.name),
    equals('destination_workload_namespace', namespace),
  ];
}

/** Metrics of Istio's ambient waypoints, by workload. */
export const istioWaypoint: MetricsSource = createIstioSource('IstioWaypoint', selectWorkload, [
  RETRIES,
  {
    code: 'WorkloadsTogether',
    message: 'the Services compared must have workloads of different names; the pods of one workload count together',
  },
]);
