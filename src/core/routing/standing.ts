// What the routes say about a running release: the canary's share in each recorded rule, our mark, and edits by others.

import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { RecordedRoute, RecordedRule } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { scanRules, type BackendPair, type ManagedRule } from './rules.ts';
import { homeWeights, promotedWeights, splitWeights, type OriginalWeights, type RuleWeights } from './weights.ts';

/** A recorded rule beside the rule as it is now; `now` is absent when the rule, or one of our refs in it, went away. */
export interface RuleStanding {
  readonly recorded: RecordedRule;
  readonly original: OriginalWeights;
  readonly now?: ManagedRule;
}

/** A recorded route beside the route as it is now; `route` is absent when it is gone. */
export interface RouteStanding {
  readonly recorded: RecordedRoute;
  readonly route?: Route;
  readonly mark: string | undefined;
  readonly rules: readonly RuleStanding[];
}

/** Pairs what was recorded before the first write with what is there now, by the recorded names. */
export function standRoutes(
  recorded: readonly RecordedRoute[],
  routes: readonly Route[],
  pair: BackendPair,
): readonly RouteStanding[] {
  return recorded.map((entry) => {
    const route = routes.find((one) => one.kind === entry.kind && one.metadata.name === entry.name);
    if (route === undefined) return { recorded: entry, mark: undefined, rules: entry.rules.map((rule) => standRule(rule)) };
    const { rules } = scanRules(route, pair, undefined);
    return {
      recorded: entry,
      route,
      mark: route.metadata.annotations?.[RELEASE_ANNOTATION],
      rules: entry.rules.map((rule) => standRule(rule, findRule(rules, rule))),
    };
  });
}

/** A rule is found by its key; `rules[i]` moves when somebody inserts a rule before it, then the only other rule will do. */
function findRule(rules: readonly ManagedRule[], recorded: RecordedRule): ManagedRule | undefined {
  return rules.find((rule) => rule.key === recorded.key) ?? (rules.length === 1 ? rules[0] : undefined);
}

function standRule(recorded: RecordedRule, now?: ManagedRule): RuleStanding {
  const others = recorded.others ?? [];
  const original: OriginalWeights = {
    serving: recorded.serving,
    canary: recorded.canary ?? 0,
    others: (now?.others ?? []).map((ref) => foreignWeight(ref, others, recorded.factor)),
  };
  return { recorded, original, ...(now === undefined ? {} : { now }) };
}

/** A foreign ref found at another value than original x factor, or at its original, was edited: its value is a new original. */
function foreignWeight(
  ref: { readonly name: string; readonly weight: number },
  others: NonNullable<RecordedRule['others']>,
  factor: number,
): number {
  const original = others.find((other) => other.name === ref.name)?.weight;
  if (original !== undefined && (ref.weight === original * factor || ref.weight === original)) return original;
  return ref.weight;
}

/** What a rule's weights shall be. */
export type WantedWeights =
  | { readonly kind: 'share'; readonly percent: number }
  | { readonly kind: 'restored' }
  | { readonly kind: 'promoted' };

export function weightsFor(standing: RuleStanding, wanted: WantedWeights): RuleWeights {
  switch (wanted.kind) {
    case 'share':
      return splitWeights(standing.original, standing.recorded.factor, wanted.percent);
    case 'restored':
      return homeWeights(standing.original);
    case 'promoted':
      return promotedWeights(standing.original);
  }
}

/** The canary's share now against the wanted one. */
export type ShareState = 'equal' | 'above' | 'below' | 'gone';

export function compareShare(standing: RuleStanding, percent: number): ShareState {
  const { now } = standing;
  if (now === undefined) return 'gone';
  const total = now.serving.weight + now.canary.weight;
  const share = total === 0 ? 0 : (100 * now.canary.weight) / total;
  // A share that is right in other integers still gives the traffic that is wanted; only real differences count.
  if (Math.abs(share - percent) < 0.005) return 'equal';
  return share > percent ? 'above' : 'below';
}

/** The largest share that any managed rule gives the canary, in whole percent rounded up. */
export function observedShare(standings: readonly RouteStanding[]): number {
  const shares = standings.flatMap((route) =>
    route.rules.map(({ now }) => {
      const total = (now?.serving.weight ?? 0) + (now?.canary.weight ?? 0);
      return now === undefined || total === 0 ? 0 : (100 * now.canary.weight) / total;
    }),
  );
  return Math.ceil(Math.max(0, ...shares) - 0.005);
}

/** Does the route say exactly what the release shall leave behind, without our mark? */
export function isLeftAs(standing: RouteStanding, wanted: WantedWeights): boolean {
  if (standing.route === undefined) return true;
  if (standing.mark !== undefined) return false;
  return standing.rules.every((rule) => rule.now === undefined || sameWeights(rule.now, weightsFor(rule, wanted)));
}

/** Do the rule's integers equal these? */
export function sameWeights(now: ManagedRule, weights: RuleWeights): boolean {
  return (
    now.serving.weight === weights.serving &&
    now.canary.weight === weights.canary &&
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
