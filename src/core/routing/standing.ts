// What the routes say about a running release: the canary's share in each recorded rule, our mark, and edits by others.

import { RELEASE_ANNOTATION } from '../../api/names.ts';
import type { RecordedRoute, RecordedRule } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { isFluxHeld } from './gitops.ts';
import { scanRules, type BackendPair, type ManagedRule, type RefPosition } from './rules.ts';
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
export function standRoutes(recorded: readonly RecordedRoute[], routes: readonly Route[], pair: BackendPair): readonly RouteStanding[] {
  return recorded.map((entry) => {
    const route = routes.find((one) => one.kind === entry.kind && one.metadata.name === entry.name);
    if (route === undefined) return { recorded: entry, mark: undefined, rules: entry.rules.map((rule) => standRule(rule)) };
    const { rules } = scanRules(route, pair, undefined);
    return {
      recorded: entry,
      route,
      mark: route.metadata.annotations?.[RELEASE_ANNOTATION],
      rules: entry.rules.map((rule) => standRule(rule, findRule(rules, entry.rules, rule))),
    };
  });
}

/**
 * A rule is found by its name. `rules[i]` moves when somebody inserts a rule before it: as long as there are as many rules
 * without a name as were recorded they are the same ones in the same order. Else its key tells, else the only rule that is
 * left will do, unless it is another recorded one.
 */
function findRule(rules: readonly ManagedRule[], recorded: readonly RecordedRule[], wanted: RecordedRule): ManagedRule | undefined {
  const positions = rules.filter((rule) => isPosition(rule.key));
  const recordedPositions = recorded.filter((rule) => isPosition(rule.key));
  if (isPosition(wanted.key) && positions.length === recordedPositions.length) return positions[recordedPositions.indexOf(wanted)];
  const [first, second] = rules;
  const lone = second === undefined && !recorded.some((rule) => rule.key === first?.key) ? first : undefined;
  return rules.find((rule) => rule.key === wanted.key) ?? lone;
}

function isPosition(key: string): boolean {
  return /^rules\[\d+\]$/.test(key);
}

function standRule(recorded: RecordedRule, now?: ManagedRule): RuleStanding {
  const others = now === undefined ? [] : now.others.map((ref, index) => originalOf(recorded, now, ref, index));
  const original: OriginalWeights = { serving: recorded.serving, canary: recorded.canary ?? 0, others };
  return { recorded, original, ...(now === undefined ? {} : { now }) };
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
  if (original !== undefined && (ref.weight === original * recorded.factor || ref.weight === original)) return original;
  const ours = now.serving.weight + now.canary.weight;
  return ours === 0 ? ref.weight / recorded.factor : (ref.weight * recorded.serving) / ours;
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

/** The weights that were recorded, in the order of the rule's refs; undefined when the rule names others by now. */
export function recordedWeights({ recorded, now }: RuleStanding): RuleWeights | undefined {
  const others = recorded.others ?? [];
  if (now === undefined || now.others.length !== others.length) return undefined;
  if (now.others.some((ref, index) => ref.name !== others[index]?.name)) return undefined;
  return { serving: recorded.serving, canary: recorded.canary ?? 0, others: others.map(({ weight }) => weight) };
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
  return Math.max(0, Math.ceil(Math.max(0, ...shares) - 0.005));
}

/** The canary has no weight in any rule of the route, however small. */
export function givesNothing({ rules }: Pick<RouteStanding, 'rules'>): boolean {
  return rules.every(({ now }) => (now?.canary.weight ?? 0) === 0);
}

/** Does the route say exactly what the release shall leave behind, without our mark? */
export function isLeftAs(standing: RouteStanding, wanted: WantedWeights): boolean {
  if (standing.route === undefined) return true;
  if (standing.mark !== undefined || isFluxHeld(standing.route)) return false;
  return standing.rules.every(
    (rule) =>
      rule.now === undefined ||
      (sameWeights(rule.now, weightsFor(rule, wanted)) && (!isAddedByUs(rule) || rule.now.canary.missing !== undefined)),
  );
}

/** The canary's ref was not there before the release, so it is not there after it. */
export function isAddedByUs({ recorded }: RuleStanding): boolean {
  return recorded.canary === undefined;
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
