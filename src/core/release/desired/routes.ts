// What the routes are to say, from the status alone: state-like effects. Downwards is always asserted; upwards only where a
// state or a fresh Pass asked for it (rule 2); between releases nothing is asserted at all (rule 3).

import { FIELD_MANAGER, RELEASE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { findUnproven, shareOf } from '../../routing/canary-share.ts';
import { type RouteStanding, standRoutes } from '../../routing/standing.ts';
import type { Facts } from '../assess.ts';
import { isHomeMark } from '../facts/home-mark.ts';
import type { Stranger } from '../facts/other-rules.ts';
import { pairOf } from '../facts/sides.ts';
import { isRunning, type StateName } from '../state.ts';
import { hasGivenTraffic } from '../traffic.ts';
import { desireEnding, desireLeaving, isEnding } from './endings.ts';
import type { RouteIntent } from './route-intent.ts';
import { desireShare } from './shares.ts';

/** Wanted writes, none where the routes say it already. */
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
 * A route that came while the release runs and gives the canary weight: that is taken away as any other without a Pass (rule 7).
 * Not where the spec leaves the route out, and not where another release drives it.
 */
function desireStranger(
  { release }: CanaryReleaseStatus,
  state: StateName,
  { mark, workload }: Facts,
  { standing, inReach }: Stranger,
): RouteIntent | undefined {
  const swaps = state === 'promoting.restoring' && workload === undefined;
  if (!inReach || swaps || !hasGivenTraffic(release) || release?.retained === true) return undefined;
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

function desireRoute(status: CanaryReleaseStatus, state: StateName, facts: Facts, standing: RouteStanding): RouteIntent | undefined {
  if (standing.route === undefined) return undefined;
  if (isEnding(state)) return desireEnding(status, state, facts, standing);
  const isClaimed = standing.mark === facts.mark;
  if (state === 'preparing' && !isClaimed) return desireClaim(status, facts, standing);
  // Blocked or paused before the first write: what others write to a route that is not ours yet is theirs (rule 13).
  if (status.release?.returnTo === 'preparing' && !isClaimed) return undefined;
  const intent = desireShare(status, state, standing, facts);
  // The pods first, then the share that needs them.
  return intent?.kind === 'raise' && facts.workload?.enoughPods === false ? undefined : intent;
}

function desireClaim({ weight = 0 }: CanaryReleaseStatus, facts: Facts, standing: RouteStanding): RouteIntent | undefined {
  // A ref to a Service without pods would be refused by some gateways.
  if (facts.workload !== undefined && !facts.canaryReady) return undefined;
  return { kind: 'claim', standing, wanted: { kind: 'share', percent: weight }, mark: facts.mark };
}

/** The field manager whose entry the very last write removes. */
export const TRACE_MANAGER = FIELD_MANAGER;
