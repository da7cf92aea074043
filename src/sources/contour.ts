// Contour: Envoy clusters whose statistics are called NAMESPACE_SERVICE_PORT. Names of namespaces and Services have no
// underscore, so the joined name is unambiguous.
import { CLUSTER_LABEL, createEnvoySource } from './envoy.ts';
import { equals } from './selector.ts';
import type { MetricsSource } from './source.ts';

/** Metrics of Contour's Envoy. */
export const contour: MetricsSource = createEnvoySource({
  name: 'Contour',
  tier: 'live-tested',
  scope: 'service',
  selectCluster: ({ namespace, service, port }) => equals(CLUSTER_LABEL, `${namespace}_${service}_${port}`),
  hazards: [],
  statsPort: 8_002,
});
