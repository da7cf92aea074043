// What the routes say about a running release: the canary's share in each recorded rule, our mark, and rules of others.

import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { OwnRule, RecordedRoute, RecordedRule } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { drainRule, findForeignRules, findOwn, type ForeignRule } from './foreign-rules.ts';
import { originalOf, oursOf } from './foreign-shares.ts';
import { isFluxHeld } from './gitops.ts';
import { pairOfRule, pairRules } from './identity.ts';
import { hashMatches } from './matches.ts';
import { findOurRules, type OurRule } from './our-rules.ts';
import { type RefPosition, sumWeights } from './refs.ts';
import { type BackendPair, type ManagedRule, manageRule, seeRules, type SeenRule } from './rules.ts';
import { homeWeights, promotedWeights, RESIDUAL_WEIGHT, splitWeights, wholeOf, type OriginalWeights, type RuleWeights } from './weights.ts';

interface Known {
  readonly recorded: RecordedRule;
  readonly original: OriginalWeights;
}

/** A recorded rule beside the rule as it is now. That it is not there is a value of its own, never a share of 0. */
export type RuleStanding = Known &
  (
    | { readonly kind: 'found'; readonly now: ManagedRule }
    /** Somebody took the canary's ref away, and it is not ours to add: the rule can be taken home, and not be raised. */
    | { readonly kind: 'lacksCanary'; readonly now: ManagedRule }
    /** Somebody took the serving ref away. */
    | { readonly kind: 'lacksServing'; readonly seen: SeenRule }
    /** No rule of the route is this one any more. */
    | { readonly kind: 'removed' }
  );

/** A recorded route beside the route as it is now; `route` is absent when it is gone. */
export interface RouteStanding {
  readonly recorded: RecordedRoute;
  readonly route?: Route;
  readonly mark: string | undefined;
  readonly rules: readonly RuleStanding[];
  /** Rules of the route that name the canary and that the release does not drive. */
  readonly foreign: readonly ForeignRule[];
  /** Rules of ours beside those that the release drives. */
  readonly ours: readonly OurRule[];
}

/** Pairs what was recorded before the first write with what is there now. @param own rules of the user's own */
export function standRoutes(
  recorded: readonly RecordedRoute[],
  routes: readonly Route[],
  pair: BackendPair,
  own: readonly OwnRule[] = [],
): readonly RouteStanding[] {
  return recorded.map((entry) => {
    const route = routes.find((one) => one.kind === entry.kind && one.metadata.name === entry.name);
    return route === undefined ? standWithout(entry) : standRoute(entry, route, pair, own);
  });
}

function standWithout(recorded: RecordedRoute): RouteStanding {
  const rules = recorded.rules.map((rule): RuleStanding => ({ ...knownOf(rule), kind: 'removed' }));
  return { recorded, mark: undefined, rules, foreign: [], ours: [] };
}

function standRoute(
  recorded: RecordedRoute,
  route: Route,
  pair: BackendPair,
  own: readonly OwnRule[],
  ours: readonly OurRule[] = findOurRules(route, recorded.rules, pair.canary),
): RouteStanding {
  const seen = seeRules(route, pair).filter(({ index }) => !ours.some((one) => one.index === index));
  const users = findOwn(route, seen, own);
  const candidates = seen.filter((rule) => !users.has(rule) || isLikeDriven(rule, recorded.rules));
  const partners = pairRules(recorded.rules, candidates, pair);
  const mark = route.metadata.annotations?.[RELEASE_ANNOTATION];
  return {
    recorded,
    route,
    mark,
    rules: recorded.rules.map((rule) => standRule(rule, partners.get(rule), pair, mark)),
    foreign: findForeignRules(route, seen, [...partners.values()], own),
    ours,
  };
}

/** A rule of the user's own may take the same requests as one of the release: then they are distinguished by their refs. */
function isLikeDriven({ servings, matches }: SeenRule, recorded: readonly RecordedRule[]): boolean {
  if (servings.length === 0) return false;
  const hash = hashMatches(matches);
  return recorded.some((rule) => rule.matches === hash);
}

