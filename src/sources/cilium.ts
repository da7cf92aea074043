// Cilium: Envoy clusters called NAMESPACE/CONFIG/NAMESPACE_SERVICE_PORT; the last part is also seen joined by colons.
import { CLUSTER_LABEL, createEnvoySource } from './envoy.ts';
import { escapeRegex, matches } from './selector.ts';
import type { BackendIdentity, MetricsSource } from './source.ts';

function clusterRegex({ namespace, service, port }: BackendIdentity): string {
  return `(.+/)?${escapeRegex(namespace)}[_:]${escapeRegex(service)}[_:]${port}`;
}

/** Metrics of Cilium's Envoy, which must be switched on (`envoy.prometheus.enabled`). */
export const cilium: MetricsSource = createEnvoySource({
  name: 'Cilium',
  tier: 'recorded',
  scope: 'service',
  selectCluster: (backend) => matches(CLUSTER_LABEL, clusterRegex(backend)),
  hazards: [
    {
      code: 'ClusterNameUnproven',
      message: 'the cluster label differs between versions of Cilium: check one query before relying on it',
    },
    {
      code: 'StatsCutAtDot',
      message: 'Envoy cuts a cluster name at its first dot: a Gateway whose name has a dot has no usable series',
    },
  ],
});
