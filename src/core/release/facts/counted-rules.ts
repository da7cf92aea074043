// The rules of a route whose backends have to be counted apart, before a release and while it runs.

import type { RouteKind } from '../../../api/names.ts';
import type { CanaryReleaseSpec } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { controllersOf } from '../../routing/parents.ts';
import { seeRules } from '../../routing/rules.ts';
import { nameCanary } from '../../workload/canary-names.ts';
import { servicesOf } from './sides.ts';

/** A rule, and the Services that it gives requests now. */
export interface RuleToCount {
  readonly kind: RouteKind;
  readonly namespace: string;
  /** Name of the route. */
  readonly route: string;
  readonly index: number;
  readonly services: readonly string[];
}

/** The rules of some routes on gateways that may count their backends together, and how that is seen of those. */
export interface RulesOnGateways<Series> {
  readonly series: Series;
  readonly rules: readonly RuleToCount[];
}

/**
 * The rules whose layout has to be known.
 * @param seriesOf how it is seen of the gateways of a controller; undefined for those that always count backends apart
 * @returns undefined where there are none
 */
export function findRulesToCount<Series>(
  spec: CanaryReleaseSpec,
  routes: readonly Route[],
  seriesOf: (controllerName: string) => Series | undefined,
): RulesOnGateways<Series> | undefined {
  const found = routes.flatMap((route) => {
    const [series] = controllersOf(route).flatMap((name) => seriesOf(name) ?? []);
    return series === undefined ? [] : [{ series, rules: listRulesToCount(spec, route) }];
  });
  const rules = found.flatMap((one) => one.rules);
  const [first] = found;
  return first === undefined || rules.length === 0 ? undefined : { series: first.series, rules };
}

/** The rules that may give requests to both versions. A rule for a cohort is none of them: it has one backend. */
function listRulesToCount(spec: CanaryReleaseSpec, route: Route): readonly RuleToCount[] {
  const services = servicesOf(spec);
  const [serving = '', other] = services;
  const canary = other ?? nameCanary(serving);
  const { kind, metadata } = route;
  return seeRules(route, { serving, canary })
    .filter((rule) => (services.length > 1 ? rule.refs.length > 1 : rule.servings.length > 0))
    .map(({ index, refs }) => {
      const getting = refs.filter((ref) => ref.weight > 0).map((ref) => ref.name);
      return { kind, namespace: metadata.namespace, route: metadata.name, index, services: getting };
    });
}
