// How Prometheus is asked about a release: the metrics sources of the controllers that serve its routes, the address, or why it must
// not be asked.

import { parseDuration } from '../../api/duration.ts';
import type { CanaryRelease, CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import type { BackendLayout, MetricsStanding, SourceHazard } from '../../core/release/observation.ts';
import { chooseSides } from '../../core/release/facts/revision.ts';
import { routesInScope, wantedSource } from '../../core/release/facts/scope.ts';
import { servicesOf, sidesOf, type Sides } from '../../core/release/facts/sides.ts';
import { servingControllersOf } from '../../core/routing/parents.ts';
import { scanRules } from '../../core/routing/rules.ts';
import type { MetricsReader, MetricsTarget } from '../../ports/metrics.ts';
import { type ChosenSource, chooseSources, kindsOf, nameSources, type RoutedBy, type SourceChoice } from '../../sources/choice.ts';
import { hazardsOf, refuseBlind } from '../../sources/hazards.ts';
import { countsCohortsApart } from './queries.ts';
import { withMatchers } from '../../sources/selector.ts';
import type { SourceRefusal } from '../../sources/source.ts';

const NO_STATUS: CanaryReleaseStatus = { observedGeneration: -1 };

/** Whether a release can be analyzed at all. @param routes those of the namespace that may be the release's */
export function standMetrics(
  metrics: MetricsReader,
  release: CanaryRelease,
  routes: readonly Route[],
  layout: BackendLayout | undefined,
): MetricsStanding {
  const { checks } = release.spec.analysis;
  const own = checks.some((check) => check.query !== undefined);
  const refusal = metrics.refusal(targetOf(release), own);
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const choice = chooseSourcesFor(metrics, release, routes, layout);
  if (choice.ok) return standSources(release.spec, choice, routes);
  if (own && checks.every((check) => check.query !== undefined)) return { kind: 'ready', source: 'own queries' };
  return refuse(choice);
}

function standSources(spec: CanaryReleaseSpec, { chosen, hazards }: Chosen, routes: readonly Route[]): MetricsStanding {
  for (const { source, routes: own } of chosen) {
    const refusal = findUnread(spec, { source, routes: own }, routes) ?? refuseBlind(source, kindsOf(own), spec.analysis);
    if (refusal !== undefined) return refuse(refusal);
  }
  const all = [...hazards, ...chosen.flatMap((one) => hazardsOfOne(one, chosen.length > 1))];
  const scope = countsCohortsApart(chosen.map(({ source }) => source)) ? 'routeRule' : 'service';
  return { kind: 'ready', source: nameSources(chosen), scope, ...(all.length === 0 ? {} : { hazards: all }) };
}

/** Where there are several it is said whose they are. */
function hazardsOfOne({ source, routes }: ChosenSource, isOneOfSeveral: boolean): readonly SourceHazard[] {
  const hazards = hazardsOf(source, kindsOf(routes));
  return isOneOfSeveral ? hazards.map((hazard) => ({ ...hazard, message: `${source.name}: ${hazard.message}` })) : hazards;
}

function refuse({ reason, message }: SourceRefusal): MetricsStanding {
  return reason === 'Unavailable'
    ? { kind: 'refused', reason: 'RouteNotAccepted', message, missing: true }
    : { kind: 'refused', reason, message };
}

/** A route as the choice sees it, and the route. */
interface ScopedRoute extends RoutedBy {
  readonly route: Route;
}

type Chosen = Extract<SourceChoice<ScopedRoute>, { readonly ok: true }>;

/** The metrics sources that the spec names, or those of the controllers that serve the routes. */
export function chooseSourcesFor(
  { matchers }: MetricsReader,
  { spec }: CanaryRelease,
  routes: readonly Route[],
  layout: BackendLayout | undefined,
): SourceChoice<ScopedRoute> {
  const { metrics } = spec.analysis;
  const scoped = routesInScope(spec, routes, servicesOf(spec)).map((route): ScopedRoute => {
    const { kind, metadata } = route;
    return { route, kind, name: metadata.name, wanted: wantedSource(spec, route), controllers: servingControllersOf(route) };
  });
  const choice = chooseSources(metrics.source, scoped, layout?.kind === 'byService');
  if (!choice.ok) return choice;
  // The matchers of the release take precedence over those of the operator.
  const all = { ...matchers, ...metrics.matchers };
  const [first, ...others] = choice.chosen;
  const matched = (one: ChosenSource<ScopedRoute>) => ({ ...one, source: withMatchers(one.source, all) });
  return { ...choice, chosen: [matched(first), ...others.map(matched)] };
}

/** The Prometheus of a release. */
export function targetOf(release: CanaryRelease): MetricsTarget {
  const { url, secretRef, timeout } = release.spec.analysis.metrics.prometheus;
  return {
    namespace: release.metadata.namespace,
    ...(url === undefined ? {} : { url }),
    ...(secretRef === undefined ? {} : { secretName: secretRef.name }),
    timeoutMs: parseDuration(timeout),
  };
}

/** Why the source cannot distinguish the two versions in a route of the release. */
function findUnread(
  spec: CanaryReleaseSpec,
  { source, routes: judged }: ChosenSource<ScopedRoute>,
  routes: readonly Route[],
): SourceRefusal | undefined {
  const pair = pairWithoutRoles(spec);
  if (source.refuseRoute === undefined || pair === undefined) return undefined;
  const driven = routesInScope(spec, routes, [pair.serving, pair.canary]).filter(
    (route) => judged.some((one) => one.route === route) && scanRules(route, pair, undefined).rules.length > 0,
  );
  return driven.map(({ metadata }) => source.refuseRoute?.(metadata.name)).find((refusal) => refusal !== undefined);
}

/** It does not matter here which of the two Services serves. */
function pairWithoutRoles(spec: CanaryReleaseSpec): Sides | undefined {
  const [first, second] = servicesOf(spec);
  if (first !== undefined && second !== undefined) return sidesOf(spec, { serving: first, canary: second });
  return spec.targetRef === undefined ? undefined : chooseSides(spec, NO_STATUS, []);
}
