// What a route is to say while its release runs: down is always asserted, up only where a raise is under way (rule 2).

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { compareShare, findUnproven } from '../../routing/canary-share.ts';
import { isOutgrown } from '../../routing/gateway-limits.ts';
import { isOffScale, type RouteStanding, type RuleStanding, sameWeights, weightsFor } from '../../routing/standing.ts';
import { waitsForRaise, wantsOf } from '../facts/route-edits.ts';
import type { StateName } from '../state.ts';
import type { RouteIntent } from './route-intent.ts';

type Status = CanaryReleaseStatus;

/** @param mark of the release, `<name>/<id>` */
export function desireShare(status: Status, state: StateName, standing: RouteStanding, mark: string): RouteIntent | undefined {
  return desireLower(status, state, standing, mark) ?? desireRaise(status, state, standing, mark);
}

function desireLower(status: Status, state: StateName, standing: RouteStanding, mark: string): RouteIntent | undefined {
  const { weight = 0 } = status;
  const givenUp = isGivenUp(status, state);
  const isTooMuch = standing.rules.some((rule) => compareShare(rule, weight) === 'above') || findUnproven(standing).length > 0;
  if (!isTooMuch && !standing.rules.some((rule) => isOffScale(rule) || (givenUp && isScaledDown(rule)))) return undefined;
  return { kind: 'lower', standing, wanted: givenUp ? { kind: 'restored' } : { kind: 'share', percent: weight }, mark };
}

function desireRaise(status: Status, state: StateName, standing: RouteStanding, mark: string): RouteIntent | undefined {
  const { weight = 0 } = status;
  const wanted = { kind: 'share', percent: weight } as const;
  const isLess = standing.rules.some((rule) => compareShare(rule, weight) === 'below');
  // Smaller weights with the same shares, for a gateway that rejects larger ones.
  if (!isLess)
    return isOutgrown(standing) && mayWrite(state) && standing.mark === mark ? { kind: 'raise', standing, wanted, mark } : undefined;
  if (!isRaised(status, state, standing)) return undefined;
  // Somebody replaced the route and our mark with it: it is claimed again before the raise, which tests it.
  return { kind: standing.mark === undefined ? 'reclaim' : 'raise', standing, wanted, mark };
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