/** A route that the release did not record, for the rules in it that name the canary. */
export function standStranger(route: Route, pair: BackendPair, own: readonly OwnRule[]): RouteStanding {
  const { kind, metadata } = route;
  return standRoute({ kind, name: metadata.name, uid: metadata.uid ?? '', rules: [] }, route, pair, own, []);
}

function knownOf(recorded: RecordedRule, others: readonly number[] = []): Known {
  return { recorded, original: { serving: wholeOf(recorded), canary: 0, others } };
}

function standRule(recorded: RecordedRule, seen: SeenRule | undefined, pair: BackendPair, mark: string | undefined): RuleStanding {
  if (seen === undefined) return { ...knownOf(recorded), kind: 'removed' };
  const now = manageRule(seen, pairOfRule(recorded, pair), ownRefs(recorded, seen, mark));
  if (now === undefined) return { ...knownOf(recorded), kind: 'lacksServing', seen };
  const known = knownOf(
    recorded,
    now.others.map((ref, index) => originalOf(recorded, now, ref, index)),
  );
  const lacks = now.canary.missing !== undefined && pair.adds !== true;
  return { ...known, kind: lacks ? 'lacksCanary' : 'found', now };
}

/**
 * Refs to the canary that may be the release's. The one that we add comes with our mark and goes with it; where the mark is not there,
 * because somebody removed it or because we did, a ref with another port is not ours.
 */
function ownRefs({ canary, canaryPort }: RecordedRule, { canaries }: SeenRule, mark: string | undefined): readonly RefPosition[] {
  const isKnown = canary !== undefined || mark !== undefined || canaryPort === undefined;
  return isKnown ? canaries : canaries.filter(({ port }) => port === canaryPort);
}

/** What a rule's weights are to be. */
export type WantedWeights =
  | { readonly kind: 'share'; readonly percent: number }
  /** The canary comes to a gateway that has to know it before it is sent requests: the least weight there is. */
  | { readonly kind: 'introduced' }
  | { readonly kind: 'restored' }
  | { readonly kind: 'promoted' };

export function weightsFor(rule: RuleStanding, wanted: WantedWeights): RuleWeights {
  const { original, recorded } = rule;
  switch (wanted.kind) {
    case 'share':
      return splitWeights(original, recorded.factor, wanted.percent, recorded.residual === true && (wanted.percent > 0 || isInUse(rule)));
    case 'introduced':
      return splitWeights(original, recorded.factor, 0, recorded.residual);
    case 'restored':
      return homeWeights(original, recorded.factor);
    case 'promoted':
      return promotedWeights(original, recorded.factor);
  }
}

/** The canary has weight, however little. */
function isInUse(rule: RuleStanding): boolean {
  return (rule.kind === 'found' || rule.kind === 'lacksCanary') && rule.now.canary.weight > 0;
}

/** The canary has the least weight there is, which keeps its gateway from forgetting it: this counts as nothing. */
export function isResidual(rule: RuleStanding): boolean {
  if (rule.kind !== 'found' || rule.recorded.residual !== true) return false;
  const { now, recorded } = rule;
  const whole = wholeOf(recorded) * recorded.factor;
  return now.canary.weight === RESIDUAL_WEIGHT && sumWeights(now.extras) === 0 && now.serving.weight >= whole - RESIDUAL_WEIGHT;
}

/** A canary without any weight on a gateway that has to know it before it is sent requests. */
export function isUnknownToGateway(rule: RuleStanding): boolean {
  return rule.kind === 'found' && rule.recorded.residual === true && rule.now.canary.weight === 0;
}

/** The weights that were recorded, in the order of the rule's refs; undefined when the rule names others by now, or is not there. */
export function recordedWeights(standing: RuleStanding): RuleWeights | undefined {
  if (standing.kind !== 'found') return undefined;
  const { recorded, now } = standing;
  const others = recorded.others ?? [];
  if (now.others.length !== others.length) return undefined;
  if (now.others.some((ref, index) => ref.name !== others[index]?.name)) return undefined;
  return { serving: recorded.serving, canary: recorded.canary ?? 0, others: others.map(({ weight }) => weight) };
}

