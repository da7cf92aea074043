// OpenTelemetry's semantic conventions for servers, in the application itself: the count of the request duration
// histogram by status code. The backend is known by its pods, else by the job `namespace/service`.
import { CONVENTION_BOUNDS } from './bounds.ts';
import { classifyGrpc, classifyHttp } from './codes.ts';
import type { Labels, Outcome } from './codes.ts';
import { podRegex } from './pods.ts';
import { equals, matches, rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, MetricsSource } from './source.ts';

const HTTP = { histogram: 'http_server_request_duration_seconds', unit: 's' } as const;
const GRPC = { histogram: 'rpc_server_duration_milliseconds', unit: 'ms' } as const;

function familyOf(backend: BackendIdentity): typeof HTTP | typeof GRPC {
  return backend.route?.kind === 'GRPCRoute' ? GRPC : HTTP;
}

function selectInstances(backend: BackendIdentity): readonly Matcher[] {
  const pods = podRegex(backend);
  if (pods === undefined) return [equals('job', `${backend.namespace}/${backend.service}`)];
  return [equals('k8s_namespace_name', backend.namespace), matches('k8s_pod_name', pods)];
}

/** A request without a status code ended in the error that `error_type` names, which is the server's. */
function classify(labels: Labels): Outcome {
  const grpc = labels['rpc_grpc_status_code'];
  if (grpc !== undefined) return classifyGrpc(grpc);
  const code = labels['http_response_status_code'];
  if (code !== undefined && code !== '') return classifyHttp(code);
  return (labels['error_type'] ?? '') === '' ? 'ignore' : 'serverError';
}

/** Metrics of an application instrumented with OpenTelemetry (stable HTTP conventions, RPC conventions for gRPC). */
export const openTelemetry: MetricsSource = {
  name: 'OpenTelemetry',
  tier: 'application',
  scope: 'service',
  reportedBy: 'server',
  usualBounds: CONVENTION_BOUNDS,
  requests: (backend, rangeMs) => rangeSelector(`${familyOf(backend).histogram}_count`, selectInstances(backend), rangeMs),
  classify,
  latency: (backend, rangeMs) => {
    const { histogram, unit } = familyOf(backend);
    return { query: rangeSelector(`${histogram}_bucket`, selectInstances(backend), rangeMs), unit };
  },
  hazards: [
    {
      code: 'UnansweredUnseen',
      message: 'the application counts what it answers: refused connections and an empty backend are not seen',
    },
    {
      code: 'LabelsNeeded',
      message: 'promote the resource attributes k8s.namespace.name and k8s.pod.name to labels, or give each version its own service.name',
    },
    {
      code: 'NativeHistograms',
      message: 'histograms must be stored with buckets: native and exponential ones have no le label',
    },
  ],
};
