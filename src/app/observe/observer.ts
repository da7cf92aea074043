// Gathers the observation of one release from the caches. Prometheus is never waited for here: looks come in when they are
// answered, so that nothing it does can hold up going home (rule 1).

import { parseDuration } from '../../api/duration.ts';
import { RELEASE_ANNOTATION } from '../../api/names.ts';
import { parseRelease, type CanaryRelease, type CanaryReleaseStatus } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { dueLooks } from '../../core/analysis/grid.ts';
import type { LookReading } from '../../core/analysis/reading.ts';
import { gridOf } from '../../core/release/evidence/looks.ts';
import type { Driver, MetricsStanding, ObservedBackend, Observation, WriteProblem } from '../../core/release/observation.ts';
import { chooseSides } from '../../core/release/facts/revision.ts';
import { pairOf, servicesOf, sidesOf, type Sides } from '../../core/release/facts/sides.ts';
import { routesInScope } from '../../core/release/facts/scope.ts';
import { isJudged, isPreparing, isRunning, parseState } from '../../core/release/state.ts';
import { fromTime } from '../../api/times.ts';
import { nameCanary } from '../../core/workload/canary-names.ts';
import { controllersOf } from '../../core/routing/acceptance.ts';
import { listServices, scanRules } from '../../core/routing/rules.ts';
import type { MetricsTarget } from '../../ports/metrics.ts';
import { chooseSource, type SourceChoice } from '../../sources/catalogue.ts';
import { envoyGatewaySeparable } from '../../sources/envoygateway.ts';
import type { BackendIdentity } from '../../sources/source.ts';
import type { LookQuestion } from '../metrics/queries.ts';
import { observePolicies } from './policy-observer.ts';
import { observeWorkload } from './workload-observer.ts';
import type { World } from '../world.ts';

const NO_STATUS: CanaryReleaseStatus = { observedGeneration: -1 };

/** Parsed once an object: caches hand out the same object until it changes. */
const parsed = new WeakMap<object, CanaryRelease | undefined>();

/** Parses a cached object; undefined when the CRD let something through that this operator cannot read. */
export function parseCached(raw: unknown): CanaryRelease | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  if (!parsed.has(raw)) {
    const result = parseRelease(raw);
    parsed.set(raw, result.ok ? result.release : undefined);
  }
  return parsed.get(raw);
}

/** Observes the world for one release. @param status the last status, committed or not */
export async function observe(
  world: World,
  release: CanaryRelease,
  status: CanaryReleaseStatus,
  writeProblems: readonly WriteProblem[],
  looks: readonly LookReading[],
): Promise<Observation> {
  const { namespace } = release.metadata;
  const services = new Set(servicesOf(release.spec));
  if (release.spec.service !== undefined) services.add(nameCanary(release.spec.service.name));
  for (const service of [status.release?.serving, status.release?.canary]) if (service !== undefined) services.add(service.service);
  await readBeforeLeaving(world, release, status);
  const routes = relevantRoutes(release, status, world.routes.cachedIn(namespace), [...services]);
  const backends = await observeBackends(world, namespace, [...services]);
  const choice = chooseSourceFor(release, routes);
  const target = targetOf(release);
  const workload = await observeWorkload(world, release, status);
  const observation: Observation = {
    release,
    ...(workload === undefined ? {} : { workload }),
    routes,
    servedKinds: world.routes.servedKinds(release.spec.routeRefs.map(({ kind }) => kind)),
    backends,
    looks,
    metrics: standingOf(world, release, routes, choice, target),
    driver: findDriver(world, release, status, routes),
    writeProblems,
    oldSchema: world.oldSchema(),
  };
  return observePolicies(world, status, observation);
}

/**
 * A release that is deleted while it prepares leaves alone what it did not write, and nothing comes after it: what the watch shows
 * of its claims may be old. A route that cannot be read is taken as the watch has it.
 */
async function readBeforeLeaving(world: World, release: CanaryRelease, status: CanaryReleaseStatus): Promise<void> {
  const state = parseState(status.state);
  if (release.metadata.deletionTimestamp === undefined || state === undefined || !isPreparing(state, status.release)) return;
  const { namespace } = release.metadata;
  const read = ({ kind, name }: { readonly kind: Route['kind']; readonly name: string }) => world.routes.read({ kind, namespace, name });
  await Promise.allSettled((status.release?.routes ?? []).map(read));
}

