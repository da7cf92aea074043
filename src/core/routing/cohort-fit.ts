// Would a rule of ours for a cohort, or for a mirror, do what the release asks of it? Found out before anything is written: that the route
// has room for it, that it takes the requests of the cohort from the managed rule, and that it takes none from any other.

import type { Cohort } from '../../api/cohort.ts';
import type { Route, RouteMatch } from '../../api/routes.ts';
import { describeRequests, fieldOf, isSameMatch, matchesOf, type NarrowedMatch, narrowMatches } from './cohort.ts';
import { refuseMirror } from './mirroring.ts';
import type { SaidOfGateways } from './gateway-facts.ts';
import { isOurName } from './our-rules.ts';
import { comparePrecedence, findRegex, mayOverlap } from './precedence.ts';
import type { ManagedRule } from './rules.ts';

/** What is wrong with a cohort in a rule: found, and what to do. */
export interface CohortProblem {
  readonly rule: string;
  readonly message: string;
}

/** Limits of the Gateway API for one route. */
const MOST_RULES = 16;
const MOST_MATCHES_OF_A_RULE = 64;
const MOST_MATCHES = 128;
const MOST_CONDITIONS = 16;

/** A rule that the release does not drive, and that a gateway may prefer to ours. */
interface Rival {
  readonly name: string;
  readonly match: RouteMatch;
  /** Its place among the rules of the route; before or behind all of them for one of another route. */
  readonly place: number;
}

/** Why no rule for the cohort can be put into routes of this kind at all; undefined where one can. */
export function refuseKind(kind: string, cohort: Cohort): string | undefined {
  const { queryParams, methods } = cohort;
  const noun = fieldOf(cohort);
  switch (kind) {
    case 'HTTPRoute':
      return undefined;
    case 'GRPCRoute': {
      if (noun === 'mirror') return 'a GRPCRoute cannot match methods that change nothing: remove the mirror, or use an HTTPRoute';
      const field = methods === undefined ? (queryParams === undefined ? undefined : 'queryParams') : 'methods';
      return field === undefined ? undefined : `a GRPCRoute cannot match cohort.${field}: use cohort.headers`;
    }
    default:
      return `a ${kind} carries connections and cannot match requests: remove the ${noun}, or use an HTTPRoute or a GRPCRoute`;
  }
}

/** A route, the rules of it that the release drives, and the places of those that it has added already. */
export interface DrivenRoute {
  readonly route: Route;
  readonly managed: readonly ManagedRule[];
  readonly ours: readonly number[];
}

/**
 * @param all driven routes, this one included
 * @param others further routes of the namespace that may take the same requests
 * @param said what gateways say that they can; undefined while that is not read yet
 */
export function findCohortProblem(
  driven: DrivenRoute,
  cohort: Cohort,
  all: readonly DrivenRoute[] = [driven],
  others: readonly Route[] = [],
  said?: SaidOfGateways,
): CohortProblem | undefined {
  const { route, managed } = driven;
  const [first] = managed;
  const refused = refuseKind(route.kind, cohort);
  if (first !== undefined && refused !== undefined) return { rule: first.key, message: refused };
  const unable = fieldOf(cohort) === 'mirror' ? findUnableToMirror(driven, cohort, said) : undefined;
  if (unable !== undefined) return unable;
  const taken = findTakenName(driven);
  if (taken !== undefined) return taken;
  const rivals = listRivals(driven, all, others);
  for (const rule of managed) {
    const message = findProblem(route, rule, cohort, rivals);
    if (message !== undefined) return { rule: rule.key, message };
  }
  return findLackOfRoom(driven, cohort);
}

/** A gateway that cannot mirror, or a rule that has a mirror already: not every gateway takes a second one. */
function findUnableToMirror({ route, managed }: DrivenRoute, cohort: Cohort, said: SaidOfGateways | undefined): CohortProblem | undefined {
  const [first] = managed;
  const message = refuseMirror(route, cohort, said);
  if (first !== undefined && message !== undefined) return { rule: first.key, message };
  const mirrored = managed.find(({ index }) => (route.spec.rules?.[index]?.filters ?? []).some(({ type }) => type === 'RequestMirror'));
  return mirrored && { rule: mirrored.key, message: 'it has a mirror already: remove one of the two' };
}

/** A rule with a name of ours that this release did not add: the API server takes each name once. */
function findTakenName({ route, ours }: DrivenRoute): CohortProblem | undefined {
  const name = (route.spec.rules ?? []).find((rule, index) => isOurName(rule.name) && !ours.includes(index))?.name;
  if (name === undefined) return undefined;
  return {
    rule: name,
    message: `it has a name that the operator gives its own rules, and this release did not add it: remove or rename it`,
  };
}

