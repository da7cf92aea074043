// Which rules of a route are ours to steer: those that name the serving Service, by its port where the spec has one; and what each of them says now.

import type { Route, RouteBackendRef } from '../../api/routes.ts';

/** One backendRef of a managed rule: where it stands in the list and its weight (the API server defaults it to 1). */
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

/** A rule that names both Services, or the serving one alone where we add the canary's ref ourselves. */
export interface ManagedRule {
  /** The rule's name, else `rules[i]`. */
  readonly key: string;
  readonly index: number;
  readonly serving: RefPosition;
  readonly canary: RefPosition;
  readonly others: readonly RefPosition[];
}

/** The pair of Services whose shares a release moves. */
export interface BackendPair {
  readonly serving: string;
  readonly canary: string;
  /** Deployment mode: a rule that names the serving Service alone is ours, too; its canary ref is added and removed by us. */
  readonly adds?: boolean;
  /** The port by which a rule names the serving Service to be ours; absent: any. */
  readonly servingPort?: number;
  /** The same of the canary. */
  readonly canaryPort?: number;
}

/** A Service, and the port by which rules have to name it; without one, any. */
export interface NamedService {
  readonly name: string;
  readonly port?: number | undefined;
}

export type RuleProblem =
  | { readonly kind: 'canaryMissing'; readonly key: string }
  | { readonly kind: 'namedTwice'; readonly key: string; readonly service: string };

export interface RuleScan {
  readonly rules: readonly ManagedRule[];
  readonly problems: readonly RuleProblem[];
  /** Rule names that were asked for and are not in the route. */
  readonly unknownRules: readonly string[];
}

/**
 * Finds the managed rules. A rule that names neither Service, or the canary alone, is none of ours.
 * @param only the rule names of `routeRefs[].rules`; absent: every rule
 */
export function scanRules(route: Route, pair: BackendPair, only: readonly string[] | undefined): RuleScan {
  const rules: ManagedRule[] = [];
  const problems: RuleProblem[] = [];
  const seen = new Set<string>();
  (route.spec.rules ?? []).forEach((rule, index) => {
    const key = rule.name ?? `rules[${index}]`;
    seen.add(key);
    if (only !== undefined && !only.includes(key)) return;
    const refs = (rule.backendRefs ?? []).map((ref, at) => positionOf(ref, at, route.metadata.namespace));
    const found = pairUp(refs, pair, route.metadata.namespace, key, rule.backendRefs ?? []);
    if (found === undefined) return;
    if ('kind' in found) problems.push(found);
    else rules.push({ key, index, ...found });
  });
  return { rules, problems, unknownRules: (only ?? []).filter((name) => !seen.has(name)) };
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

type Found = Pick<ManagedRule, 'serving' | 'canary' | 'others'>;

function pairUp(
  refs: readonly RefPosition[],
  pair: BackendPair,
  namespace: string,
  key: string,
  listed: readonly RouteBackendRef[],
): Found | RuleProblem | undefined {
  const own = (name: string) => refs.filter((ref) => ref.name === name && ref.namespace === namespace);
  const [servings, canaries] = [own(pair.serving), own(pair.canary)];
  if (!isOurs(servings, canaries, pair)) return undefined;
  const [serving, ...moreServing] = atPort(servings, pair.servingPort);
  const [canary, ...moreCanary] = atPort(canaries, pair.canaryPort);
  if (serving === undefined) return undefined;
  if (moreServing.length > 0) return { kind: 'namedTwice', key, service: pair.serving };
  if (canary === undefined && pair.adds !== true) return { kind: 'canaryMissing', key };
  if (moreCanary.length > 0) return { kind: 'namedTwice', key, service: pair.canary };
  const others = refs.filter((ref) => ref !== serving && ref !== canary);
  return { serving, canary: canary ?? missingRef(serving, pair.canary, listed), others };
}

/**
 * One of the refs has its wanted port, or the canary's is one that only we add: an edit of the other port in mid-release takes no
 * rule away from us whose canary has weight. Before the first write a blocker sees to it that both ports are right.
 */
function isOurs(serving: readonly RefPosition[], canary: readonly RefPosition[], pair: BackendPair): boolean {
  const { servingPort, canaryPort } = pair;
  const adds = pair.adds === true && canary.length > 0;
  return (
    adds ||
    serving.some((ref) => isAtPort(ref, servingPort)) ||
    (canaryPort !== undefined && canary.some((ref) => isAtPort(ref, canaryPort)))
  );
}

/** The refs with the wanted port; where there are none, all of them. */
function atPort(refs: readonly RefPosition[], port: number | undefined): readonly RefPosition[] {
  const found = refs.filter((ref) => isAtPort(ref, port));
  return found.length > 0 ? found : refs;
}

/** Is this the ref that is wanted, by its port? */
export function isAtPort(ref: Pick<RefPosition, 'port'>, port: number | undefined): boolean {
  return port === undefined || ref.port === port;
}

/** The canary's ref where it is still to be added: behind the others, with the serving one's port and filters. */
function missingRef(serving: RefPosition, name: string, listed: readonly RouteBackendRef[]): RefPosition {
  const { weight: _weight, ...like } = listed[serving.index] ?? { name };
  return { ...serving, index: listed.length, name, listedName: name, weight: 0, missing: { ...like, name } };
}

function isService(ref: RouteBackendRef): boolean {
  return (ref.kind ?? 'Service') === 'Service' && (ref.group ?? '') === '';
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