/** Runs at every pass over every route of the namespace, so it compares keys and scans each route's rules once. */
function relevantRoutes(
  release: CanaryRelease,
  status: CanaryReleaseStatus,
  routes: readonly Route[],
  services: readonly string[],
): readonly Route[] {
  const listed = new Set([...release.spec.routeRefs, ...(status.release?.routes ?? [])].map(({ kind, name }) => `${kind}/${name}`));
  return routes.filter((route) => {
    const named = servicesNamedBy(route);
    return services.some((service) => named.has(service)) || listed.has(`${route.kind}/${route.metadata.name}`);
  });
}

/** Services that a route names, read once an object. */
const namedServices = new WeakMap<Route, ReadonlySet<string>>();

function servicesNamedBy(route: Route): ReadonlySet<string> {
  const known = namedServices.get(route);
  if (known !== undefined) return known;
  const named = listServices(route);
  namedServices.set(route, named);
  return named;
}

async function observeBackends(
  world: World,
  namespace: string,
  services: readonly string[],
): Promise<Readonly<Record<string, ObservedBackend>>> {
  const found = await Promise.all(services.map((service) => world.backends.observe(namespace, service)));
  return Object.fromEntries(found.map((backend) => [backend.service, backend]));
}

function chooseSourceFor(release: CanaryRelease, routes: readonly Route[]): SourceChoice {
  const services = servicesOf(release.spec);
  const scope = routesInScope(release.spec, routes, services);
  return chooseSource({
    wanted: release.spec.analysis.metrics.source,
    kinds: [...new Set(scope.map((route) => route.kind))],
    controllerNames: [...new Set(scope.flatMap(controllersOf))],
  });
}

function targetOf(release: CanaryRelease): MetricsTarget {
  const { url, secretRef, timeout } = release.spec.analysis.metrics.prometheus;
  return {
    namespace: release.metadata.namespace,
    ...(url === undefined ? {} : { url }),
    ...(secretRef === undefined ? {} : { secretName: secretRef.name }),
    timeoutMs: parseDuration(timeout),
  };
}

/** Envoy Gateway counts the backends of a rule together unless a filter tells them apart. */
function findInseparable(release: CanaryRelease, routes: readonly Route[]): string | undefined {
  const [first, second] = servicesOf(release.spec);
  const own = release.spec.targetRef === undefined ? undefined : chooseSides(release.spec, NO_STATUS, []);
  const pair = first === undefined || second === undefined ? own : sidesOf(release.spec, { serving: first, canary: second });
  if (pair === undefined) return undefined;
  for (const route of routesInScope(release.spec, routes, [pair.serving, pair.canary])) {
    for (const rule of scanRules(route, pair, undefined).rules) {
      const found = envoyGatewaySeparable({ routeName: route.metadata.name, backendRefs: [rule.serving, rule.canary, ...rule.others] });
      if (!found.separable) return found.message;
    }
  }
  return undefined;
}

function standingOf(
  world: World,
  release: CanaryRelease,
  routes: readonly Route[],
  choice: SourceChoice,
  target: MetricsTarget,
): MetricsStanding {
  const { checks } = release.spec.analysis;
  const own = checks.some((check) => check.query !== undefined);
  const refusal = world.metrics.refusal(target, own);
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const together = choice.ok && choice.source.name === 'EnvoyGateway' ? findInseparable(release, routes) : undefined;
  if (together !== undefined) return { kind: 'refused', reason: 'NotSupported', message: together };
  if (choice.ok) return { kind: 'ready', source: choice.source.name };
  if (own && checks.every((check) => check.query !== undefined)) return { kind: 'ready', source: 'own queries' };
  return { kind: 'refused', reason: choice.reason === 'Unavailable' ? 'RouteNotAccepted' : choice.reason, message: choice.message };
}

/** The looks that are due, and what they ask; undefined when none is. */
export function dueQuestion(
  world: World,
  release: CanaryRelease,
  status: CanaryReleaseStatus,
  observation: Pick<Observation, 'routes' | 'backends'>,
  now: number,
): { readonly question: LookQuestion; readonly times: readonly number[] } | undefined {
  const state = parseState(status.state);
  const current = status.release;
  if (state === undefined || current === undefined || !isJudged(state)) return undefined;
  const lastFolded = fromTime(current.lookGridAt) ?? fromTime(current.startedAt) ?? now;
  // The first look does not wait for the grid: it finds out when the gateway is scraped, and that Prometheus answers.
  const first = current.lookGridAt === undefined;
  const times = first ? [now] : dueLooks(gridOf(release.spec, current), lastFolded, now);
  const question = times.length === 0 ? undefined : buildQuestion(world, release, status, observation);
  return question === undefined ? undefined : { question, times };
}

