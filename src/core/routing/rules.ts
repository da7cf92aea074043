// Which rules of a route name the Services of a release, and which of them a release drives: those that name the serving Service, by
// its port where the spec has one.

import type { Route, RouteBackendRef, RouteRule } from '../../api/routes.ts';
import { atPort, isAtPort, readRefs, type RefPosition } from './refs.ts';

/** A rule that names at least one of the two Services, as it is now. */
export interface SeenRule {
  /** The rule's name, else `rules[i]`. */
  readonly key: string;
  /** The rule's name, which is unique in its route. */
  readonly name?: string;
  readonly index: number;
  readonly matches?: RouteRule['matches'];
  /** Refs to the serving Service, by whatever port. */
  readonly servings: readonly RefPosition[];
  /** Refs to the canary's Service, by whatever port. */
  readonly canaries: readonly RefPosition[];
  /** All refs, those above included, in their order. */
  readonly refs: readonly RefPosition[];
  /** The same as they are written. */
  readonly listed: readonly RouteBackendRef[];
}

/** A rule that names both Services, or the serving one alone where we add the canary's ref ourselves. */
export interface ManagedRule {
  readonly key: string;
  readonly name?: string;
  readonly index: number;
  readonly matches?: RouteRule['matches'];
  readonly serving: RefPosition;
  readonly canary: RefPosition;
  /** More refs to the canary's Service than the one that the release gives weight: they get nothing from us. */
  readonly extras: readonly RefPosition[];
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

export type RuleProblem =
  | { readonly kind: 'canaryMissing'; readonly key: string }
  | { readonly kind: 'namedTwice'; readonly key: string; readonly service: string };

export interface RuleScan {
  readonly rules: readonly ManagedRule[];
  readonly problems: readonly RuleProblem[];
  /** Rule names that were asked for and are not in the route. */
  readonly unknownRules: readonly string[];
}

/** The name of a rule for people: its own, else `rules[i]`. */
function keyOf({ name }: RouteRule, index: number): string {
  return name ?? `rules[${index}]`;
}

/** The rules of a route that name one of the two Services of its own namespace, by whatever port. */
export function seeRules(route: Route, { serving, canary }: Pick<BackendPair, 'serving' | 'canary'>): readonly SeenRule[] {
  const { namespace } = route.metadata;
  return (route.spec.rules ?? []).flatMap((rule, index): SeenRule[] => {
    const { name, matches, backendRefs: listed = [] } = rule;
    const refs = readRefs(listed, namespace);
    const named = (service: string) => refs.filter((ref) => ref.name === service && ref.namespace === namespace);
    const [servings, canaries] = [named(serving), named(canary)];
    if (servings.length + canaries.length === 0) return [];
    const known = { ...(name === undefined ? {} : { name }), ...(matches === undefined ? {} : { matches }) };
    return [{ key: keyOf(rule, index), index, ...known, servings, canaries, refs, listed }];
  });
}

/**
 * Finds the rules that a release drives when it begins. A rule that names neither Service, or the canary alone, is none of them.
 * @param only the rule names of `routeRefs[].rules`; absent: every rule
 */
export function scanRules(route: Route, pair: BackendPair, only: readonly string[] | undefined): RuleScan {
  const keys = (route.spec.rules ?? []).map(keyOf);
  const found = seeRules(route, pair)
    .filter(({ key }) => only === undefined || only.includes(key))
    .map((seen) => takeRule(seen, pair));
  return {
    rules: found.flatMap((one) => (one === undefined || 'kind' in one ? [] : [one])),
    problems: found.flatMap((one) => (one !== undefined && 'kind' in one ? [one] : [])),
    unknownRules: (only ?? []).filter((name) => !keys.includes(name)),
  };
}

function takeRule(seen: SeenRule, pair: BackendPair): ManagedRule | RuleProblem | undefined {
  if (!isOurs(seen, pair)) return undefined;
  const { key } = seen;
  if (atPort(seen.servings, pair.servingPort).length > 1) return { kind: 'namedTwice', key, service: pair.serving };
  if (seen.canaries.length === 0 && pair.adds !== true) return { kind: 'canaryMissing', key };
  if (atPort(seen.canaries, pair.canaryPort).length > 1) return { kind: 'namedTwice', key, service: pair.canary };
  return manageRule(seen, pair);
}

/**
 * One of the refs has its wanted port, or the canary's is one that only we add. Before the first write a blocker sees to it that both
 * ports are right.
 */
function isOurs({ servings, canaries }: SeenRule, { servingPort, canaryPort, adds }: BackendPair): boolean {
  if (servings.length === 0) return false;
  return (
    (adds === true && canaries.length > 0) ||
    servings.some((ref) => isAtPort(ref, servingPort)) ||
    (canaryPort !== undefined && canaries.some((ref) => isAtPort(ref, canaryPort)))
  );
}

/**
 * The rule as a release drives it, whatever was edited in it meanwhile. Of several refs to one Service the one with the wanted port is
 * the release's, else the one with the most weight, else the first.
 * @param own refs to the canary's Service that may be the release's
 * @returns undefined for a rule that does not name the serving Service
 */
export function manageRule(seen: SeenRule, pair: BackendPair, own: readonly RefPosition[] = seen.canaries): ManagedRule | undefined {
  const { key, name, index, matches, servings, canaries, refs } = seen;
  const serving = pickRef(servings, pair.servingPort);
  if (serving === undefined) return undefined;
  const canary = pickRef(own, pair.canaryPort);
  return {
    key,
    ...(name === undefined ? {} : { name }),
    index,
    ...(matches === undefined ? {} : { matches }),
    serving,
    canary: canary ?? missingRef(serving, pair.canary, seen.listed),
    extras: canaries.filter((ref) => ref !== canary),
    others: refs.filter((ref) => ref !== serving && !canaries.includes(ref)),
  };
}

function pickRef(refs: readonly RefPosition[], port: number | undefined): RefPosition | undefined {
  const [first, ...more] = atPort(refs, port);
  return more.reduce((best, ref) => (best === undefined || ref.weight > best.weight ? ref : best), first);
}

/** The canary's ref where it is still to be added: behind the others, with the serving one's port and filters. */
function missingRef(serving: RefPosition, name: string, listed: readonly RouteBackendRef[]): RefPosition {
  const { weight: _weight, ...like } = listed[serving.index] ?? { name };
  return { ...serving, index: listed.length, name, listedName: name, weight: 0, missing: { ...like, name } };
}
