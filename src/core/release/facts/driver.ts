// Who drives what two releases share (rule 8): routes, Deployments, Services, and the names of what the operator makes beside them.
// The release that a shared route is marked for drives; else the one that is under way; else the older, else the lesser name.

import { RELEASE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryRelease, CanaryReleaseStatus } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { nameCanary } from '../../workload/canary-names.ts';
import type { Driver, SharedObject } from '../observation.ts';
import { isRunning, parseState } from '../state.ts';
import { chooseSides } from './revision.ts';
import { routesInScope } from './scope.ts';
import { servicesOf } from './sides.ts';

const NO_STATUS: CanaryReleaseStatus = { observedGeneration: -1 };

/** What two releases have in common, and whose marks the routes among it carry. */
interface Common {
  readonly object: SharedObject;
  readonly marked: ReadonlySet<string>;
}

/**
 * The release that drives whatever `own` shares with others. @param own with its last status, committed or not
 * @param others releases of the namespace that may share something @param routes those that `own` may be about
 */
export function findDriver(own: CanaryRelease, others: readonly CanaryRelease[], routes: readonly Route[]): Driver {
  let first: { readonly release: CanaryRelease; readonly shared: SharedObject } | undefined;
  for (const other of others) {
    if (other.metadata.name === own.metadata.name || isLeaving(other)) continue;
    const common = findCommon(own, other, routes);
    if (common === undefined || !goesFirst(other, own, common.marked)) continue;
    // The message names the same one at every look, whatever the order of the cache.
    if (first === undefined || goesFirst(other, first.release, common.marked)) first = { release: other, shared: common.object };
  }
  return first === undefined ? { kind: 'us' } : { kind: 'other', name: first.release.metadata.name, shared: first.shared };
}

/** A release that is deleted and has nothing left to take back drives nothing any more. */
function isLeaving(release: CanaryRelease): boolean {
  return release.metadata.deletionTimestamp !== undefined && !isUnderWay(release);
}

function isUnderWay({ status }: CanaryRelease): boolean {
  return status?.release !== undefined && isRunning(parseState(status.state) ?? 'blocked');
}

function goesFirst(one: CanaryRelease, two: CanaryRelease, marked: ReadonlySet<string>): boolean {
  const isMarked = (release: CanaryRelease) => marked.has(release.metadata.name) && isUnderWay(release);
  if (isMarked(one) !== isMarked(two)) return isMarked(one);
  if (isUnderWay(one) !== isUnderWay(two)) return isUnderWay(one);
  const [a, b] = [one.metadata.creationTimestamp ?? '', two.metadata.creationTimestamp ?? ''];
  return a === b ? one.metadata.name < two.metadata.name : a < b;
}

/** The Deployment says more than the Service, and both more than a route, whose rules they may share with others as well. */
function findCommon(own: CanaryRelease, other: CanaryRelease, routes: readonly Route[]): Common | undefined {
  const theirs = new Set(listObjects(other).map(keyOf));
  const object = listObjects(own).find((one) => theirs.has(keyOf(one)));
  const shared = routesInScope(own.spec, routes, servicesOf(own.spec)).filter((route) => isClaimed(route, other));
  const [route] = shared;
  const found = object ?? (route === undefined ? undefined : { kind: route.kind, name: route.metadata.name });
  if (found === undefined) return undefined;
  return { object: found, marked: new Set(shared.map(markedFor)) };
}

function keyOf({ kind, name }: SharedObject): string {
  return `${kind}/${name}`;
}

/** What only one release may drive, in the order in which a person looks for it: what the spec names, what a release under way still has, what the operator makes. */
export function listObjects({ spec, status }: CanaryRelease): readonly SharedObject[] {
  const { targetRef, service } = spec;
  const running = status !== undefined && isRunning(parseState(status.state) ?? 'blocked') ? status.release : undefined;
  const deployments = [targetRef?.name, running?.workload?.name].filter((name) => name !== undefined);
  const services = [...servicesOf(spec), running?.serving.service, running?.canary.service].filter((name) => name !== undefined);
  return [
    ...deployments.map((name) => ({ kind: 'Deployment' as const, name })),
    ...services.map((name) => ({ kind: 'Service' as const, name })),
    ...(targetRef === undefined ? [] : [{ kind: 'Deployment' as const, name: nameCanary(targetRef.name), isMade: true }]),
    ...(service === undefined ? [] : [{ kind: 'Service' as const, name: nameCanary(service.name), isMade: true }]),
  ];
}

/** Would this release drive the route, or does it already? One whose roles are not known there does not stand in the way. */
function isClaimed(route: Route, release: CanaryRelease): boolean {
  if (markedFor(route) === release.metadata.name && isUnderWay(release)) return true;
  const { spec, status } = release;
  return routesInScope(spec, [route], servicesOf(spec)).length > 0 && chooseSides(spec, status ?? NO_STATUS, [route]) !== undefined;
}

function markedFor({ metadata }: Route): string {
  return metadata.annotations?.[RELEASE_ANNOTATION]?.split('/')[0] ?? '';
}