/** Whom to ask about a release, and by which names; undefined where nobody may or shall be asked. */
export function buildQuestion(
  world: World,
  release: CanaryRelease,
  status: CanaryReleaseStatus,
  observation: Pick<Observation, 'routes' | 'backends'>,
): LookQuestion | undefined {
  const current = status.release;
  const { mode, checks } = release.spec.analysis;
  const target = targetOf(release);
  const own = checks.some((check) => check.query !== undefined);
  if (current === undefined || mode === 'Off' || world.metrics.refusal(target, own) !== undefined) return undefined;
  const choice = chooseSourceFor(release, observation.routes);
  const { namespace, name } = release.metadata;
  const pair = pairOf(current);
  return {
    spec: release.spec,
    status,
    namespace,
    name,
    target,
    source: choice.ok ? choice.source : undefined,
    canary: identitiesOf(namespace, observation, pair, 'canary'),
    serving: identitiesOf(namespace, observation, pair, 'serving'),
  };
}

/** The backend as metrics sources know it: once for each rule and port. Queries that turn out equal are asked once. */
function identitiesOf(
  namespace: string,
  { routes, backends }: Pick<Observation, 'routes' | 'backends'>,
  pair: Sides,
  side: 'serving' | 'canary',
): readonly BackendIdentity[] {
  return routes.flatMap((route) =>
    scanRules(route, pair, undefined).rules.map((rule) => {
      const ref = rule[side];
      const behind = backends[ref.name];
      return {
        namespace,
        service: ref.name,
        port: ref.port ?? 80,
        route: {
          kind: route.kind,
          namespace,
          name: route.metadata.name,
          ruleIndex: rule.index,
          backendIndex: ref.index,
        },
        ...(behind?.workload === undefined ? {} : { workload: { name: behind.workload, templateHashes: behind.templateHashes } }),
      };
    }),
  );
}

/** The release named in a route's annotation drives it; else the older one, else the lesser name (rule 8). */
function findDriver(world: World, release: CanaryRelease, status: CanaryReleaseStatus, routes: readonly Route[]): Driver {
  const { namespace, name } = release.metadata;
  const services = servicesOf(release.spec);
  const scope = routesInScope(release.spec, routes, services);
  if (scope.length === 0) return { kind: 'us' };
  const others = othersIn(world, namespace, name);
  for (const route of scope) {
    const [marked] = (route.metadata.annotations?.[RELEASE_ANNOTATION] ?? '').split('/');
    if (marked === name) continue;
    const where = `${route.kind} ${route.metadata.name}`;
    if (marked !== '' && others().some((other) => other.metadata.name === marked && isUnderWay(other)))
      return { kind: 'other', name: marked ?? '', route: where };
    if (status.release !== undefined && isRunning(parseState(status.state) ?? 'blocked')) continue;
    const rival = others().find((other) => claims(other, route) && isBefore(other, release));
    if (rival !== undefined) return { kind: 'other', name: rival.metadata.name, route: where };
  }
  return { kind: 'us' };
}

/** The other releases of the namespace, read only when somebody asks. */
function othersIn(world: World, namespace: string, name: string): () => readonly CanaryRelease[] {
  let found: readonly CanaryRelease[] | undefined;
  return () => {
    found ??= world.releases
      .cachedIn(namespace)
      .map(parseCached)
      .filter((other): other is CanaryRelease => other !== undefined && other.metadata.name !== name);
    return found;
  };
}

function isUnderWay(release: CanaryRelease): boolean {
  return isRunning(parseState(release.status?.state) ?? 'blocked');
}

/** Would this release drive the route? One that cannot even tell its roles there does not stand in the way. */
function claims(release: CanaryRelease, route: Route): boolean {
  const services = servicesOf(release.spec);
  if (release.metadata.deletionTimestamp !== undefined) return false;
  return (
    routesInScope(release.spec, [route], services).length > 0 &&
    chooseSides(release.spec, release.status ?? NO_STATUS, [route]) !== undefined
  );
}

function isBefore(other: CanaryRelease, own: CanaryRelease): boolean {
  const [a, b] = [other.metadata.creationTimestamp ?? '', own.metadata.creationTimestamp ?? ''];
  return a === b ? other.metadata.name < own.metadata.name : a < b;
}