/**
 * Did the release write its last to this route? One request takes our mark and leaves what is to stay, so that a route without the mark
 * is its owners' again, whatever they wrote to it since. Not where it still has a ref or a rule that only we add.
 */
export function hasLeft({ route, mark, rules, ours }: RouteStanding): boolean {
  if (route === undefined) return true;
  return mark === undefined && ours.length === 0 && !isFluxHeld(route) && !rules.some(hasOurRef);
}

function hasOurRef(rule: RuleStanding): boolean {
  if (!isAddedByUs(rule)) return false;
  switch (rule.kind) {
    case 'found':
      return rule.now.canary.missing === undefined;
    case 'lacksServing':
      // It goes unless the rule would be left without any.
      return drainRule(rule.seen) !== undefined;
    case 'lacksCanary':
    case 'removed':
      return false;
  }
}

/**
 * The standing of a route while the last writes are made. From its own on it is left, whatever others write to it.
 * @param marked whether every route had our mark when that began. Where somebody may have removed it before, a rule that still has our
 * ref speaks against: not a copy of it, though, beside one of ours that is without, because the last write takes all of them at once
 */
export function letGo(standing: RouteStanding, pair: BackendPair, own: readonly OwnRule[], marked: boolean): RouteStanding {
  const { recorded, route, mark, rules } = standing;
  if (route === undefined || mark !== undefined || isFluxHeld(route)) return standing;
  const { ours } = standing;
  const isLeft =
    marked ||
    (ours.length === 0 && !rules.some(hasOurRef)) ||
    pairRules(recorded.rules, withoutOurRef(recorded, route, pair), pair).size > 0;
  return isLeft ? standLeft(standing, pair, own) : standing;
}

function withoutOurRef({ rules }: RecordedRoute, route: Route, pair: BackendPair): readonly SeenRule[] {
  const isOurs = ({ port }: RefPosition) => rules.some(({ canaryPort }) => canaryPort === undefined || canaryPort === port);
  return seeRules(route, pair).filter(({ canaries }) => !canaries.some(isOurs));
}

/** A route that was left, as it stands from then on: none of its rules is the release's, and what they give the canary others gave. */
export function standLeft({ recorded, route }: RouteStanding, pair: BackendPair, own: readonly OwnRule[]): RouteStanding {
  const nothing = { ...recorded, rules: [] };
  return route === undefined ? standWithout(nothing) : standRoute(nothing, route, pair, own, []);
}

/**
 * Our weights are on the scale of the release and a foreign one is not: a manifest was applied again in the moment of our write, which
 * is guarded by names only. Written once more the foreign shares are what they were.
 */
export function isOffScale(rule: RuleStanding): boolean {
  if (rule.kind !== 'found') return false;
  const { now, original, recorded } = rule;
  if (recorded.factor === 1 || oursOf(now) !== wholeOf(recorded) * recorded.factor) return false;
  return now.others.some((ref, index) => ref.weight > 0 && ref.weight === original.others[index]);
}

/** The canary's ref was not there before the release, so it is not there after it. */
export function isAddedByUs({ recorded }: Pick<RuleStanding, 'recorded'>): boolean {
  return recorded.canary === undefined;
}

/** Do the rule's integers equal these? */
export function sameWeights(now: ManagedRule, weights: RuleWeights): boolean {
  return (
    now.serving.weight === weights.serving &&
    now.canary.weight === weights.canary &&
    now.extras.every(({ weight }) => weight === 0) &&
    now.others.every((ref, index) => ref.weight === weights.others[index])
  );
}

/** Who edited a route last, ourselves aside: the field manager with the newest entry. */
export function lastForeignManager(route: Route, own: string): string | undefined {
  let newest: { readonly manager?: string | undefined; readonly time?: string | undefined } | undefined;
  for (const entry of route.metadata.managedFields ?? []) {
    // Gateways write status under their own name; that is no edit of a weight.
    if (entry.manager === own || entry.subresource === 'status') continue;
    if (newest === undefined || (entry.time ?? '') >= (newest.time ?? '')) newest = entry;
  }
  return newest?.manager;
}
