// Whether gateways that may count all backends of a rule together count them apart, by the series that the operator goes by, and with the
// command that sets them apart.

import type { Route } from '../../api/routes.ts';
import { findRulesToCount } from '../../core/release/facts/counted-rules.ts';
import { findLayoutSeries } from '../../sources/controllers.ts';
import { envoyGateway, envoyGatewayMerged } from '../../sources/envoygateway.ts';
import { type Layout, readLayout } from '../../sources/layout.ts';
import { addMatchers, withMatchers } from '../../sources/selector.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import type { Judged } from './gateways.ts';
import type { Asker } from './prometheus.ts';
import { nameOf } from './seen.ts';

/** What was found, and the releases with the source that reads them as they are counted. */
export interface LayoutReport {
  readonly findings: readonly Finding[];
  readonly judged: readonly Judged[];
}

/** @param askerOf undefined where the release's Prometheus cannot be asked */
export async function checkLayouts(all: readonly Judged[], askerOf: (judged: Judged) => Asker | undefined): Promise<LayoutReport> {
  const reports = await Promise.all(all.map((judged) => checkLayout(judged, askerOf(judged))));
  return { findings: reports.flatMap(({ findings }) => findings), judged: reports.flatMap(({ judged }) => judged) };
}

async function checkLayout(judged: Judged, asker: Asker | undefined): Promise<LayoutReport> {
  const question = findRulesToCount(judged.spec, judged.routes, findLayoutSeries);
  if (question === undefined || asker === undefined) return { findings: [], judged: [judged] };
  const check = `backends of ${nameOf(judged.release)}`;
  const query = addMatchers(question.series.query(question.rules), judged.matchers);
  const answer = await asker.ask(query);
  if (!answer.ok) return { findings: [doubt(check, `${query}: ${answer.message}`)], judged: [judged] };
  const clusters = answer.series.map(({ labels }) => labels);
  const { layout, about } = readLayout(question.series, question.rules, clusters);
  return { findings: [describe(check, layout, about, judged.routes)], judged: [asCounted(judged, layout)] };
}

function describe(check: string, layout: Layout, where: string, routes: readonly Route[]): Finding {
  switch (layout) {
    case 'byBackend':
    case 'byService':
      return fine(check, 'are counted apart');
    case 'together':
      return fail(
        check,
        `${where}: Envoy Gateway has one cluster for all of its backends, so no release begins: a canary that loses its last pod would take the serving version with it`,
        `kubectl apply -f - <<'EOF'   # while no release runs\n${writePolicies(routes)}\nEOF`,
      );
    case 'unseen':
      return doubt(
        check,
        `${where}: Prometheus has no series of its clusters, so no release begins`,
        'let Prometheus scrape the proxies of Envoy Gateway at port 19001, path /stats/prometheus, and see that the serving Service has a ready endpoint',
      );
  }
}

/** The policy of config/gateways/envoy-gateway for each Gateway of these routes, as JSON, which YAML is. */
function writePolicies(routes: readonly Route[]): string {
  const gateways = routes.flatMap(({ spec, metadata }) =>
    (spec.parentRefs ?? [])
      .filter(({ kind = 'Gateway' }) => kind === 'Gateway')
      .map(({ name, namespace = metadata.namespace }) => JSON.stringify(policyFor(name, namespace))),
  );
  return [...new Set(gateways)].join('\n---\n');
}

function policyFor(gateway: string, namespace: string): object {
  return {
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'BackendTrafficPolicy',
    metadata: { name: `${gateway}-per-backend`, namespace },
    spec: {
      targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: gateway }],
      loadBalancer: { type: 'LeastRequest', zoneAware: { preferLocal: { minEndpointsThreshold: 1_000_000 } } },
    },
  };
}

/** As the operator does: series are read by Service where each Service has one cluster. */
function asCounted(judged: Judged, layout: Layout): Judged {
  const isByService = layout === 'byService' && judged.source.name === envoyGateway.name && judged.spec.analysis.metrics.source === 'Auto';
  return isByService ? { ...judged, source: withMatchers(envoyGatewayMerged, judged.matchers) } : judged;
}
