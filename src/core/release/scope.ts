// Which routes a release is about: those that `routeRefs` lists, else every route of the namespace that names its Services.

import type { CanaryReleaseSpec, RecordedRoute } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { namesService, scanRules } from '../routing/rules.ts';
import { pickFactor } from '../routing/weights.ts';
import type { Sides } from './revision.ts';

/** The routes in scope, in the order of the cache. */
export function routesInScope(spec: CanaryReleaseSpec, routes: readonly Route[], services: readonly string[]): readonly Route[] {
  const refs = spec.routeRefs;
  if (refs !== undefined && refs.length > 0)
    return routes.filter((route) => refs.some((ref) => ref.kind === route.kind && ref.name === route.metadata.name));
  return routes.filter((route) => namesService(route, services));
}

/** The rule names that the spec chooses in this route; undefined for all. */
export function wantedRules(spec: CanaryReleaseSpec, route: Route): readonly string[] | undefined {
  return spec.routeRefs?.find((ref) => ref.kind === route.kind && ref.name === route.metadata.name)?.rules;
}

/** What is there before the first write: this record is what "restored" means, and the API server's defaults are in it (rule 3). */
export function recordRoutes(spec: CanaryReleaseSpec, routes: readonly Route[], sides: Sides): readonly RecordedRoute[] {
  return routesInScope(spec, routes, [sides.serving, sides.canary]).flatMap((route): RecordedRoute[] => {
    const { rules } = scanRules(route, sides, wantedRules(spec, route));
    if (rules.length === 0) return [];
    return [
      {
        kind: route.kind,
        name: route.metadata.name,
        uid: route.metadata.uid ?? '',
        rules: rules.map((rule) => {
          const others = rule.others.map((ref) => ref.weight);
          return {
            key: rule.key,
            index: rule.index,
            serving: rule.serving.weight,
            canary: rule.canary.weight,
            factor: pickFactor({ serving: rule.serving.weight, canary: 0, others }) ?? 1,
            ...(others.length === 0 ? {} : { others: rule.others.map((ref) => ({ name: ref.name, weight: ref.weight })) }),
          };
        }),
      },
    ];
  });
}
