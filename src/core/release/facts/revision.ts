// Services mode: which Service serves, which is the canary, and is what stands behind the canary new?

import { withoutControls } from '../../workload/one-line.ts';
import { hash } from 'node:crypto';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { nameCanary } from '../../workload/canary-names.ts';
import { namesService } from '../../routing/refs.ts';
import { scanRules } from '../../routing/rules.ts';
import { routesInScope, wantedRules } from './scope.ts';
import { portOf, servicesOf, sidesOf, type Sides } from './sides.ts';
import type { ObservedBackend, Observation } from '../observation.ts';

/** What makes a candidate the same one again: Service, `spec.revision`, and the templates of the pods behind it. */
export interface CandidateKey {
  readonly service: string;
  readonly specRevision?: string;
  readonly templateHashes: readonly string[];
  /** What people call it, where something better is known than the hashes. */
  readonly name?: string;
}

/**
 * Roles: those of the running release; else the Service that served last, as long as it is listed; else, at first contact,
 * the one with the larger weight on the routes. Undefined when the routes give neither of them more.
 */
export function chooseSides(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, routes: readonly Route[]): Sides | undefined {
  if (spec.service !== undefined) return sidesOf(spec, { serving: spec.service.name, canary: nameCanary(spec.service.name), adds: true });
  const [first, second] = servicesOf(spec);
  if (first === undefined || second === undefined) return undefined;
  const weights = weightsOnRoutes(spec, routes, first, second);
  const serving = findServingService(status.serving?.service, [first, second], weights);
  if (serving === undefined) return undefined;
  return sidesOf(spec, { serving, canary: serving === first ? second : first });
}

/** Between releases people and Git are right: a route that gives everything to the other Service has changed the roles. */
function findServingService(
  known: string | undefined,
  [first, second]: readonly [string, string],
  [a, b]: readonly [number, number],
): string | undefined {
  if (known === first && !(a === 0 && b > 0)) return first;
  if (known === second && !(b === 0 && a > 0)) return second;
  if (a === b) return undefined;
  return a > b ? first : second;
}

/** Weights in the rules that name both; where none does, the routes that name one. Other releases' routes have no say. */
function weightsOnRoutes(spec: CanaryReleaseSpec, routes: readonly Route[], first: string, second: string): readonly [number, number] {
  const scope = routesInScope(spec, routes, [first, second]);
  const pair = sidesOf(spec, { serving: first, canary: second });
  const rules = scope.flatMap((route) => scanRules(route, pair, wantedRules(spec, route)).rules);
  const sumOf = (side: 'serving' | 'canary') => rules.reduce((total, rule) => total + rule[side].weight, 0);
  if (sumOf('serving') + sumOf('canary') > 0) return [sumOf('serving'), sumOf('canary')];
  const names = (route: Route, name: string) => namesService(route, [{ name, port: portOf(spec, name) }]);
  const ofFirst = scope.filter((route) => names(route, first)).length;
  return [ofFirst, scope.filter((route) => names(route, second) && !names(route, first)).length];
}

/** The key of what stands behind a Service now. */
export function keyOf(service: string, specRevision: string | undefined, backend: ObservedBackend | undefined): CandidateKey {
  return {
    service,
    ...(specRevision === undefined ? {} : { specRevision }),
    templateHashes: backend?.templateHashes ?? [],
  };
}

/** The key of what a release is about, as its status records it. */
export function keyOfRelease({
  canary,
  specRevision,
  templateHashes = [],
}: Pick<ReleaseStatus, 'canary' | 'specRevision' | 'templateHashes'>): CandidateKey {
  return { service: canary.service, ...(specRevision === undefined ? {} : { specRevision }), templateHashes };
}

/** Same revision? Pods that went away (a scale to 0, the end of a rolling update) bring nothing new. */
export function isSameRevision(now: CandidateKey, before: CandidateKey): boolean {
  return (
    now.service === before.service &&
    now.specRevision === before.specRevision &&
    now.templateHashes.every((one) => before.templateHashes.includes(one))
  );
}

/** The candidate, if one is there that was neither released nor rejected yet. */
export function findCandidate(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  observation: Observation,
  sides: Sides,
): CandidateKey | undefined {
  const backend = observation.backends[sides.canary];
  if (backend === undefined || !backend.known || !backend.templatesKnown) return undefined;
  const key = withoutLeaving(keyOf(sides.canary, spec.revision, backend), backend, status.settled);
  return isSettledOrRejected(status, key) ? undefined : key;
}

/** It was released already, or is not to be tried again automatically. */
export function isSettledOrRejected({ settled, rejected }: CanaryReleaseStatus, key: CandidateKey): boolean {
  if (settled !== undefined && isSameRevision(key, settled as CandidateKey)) return true;
  return (rejected ?? []).some(
    (entry) =>
      entry.service === key.service &&
      isSameRevision(key, {
        service: key.service,
        ...(entry.specRevision === undefined ? {} : { specRevision: entry.specRevision }),
        templateHashes: entry.templateHashes ?? [],
      }),
  );
}

/**
 * Is every template behind the Service one that was there under another `spec.revision`? Whoever applies a commit writes the
 * CanaryRelease and the Deployment one after the other, so the pods of the new revision may still be on their way.
 */
export function isOfFormerRevision({ settled, rejected = [] }: CanaryReleaseStatus, key: CandidateKey): boolean {
  if (key.specRevision === undefined || key.templateHashes.length === 0) return false;
  const known = [...(settled === undefined ? [] : [settled]), ...rejected].filter(({ service }) => service === key.service);
  const former = known.filter(({ specRevision }) => specRevision !== key.specRevision).flatMap(({ templateHashes = [] }) => templateHashes);
  const present = known
    .filter(({ specRevision }) => specRevision === key.specRevision)
    .flatMap(({ templateHashes = [] }) => templateHashes);
  return key.templateHashes.every((one) => former.includes(one) && !present.includes(one));
}

/** In a rolling update the pods that are no news are on their way out: the candidate is the template that is new. */
export function withoutLeaving(key: CandidateKey, backend: ObservedBackend, settled: CanaryReleaseStatus['settled']): CandidateKey {
  if (backend.rolling !== true || settled?.service !== key.service) return key;
  const news = key.templateHashes.filter((one) => !settled.templateHashes.includes(one));
  return news.length === 0 ? key : { ...key, templateHashes: news };
}

/** The name of a revision for people: what the spec says, else the pods' template hashes, else the Service. */
export function describeRevision(key: CandidateKey): string {
  // It is shown wherever the release is, and anything may stand in a field or in the tag of an image.
  const named = withoutControls(key.specRevision ?? key.name ?? '');
  if (named !== '') return named;
  return key.templateHashes.length > 0 ? key.templateHashes.join('+').slice(0, 128) : key.service;
}

/** A release's id: 10 hex digits, and `-2` for the second attempt. A name, never compared as an identity of templates. */
export function nameRelease(uid: string, key: CandidateKey, startedAt: string, attempt: number): string {
  const identity = [uid, key.service, key.specRevision ?? '', key.templateHashes, startedAt];
  const digits = hash('sha256', JSON.stringify(identity)).slice(0, 10);
  return attempt > 1 ? `${digits}-${attempt}` : digits;
}
