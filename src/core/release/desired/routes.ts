// What the routes shall say, from the status alone: state-like effects. Downwards is always asserted; upwards only where a
// state or a fresh Pass asked for it (rule 2); between releases nothing is asserted at all (rule 3).

import { FIELD_MANAGER, RELEASE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { compareShare, findUnproven, givesNothing, isAbove, shareOf } from '../../routing/canary-share.ts';
import { isOutgrown } from '../../routing/gateway-limits.ts';
import {
  isLeftAs,
  type RouteStanding,
  type RuleStanding,
  sameWeights,
  standRoutes,
  type WantedWeights,
  weightsFor,
} from '../../routing/standing.ts';
import { drainsYet } from '../drain.ts';
import type { Facts } from '../assess.ts';
import { isHomeMark } from '../facts/home-mark.ts';
import { pairOf } from '../facts/sides.ts';
import { hasLeft } from '../facts/route-facts.ts';
import type { Stranger } from '../facts/other-rules.ts';
import { waitsForRaise, wantsOf } from '../facts/route-edits.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';

/** One route and what is wanted of it. The patch is built again from a fresh read when a guard fails. */
export interface RouteIntent {
  readonly kind: 'home' | 'lower' | 'raise' | 'claim' | 'reclaim' | 'withdraw' | 'restore' | 'clean';
  readonly standing: RouteStanding;
  readonly wanted: WantedWeights;
  /** The annotation's value that the intent sets or tests. */
  readonly mark: string;
}

/** Wanted writes, none where the routes say already what they shall. */
export function desireRoutes(status: CanaryReleaseStatus, state: StateName, facts: Facts): readonly RouteIntent[] {
  if (status.release === undefined) return [];
  // A settled release has no finalizer, and one that is being deleted cannot get one for a write any more.
  if (!isRunning(state)) return facts.deleting ? [] : findStrays(status.release, facts).map((standing) => desireCleaning(standing, facts));
  return [
    ...facts.standings.map((standing) => desireRoute(status, state, facts, standing)),
    ...facts.leaving.map((standing) => desireLeaving(facts, standing)),
    ...facts.strangers.map((stranger) => desireStranger(status, state, facts, stranger)),
  ].filter((intent) => intent !== undefined);
}

/**
 * A route that came while the release runs and gives the canary weight: that is taken away as any other that nobody proved (rule 7).
 * Not where the spec leaves the route out, and not where another release drives it.
 */
function desireStranger(
  { release }: CanaryReleaseStatus,
  state: StateName,
  { mark, workload }: Facts,
  { standing, inReach }: Stranger,
): RouteIntent | undefined {
  const swaps = state === 'promoting.restoring' && workload === undefined;
  if (!inReach || swaps || (release?.maxWeight ?? 0) === 0 || release?.retained === true) return undefined;
  if (findUnproven(standing).length === 0) return undefined;
  return { kind: 'lower', standing, wanted: { kind: 'share', percent: 0 }, mark };
}

/** A mark of ours on a route that was left: that of an operator which did not know yet that it leads no more. */
function desireCleaning(standing: RouteStanding, { mark }: Facts): RouteIntent {
  // Home has the shares of what was there before, in other integers. Anything else may be what people want since.
  const wentHome = isHomeMark(standing.mark, mark) && standing.rules.every((rule) => shareOf(rule) === 0);
  return {
    kind: 'clean',
    standing: wentHome ? standing : { ...standing, rules: [] },
    wanted: { kind: 'restored' },
    mark: standing.mark ?? '',
  };
}

function findStrays(release: ReleaseStatus, { observation }: Facts): readonly RouteStanding[] {
  const ours = `${observation.release.metadata.name}/`;
  const pair = pairOf(release);
  return observation.routes
    .filter(({ metadata }) => metadata.annotations?.[RELEASE_ANNOTATION]?.startsWith(ours) === true)
    .flatMap((route) => {
      const { name, uid = '' } = route.metadata;
      const recorded = release.routes?.find((one) => one.kind === route.kind && one.name === name);
      return standRoutes([recorded ?? { kind: route.kind, name, uid, rules: [] }], [route], pair);
    });
}

/** A route that an edit removed: its canary's weight first, then what was there before, by the recorded names. */
function desireLeaving({ mark, now }: Facts, standing: RouteStanding): RouteIntent | undefined {
  const wanted: WantedWeights = { kind: 'share', percent: 0 };
  if (!givesNothing(standing)) return { kind: 'lower', standing, wanted, mark };
  if (hasLeft(standing) || drainsYet(standing, now)) return undefined;
  return { kind: 'restore', standing, wanted: { kind: 'restored' }, mark };
}

/** The status without the removed routes that are clean again: they are none of the release's any more. */
export function letGoLeftRoutes(status: CanaryReleaseStatus, facts: Facts): CanaryReleaseStatus {
  const left = facts.leaving.filter(hasLeft).map(({ recorded }) => recorded);
  if (left.length === 0 || status.release?.routes === undefined) return status;
  return { ...status, release: { ...status.release, routes: status.release.routes.filter((route) => !left.includes(route)) } };
}

function desireRoute(status: CanaryReleaseStatus, state: StateName, facts: Facts, standing: RouteStanding): RouteIntent | undefined {
  if (standing.route === undefined) return undefined;
  const { mark } = facts;
  const share: WantedWeights = { kind: 'share', percent: status.weight ?? 0 };
  if (isGoingHome(state) || state === 'promoting.restoring') return desireEnding(status, state, facts, standing);
  // A ref to a Service without pods would be refused by some gateways.
  if (state === 'preparing' && standing.mark !== mark)
    return facts.workload !== undefined && !facts.canaryReady ? undefined : { kind: 'claim', standing, wanted: share, mark };
  // Blocked or paused before the first write: what others write to a route that is not ours yet is theirs (rule 13).
  if (status.release?.returnTo === 'preparing' && standing.mark !== mark) return undefined;
  const intent = desireShare(status, state, standing, mark);
  // The pods first, then the share that needs them.
  return intent?.kind === 'raise' && facts.workload?.enoughPods === false ? undefined : intent;
}

/** The last writes, either way: the share first, the ref when its requests have stopped. */
function desireEnding(status: CanaryReleaseStatus, state: StateName, facts: Facts, standing: RouteStanding): RouteIntent | undefined {
  const { mark, homeMark, workload } = facts;
  const swaps = state === 'promoting.restoring' && workload === undefined;
  // Its pods are scaled up meanwhile: going home now would take what still answers for nothing that does.
  if (state === 'rollingBack.goingHome' && workload?.homeIsEmpty === true) return undefined;
  if (state === 'rollingBack.goingHome' || state === 'rollingBack.draining') return desireHome(standing, homeMark);
  // Whoever gives the canary weight now raises it, except where it is what serves from here on.
  if (!swaps && status.release?.retained !== true && findUnproven(standing).length > 0)
    return { kind: 'lower', standing, wanted: { kind: 'share', percent: status.weight ?? 0 }, mark };
  if (state === 'promoting.restoring' && workload?.drained === false) return desireWithdrawn(status, standing, mark);
  return desireRestored(status, state, standing, mark);
}

function desireHome(standing: RouteStanding, homeMark: string): RouteIntent | undefined {
  const home = standing.mark === homeMark && givesNothing(standing);
  return home ? undefined : { kind: 'home', standing, wanted: { kind: 'share', percent: 0 }, mark: homeMark };
}

/**
 * The Deployment serves what was promoted, so the canary's share goes; its ref follows when its requests have stopped. A gateway that
 * forgets a backend a moment before it reads the route would answer with 503 for whatever share the ref still had.
 */
function desireWithdrawn({ release, weight = 0 }: CanaryReleaseStatus, standing: RouteStanding, mark: string): RouteIntent | undefined {
  if (!standing.rules.some((rule) => isAbove(rule, weight))) return undefined;
  // Once it drains, whoever gives it a share again raises it.
  const kind = release?.drainEndsAt === undefined ? 'withdraw' : 'lower';
  return { kind, standing, wanted: { kind: 'share', percent: weight }, mark };
}

/** Down is always asserted, up only where a raise is under way. */
function desireShare(status: CanaryReleaseStatus, state: StateName, standing: RouteStanding, mark: string): RouteIntent | undefined {
  const share: WantedWeights = { kind: 'share', percent: status.weight ?? 0 };
  const shares = standing.rules.map((rule) => compareShare(rule, status.weight ?? 0));
  if (shares.includes('above') || findUnproven(standing).length > 0)
    return { kind: 'lower', standing, wanted: isGivenUp(status, state) ? { kind: 'restored' } : share, mark };
  if (isGivenUp(status, state) && standing.rules.some(isScaledDown)) return { kind: 'lower', standing, wanted: { kind: 'restored' }, mark };
  if (!shares.includes('below'))
    return isOutgrown(standing) && mayWrite(state) && standing.mark === mark ? { kind: 'raise', standing, wanted: share, mark } : undefined;
  if (!isRaised(status, state, standing)) return undefined;
  // Somebody replaced the route and our mark with it: it is claimed again before the raise, which tests it.
  return standing.mark === undefined
    ? { kind: 'reclaim', standing, wanted: share, mark }
    : { kind: 'raise', standing, wanted: share, mark };
}

/** Nothing is raised, or written in other integers, while a release is held. */
function mayWrite(state: StateName): boolean {
  return state !== 'paused' && state !== 'blocked';
}

/** The very first raise was taken back: until it is tried again the route is what it was, whatever its gateway minded. */
function isGivenUp({ weight = 0 }: CanaryReleaseStatus, state: StateName): boolean {
  return weight === 0 && !mayWrite(state);
}

/** The rule has the shares of what was there before, in the integers of the release. */
function isScaledDown(rule: RuleStanding): boolean {
  if (rule.kind !== 'found' || sameWeights(rule.now, weightsFor(rule, { kind: 'restored' }))) return false;
  return sameWeights(rule.now, weightsFor(rule, { kind: 'share', percent: 0 }));
}

/** A raise that is under way and was not written to this route yet, or one that somebody undid and that is proven again. */
function isRaised(status: CanaryReleaseStatus, state: StateName, standing: RouteStanding): boolean {
  if (!mayWrite(state)) return false;
  if (status.release?.puttingBack === true) return true;
  return (state === 'stage.shifting' || state === 'promoting.rollingOut') && waitsForRaise(standing, wantsOf(status));
}

function desireRestored(status: CanaryReleaseStatus, state: StateName, standing: RouteStanding, mark: string): RouteIntent | undefined {
  // Where the Deployment itself was promoted, its Service serves on.
  const swapped = state === 'promoting.restoring' && status.release?.workload === undefined;
  const kind = swapped ? 'promoted' : 'restored';
  if (status.release?.retained === true)
    return standing.mark === undefined ? undefined : { kind: 'restore', standing: { ...standing, rules: [] }, wanted: { kind }, mark };
  return isLeftAs(standing, { kind }) ? undefined : { kind: 'restore', standing, wanted: { kind }, mark };
}

/** The field manager whose entry the very last write removes. */
export const TRACE_MANAGER = FIELD_MANAGER;
