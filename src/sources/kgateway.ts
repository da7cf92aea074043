// kgateway: Envoy clusters called kube_NAMESPACE_SERVICE_PORT. Unambiguous, because the parts have no underscore.
import { CLUSTER_LABEL, createEnvoySource } from './envoy.ts';
import { equals } from './selector.ts';
import type { MetricsSource } from './source.ts';

/** Metrics of kgateway's Envoy. */
export const kgateway: MetricsSource = createEnvoySource({
  name: 'Kgateway',
  tier: 'recorded',
  scope: 'service',
  selectCluster: ({ namespace, service, port }) => equals(CLUSTER_LABEL, `kube_${namespace}_${service}_${port}`),
  hazards: [
    {
      code: 'ZeroSeriesAbsent',
      message: 'a scrape with ?usedonly leaves out counters that are zero: an absent series is no sign of trouble',
    },
  ],
});
