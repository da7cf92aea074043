// Gathers the observation of one release from the caches. Prometheus is never waited for here: looks come in when they are
// answered, so that nothing it does can hold up going home (rule 1).

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import type { LookReading } from '../../core/analysis/reading.ts';
import type { BackendLayout, ObservedBackend, Observation, WriteProblem } from '../../core/release/observation.ts';
import { findDriver } from '../../core/release/facts/driver.ts';
import { servicesOf } from '../../core/release/facts/sides.ts';
import { isJudged, isPreparing, parseState } from '../../core/release/state.ts';
import { nameCanary } from '../../core/workload/canary-names.ts';
import { listServices } from '../../core/routing/refs.ts';
import { standMetrics } from '../metrics/standing.ts';
import { observePolicies, observeRoutePolicies, observeSessionPolicies } from './policy-observer.ts';
import { observeWorkload } from './workload-observer.ts';
import type { World } from '../world.ts';

/** What is known beside the caches. */
export interface Asked {
  readonly release: CanaryRelease;
  /** The last status, committed or not. */
  readonly status: CanaryReleaseStatus;
  readonly writeProblems: readonly WriteProblem[];
  readonly looks: readonly LookReading[];
  /** All routes of the namespace, where they were just read from the API server. */
  readonly freshRoutes?: readonly Route[] | undefined;
  /** Other releases that may share something with this one or with its routes. */
  readonly neighbours: (routes: readonly Route[]) => readonly CanaryRelease[];
  /** How the gateways of these routes count backends; undefined where they always count them apart. */
  readonly layoutOf: (routes: readonly Route[]) => BackendLayout | undefined;
}

/** Observes the world for one release. */
export async function observe(world: World, asked: Asked): Promise<Observation> {
  const { release, status, writeProblems, looks, freshRoutes, neighbours, layoutOf } = asked;
  const { namespace } = release.metadata;
  const services = new Set(servicesOf(release.spec));
  if (release.spec.service !== undefined) services.add(nameCanary(release.spec.service.name));
  for (const service of [status.release?.serving, status.release?.canary]) if (service !== undefined) services.add(service.service);
  await readBeforeLeaving(world, release, status);
  const routes = relevantRoutes(release, status, freshRoutes ?? world.routes.cachedIn(namespace), [...services]);
  const backends = await observeBackends(world, namespace, [...services], findAwaited(status));
  const workload = await observeWorkload(world, release, status);
  const layout = layoutOf(routes);
  const observation: Observation = {
    release,
    ...(workload === undefined ? {} : { workload }),
    routes,
    routesFresh: freshRoutes !== undefined,
    servedKinds: world.routes.servedKinds(release.spec.routeRefs.map(({ kind }) => kind)),
    backends,
    looks,
    metrics: standMetrics(world.metrics, release, routes, layout),
    ...(layout === undefined ? {} : { layout }),
    driver: findDriver({ ...release, status }, neighbours(routes), routes),
    writeProblems,
    oldSchema: world.oldSchema(),
  };
  const withSessions = await observeSessionPolicies(world, status, await observePolicies(world, status, observation));
  return observeRoutePolicies(world, status, withSessions);
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

/** The canary Service of a release in Services mode: it is worth knowing why its pods do not run. In Deployment mode they are watched. */
function findAwaited({ release, state }: CanaryReleaseStatus): string | undefined {
  return release?.workload === undefined && isJudged(parseState(state) ?? 'idle') ? release?.canary.service : undefined;
}

async function observeBackends(
  world: World,
  namespace: string,
  services: readonly string[],
  awaited: string | undefined,
): Promise<Readonly<Record<string, ObservedBackend>>> {
  const found = await Promise.all(services.map((service) => world.backends.observe(namespace, service, service === awaited)));
  return Object.fromEntries(found.map((backend) => [backend.service, backend]));
}
