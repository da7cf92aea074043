// Envoy Gateway: one cluster for a whole rule by default, so backends cannot be distinguished. A filter on any backendRef
// gives each backend its own cluster, named by route, rule and position; `mergeBackends` names them by Service.
import { GlidepathError } from '../api/errors.ts';
import { CLUSTER_LABEL, createEnvoySource } from './envoy.ts';
import { equals, escapeRegex, matches } from './selector.ts';
import type { BackendIdentity, JudgedRule, MetricsSource, SourceRefusal } from './source.ts';

const ADVICE =
  'put a filter on each backendRef (a RequestHeaderModifier that sets a header of your own is enough), ' +
  'or set mergeBackends in EnvoyProxy (1.9 or later) with source EnvoyGatewayMerged, ' +
  'or use source OpenTelemetry or PrometheusClient';

/**
 * Backends of a rule have clusters of their own once one of them has a filter: Envoy Gateway then splits all of them. A route name
 * with a dot is refused, as Envoy cuts the cluster name there.
 */
function refuseTogether({ routeName, backendRefs }: JudgedRule): SourceRefusal | undefined {
  if (routeName.includes('.')) {
    return {
      reason: 'NotSupported',
      message: `Envoy cuts metric names at the dot in the route name "${routeName}": rename the route, or use source OpenTelemetry or PrometheusClient`,
    };
  }
  if (backendRefs.some(({ hasFilters }) => hasFilters)) return undefined;
  return {
    reason: 'NotSupported',
    message: `Envoy Gateway counts the backends of a rule of route "${routeName}" together: ${ADVICE}`,
  };
}

function clusterOf({ route, service }: BackendIdentity): string {
  if (route === undefined) {
    throw new GlidepathError('GLIDEPATH_E_SOURCE', `Envoy Gateway needs the route and rule of Service "${service}"`);
  }
  const { kind, namespace, name, ruleIndex, backendIndex } = route;
  return `${kind.toLowerCase()}/${namespace}/${name}/rule/${ruleIndex}/backend/${backendIndex}`;
}

/** Metrics of Envoy Gateway where the backends of a rule have clusters of their own. */
export const envoyGateway: MetricsSource = createEnvoySource({
  name: 'EnvoyGateway',
  refuseRule: refuseTogether,
  tier: 'recorded',
  scope: 'routeRule',
  selectCluster: (backend) => equals(CLUSTER_LABEL, clusterOf(backend)),
  hazards: [
    { code: 'BackendsTogether', message: `without a filter the backends of a rule share one cluster: ${ADVICE}` },
    {
      code: 'RulesRenumbered',
      message: 'series are named by the position of rule and backend: inserting a rule before others restarts them all',
    },
    {
      code: 'StatsCutAtDot',
      message: 'Envoy cuts a cluster name at its first dot: a route whose name has a dot has no usable series',
    },
  ],
});

/** Metrics of Envoy Gateway with `EnvoyProxy.spec.mergeBackends`: clusters named by Service, shared by all routes. */
export const envoyGatewayMerged: MetricsSource = createEnvoySource({
  name: 'EnvoyGatewayMerged',
  tier: 'recorded',
  scope: 'service',
  selectCluster: ({ namespace, service, port }) =>
    matches(CLUSTER_LABEL, `service/${escapeRegex(namespace)}/${escapeRegex(service)}/${port}/[^/]+`),
  hazards: [
    {
      code: 'NotMergedEverywhere',
      message: 'refs with filters and rules with session persistence or consistent hashing are not merged',
    },
  ],
});
