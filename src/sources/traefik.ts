// Traefik: services called NAMESPACE-SERVICE-http-PORT@kubernetesgateway up to 3.7.5 and
// httproute-…-svc-NAMESPACE-SERVICE-INDEX@kubernetesgateway from 3.7.6 on. Dashes join names that contain dashes, so
// two Services can share series; `collisions` lists which.
import { classifyHttp } from './codes.ts';
import type { Labels, Outcome } from './codes.ts';
import { EMPTY_BACKEND_UNCOUNTED } from './hazards.ts';
import { escapeRegex, matches, rangeSelector } from './selector.ts';
import type { Matcher } from './selector.ts';
import type { BackendIdentity, Collision, MetricsSource } from './source.ts';

const PROVIDER = '@kubernetesgateway';

/** Both spellings in one expression: an upgrade of Traefik in mid-release must not lose the series. */
function selectService({ namespace, service, port }: BackendIdentity): Matcher {
  const joined = escapeRegex(`${namespace}-${service}`);
  return matches('service', `(httproute-.+-[0-9]+-[0-9a-f]{20}-svc-${joined}-[0-9]+|${joined}-http-${port})${PROVIDER}`);
}

/**
 * The code of a gRPC call says nothing: Traefik looks for its status among the headers, servers send it as a trailer, and so nearly every
 * call is code 2.
 */
function classify(labels: Labels): Outcome {
  return labels['protocol'] === 'grpc' ? 'ignore' : classifyHttp(labels['code']);
}

/** Every other way to cut `NAMESPACE-SERVICE` at a dash names a Service that shares the series, if it exists. */
function findOtherCuts({ namespace, service }: BackendIdentity): readonly Collision[] {
  const parts = `${namespace}-${service}`.split('-');
  return parts
    .slice(1)
    .map((_, index) => ({
      namespace: parts.slice(0, index + 1).join('-'),
      service: parts.slice(index + 1).join('-'),
    }))
    .filter((cut) => cut.namespace !== namespace && isLabel(cut.namespace) && isLabel(cut.service));
}

/** A double dash in a name leaves parts that begin or end with a dash, which no object can be called. */
function isLabel(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

/** Metrics of Traefik's services (`metrics.prometheus.addServicesLabels`, on by default). */
export const traefik: MetricsSource = {
  name: 'Traefik',
  tier: 'live-tested',
  scope: 'service',
  reportedBy: 'caller',
  usualBounds: [0.1, 0.3, 1.2, 5],
  requests: (backend, rangeMs) => rangeSelector('traefik_service_requests_total', [selectService(backend)], rangeMs),
  classify,
  latency: (backend, rangeMs) => ({
    query: rangeSelector('traefik_service_request_duration_seconds_bucket', [selectService(backend)], rangeMs),
    unit: 's',
  }),
  collisions: findOtherCuts,
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
    EMPTY_BACKEND_UNCOUNTED,
    {
      code: 'ChangesThrottled',
      message:
        'changes are applied at most every 2 s (providers.providersThrottleDuration), and the status says so before: a release takes a weight for effective 2 s after it was asked for',
    },
    {
      code: 'GrpcUncounted',
      message: 'gRPC calls through an HTTPRoute are not counted, because their code does not say how they ended',
      kinds: ['HTTPRoute'],
    },
  ],
  miscounted: {
    kinds: ['GRPCRoute'],
    message: 'Traefik gives code 2 to nearly every gRPC call, failed or not',
  },
};
