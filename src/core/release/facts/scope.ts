// Which routes a release is about: those that `routeRefs` lists, else every route of the namespace that names its Services.

import { MAX_RECORDED_RULES, MAX_ROUTES, RELEASE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, OwnRule, RecordedRoute } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { forgetsBackends } from '../../routing/gateway-facts.ts';
import { type LearnedLimit, weightLimitOf } from '../../routing/gateway-limits.ts';
import { recordRule } from '../../routing/identity.ts';
import { namesService } from '../../routing/refs.ts';
import { scanRules } from '../../routing/rules.ts';
import { MAX_BACKEND_WEIGHT } from '../../routing/weights.ts';
import type { Observation } from '../observation.ts';
import { isHomeMark } from './home-mark.ts';
import { recordOwnAgain } from './own-rules.ts';
import { pairOf, portOf, type Sides } from './sides.ts';
import { isPreparing, type StateName } from '../state.ts';

const NONE: readonly OwnRule[] = [];

/** The routes in scope, in the order of the cache. */
export function routesInScope(spec: CanaryReleaseSpec, routes: readonly Route[], services: readonly string[]): readonly Route[] {
  const refs = spec.routeRefs;
  if (refs !== undefined && refs.length > 0)
    return routes.filter((route) => refs.some((ref) => ref.kind === route.kind && ref.name === route.metadata.name));
  const named = services.map((name) => ({ name, port: portOf(spec, name) }));
  return routes.filter((route) => namesService(route, named));
}

/** The rule names that the spec chooses in this route; undefined for all. */
export function wantedRules(spec: CanaryReleaseSpec, route: Route): readonly string[] | undefined {
  return spec.routeRefs?.find((ref) => ref.kind === route.kind && ref.name === route.metadata.name)?.rules;
}

/** The metrics source that the spec names for this route; undefined where it names none of its own. */
export function wantedSource(spec: CanaryReleaseSpec, route: Route): string | undefined {
  return spec.routeRefs?.find((ref) => ref.kind === route.kind && ref.name === route.metadata.name)?.metrics?.source;
}

/** What is there before the first write: this record is what "restored" means, and the API server's defaults are in it (rule 3). */
export function recordRoutes(
  spec: CanaryReleaseSpec,
  routes: readonly Route[],
  sides: Sides,
  learned: readonly LearnedLimit[] = [],
): readonly RecordedRoute[] {
  return routesInScope(spec, routes, [sides.serving, sides.canary]).flatMap((route): RecordedRoute[] => {
    const { rules } = scanRules(route, sides, wantedRules(spec, route));
    if (rules.length === 0) return [];
    const limit = weightLimitOf(route, learned);
    return [
      {
        kind: route.kind,
        name: route.metadata.name,
        uid: route.metadata.uid ?? '',
        rules: rules.map((rule) => recordRule(rule, limit, forgetsBackends(route))),
        ...(limit === MAX_BACKEND_WEIGHT ? {} : { weightLimit: limit }),
      },
    ];
  });
}

/**
 * Records again what is on the routes that were not claimed yet: the cache that the record was taken from may have been late, and
 * until the claim whatever people write to a route is what was there before us. Of a release that is about every route, one that
 * comes meanwhile joins: it was applied together with the release, and its watch was behind.
 */
export function recordAgain(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  { release: { metadata }, routes }: Observation,
): CanaryReleaseStatus {
  const { release } = status;
  if (release?.routes === undefined || !isPreparing(state, release)) return status;
  const unclaimed = routes.filter((route) => !isMarked(route, `${metadata.name}/${release.id}`));
  const driven = joinRecords(release.routes, recordRoutes(spec, unclaimed, pairOf(release), status.internal?.weightLimits));
  const own = release.ownRules ?? NONE;
  const ownRules = recordOwnAgain(routes, driven, pairOf(release), own);
  if (driven === release.routes && ownRules === own) return status;
  const { ownRules: _former, ...rest } = release;
  return { ...status, release: { ...rest, routes: [...driven], ...(ownRules.length === 0 ? {} : { ownRules: [...ownRules] }) } };
}

/** What was recorded, with what was found since: the same list where nothing is new, or where it would become too long. */
function joinRecords(before: readonly RecordedRoute[], found: readonly RecordedRoute[]): readonly RecordedRoute[] {
  const isOfOneRoute = (one: RecordedRoute, other: RecordedRoute) => one.kind === other.kind && one.name === other.name;
  const kept = before.map((old) => {
    const now = found.find((one) => isOfOneRoute(one, old));
    return now === undefined || JSON.stringify([now.uid, now.rules]) === JSON.stringify([old.uid, old.rules]) ? old : now;
  });
  const joined = [...kept, ...found.filter((one) => !before.some((old) => isOfOneRoute(one, old)))];
  const rules = joined.reduce((count, route) => count + route.rules.length, 0);
  const isUnchanged = joined.length === before.length && joined.every((route, index) => route === before[index]);
  return isUnchanged || rules > MAX_RECORDED_RULES || joined.length > MAX_ROUTES ? before : joined;
}

/** Does the route carry the mark of this release, going home or not? */
export function isMarked(route: Route, mark: string): boolean {
  const found = route.metadata.annotations?.[RELEASE_ANNOTATION];
  return found === mark || isHomeMark(found, mark);
}
