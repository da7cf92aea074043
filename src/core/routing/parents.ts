// Whose word counts for a route: the answers of parents that its spec has. Gateways leave answers behind for parents that were removed,
// and for a Gateway that another controller serves by now.

import { GATEWAY_GROUP, type Route, type RouteParentRef, type RouteParentStatus } from '../../api/routes.ts';

/** A parent of the route, and what is said about it; no gateway has answered where there is nothing. */
export interface AnsweredParent {
  readonly parent: RouteParentRef;
  readonly answers: readonly RouteParentStatus[];
}

/** The parents of the route's spec with the answers that count, each once. */
export function answeredParents(route: Route): readonly AnsweredParent[] {
  const wanted = new Map([...(route.spec.parentRefs ?? []), ...findDefaults(route)].map((parent) => [keyOf(parent, route), parent]));
  const answers = route.status?.parents ?? [];
  // Some controllers leave out the section or the port, or name each listener: what names no parent exactly may be about its object.
  const inexact = answers.filter(({ parentRef }) => !wanted.has(keyOf(parentRef, route)));
  return [...wanted].map(([key, parent]) => {
    const exact = answers.filter(({ parentRef }) => keyOf(parentRef, route) === key);
    const near = inexact.filter(({ parentRef }) => objectOf(parentRef, route) === objectOf(parent, route));
    return { parent, answers: newestOf(exact.length > 0 ? exact : near, parent) };
  });
}

/** Names of the controllers that serve the route, for what depends on the gateway. */
export function controllersOf(route: Route): readonly string[] {
  const answers = answeredParents(route).flatMap((parent) => parent.answers);
  return [...new Set(answers.map(({ controllerName }) => controllerName))];
}

/** A controller that serves a route. `isMesh`: for a Service as its parent, that is for callers inside a mesh. */
export interface ServingController {
  readonly name: string;
  readonly isMesh: boolean;
}

/** The same with what they serve it for, each once. */
export function servingControllersOf(route: Route): readonly ServingController[] {
  const of = (isMesh: boolean) =>
    answeredParents(route)
      .filter(({ parent: { kind = 'Gateway' } }) => (kind === 'Service') === isMesh)
      .flatMap(({ answers }) => answers.map(({ controllerName }) => controllerName));
  return [false, true].flatMap((isMesh) => [...new Set(of(isMesh))].map((name) => ({ name, isMesh })));
}

/**
 * A Gateway has one class and so one controller: an answer of another one that is older was left behind. A Service may be served by
 * several meshes.
 */
function newestOf(answers: readonly RouteParentStatus[], { kind = 'Gateway' }: RouteParentRef): readonly RouteParentStatus[] {
  if (kind === 'Service') return answers;
  const newest = Math.max(...answers.map((answer) => generationOf(answer) ?? Number.NEGATIVE_INFINITY));
  return answers.filter((answer) => (generationOf(answer) ?? newest) === newest);
}

/** The oldest generation that the answer is about; undefined where its controller writes none. */
function generationOf({ conditions = [] }: RouteParentStatus): number | undefined {
  const generations = conditions.flatMap(({ observedGeneration }) => observedGeneration ?? []);
  return generations.length === 0 ? undefined : Math.min(...generations);
}

/** `useDefaultGateways`: those parents are in no spec, so whoever answers counts. */
function findDefaults({ spec, status }: Route): readonly RouteParentRef[] {
  const asked = spec.useDefaultGateways !== undefined && spec.useDefaultGateways !== 'None';
  return asked ? (status?.parents ?? []).map(({ parentRef }) => parentRef) : [];
}

function keyOf(parent: RouteParentRef, route: Route): string {
  return [objectOf(parent, route), parent.sectionName ?? '', parent.port ?? 0].join('/');
}

function objectOf({ group = GATEWAY_GROUP, kind = 'Gateway', namespace, name }: RouteParentRef, { metadata }: Route): string {
  // Linkerd calls the group of Services by its name in discovery.
  return [group === 'core' ? '' : group, kind, namespace ?? metadata.namespace, name].join('/');
}
