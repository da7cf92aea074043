// Which release a change of the world concerns: watches give changes, the queue gets keys.

import { parseState, isRunning } from '../core/release/state.ts';
import { namesService } from '../core/routing/rules.ts';
import type { Route } from '../api/routes.ts';
import type { CanaryRelease } from '../api/release.ts';
import { parseCached } from './observer.ts';
import type { Priority } from './work-queue.ts';
import type { World } from './world.ts';

/** One changed object of the watches. */
export interface Change {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly old?: unknown;
  readonly new?: unknown;
}

/** A key to work on. */
export interface Wanted {
  readonly key: string;
  readonly priority: Priority;
}

/** The releases that a change concerns. A foreign object costs one look-up in its namespace. */
export function releasesFor(world: World, change: Change): readonly Wanted[] {
  if (change.kind === 'CanaryRelease') return [{ key: `${change.namespace}/${change.name}`, priority: 'normal' }];
  const releases = world.releases.cachedIn(change.namespace);
  if (releases.length === 0) return [];
  const service = change.kind === 'Service' || change.kind === 'EndpointSlice';
  return releases
    .map(parseCached)
    .filter((release): release is CanaryRelease => release !== undefined)
    .filter((release) => (service ? usesService(release, change.name) : usesRoute(release, change)))
    .map((release) => ({
      key: `${release.metadata.namespace}/${release.metadata.name}`,
      // Endpoints that go away, and weights that somebody raised, may have to be answered at once.
      priority: isRunning(parseState(release.status?.state) ?? 'blocked') ? 'urgent' : 'normal',
    }));
}

function usesService(release: CanaryRelease, name: string): boolean {
  return servicesOf(release).includes(name);
}

function usesRoute(release: CanaryRelease, change: Change): boolean {
  const refs = [...release.spec.routeRefs, ...(release.status?.release?.routes ?? [])];
  if (refs.some((ref) => ref.kind === change.kind && ref.name === change.name)) return true;
  return [change.old, change.new].some((route) => isRoute(route) && namesService(route, servicesOf(release)));
}

function servicesOf(release: CanaryRelease): readonly string[] {
  const running = release.status?.release;
  return [
    ...(release.spec.services ?? []).map((service) => service.name),
    ...(running === undefined ? [] : [running.serving.service, running.canary.service]),
  ];
}

function isRoute(value: unknown): value is Route {
  return typeof value === 'object' && value !== null && 'spec' in value;
}
