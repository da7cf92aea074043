// Rules of the user's own: those that sent the canary requests before the release began, and that it never changes.

import { MAX_RECORDED_RULES } from '../../../api/names.ts';
import type { CanaryReleaseStatus, OwnRule, RecordedRoute } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { findForeignRules, findOwn, type ForeignRule, recordOwn } from '../../routing/foreign-rules.ts';
import { findOurRules } from '../../routing/our-rules.ts';
import { sumWeights } from '../../routing/refs.ts';
import { seeRules, type SeenRule } from '../../routing/rules.ts';
import { isRunning, type StateName } from '../state.ts';
import type { Gathered } from './gather.ts';
import { pairOf, type Sides } from './sides.ts';

/**
 * The rules of the user's own when a release begins: they send the canary requests already, or, where we make its Service, name it.
 * @param recorded the rules that the release drives
 */
export function recordOwnRules(routes: readonly Route[], recorded: readonly RecordedRoute[], sides: Sides): readonly OwnRule[] {
  const isOwnNow = ({ servings, canaries }: SeenRule) => servings.length === 0 || sides.adds === true || sumWeights(canaries) > 0;
  return collect(routes, recorded, sides, () => isOwnNow);
}

/** The same until the first weight: a rule that names the canary alone may have been applied together with the release. */
export function recordOwnAgain(
  routes: readonly Route[],
  recorded: readonly RecordedRoute[],
  sides: Sides,
  before: readonly OwnRule[],
): readonly OwnRule[] {
  const found = collect(routes, recorded, sides, (route, seen) => {
    const users = findOwn(route, seen, before);
    return (rule) => isAlone(rule) || users.has(rule);
  });
  return JSON.stringify(found) === JSON.stringify(before) ? before : found;
}

/** Rules that name the canary alone. A promotion that is undone takes the former canary's weight, not what its users wrote since. */
export function recordAlone(routes: readonly Route[], recorded: readonly RecordedRoute[], sides: Sides): readonly OwnRule[] {
  return collect(routes, recorded, sides, () => isAlone);
}

function isAlone({ servings }: SeenRule): boolean {
  return servings.length === 0;
}

function collect(
  routes: readonly Route[],
  recorded: readonly RecordedRoute[],
  sides: Sides,
  choose: (route: Route, seen: readonly SeenRule[]) => (rule: SeenRule) => boolean,
): readonly OwnRule[] {
  return routes
    .flatMap((route) => {
      const driven = recorded.find(({ kind, name }) => kind === route.kind && name === route.metadata.name)?.rules ?? [];
      const ours = findOurRules(route, driven, sides.canary);
      const seen = seeRules(route, sides).filter(({ index }) => !ours.some((one) => one.index === index));
      const isOne = choose(route, seen);
      return seen
        .filter((rule) => rule.canaries.length > 0 && !driven.some(({ index }) => index === rule.index) && isOne(rule))
        .map((rule) => recordOwn(route, rule));
    })
    .slice(0, MAX_RECORDED_RULES);
}

/**
 * Rules of the user's own that send the canary requests now, while a release runs; after a rollback every rule that sends requests to what
 * was just rejected, whenever it was written.
 */
export function findOwnTraffic({ observation }: Gathered, { release }: CanaryReleaseStatus, state: StateName): readonly ForeignRule[] {
  const { ownRules = [], workload } = release ?? {};
  // After a rollback of a Deployment nothing is left that could answer them.
  const isOver = !isRunning(state) && (state !== 'rolledBack' || workload !== undefined);
  const isRejected = state === 'rolledBack' && release?.rejects === true;
  if (release === undefined || isOver || (ownRules.length === 0 && !isRejected)) return [];
  const pair = pairOf(release);
  return observation.routes
    .flatMap((route) => findForeignRules(route, seeRules(route, pair), [], ownRules))
    .filter(({ own, weight }) => (own || isRejected) && weight > 0);
}
