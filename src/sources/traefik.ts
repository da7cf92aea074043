// Traefik: services called NAMESPACE-SERVICE-http-PORT@kubernetesgateway up to 3.7.5 and
// httproute-…-svc-NAMESPACE-SERVICE-INDEX@kubernetesgateway from 3.7.6 on. Dashes join names that contain dashes, so
// two Services can share series; `collisions` lists which.
import { classifyGrpc, classifyHttp } from './codes.ts';
import type { Labels, Outcome } from './codes.ts';
import { escapeRegex, matches, rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, Collision, MetricsSource } from './source.ts';

const PROVIDER = '@kubernetesgateway';

/** Both spellings in one expression: an upgrade of Traefik in mid-release must not lose the series. */
function selectService(backend: BackendIdentity): Matcher {
  const joined = escapeRegex(`${backend.namespace}-${backend.service}`);
  const isGrpc = backend.route?.kind === 'GRPCRoute';
  const byPort = isGrpc ? `${joined}-(grpc-)?${backend.port}` : `${joined}-http-${backend.port}`;
  const byRule = `${isGrpc ? 'grpcroute' : 'httproute'}-.+-[0-9]+-[0-9a-f]{20}-svc-${joined}-[0-9]+`;
  return matches('service', `(${byRule}|${byPort})${PROVIDER}`);
}

function classify(labels: Labels): Outcome {
  return labels['protocol'] === 'grpc' ? classifyGrpc(labels['code']) : classifyHttp(labels['code']);
}

/** Every other way to cut `NAMESPACE-SERVICE` at a dash names a Service that shares the series, if it exists. */
function findOtherCuts({ namespace, service }: BackendIdentity): readonly Collision[] {
  const parts = `${namespace}-${service}`.split('-');
  return parts
    .slice(1)
    .map((_, index) => ({
      namespace: parts.slice(0, index + 1).join('-'),
      service: parts.slice(index + 1).join('-'),
      certain: false,
    }))
    .filter((cut) => cut.namespace !== namespace && isLabel(cut.namespace) && isLabel(cut.service));
}

/** A double dash in a name leaves parts that begin or end with a dash, which no object can be called. */
function isLabel(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

function findCollisions(backend: BackendIdentity, siblings: readonly string[]): readonly Collision[] {
  const twin = `${backend.service}-grpc`;
  const { namespace } = backend;
  const near = backend.route?.kind === 'GRPCRoute' && siblings.includes(twin) ? [{ namespace, service: twin, certain: true }] : [];
  return [...near, ...findOtherCuts(backend)];
}

/** Metrics of Traefik's services (`metrics.prometheus.addServicesLabels`, on by default). */
export const traefik: MetricsSource = {
  name: 'Traefik',
  tier: 'recorded',
  scope: 'service',
  reportedBy: 'caller',
  requests: (backend, rangeMs) => rangeSelector('traefik_service_requests_total', [selectService(backend)], rangeMs),
  classify,
  latency: (backend, rangeMs) => ({
    query: rangeSelector('traefik_service_request_duration_seconds_bucket', [selectService(backend)], rangeMs),
    unit: 's',
  }),
  collisions: findCollisions,
  hazards: [
    {
      code: 'BucketsCoarse',
      message: 'the default buckets are 0.1, 0.3, 1.2 and 5 s: set metrics.prometheus.buckets before judging latency',
    },
    {
      code: 'NamesCollide',
      message: 'names are joined by dashes: namespace a with Service b-c and namespace a-b with Service c share series',
    },
    {
      code: 'RetriesHideFailures',
      message: 'a retry middleware answers for the failed try: keep it off on canary rules',
    },
  ],
};
