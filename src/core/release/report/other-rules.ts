// What is said of rules that name the canary and that the release does not change: a condition, an event, and why a release waits for
// its end.

import type { CanaryReleaseStatus, Condition, ReleaseStatus } from '../../../api/release.ts';
import type { ConditionReason } from '../../../api/names.ts';
import type { Holder } from '../../routing/canary-share.ts';
import type { ForeignRule } from '../../routing/foreign-rules.ts';
import type { Facts } from '../assess.ts';
import { isRunning, type StateName } from '../state.ts';
import { hasGivenTraffic } from '../traffic.ts';

type Word = Pick<Condition, 'status' | 'message'> & { readonly reason: ConditionReason };

/** So many are named, the others are counted. */
const MOST_NAMED = 5;

/** There while such rules are; a rule that holds the release up comes before those that may stay. */
export function describeOtherRules({ release }: CanaryReleaseStatus, state: StateName, facts: Facts): Word | undefined {
  if (release === undefined) return undefined;
  const { ownTraffic, leftBehind } = facts;
  const holders = findHolding(release, state, facts);
  if (holders.length > 0) return { status: 'True', reason: 'ForeignRules', message: describeForeign(release, holders) };
  if (ownTraffic.length > 0) return { status: 'True', reason: 'OwnRules', message: describeOwn(release, state, ownTraffic) };
  if (leftBehind.length > 0) return { status: 'True', reason: 'FormerServing', message: describeLeftBehind(release, leftBehind) };
  return undefined;
}

/** The rules that the condition is about, as names. */
export function listOtherRules({ clearance, ownTraffic, leftBehind }: Facts): readonly string[] {
  const holders = clearance.kind === 'held' ? clearance.holders.filter(({ stays }) => stays) : [];
  return [...[...holders, ...leftBehind].map(nameHolder), ...ownTraffic.map(nameRule)];
}

/** Before its first weight a release may still be blocked by what others wrote; that is reported as the blocker. */
function findHolding(release: ReleaseStatus, state: StateName, { clearance }: Facts): readonly Holder[] {
  if (!isRunning(state) || !hasGivenTraffic(release) || clearance.kind !== 'held') return [];
  // What the release takes away at this very moment is reported as drift.
  return clearance.holders.filter(({ stays }) => stays);
}

/** Why the release does not end yet although its own writes are made; undefined where nothing of the kind holds it up. */
export function describeHolders(release: ReleaseStatus, { clearance, routesLeft }: Facts): string | undefined {
  if (!routesLeft) return undefined;
  switch (clearance.kind) {
    case 'clear':
      return undefined;
    case 'unread':
      return 'reading all routes of the namespace once more';
    case 'held':
      return `waiting: ${describeForeign(release, clearance.holders)}`;
  }
}

function describeForeign({ canary, workload }: ReleaseStatus, holders: readonly Holder[]): string {
  const { service } = canary;
  const each = name(holders.map((holder) => `${nameHolder(holder)} (weight ${holder.weight})`));
  const what = workload === undefined ? `sends requests to Service ${service}` : `names Service ${service}`;
  const alone = holders.some(({ hasOthers }) => !hasOthers);
  const advice = `remove the backendRef to ${service}${alone ? ', or the whole rule where it is the only one' : ''}`;
  const kept = workload === undefined ? '' : ', so Service and Deployment of the canary stay until it does not';
  return `${each} ${what} and was not there when the release began${kept}; ${advice}`;
}

function describeOwn({ canary, revision }: ReleaseStatus, state: StateName, own: readonly ForeignRule[]): string {
  const each = name(own.map(nameRule));
  if (state === 'rolledBack')
    return `${each} still sends requests to Service ${canary.service}, which runs the rejected revision ${revision}; change or remove the rule`;
  return `${each} sends requests to Service ${canary.service} beside the weights of the release; it was there before, so the release does not change it, and more requests than asked for are no mismatch`;
}

function describeLeftBehind({ serving, canary }: ReleaseStatus, rules: readonly Holder[]): string {
  return `${name(rules.map(nameHolder))} still sends requests to Service ${serving.service}, which served before the promotion; give its weight to Service ${canary.service}`;
}

function nameRule({ route, rule }: ForeignRule): string {
  return `rule ${rule.key} of ${route.kind} ${route.name}`;
}

function nameHolder({ route, rule }: Holder): string {
  return `rule ${rule} of ${route}`;
}

function name(rules: readonly string[]): string {
  const named = rules.slice(0, MOST_NAMED).join(', ');
  return rules.length <= MOST_NAMED ? named : `${named} and ${rules.length - MOST_NAMED} more`;
}
