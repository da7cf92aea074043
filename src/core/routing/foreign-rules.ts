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
  return seen
    .filter((rule) => rule.canaries.length > 0 && !driven.includes(rule))
    .map((rule) => ({
      route: { kind, name: metadata.name },
      rule,
      weight: sumWeights(rule.canaries),
      own: isOwn(route, rule, own),
    }));
}

/** Is this a rule that was recorded as the user's own? By its name where it has one, else by the requests that it takes. */
export function isOwn({ kind, metadata }: Route, rule: SeenRule, own: readonly OwnRule[]): boolean {
  const ofRoute = own.filter((one) => one.kind === kind && one.name === metadata.name);
  if (ofRoute.length === 0) return false;
  const matches = hashMatches(rule.matches);
  return ofRoute.some((one) => (rule.name === undefined ? one.matches === matches : one.rule === rule.name || one.matches === matches));
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
