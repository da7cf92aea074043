// What the routes give the canary: its share in the rules that a release drives, and what other rules give it beside them.

import { drainRule, type ForeignRule } from './foreign-rules.ts';
import { type RefPosition, sumWeights } from './refs.ts';
import { isAddedByUs, isResidual, type RouteStanding, type RuleStanding } from './standing.ts';
import { splitWeights } from './weights.ts';

/** What the refs of a recorded rule to the canary's Service have together; undefined for a rule that is not there. */
function canaryWeightOf(rule: RuleStanding): number | undefined {
  switch (rule.kind) {
    case 'found':
    case 'lacksCanary':
      return sumWeights([rule.now.canary, ...rule.now.extras]);
    case 'lacksServing':
      return sumWeights(rule.seen.canaries);
    case 'removed':
      return undefined;
  }
}

/** The canary's share in percent of what both Services have in a recorded rule; undefined for a rule that is not there. */
export function shareOf(rule: RuleStanding): number | undefined {
  const canary = canaryWeightOf(rule);
  if (canary === undefined) return undefined;
  return percentOf(canary, rule.kind === 'found' || rule.kind === 'lacksCanary' ? rule.now.serving.weight : 0);
}

function percentOf(canary: number, serving: number): number {
  return canary === 0 ? 0 : (100 * canary) / (canary + serving);
}

/** The canary's share now against the wanted one; `none` of a rule that cannot have one. */
export type ShareState = 'equal' | 'above' | 'below' | 'none';

export function compareShare(standing: RuleStanding, percent: number): ShareState {
  const share = shareOf(standing);
  if (share === undefined) return 'none';
  // A share that is right in other integers still gives the traffic that is wanted; only real differences count.
  if (share >= percent + TOLERANCE) return 'above';
  if (share > writtenShare(standing, percent) - TOLERANCE) return 'equal';
  return standing.kind === 'found' ? 'below' : 'none';
}

/** Percent. */
const TOLERANCE = 0.005;

/** What the release writes for a share: the same, or the next smaller one that the gateway's integers have. */
function writtenShare({ original, recorded }: RuleStanding, percent: number): number {
  const { serving, canary } = splitWeights(original, recorded.factor, percent, recorded.residual);
  return percentOf(canary, serving);
}

/** More than the wanted share, however little; nothing is nothing: the smallest share is above it. */
export function isAbove(rule: RuleStanding, percent: number): boolean {
  return percent === 0 ? !isEmpty(rule) : compareShare(rule, percent) === 'above';
}

/** The largest share that any rule gives the canary, in whole percent rounded up; undefined where no rule of the release is left. */
export function observedShare(standings: readonly RouteStanding[]): number | undefined {
  const driven = standings.flatMap(({ rules }) => rules.map(shareOf)).filter((share) => share !== undefined);
  const unproven = standings.flatMap(({ foreign }) => foreign.filter(({ own }) => !own).map(shareOfForeign));
  const shares = [...driven, ...unproven];
  return shares.length === 0 ? undefined : Math.max(0, Math.ceil(Math.max(...shares) - 0.005));
}

function shareOfForeign({ rule, weight }: ForeignRule): number {
  return percentOf(weight, sumWeights(rule.servings));
}

/** Foreign rules whose traffic goes to the canary although no verdict passed it, and that can be taken away from it (rule 7). */
export function findUnproven({ foreign }: Pick<RouteStanding, 'foreign'>): readonly ForeignRule[] {
  return foreign.filter(({ own, weight, rule }) => !own && weight > 0 && drainRule(rule) !== undefined);
}

/** The canary has no weight in any rule of the route that could be taken away from it, however small, and no rule of ours. */
export function givesNothing(standing: Pick<RouteStanding, 'rules' | 'foreign' | 'ours'>): boolean {
  return standing.rules.every(isEmpty) && findUnproven(standing).length === 0 && standing.ours.length === 0;
}

/** A rule without a serving ref that gives the canary all it has cannot be emptied: `findHolders` names it. */
function isEmpty(rule: RuleStanding): boolean {
  const weight = canaryWeightOf(rule);
  if (weight === undefined || weight === 0 || isResidual(rule)) return true;
  return rule.kind === 'lacksServing' && drainRule(rule.seen) === undefined;
}

/** A rule that still sends requests to the canary, or names it, where nothing may any more. */
export interface Holder {
  /** Kind and name of the route. */
  readonly route: string;
  /** Name or position of the rule. */
  readonly rule: string;
  /** What its refs to the canary's Service have together. */
  readonly weight: number;
  /** The release cannot take it away from the canary on its own. */
  readonly stays: boolean;
  /** False for a rule that names the canary alone: without that ref it has no backend at all. */
  readonly hasOthers: boolean;
}

/**
 * Rules that keep a release from its end. Those of the user's own are none of them.
 * @param what `gives`: they give the canary weight; `names`: they name its Service, which is about to be removed
 */
export function findHolders(standings: readonly RouteStanding[], what: 'gives' | 'names'): readonly Holder[] {
  return standings.flatMap(({ recorded, rules, foreign }) => {
    const unproven = foreign.filter(({ own }) => !own).map(({ rule }): Hold => ({ ...rule, held: rule.canaries }));
    const holds = [...rules.flatMap((rule) => holdsIn(rule, what)), ...unproven];
    return holds
      .map(({ key, held, refs }) => ({
        route: `${recorded.kind} ${recorded.name}`,
        rule: key,
        weight: sumWeights(held),
        stays: what === 'names' || sumWeights(refs) === sumWeights(held),
        hasOthers: refs.length > held.length,
      }))
      .filter(({ weight }) => what === 'names' || weight > 0);
  });
}

interface Hold {
  readonly key: string;
  /** The refs that hold the release up, among all of the rule. */
  readonly held: readonly RefPosition[];
  readonly refs: readonly RefPosition[];
}

/** Refs of a recorded rule that a release cannot empty or remove on its own. */
function holdsIn(rule: RuleStanding, what: 'gives' | 'names'): readonly Hold[] {
  switch (rule.kind) {
    case 'found': {
      const { key, serving, extras, others } = rule.now;
      // The release's own ref goes with its last write; what somebody added beside it stays.
      return what === 'names' && isAddedByUs(rule) && extras.length > 0
        ? [{ key, held: extras, refs: [serving, ...extras, ...others] }]
        : [];
    }
    case 'lacksServing':
      return [{ ...rule.seen, held: rule.seen.canaries }];
    case 'lacksCanary':
    case 'removed':
      return [];
  }
}