function findProblem({ kind }: Route, { matches, index }: ManagedRule, cohort: Cohort, rivals: readonly Rival[]): string | undefined {
  const noun = fieldOf(cohort);
  const regex = matchesOf(kind, matches).map(findRegex).find(Boolean);
  if (regex !== undefined)
    return `which rule counts beside a regular expression (${regex}) is up to the gateway, so the ${noun} might win nothing: write it without one, or remove the ${noun}`;
  const narrowed = narrowMatches(kind, matches, cohort);
  const who = describeRequests(cohort);
  if (narrowed.length === 0) return `no ${who} can meet its matches: change the ${noun}`;
  // A match that asks for the condition already is sent to the canary by no rule of ours: the managed one comes first.
  if (narrowed.some(({ from, match }) => isSameMatch(from, match)))
    return `it takes ${who} alone already, so the ${noun} would win nothing: change the ${noun}`;
  const crowded = narrowed.find(({ match }) => Math.max(match.headers?.length ?? 0, match.queryParams?.length ?? 0) > MOST_CONDITIONS);
  if (crowded !== undefined)
    return `with the ${noun} a match would have more than ${MOST_CONDITIONS} headers or query parameters: ask for fewer`;
  return findRivalry(narrowed, rivals, index, cohort);
}

function findRivalry(narrowed: readonly NarrowedMatch[], rivals: readonly Rival[], place: number, cohort: Cohort): string | undefined {
  const noun = fieldOf(cohort);
  const advice =
    noun === 'cohort'
      ? 'ask for fewer headers or parameters than it does, or give that rule the same ones'
      : 'remove the mirror, or choose rules with spec.routeRefs[].rules';
  for (const { from, match } of narrowed)
    for (const rival of rivals) {
      if (isSameMatch(rival.match, match))
        return `${rival.name} takes ${describeRequests(cohort)} already: remove the ${noun}, or that rule`;
      // It takes some of these requests from the managed rule today, and ours would take them from it.
      const before = comparePrecedence(rival.match, from);
      const loses = comparePrecedence(match, rival.match) > 0 && (before > 0 || (before === 0 && rival.place < place));
      if (loses && mayOverlap(match, rival.match)) return `the ${noun} would take requests from ${rival.name}: ${advice}`;
    }
  return undefined;
}

/** Rules that the release does not drive, here and in routes whose rules are weighed together with these. */
function listRivals({ route }: DrivenRoute, all: readonly DrivenRoute[], others: readonly Route[]): readonly Rival[] {
  const beside = others.filter((other) => other.kind === route.kind && !isSameRoute(other, route) && shareHost(route, other));
  return [route, ...beside].flatMap((one) => {
    const known = all.find((entry) => isSameRoute(entry.route, one));
    const driven = [...(known?.ours ?? []), ...(known?.managed ?? []).map(({ index }) => index)];
    return (one.spec.rules ?? []).flatMap((rule, index) => {
      if (driven.includes(index)) return [];
      const place = one === route ? index : isOlder(one, route) ? -1 : Number.POSITIVE_INFINITY;
      return matchesOf(one.kind, rule.matches).map((match) => ({ name: nameRule(one, rule.name, index), match, place }));
    });
  });
}

function isSameRoute(a: Route, b: Route): boolean {
  return a.kind === b.kind && a.metadata.name === b.metadata.name;
}

/** Of equal matches that of the older route counts, then that of the lesser name. */
function isOlder({ metadata: a }: Route, { metadata: b }: Route): boolean {
  const [first, second] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
  return first === second ? a.name < b.name : first < second;
}

function nameRule({ kind, metadata }: Route, name: string | undefined, index: number): string {
  return `rule ${name ?? `rules[${index}]`} of ${kind} ${metadata.name}`;
}

/** Routes of the same parent and host name: their matches are weighed together. */
function shareHost(a: Route, b: Route): boolean {
  const parents = ({ spec, metadata }: Route) =>
    (spec.parentRefs ?? []).map(({ namespace = metadata.namespace, name, sectionName = '' }) => [namespace, name, sectionName].join('/'));
  const hosts = ({ spec }: Route) => ((spec.hostnames ?? []).length === 0 ? ['*'] : (spec.hostnames ?? []));
  return parents(a).some((one) => parents(b).includes(one)) && hosts(a).some((one) => hosts(b).includes(one));
}

function findLackOfRoom({ route, managed, ours }: DrivenRoute, cohort: Cohort): CohortProblem | undefined {
  const theirs = (route.spec.rules ?? []).filter((_rule, index) => !ours.includes(index));
  const added = managed.map((rule) => ({ rule: rule.key, count: narrowMatches(route.kind, rule.matches, cohort).length }));
  const [first] = added;
  const noun = fieldOf(cohort);
  if (first === undefined) return undefined;
  if (theirs.length + added.length > MOST_RULES)
    return {
      rule: first.rule,
      message: `a route has at most ${MOST_RULES} rules, and the ${noun} needs ${added.length} beside the ${theirs.length} that are there: choose fewer with spec.routeRefs[].rules`,
    };
  const large = added.find(({ count }) => count > MOST_MATCHES_OF_A_RULE);
  if (large !== undefined)
    return {
      rule: large.rule,
      message: `the ${noun} needs ${large.count} matches, and a rule has at most ${MOST_MATCHES_OF_A_RULE}: name fewer methods`,
    };
  const all =
    theirs.reduce((sum, { matches = [] }) => sum + Math.max(1, matches.length), 0) + added.reduce((sum, { count }) => sum + count, 0);
  if (all <= MOST_MATCHES) return undefined;
  return {
    rule: first.rule,
    message: `with the ${noun} the route would have ${all} matches, and it has room for ${MOST_MATCHES}: choose fewer rules with spec.routeRefs[].rules`,
  };
}
