// The backendRefs of rules as Glidepath reads them: which Service each one names, where it stands in the list, and its weight.

import type { Route, RouteBackendRef } from '../../api/routes.ts';

/** One backendRef of a rule: where it stands in the list and its weight (the API server defaults it to 1). */
export interface RefPosition {
  readonly index: number;
  /** The Service's name; `group/kind/name` for what is no Service. */
  readonly name: string;
  /** The name as the route has it, which patches test. */
  readonly listedName: string;
  readonly namespace: string;
  readonly port?: number;
  readonly weight: number;
  readonly hasFilters: boolean;
  /** The ref is not in the rule yet; this is what is added for it, the weight aside. */
  readonly missing?: RouteBackendRef;
}

/** A Service, and the port by which rules have to name it; without one, any. */
export interface NamedService {
  readonly name: string;
  readonly port?: number | undefined;
}

/** The refs of one rule, in their order. @param namespace of the route */
export function readRefs(refs: readonly RouteBackendRef[], namespace: string): readonly RefPosition[] {
  return refs.map((ref, index) => positionOf(ref, index, namespace));
}

function positionOf(ref: RouteBackendRef, index: number, namespace: string): RefPosition {
  return {
    index,
    // A ref to something else than a Service can share a name with ours: it keeps its place among the others.
    name: isService(ref) ? ref.name : `${ref.group ?? ''}/${ref.kind ?? ''}/${ref.name}`,
    listedName: ref.name,
    namespace: ref.namespace ?? namespace,
    ...(ref.port === undefined ? {} : { port: ref.port }),
    weight: ref.weight ?? 1,
    hasFilters: (ref.filters ?? []).length > 0,
  };
}

function isService(ref: RouteBackendRef): boolean {
  return (ref.kind ?? 'Service') === 'Service' && (ref.group ?? '') === '';
}

/** Does the ref have the wanted port? */
export function isAtPort(ref: Pick<RefPosition, 'port'>, port: number | undefined): boolean {
  return port === undefined || ref.port === port;
}

/** The refs with the wanted port; where there are none, all of them: an edit of the port is no change of the Service. */
export function atPort(refs: readonly RefPosition[], port: number | undefined): readonly RefPosition[] {
  const found = refs.filter((ref) => isAtPort(ref, port));
  return found.length > 0 ? found : refs;
}

/** The sum of their weights. */
export function sumWeights(refs: readonly Pick<RefPosition, 'weight'>[]): number {
  return refs.reduce((total, { weight }) => total + weight, 0);
}

/** Services of its own namespace that the rules of the route name. */
export function listServices(route: Route): ReadonlySet<string> {
  return new Set(ownRefs(route).map(({ name }) => name));
}

/** The refs of all rules to Services of the route's own namespace. */
function ownRefs({ metadata: { namespace }, spec: { rules = [] } }: Route): readonly RouteBackendRef[] {
  const refs = rules.flatMap(({ backendRefs = [] }) => backendRefs);
  return refs.filter((ref) => isService(ref) && (ref.namespace ?? namespace) === namespace);
}

/** True when a rule of the route names one of these Services of its own namespace, by the wanted port where there is one. */
export function namesService(route: Route, services: readonly NamedService[]): boolean {
  return services.some(({ name, port }) => {
    const ports = portsOf(route, name);
    return port === undefined ? ports.length > 0 : ports.includes(port);
  });
}

/** The ports by which rules of the route name a Service of its own namespace. */
export function portsOf(route: Route, service: string): readonly (number | undefined)[] {
  return ownRefs(route)
    .filter(({ name }) => name === service)
    .map(({ port }) => port);
}
