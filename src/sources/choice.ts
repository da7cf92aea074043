// Which metrics sources judge a release: those that its spec names, else those of the controllers that serve its routes. Several gateways
// are read apart and summed. A mesh is left out where a gateway is read, because its proxies may count what the gateway has counted.

import { carriesConnections, type RouteKind } from '../api/names.ts';
import { AUTO, findSource, SOURCES } from './catalogue.ts';
import { findCounting } from './controllers.ts';
import { envoyGateway, envoyGatewayMerged } from './envoygateway.ts';
import { JUDGE_CONNECTIONS, refuseKinds, USE_APPLICATION } from './hazards.ts';
import type { Hazard, MetricsSource, SourceRefusal } from './source.ts';

/** A controller that has answered for a route. `isMesh`: for a parent that is a Service. */
export interface ServingController {
  readonly name: string;
  readonly isMesh: boolean;
}

/** One route, as the choice sees it. */
export interface RoutedBy {
  readonly kind: RouteKind;
  readonly name: string;
  /** `spec.routeRefs[].metrics.source`; absent: as the release says. */
  readonly wanted?: string | undefined;
  readonly controllers: readonly ServingController[];
}

/** A source, and the routes that it judges. One that no controller has answered for is asked of every source. */
export interface ChosenSource<Of extends RoutedBy = RoutedBy> {
  readonly source: MetricsSource;
  readonly routes: readonly Of[];
}

/** The sources, each once, and what a person should know of them together; or why there are none. */
export type SourceChoice<Of extends RoutedBy = RoutedBy> =
  | { readonly ok: true; readonly chosen: readonly [ChosenSource<Of>, ...ChosenSource<Of>[]]; readonly hazards: readonly Hazard[] }
  | ({ readonly ok: false } & SourceRefusal);

type Refused = { readonly ok: false } & SourceRefusal;
type Found = { readonly ok: true; readonly source: MetricsSource } | Refused;

/** Names of sources, for a sentence. */
export function nameSources(chosen: readonly Pick<ChosenSource, 'source'>[]): string {
  return chosen.map(({ source }) => source.name).join(' and ');
}

/**
 * Chooses the metrics sources of a release.
 * @param wanted `spec.analysis.metrics.source`
 * @param countedByService the gateways have one cluster for each Service, whatever rule names it
 */
export function chooseSources<Of extends RoutedBy>(wanted: string, routes: readonly Of[], countedByService = false): SourceChoice<Of> {
  const byRoute = routes.map((route) => ({ route, ...findForRoute(route, route.wanted ?? wanted, countedByService) }));
  const general = routes.length === 0 && wanted !== AUTO ? [findByName(wanted, WHERE_OF_RELEASE)] : [];
  const edges = [...general, ...byRoute.flatMap(({ edge }) => edge)];
  const meshes = edges.length > 0 ? [] : byRoute.flatMap(({ mesh }) => mesh);
  const refused = [...edges, ...meshes].find((found): found is Refused => !found.ok);
  if (refused !== undefined) return refused;
  const sources = sourcesOf([...edges, ...meshes]);
  const chosen = sources.map((source) => ({
    source,
    routes: byRoute.flatMap(({ route, edge, mesh }) => (isJudgedBy(source, sourcesOf([...edge, ...mesh])) ? [route] : [])),
  }));
  const leftOut = sourcesOf(byRoute.flatMap(({ mesh }) => mesh)).filter((source) => !sources.includes(source));
  return conclude(chosen, leftOut);
}

/** A route that no controller has answered for may be served by any of them. */
function isJudgedBy(source: MetricsSource, known: readonly MetricsSource[]): boolean {
  return known.length === 0 || known.includes(source);
}

function sourcesOf(found: readonly Found[]): readonly MetricsSource[] {
  return [...new Set(found.flatMap((one) => (one.ok ? [one.source] : [])))];
}

