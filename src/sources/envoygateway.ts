// Envoy Gateway: one cluster for a whole rule by default, so backends cannot be distinguished. A filter on any backendRef
// gives each backend its own cluster, named by route, rule and position; `mergeBackends` names them by Service.
import { GlidepathError } from '../api/errors.ts';
import { CLUSTER_LABEL, createEnvoySource } from './envoy.ts';
import { EMPTY_BACKEND_UNCOUNTED } from './hazards.ts';
import { equals, escapeRegex, type Matcher, matches } from './selector.ts';
import type { BackendIdentity, MetricsSource, SourceRefusal } from './source.ts';

/** The readiness listener of the proxies, which hands `/stats/prometheus` on to Envoy. */
const STATS_PORT = 19_001;

/** A route name with a dot is refused, as Envoy cuts the cluster name there. Whether backends are counted apart only the series say. */
function refuseDot(routeName: string): SourceRefusal | undefined {
  if (!routeName.includes('.')) return undefined;
  return {
    reason: 'NotSupported',
    message: `Envoy cuts metric names at the dot in the route name "${routeName}": rename the route, or use source OpenTelemetry or PrometheusClient`,
  };
}

function clusterOf({ route, service }: BackendIdentity): string {
  if (route === undefined) {
    throw new GlidepathError('GLIDEPATH_E_SOURCE', `Envoy Gateway needs the route and rule of Service "${service}"`);
  }
  const { kind, namespace, name, ruleIndex, backendIndex } = route;
  return `${kind.toLowerCase()}/${namespace}/${name}/rule/${ruleIndex}/backend/${backendIndex}`;
}

/** Copies have a cluster of their own whatever is merged, named by the place of the rule and of its filter. */
function selectMirror({ route }: BackendIdentity): Matcher | undefined {
  if (route?.mirrorIndex === undefined) return undefined;
  const { kind, namespace, name, ruleIndex, mirrorIndex } = route;
  return equals(CLUSTER_LABEL, `${kind.toLowerCase()}/${namespace}/${name}/rule/${ruleIndex}-mirror-${mirrorIndex}`);
}

function selectByRule(backend: BackendIdentity): Matcher {
  const cluster = clusterOf(backend);
  return backend.route?.isAlone === true ? matches(CLUSTER_LABEL, clustersOfOne(cluster)) : equals(CLUSTER_LABEL, cluster);
}

function selectByService({ namespace, service, port }: BackendIdentity): Matcher {
  return matches(CLUSTER_LABEL, `service/${escapeRegex(namespace)}/${escapeRegex(service)}/${port}/[^/]+`);
}

/** Where nothing sets the backends of all rules apart, the cluster of a rule with one backend has the name of the rule. */
function clustersOfOne(cluster: string): string {
  return escapeRegex(cluster).replace(/\/backend\/[0-9]+$/, '($&)?');
}

/** Metrics of Envoy Gateway where the backends of a rule have clusters of their own. */
export const envoyGateway: MetricsSource = createEnvoySource({
  name: 'EnvoyGateway',
  refuseRoute: refuseDot,
  tier: 'live-tested',
  scope: 'routeRule',
  statsPort: STATS_PORT,
  selectCluster: (backend) => selectMirror(backend) ?? selectByRule(backend),
  hazards: [
    EMPTY_BACKEND_UNCOUNTED,
    {
      code: 'BackendsTogether',
      message:
        'unless a policy, mergeBackends or a filter on a backendRef sets them apart, all backends of a rule share one cluster, and no release begins: apply config/gateways/envoy-gateway once',
    },
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
  tier: 'live-tested',
  scope: 'service',
  statsPort: STATS_PORT,
  selectCluster: (backend) => selectMirror(backend) ?? selectByService(backend),
  hazards: [
    EMPTY_BACKEND_UNCOUNTED,
    {
      code: 'NotMergedEverywhere',
      message: 'refs with filters and rules with session persistence or consistent hashing are not merged',
    },
  ],
});
