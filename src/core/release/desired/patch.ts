// The patch that carries out what is wanted of a route, against the route as its standing has it.

import { drainRule } from '../../routing/foreign-rules.ts';
import { findUnproven, isAbove } from '../../routing/canary-share.ts';
import { compareOurs } from '../../routing/wanted-rules.ts';
import {
  buildClaim,
  buildHome,
  buildLower,
  buildRaise,
  buildRestore,
  refsOf,
  removeOurs,
  replaceOurs,
  type JsonPatchOperation,
  type RuleChange,
  type RuleDrain,
} from '../../routing/patch.ts';
import type { SeenRule } from '../../routing/rules.ts';
import {
  isAddedByUs,
  isOffScale,
  recordedWeights,
  type RouteStanding,
  type RuleStanding,
  type WantedWeights,
  weightsFor,
} from '../../routing/standing.ts';
import type { RouteIntent } from './route-intent.ts';

/** Empty: nothing to write. Claims that come again are merge patches instead. */
export function buildPatch(intent: RouteIntent): readonly JsonPatchOperation[] {
  const { standing, mark } = intent;
  switch (intent.kind) {
    case 'home':
      return [
        ...buildHome(
          changesOf(intent),
          mark,
          standing.route?.metadata.annotations === undefined ? 'absent' : 'present',
          drainsOf(standing),
        ),
        ...removeOurs(standing.ours),
      ];
    case 'lower':
    case 'withdraw':
      return [
        ...buildLower(changesOf(intent), [...drainsOf(standing), ...rescalesOf(intent)], leavesWeight(intent) ? 'guarded' : 'names'),
        ...removeOurs(compareOurs(standing, intent.cohort).surplus),
      ];
    case 'raise':
      return buildRaise(changesOf(intent), mark, ourChangesOf(intent));
    case 'restore':
    case 'clean':
      if (standing.route === undefined) return [];
      return [...buildRestore(changesOf(intent), standing.route, removalsOf(standing)), ...removeOurs(standing.ours)];
    case 'claim':
      return buildFirstClaim(standing, mark);
    case 'reclaim':
      return [];
  }
}

/** A rule that is not recorded as it is to be now waits until it is. */
function ourChangesOf({ standing, cohort }: RouteIntent): readonly JsonPatchOperation[] {
  const { surplus, missing } = compareOurs(standing, cohort);
  const recorded = missing.filter(({ isRecorded }) => isRecorded);
  return standing.route === undefined ? [] : replaceOurs(standing.route, surplus, recorded);
}

/** To a rule that somebody has just lowered further, what is left would be a raise (rule 2). */
function leavesWeight({ wanted }: RouteIntent): boolean {
  return wanted.kind === 'share' && wanted.percent > 0;
}

function changesOf(intent: RouteIntent): readonly RuleChange[] {
  const { kind, standing, wanted } = intent;
  const ends = kind === 'restore' || kind === 'clean';
  return standing.rules.filter((rule) => !isKept(rule, intent)).flatMap((rule) => changeOf(rule, wanted, ends));
}

/** A lowering patch is not guarded, so it must not raise another rule of the route on the way (rule 2). */
function isKept(rule: RuleStanding, { kind, wanted }: RouteIntent): boolean {
  return (kind === 'lower' || kind === 'withdraw') && wanted.kind === 'share' && !isAbove(rule, wanted.percent);
}

/** Of a rule that keeps its canary's share the foreign weights alone, where they are not on the scale of ours. */
function rescalesOf(intent: RouteIntent): readonly RuleDrain[] {
  return intent.standing.rules.flatMap((rule): readonly RuleDrain[] => {
    if (rule.kind !== 'found' || !isKept(rule, intent) || !isOffScale(rule)) return [];
    const { others } = weightsFor(rule, { kind: 'share', percent: 0 });
    const weights = rule.now.others.map((ref, index) => ({ ref, weight: others[index] ?? ref.weight }));
    return [{ rule: { ...rule.now, refs: refsOf(rule.now), canaries: [] }, weights }];
  });
}

function changeOf(rule: RuleStanding, wanted: WantedWeights, ends: boolean): readonly RuleChange[] {
  switch (rule.kind) {
    case 'found':
      return [{ rule: rule.now, weights: weightsFor(rule, wanted), removes: ends && isAddedByUs(rule) }];
    case 'lacksCanary':
      // Nothing of it goes to the canary, so nothing has to come home; in the end it has the shares that were there.
      return wanted.kind === 'restored' ? [{ rule: rule.now, weights: weightsFor(rule, wanted) }] : [];
    case 'lacksServing':
    case 'removed':
      return [];
  }
}

/** Rules that the release does not drive, or cannot any more, and what takes their traffic away from the canary. */
function drainsOf(standing: RouteStanding): readonly RuleDrain[] {
  const cut = standing.rules.flatMap((rule) => (rule.kind === 'lacksServing' ? [rule.seen] : []));
  return [...cut, ...findUnproven(standing).map(({ rule }) => rule)].flatMap((rule) => drainOf(rule));
}

function drainOf(rule: SeenRule, removes = false): readonly RuleDrain[] {
  const weights = drainRule(rule);
  return weights === undefined ? [] : [{ rule, weights, removes }];
}

/** Our own refs in rules that lost their serving ref. */
function removalsOf({ rules }: RouteStanding): readonly RuleDrain[] {
  return rules.flatMap((rule) => (rule.kind === 'lacksServing' && isAddedByUs(rule) ? drainOf(rule.seen, true) : []));
}

/** Nothing where the rules are others than those that were recorded: they are recorded again first. */
function buildFirstClaim({ route, rules }: RouteStanding, mark: string): readonly JsonPatchOperation[] {
  const recorded = rules.flatMap((rule): readonly RuleChange[] => claimOf(rule));
  return route === undefined || recorded.length < rules.length ? [] : buildClaim(recorded, route, mark);
}

function claimOf(rule: RuleStanding): readonly RuleChange[] {
  const weights = recordedWeights(rule);
  return rule.kind !== 'found' || weights === undefined ? [] : [{ rule: rule.now, weights }];
}
