// What a route is to say while its release ends: the share first, our ref when its requests have stopped, then what was there before.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { findUnproven, givesNothing, isAbove } from '../../routing/canary-share.ts';
import { hasLeft, isOffScale, type RouteStanding } from '../../routing/standing.ts';
import type { Facts } from '../assess.ts';
import { drainsYet } from '../drain.ts';
import { isLetGo, leavesBehind } from '../facts/route-facts.ts';
import { isGoingHome, type StateName } from '../state.ts';
import type { RouteIntent } from './route-intent.ts';
import { isSettling } from './shares.ts';

type Status = CanaryReleaseStatus;

/** The release is on its way out, whichever. */
export function isEnding(state: StateName): boolean {
  return isGoingHome(state) || state === 'promoting.restoring';
}

/** The last writes, either way. */
export function desireEnding(status: Status, state: StateName, facts: Facts, standing: RouteStanding): RouteIntent | undefined {
  if (state === 'rollingBack.goingHome' || state === 'rollingBack.draining') return desireHome(state, facts, standing);
  return desireLowered(status, state, facts, standing) ?? desireLast(status, facts, standing);
}

function desireHome(state: StateName, { homeMark, workload }: Facts, standing: RouteStanding): RouteIntent | undefined {
  // Its pods are scaled up meanwhile: going home now would take what still answers for nothing that does.
  if (state === 'rollingBack.goingHome' && workload?.homeIsEmpty === true) return undefined;
  const home = standing.mark === homeMark && givesNothing(standing) && !standing.rules.some(isOffScale);
  return home ? undefined : { kind: 'home', standing, wanted: { kind: 'share', percent: 0 }, mark: homeMark };
}

/** Whoever gives the canary weight now raises it, except where it is what serves from here on. */
function desireLowered(status: Status, state: StateName, { mark, workload }: Facts, standing: RouteStanding): RouteIntent | undefined {
  const swaps = state === 'promoting.restoring' && workload === undefined;
  if (swaps || status.release?.retained === true || findUnproven(standing).length === 0) return undefined;
  return { kind: 'lower', standing, wanted: { kind: 'share', percent: status.weight ?? 0 }, mark };
}

function desireLast(status: Status, { mark, workload, now }: Facts, standing: RouteStanding): RouteIntent | undefined {
  const wanted = leavesBehind(status);
  if (status.release?.retained === true)
    return standing.mark === undefined && standing.ours.length === 0
      ? undefined
      : { kind: 'restore', standing: { ...standing, rules: [] }, wanted, mark };
  if (workload?.drained === false) return desireWithdrawn(status, standing, mark);
  // Its gateway drops the backend with this write: what is on its way there comes first.
  if (isSettling(status, now) && standing.rules.some(({ recorded }) => recorded.residual === true)) return undefined;
  return hasLeft(standing) ? undefined : { kind: 'restore', standing, wanted, mark };
}

/**
 * The Deployment serves what was promoted, so the canary's share goes; its ref follows when its requests have stopped. A gateway that
 * forgets a backend a moment before it reads the route would answer with 503 for whatever share the ref still had.
 */
function desireWithdrawn({ release, weight = 0 }: Status, standing: RouteStanding, mark: string): RouteIntent | undefined {
  // Somebody removed our mark before: with it the route is ours until the last write.
  if (standing.mark === undefined && !hasLeft(standing))
    return { kind: 'reclaim', standing, wanted: { kind: 'share', percent: weight }, mark };
  if (standing.ours.length === 0 && !standing.rules.some((rule) => isAbove(rule, weight))) return undefined;
  // Once it drains, whoever gives it a share again raises it.
  const kind = release?.drainEndsAt === undefined ? 'withdraw' : 'lower';
  return { kind, standing, wanted: { kind: 'share', percent: weight }, mark };
}

/** A route that an edit of the spec removed: its canary's weight first, then what was there before, by the recorded names. */
export function desireLeaving({ mark, now }: Facts, standing: RouteStanding): RouteIntent | undefined {
  if (isLetGo(standing)) return undefined;
  if (!givesNothing(standing)) return { kind: 'lower', standing, wanted: { kind: 'share', percent: 0 }, mark };
  return drainsYet(standing, now) ? undefined : { kind: 'restore', standing, wanted: { kind: 'restored' }, mark };
}

/** The status without the removed routes that are clean again: they are none of the release's any more. */
export function letGoLeftRoutes(status: Status, { leaving }: Facts): Status {
  const left = leaving.filter(isLetGo);
  const isLeft = ({ kind, name }: RouteStanding['recorded']) =>
    left.some(({ recorded }) => recorded.kind === kind && recorded.name === name);
  if (left.length === 0 || status.release?.routes === undefined) return status;
  return { ...status, release: { ...status.release, routes: status.release.routes.filter((route) => !isLeft(route)) } };
}
