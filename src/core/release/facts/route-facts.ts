// What the routes of a running release say, as facts: our marks, the weights, and whether gateways took them.

import type { CanaryReleaseSpec, CanaryReleaseStatus, RecordedRoute } from '../../../api/release.ts';
import { judgeAcceptance, type Acceptance } from '../../routing/acceptance.ts';
import { compareShare, givesNothing, observedShare } from '../../routing/canary-share.ts';
import { isLeftAs, standRoutes, type RouteStanding } from '../../routing/standing.ts';
import type { Gathered } from './gather.ts';
import { buildHomeMark } from './home-mark.ts';
import type { Sides } from './sides.ts';
import { findEdit, wantsOf } from './route-edits.ts';
import { isGoingHome, isPreparing, isRunning, type StateName } from '../state.ts';
import { routesInScope, wantedRules } from './scope.ts';
import { type RuleScan, scanRules } from '../../routing/rules.ts';
import type { Route } from '../../../api/routes.ts';

/** A route of the release with the rules that name its Services, as they are now. */
export interface ScannedRoute {
  readonly route: Route;
  readonly scan: RuleScan;
}

export interface RouteFacts {
  /** Before the claim of all routes: what a release would drive. Empty later. */
  readonly scans: readonly ScannedRoute[];
  readonly standings: readonly RouteStanding[];
  /** Routes that an edit took out of the release: they go home by themselves and are let go. */
  readonly leaving: readonly RouteStanding[];
  /** The largest share that any rule gives the canary; undefined where no rule of the release is left. */
  readonly observedWeight: number | undefined;
  /** The release's mark on routes, `<name>/<id>`. */
  readonly mark: string;
  readonly homeMark: string;
  readonly claimed: boolean;
  /** Every route gives the wanted share, and every gateway has taken it. */
  readonly weightEffective: boolean;
  /** Somebody else took traffic from the canary: the edit stays until a Pass after it (rule 7). */
  readonly lowered: boolean;
  /** It took all of it: no Pass can come, so the release begins its stages again instead of waiting for one (rule 7). */
  readonly shareTaken: boolean;
  readonly rejection: Extract<Acceptance, { kind: 'rejected' }> | undefined;
  readonly acceptanceWait: string | undefined;
  readonly allHome: boolean;
  /** No route gives the canary any share, whatever its ref is there for. */
  readonly withdrawn: boolean;
  /** Every route is as the release leaves it behind. */
  readonly routesLeft: boolean;
  /** The release leaves nothing behind that it shall not. */
  readonly allLeft: boolean;
}

/** @param sides undefined while no release runs: then no route is any of ours */
export function gatherRouteFacts(
  { observation, acceptances: taken }: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
  sides: Sides | undefined,
): Omit<RouteFacts, 'scans'> {
  const own = status.release?.ownRules;
  const stand = (routes: readonly RecordedRoute[]) => (sides === undefined ? [] : standRoutes(routes, observation.routes, sides, own));
  const recorded = status.release?.routes ?? [];
  const staying = isGoingHome(state) ? recorded : findStaying(observation.release.spec, recorded);
  const standings = stand(staying);
  const mark = `${observation.release.metadata.name}/${status.release?.id ?? ''}`;
  const homeMark = buildHomeMark(mark, status.release?.reason);
  const acceptances = standings.flatMap(({ route }) => (route === undefined ? [] : [taken.get(route) ?? judgeAcceptance(route)]));
  const rejection = acceptances.find((acceptance) => acceptance.kind === 'rejected');
  const waiting = acceptances.find((acceptance) => acceptance.kind === 'waiting');
  const isTaken = standings.length > 0 && rejection === undefined && waiting === undefined;
  const leaving = stand(recorded.filter((route) => !staying.includes(route)));
  const lowered = standings.some((standing) => findEdit(standing, wantsOf(status)) === 'lowered');
  const observedWeight = observedShare(standings);
  const routesLeft = standings.every((route) => isLeft(route, status)) && leaving.every(hasLeft);
  return {
    standings,
    leaving,
    observedWeight,
    mark,
    homeMark,
    claimed: standings.every((route) => route.mark === mark),
    weightEffective: isTaken && standings.every((route) => hasWeight(route, status.weight ?? 0)),
    lowered,
    shareTaken: lowered && observedWeight === 0 && (status.weight ?? 0) > 0,
    rejection,
    acceptanceWait: waiting?.message,
    allHome: standings.every((route) => isHome(route, homeMark)),
    withdrawn: [...standings, ...leaving].every(givesNothing),
    routesLeft,
    allLeft: routesLeft,
  };
}

/** The routes that a release would drive, as they are now. @param sides undefined where the roles are undecided */
export function scanRoutes(
  { spec, observation }: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
  sides: Sides | undefined,
): readonly ScannedRoute[] {
  const claimed = isRunning(state) && status.release?.routes !== undefined && !isPreparing(state, status.release);
  if (sides === undefined || claimed) return [];
  return routesInScope(spec, observation.routes, [sides.serving, sides.canary]).map((route) => ({
    route,
    scan: scanRules(route, sides, wantedRules(spec, route)),
  }));
}

/** The recorded routes that the spec still chooses. A spec that chooses none of them any more has other trouble, and lets none go. */
function findStaying(spec: CanaryReleaseSpec, recorded: readonly RecordedRoute[]): readonly RecordedRoute[] {
  if (spec.routeRefs.length === 0) return recorded;
  const staying = recorded.filter((route) => spec.routeRefs.some((ref) => ref.kind === route.kind && ref.name === route.name));
  return staying.length === 0 ? recorded : staying;
}

/** Every rule that is still there gives the canary this share, and at least one does. */
function hasWeight({ rules }: RouteStanding, percent: number): boolean {
  const shares = rules.map((rule) => compareShare(rule, percent));
  return shares.includes('equal') && shares.every((share) => share === 'equal' || share === 'none');
}

function isHome(standing: RouteStanding, homeMark: string): boolean {
  if (standing.route === undefined) return true;
  return standing.mark === homeMark && givesNothing(standing);
}

/** A route that an edit removed is what it was before the release. */
export function hasLeft(standing: RouteStanding): boolean {
  return isLeftAs(standing, { kind: 'restored' });
}

function isLeft(standing: RouteStanding, status: CanaryReleaseStatus): boolean {
  if (status.release?.retained === true) return standing.mark === undefined;
  const swapped = status.release?.outcome === 'Promoted' && status.release.workload === undefined;
  return isLeftAs(standing, { kind: swapped ? 'promoted' : 'restored' });
}
