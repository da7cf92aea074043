// Linkerd: what the proxies of meshed clients count for each backend of a route.
import { classifyGrpc, classifyHttp } from './codes.ts';
import type { Labels, Outcome } from './codes.ts';
import { equals, rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, MetricsSource } from './source.ts';

function selectBackend({ namespace, service, port }: BackendIdentity): readonly Matcher[] {
  return [equals('backend_namespace', namespace), equals('backend_name', service), equals('backend_port', String(port))];
}

function familyOf(backend: BackendIdentity): string {
  return backend.route?.kind === 'GRPCRoute' ? 'outbound_grpc_route_backend' : 'outbound_http_route_backend';
}

/** A request that ended in an error of the proxy has no status; a cancelled one was ended by the client. */
function classify(labels: Labels): Outcome {
  const error = labels['error'] ?? '';
  if (error === 'CANCEL') return 'clientError';
  if (error !== '') return 'serverError';
  return 'grpc_status' in labels ? classifyGrpc(labels['grpc_status']) : classifyHttp(labels['http_status']);
}

/** Metrics of Linkerd's outbound proxies. */
export const linkerd: MetricsSource = {
  name: 'Linkerd',
  tier: 'recorded',
  scope: 'service',
  reportedBy: 'caller',
  usualBounds: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10],
  requests: (backend, rangeMs) => rangeSelector(`${familyOf(backend)}_response_statuses_total`, selectBackend(backend), rangeMs),
  classify,
  latency: (backend, rangeMs) => ({
    query: rangeSelector(`${familyOf(backend)}_response_duration_seconds_bucket`, selectBackend(backend), rangeMs),
    unit: 's',
  }),
  hazards: [
    {
      code: 'CallersNeeded',
      message: 'only meshed clients report, on port 4191 of their pods: traffic from clients outside the mesh is not seen',
    },
    {
      code: 'BucketsCoarse',
      message: 'the latency buckets end at 0.025, 0.05, 0.1, 0.25, 0.5, 1 and 10 s: choose a limit that is one of them',
    },
  ],
};
