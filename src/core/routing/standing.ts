// What the routes say about a running release: the canary's share in each recorded rule, our mark, and rules of others.

import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { OwnRule, RecordedRoute, RecordedRule } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { drainRule, findForeignRules, isOwn, type ForeignRule } from './foreign-rules.ts';
import { isFluxHeld } from './gitops.ts';
import { pairOfRule, pairRules } from './identity.ts';
import { sumWeights, type RefPosition } from './refs.ts';
import { type BackendPair, type ManagedRule, manageRule, seeRules, type SeenRule } from './rules.ts';
import { homeWeights, promotedWeights, splitWeights, type OriginalWeights, type RuleWeights } from './weights.ts';

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
  return { recorded, mark: undefined, rules, foreign: [] };
}

function standRoute(recorded: RecordedRoute, route: Route, pair: BackendPair, own: readonly OwnRule[]): RouteStanding {
  const seen = seeRules(route, pair);
  const candidates = seen.filter((rule) => !isOwn(route, rule, own));
  const partners = pairRules(recorded.rules, candidates, pair);
  const mark = route.metadata.annotations?.[RELEASE_ANNOTATION];
  return {
    recorded,
    route,
    mark,
    rules: recorded.rules.map((rule) => standRule(rule, partners.get(rule), pair, mark)),
    foreign: findForeignRules(route, seen, [...partners.values()], own),
  };
}

/** A route that the release did not record, for the rules in it that name the canary. */
export function standStranger(route: Route, pair: BackendPair, own: readonly OwnRule[]): RouteStanding {
  const { kind, metadata } = route;
  return standRoute({ kind, name: metadata.name, uid: metadata.uid ?? '', rules: [] }, route, pair, own);
}

function knownOf(recorded: RecordedRule, others: readonly number[] = []): Known {
  return { recorded, original: { serving: recorded.serving, canary: recorded.canary ?? 0, others } };
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

/**
 * What a foreign ref said before our first write. One that is found at neither that nor its multiple was edited since: then
 * the share that it has now is what its editor wants, and is reckoned back to the scale of the originals. Taking the number
 * itself would multiply it again at every write.
 */
function originalOf(recorded: RecordedRule, now: ManagedRule, ref: RefPosition, index: number): number {
  // The same name may be listed twice, with other ports or namespaces: the order tells them apart.
  const earlier = now.others.slice(0, index).filter((other) => other.name === ref.name).length;
  const original = (recorded.others ?? []).filter((other) => other.name === ref.name)[earlier]?.weight;
  const { factor, formerFactor = factor } = recorded;
  if (original !== undefined && [1, factor, formerFactor].some((one) => ref.weight === original * one)) return original;
  const ours = oursOf(now);
  return ours === 0 ? ref.weight / recorded.factor : (ref.weight * recorded.serving) / ours;
}

/** What our refs have together. */
function oursOf({ serving, canary, extras }: ManagedRule): number {
  return sumWeights([serving, canary, ...extras]);
}

/** What a rule's weights shall be. */
export type WantedWeights =
  | { readonly kind: 'share'; readonly percent: number }
  | { readonly kind: 'restored' }
  | { readonly kind: 'promoted' };

export function weightsFor({ original, recorded }: Known, wanted: WantedWeights): RuleWeights {
  switch (wanted.kind) {
    case 'share':
      return splitWeights(original, recorded.factor, wanted.percent);
    case 'restored':
      return homeWeights(original, recorded.factor);
    case 'promoted':
      return promotedWeights(original, recorded.factor);
  }
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

/** Does the route say exactly what the release shall leave behind, without our mark? */
export function isLeftAs(standing: RouteStanding, wanted: WantedWeights): boolean {
  if (standing.route === undefined) return true;
  if (standing.mark !== undefined || isFluxHeld(standing.route)) return false;
  return standing.rules.every((rule) => isRuleLeftAs(rule, wanted));
}

function isRuleLeftAs(rule: RuleStanding, wanted: WantedWeights): boolean {
  switch (rule.kind) {
    case 'found':
      return sameWeights(rule.now, weightsFor(rule, wanted)) && (!isAddedByUs(rule) || rule.now.canary.missing !== undefined);
    case 'lacksCanary':
      return wanted.kind === 'promoted' || sameWeights(rule.now, weightsFor(rule, wanted));
    case 'lacksServing':
      // Our own ref goes unless the rule would be left without any.
      return !isAddedByUs(rule) || drainRule(rule.seen) === undefined;
    case 'removed':
      return true;
  }
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
