// A cohort, or the requests of a mirror, in terms of a route: the matches of a rule with its conditions added to each, and the words for it.

import type { Cohort } from '../../api/cohort.ts';
import type { RouteHeaderMatch, RouteKind, RouteMatch } from '../../api/routes.ts';
import { hashMatches } from './matches.ts';

/** A match of a rule, and what it becomes for the cohort. */
export interface NarrowedMatch {
  readonly from: RouteMatch;
  readonly match: RouteMatch;
}

/** What a rule without matches takes: every request. */
const EVERYTHING: Readonly<Record<string, RouteMatch>> = { HTTPRoute: { path: { type: 'PathPrefix', value: '/' } } };

/** The matches of a rule as the API server would write them out. */
export function matchesOf(kind: RouteKind, matches: readonly RouteMatch[] | undefined): readonly RouteMatch[] {
  return matches === undefined || matches.length === 0 ? [EVERYTHING[kind] ?? {}] : matches;
}

/**
 * Each match with the conditions of the cohort. One that no request of the cohort can meet is left out, and so is one whose condition
 * on a header cannot be written beside the cohort's, because a gateway reads only the first entry of a name: less goes to the canary,
 * never more.
 */
export function narrowMatches(kind: RouteKind, matches: readonly RouteMatch[] | undefined, cohort: Cohort): readonly NarrowedMatch[] {
  const all = matchesOf(kind, matches).flatMap((from) => narrowMatch(from, cohort).map((match) => ({ from, match })));
  return all.filter(({ match }, index) => all.findIndex((other) => isSameMatch(other.match, match)) === index);
}

/** The same requests. */
export function isSameMatch(a: RouteMatch, b: RouteMatch): boolean {
  return hashMatches([a]) === hashMatches([b]);
}

function narrowMatch(from: RouteMatch, cohort: Cohort): readonly RouteMatch[] {
  const headers = joinConditions(from.headers, cohort.headers, (name) => name.toLowerCase());
  const queryParams = joinConditions(from.queryParams, cohort.queryParams, (name) => name);
  if (headers === 'never' || queryParams === 'never') return [];
  const { headers: _headers, queryParams: _params, ...rest } = from;
  const match: RouteMatch = {
    ...rest,
    ...(headers.length === 0 ? {} : { headers }),
    ...(queryParams.length === 0 ? {} : { queryParams }),
  };
  return withMethods(match, cohort);
}

/** One match holds one method. */
function withMethods(match: RouteMatch, { methods }: Cohort): readonly RouteMatch[] {
  if (methods === undefined) return [match];
  const { method } = match;
  if (method === undefined) return methods.map((one) => ({ ...match, method: one }));
  return methods.some((one) => one === method) ? [match] : [];
}

function joinConditions(
  own: readonly RouteHeaderMatch[] = [],
  added: readonly RouteHeaderMatch[] = [],
  nameOf: (name: string) => string,
): readonly RouteHeaderMatch[] | 'never' {
  const joined = [...own];
  for (const condition of added) {
    const same = own.find(({ name }) => nameOf(name) === nameOf(condition.name));
    if (same === undefined) joined.push(condition);
    else if (same.value !== condition.value || (same.type ?? 'Exact') !== (condition.type ?? 'Exact')) return 'never';
  }
  return joined;
}

/** Do both send the same to the canary? */
export function isSameCohort(a: Cohort | undefined, b: Cohort | undefined): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf(cohort: Cohort | undefined): string {
  if (cohort === undefined) return '';
  const { headers = [], queryParams = [], methods = [], mirrorPercent } = cohort;
  const conditions = [headers, queryParams].map((list) => list.map(({ name, value, type }) => [name, value, type]));
  return JSON.stringify([...conditions, methods, mirrorPercent ?? 'sent']);
}

/** What a person calls it: the field of the stage. */
export function fieldOf({ mirrorPercent }: Cohort): 'cohort' | 'mirror' {
  return mirrorPercent === undefined ? 'cohort' : 'mirror';
}

/** What goes to the canary: `requests with X-Canary-User: true`, `copies of 10% of the GET and HEAD requests`. */
export function describeCohort(cohort: Cohort): string {
  const requests = describeRequests(cohort);
  return cohort.mirrorPercent === undefined ? requests : `copies of ${cohort.mirrorPercent}% of the ${requests}`;
}

/** `requests with X-Canary-User: true`, `GET requests with ?preview=1`. */
export function describeRequests({ headers = [], queryParams = [], methods = [] }: Cohort): string {
  const conditions = [
    ...headers.map(({ name, value, type }) => `${name}${type === 'RegularExpression' ? ' like' : ':'} ${value}`),
    ...queryParams.map(({ name, value, type }) => `?${name}${type === 'RegularExpression' ? ' like ' : '='}${value}`),
  ];
  const noun = methods.length === 0 ? 'requests' : `${methods.join(' and ')} requests`;
  return conditions.length === 0 ? noun : `${noun} with ${conditions.join(' and ')}`;
}