function conclude<Of extends RoutedBy>(chosen: readonly ChosenSource<Of>[], leftOut: readonly MetricsSource[]): SourceChoice<Of> {
  const [first, ...others] = chosen;
  if (first === undefined) {
    return refuse(
      'Unavailable',
      'no controller serves the routes yet, so the metrics source is unknown: wait, or name it in spec.analysis.metrics.source',
    );
  }
  const refusal = refuseTwice(chosen) ?? chosen.map(({ source, routes }) => refuseKinds(source, kindsOf(routes))).find(isThere);
  if (refusal !== undefined) return { ok: false, ...refusal };
  const names = nameSources(chosen);
  const several: readonly Hazard[] =
    others.length === 0
      ? []
      : [
          {
            code: 'SeveralGateways',
            message: `${names} count together: limits of latency are judged for each of them, and it is compared on the bounds that all have`,
          },
        ];
  const mesh: readonly Hazard[] = leftOut.map(({ name }) => ({
    code: 'MeshLeftOut',
    message: `${name} is not read, because its proxies may count again what ${names} counts: requests inside the mesh are in no verdict, unless spec.routeRefs[].metrics.source names it`,
  }));
  return { ok: true, chosen: [first, ...others], hazards: [...several, ...mesh] };
}

/** Kinds of these routes, each once. */
export function kindsOf(routes: readonly Pick<RoutedBy, 'kind'>[]): readonly RouteKind[] {
  return [...new Set(routes.map(({ kind }) => kind))];
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** An application counts whatever reaches it, by any route. */
function refuseTwice(chosen: readonly ChosenSource[]): SourceRefusal | undefined {
  const application = chosen.find(({ source }) => source.tier === 'application');
  if (application === undefined || chosen.length === 1) return undefined;
  const { name } = application.source;
  const others = nameSources(chosen.filter((one) => one !== application));
  return {
    reason: 'InvalidSpec',
    message: `metrics source ${name} counts the requests of every route, also those that ${others} counts: set spec.analysis.metrics.source to ${name} and name no other in spec.routeRefs[].metrics`,
  };
}

function refuse(reason: SourceRefusal['reason'], message: string): Refused {
  return { ok: false, reason, message };
}

const WHERE_OF_RELEASE = 'spec.analysis.metrics.source';
const WHERE_OF_ROUTE = 'spec.routeRefs[].metrics.source';

interface FoundForRoute {
  readonly edge: readonly Found[];
  /** Proxies of callers inside the mesh. */
  readonly mesh: readonly Found[];
}

function findForRoute(route: RoutedBy, wanted: string, countedByService: boolean): FoundForRoute {
  const { wanted: own, controllers, kind, name: routeName } = route;
  if (wanted !== AUTO) return { edge: [findByName(wanted, own === undefined ? WHERE_OF_RELEASE : WHERE_OF_ROUTE)], mesh: [] };
  if (carriesConnections(kind))
    return {
      edge: [
        refuse('InvalidSpec', `${kind} ${routeName} carries connections, which gateways do not count by answer: ${JUDGE_CONNECTIONS}`),
      ],
      mesh: [],
    };
  const of = (isMesh: boolean) =>
    controllers.filter((one) => one.isMesh === isMesh).map(({ name }) => byLayout(findByController(name), countedByService));
  return { edge: of(false), mesh: of(true) };
}

function findByName(wanted: string, where: string): Found {
  const source = findSource(wanted);
  if (source !== undefined) return { ok: true, source };
  const names = [AUTO, ...SOURCES.map(({ name }) => name)].join(', ');
  return refuse('InvalidSpec', `${where} is "${wanted}": write one of ${names}`);
}

/** One controller may count in two ways, by its settings. */
function byLayout(found: Found, countedByService: boolean): Found {
  return found.ok && found.source === envoyGateway && countedByService ? { ok: true, source: envoyGatewayMerged } : found;
}

function findByController(controllerName: string): Found {
  const counting = findCounting(controllerName);
  if (counting?.kind === 'source') return { ok: true, source: counting.source };
  return refuse(
    'NotSupported',
    `${counting?.instead ?? `no metrics source is known for the controller "${controllerName}"`}: ${USE_APPLICATION}`,
  );
}
