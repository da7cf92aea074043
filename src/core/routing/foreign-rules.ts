// Rules that name the canary and that the release does not drive: those of the user's own, which were there before it began, and
// those that appeared while it runs. What the latter give the canary is traffic that no verdict passed (rules 1, 7 and 13).

import type { OwnRule } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { hashMatches } from './matches.ts';
import { sumWeights, type RefPosition } from './refs.ts';
import type { SeenRule } from './rules.ts';

/** A rule that names the canary and is none of the recorded ones. */
export interface ForeignRule {
  readonly route: Pick<Route, 'kind'> & { readonly name: string };
  readonly rule: SeenRule;
  /** What its refs to the canary's Service have together. */
  readonly weight: number;
  /** Was it there before the release began? Then it is the user's: it stays as it is, and holds nothing up. */
  readonly own: boolean;
}

/** The foreign ones among the rules of a route. @param driven rules that the release drives */
export function findForeignRules(
  route: Route,
  seen: readonly SeenRule[],
  driven: readonly SeenRule[],
  own: readonly OwnRule[],
): readonly ForeignRule[] {
  const { kind, metadata } = route;
  const users = findOwn(route, seen, own);
  return seen
    .filter((rule) => rule.canaries.length > 0 && !driven.includes(rule))
    .map((rule) => ({
      route: { kind, name: metadata.name },
      rule,
      weight: sumWeights(rule.canaries),
      own: users.has(rule),
    }));
}

/**
 * The rules of a route that were recorded as the user's own: by their names where they have one, else by the requests that they take.
 * A rule that names the serving Service as well is one of them only where those that name the canary alone are fewer than the recorded
 * ones: it may be a rule of the release whose matches were changed to theirs.
 * @param seen all rules of the route
 */
export function findOwn({ kind, metadata }: Route, seen: readonly SeenRule[], own: readonly OwnRule[]): ReadonlySet<SeenRule> {
  const ofRoute = own.filter((one) => one.kind === kind && one.name === metadata.name);
  const found = new Set<SeenRule>();
  if (ofRoute.length === 0) return found;
  for (const rule of seen) if (rule.name !== undefined && ofRoute.some((one) => one.rule === rule.name)) found.add(rule);
  for (const [matches, recorded] of Map.groupBy(ofRoute, (one) => one.matches)) {
    const alike = seen.filter((rule) => hashMatches(rule.matches) === matches);
    const [alone, both] = [alike.filter(({ servings }) => servings.length === 0), alike.filter(({ servings }) => servings.length > 0)];
    for (const rule of alone) found.add(rule);
    if (alone.length < recorded.length) for (const rule of both) found.add(rule);
  }
  return found;
}

/** As it is recorded before the release. */
export function recordOwn({ kind, metadata }: Route, rule: SeenRule): OwnRule {
  return { kind, name: metadata.name, rule: rule.key, matches: hashMatches(rule.matches) };
}

/** A ref and the weight that is wanted of it. */
export interface RefWeight {
  readonly ref: RefPosition;
  readonly weight: number;
}

/**
 * The weights that take a rule's traffic away from the canary: its serving ref takes over what the canary had, so that the shares of
 * all others stay as they are.
 * @returns undefined where the canary is all that the rule has: a rule without any weight answers no request (rule 4)
 */
export function drainRule({ servings, canaries, refs }: SeenRule): readonly RefWeight[] | undefined {
  const given = sumWeights(canaries);
  const [heir] = servings;
  if (heir === undefined && sumWeights(refs) === given) return undefined;
  const emptied = canaries.map((ref) => ({ ref, weight: 0 }));
  return heir === undefined ? emptied : [{ ref: heir, weight: heir.weight + given }, ...emptied];
}
