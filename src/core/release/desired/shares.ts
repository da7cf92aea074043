// What a route is to say while its release runs: down is always asserted, up only where a raise is under way (rule 2).

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { compareShare, findUnproven } from '../../routing/canary-share.ts';
import { isOutgrown } from '../../routing/gateway-limits.ts';
import {
  isOffScale,
  isResidual,
  isUnknownToGateway,
  type RouteStanding,
  type RuleStanding,
  sameWeights,
  weightsFor,
} from '../../routing/standing.ts';
import { fromTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { compareOurs } from '../../routing/wanted-rules.ts';
import { findStrayOurs, isBelow, waitsForRaise, wantsOf } from '../facts/route-edits.ts';
import type { StateName } from '../state.ts';
import type { RouteIntent } from './route-intent.ts';

type Status = CanaryReleaseStatus;

/** The release's mark, `<name>/<id>`, and the time. */
type At = Pick<Facts, 'mark' | 'now'>;

export function desireShare(status: Status, state: StateName, standing: RouteStanding, at: At): RouteIntent | undefined {
  return desireLower(status, state, standing, at.mark) ?? desireRaise(status, state, standing, at);
}

function desireLower(status: Status, state: StateName, standing: RouteStanding, mark: string): RouteIntent | undefined {
  const { weight = 0, release } = status;
  const givenUp = isGivenUp(status, state) && !standing.rules.some(isResidual);
  const isTooMuch = standing.rules.some((rule) => compareShare(rule, weight) === 'above') || findUnproven(standing).length > 0;
  const strays = findStrayOurs(standing, wantsOf(status)).length > 0;
  if (!isTooMuch && !strays && !standing.rules.some((rule) => isOffScale(rule) || (givenUp && isScaledDown(rule)))) return undefined;
  const wanted = givenUp ? ({ kind: 'restored' } as const) : ({ kind: 'share', percent: weight } as const);
  return { kind: 'lower', standing, wanted, cohort: release?.cohort, mark };
}

function desireRaise(status: Status, state: StateName, standing: RouteStanding, { mark, now }: At): RouteIntent | undefined {
  const { weight, cohort, cohortBefore } = wantsOf(status);
  const intent = { standing, wanted: { kind: 'share', percent: weight }, cohort, mark } as const;
  // A raise to another cohort, or to none, is written in one piece with the weights.
  const isLess = isBelow(standing, { weight, cohort }) || compareOurs(standing, cohort).surplus.length > 0;
  // Smaller weights with the same shares, for a gateway that rejects larger ones.
  if (!isLess) return isRescaled(state, standing, mark) ? { kind: 'raise', ...intent } : undefined;
  if (!isRaised(status, state, standing)) return undefined;
  // Somebody replaced the route and our mark with it: it is claimed again before the raise, which tests it.
  if (standing.mark === undefined) return { kind: 'reclaim', ...intent };
  // The backend first, then requests for it. Copies are sent to a backend of their own.
  if ((weight > 0 || cohort?.mirrorPercent === undefined) && standing.rules.some(isUnknownToGateway))
    return { kind: 'raise', ...intent, wanted: { kind: 'introduced' }, cohort: cohortBefore };
  return isSettling(status, now) && standing.rules.some(isResidual) ? undefined : { kind: 'raise', ...intent };
}

function isRescaled(state: StateName, standing: RouteStanding, mark: string): boolean {
  return isOutgrown(standing) && mayWrite(state) && standing.mark === mark;
}

/** A backend came or went a moment ago, and its gateway may not have taken it yet. */
export function isSettling({ release }: Status, now: number): boolean {
  return now < (fromTime(release?.settlesAt) ?? 0);
}

/** Nothing is raised, or written in other integers, while a release is held. */
function mayWrite(state: StateName): boolean {
  return state !== 'paused' && state !== 'blocked';
}

/** The very first raise was taken back: until it is tried again the route is what it was, whatever its gateway minded. */
function isGivenUp({ weight = 0 }: Status, state: StateName): boolean {
  return weight === 0 && !mayWrite(state);
}

/** The rule has the shares of what was there before, in the integers of the release. */
function isScaledDown(rule: RuleStanding): boolean {
  if (rule.kind !== 'found' || sameWeights(rule.now, weightsFor(rule, { kind: 'restored' }))) return false;
  return sameWeights(rule.now, weightsFor(rule, { kind: 'share', percent: 0 }));
}

/** A raise that is under way and was not written to this route yet, or one that somebody undid and that is proven again. */
function isRaised(status: Status, state: StateName, standing: RouteStanding): boolean {
  if (!mayWrite(state)) return false;
  if (status.release?.puttingBack === true) return true;
  return (state === 'stage.shifting' || state === 'promoting.rollingOut') && waitsForRaise(standing, wantsOf(status));
}
