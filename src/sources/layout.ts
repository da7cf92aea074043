// How a gateway that may count all backends of a rule together shows, by its own series, whether it does. Envoy Gateway gives the
// backends of a rule one cluster unless something asks for more, and renames the clusters when that changes.
import type { RouteKind } from '../api/names.ts';
import { CLUSTER_LABEL } from './envoy.ts';
import { escapeRegex, instantSelector, matches } from './selector.ts';
import type { Labels } from './codes.ts';

/** A rule of a route and the Services it names, as the gateway's series may show them. */
export interface CountedRule {
  readonly kind: RouteKind;
  readonly namespace: string;
  /** Name of the route. */
  readonly route: string;
  /** Position of the rule. */
  readonly index: number;
  readonly services: readonly string[];
}

/**
 * How the backends of a rule are counted. `byBackend`: each has a cluster, named by its position. `byService`: each Service has a cluster,
 * whatever rule names it. `together`: one cluster for all. `unseen`: no series of the rule at all.
 */
export type Layout = 'byBackend' | 'byService' | 'together' | 'unseen';

/** Reads layouts from series of a gauge that each cluster has from its first moment, with or without requests. */
export interface LayoutSeries {
  /** PromQL instant selector over the clusters that these rules may have. */
  query(rules: readonly CountedRule[]): string;
  /** @param clusters labels of the series that were found */
  read(rule: CountedRule, clusters: readonly Labels[]): Layout;
}

const routeOf = ({ kind, namespace, route }: CountedRule): string => `${kind.toLowerCase()}/${namespace}/${route}`;
const servicesOf = ({ namespace, services }: CountedRule): readonly string[] =>
  services.map((service) => `service/${namespace}/${service}/`);

/** The layouts of Envoy Gateway, from 1.9 on. */
export const envoyGatewayLayout: LayoutSeries = {
  query: (rules) => {
    const routes = [...new Set(rules.map(routeOf))].map((route) => `${escapeRegex(route)}/rule/[0-9]+(/backend/[0-9]+)?`);
    const services = [...new Set(rules.flatMap(servicesOf))].map((prefix) => `${escapeRegex(prefix)}.+`);
    return instantSelector('envoy_cluster_membership_total', [matches(CLUSTER_LABEL, [...routes, ...services].join('|'))]);
  },
  read: (rule, clusters) => {
    const names = clusters.map((labels) => labels[CLUSTER_LABEL] ?? '');
    const own = `${routeOf(rule)}/rule/${rule.index}`;
    // While the gateway changes over, the old name may still be there: it is not done with it.
    if (names.includes(own)) return 'together';
    if (names.some((name) => name.startsWith(`${own}/backend/`))) return 'byBackend';
    return servicesOf(rule).some((prefix) => names.some((name) => name.startsWith(prefix))) ? 'byService' : 'unseen';
  },
};

/** The layout of some rules together, and the rule that decides: the one that says least of its backends. */
export interface LayoutFound {
  readonly layout: Layout;
  /** `rules[0] of HTTPRoute store`. */
  readonly about: string;
}

/** Reads the layout of a release. @param clusters labels of the series that were found */
export function readLayout(series: LayoutSeries, rules: readonly CountedRule[], clusters: readonly Labels[]): LayoutFound {
  const read = rules.map((rule) => ({ rule, layout: series.read(rule, clusters) }));
  const layout = worstLayout(read.map((one) => one.layout));
  const rule = read.find((one) => one.layout === layout)?.rule;
  return { layout, about: rule === undefined ? '' : `rules[${rule.index}] of ${rule.kind} ${rule.route}` };
}

/** The layout of a release with several rules: the one that says least of its backends. */
export function worstLayout(layouts: readonly Layout[]): Layout {
  const order: readonly Layout[] = ['together', 'unseen', 'byService', 'byBackend'];
  return order.find((layout) => layouts.includes(layout)) ?? 'unseen';
}
