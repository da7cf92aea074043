// What the routes of a running release say, as facts: our marks, the weights, and whether gateways took them.

import type { CanaryReleaseSpec, CanaryReleaseStatus, RecordedRoute } from '../../../api/release.ts';
import type { Acceptance } from '../../routing/acceptance.ts';
import { type Answers, readAcceptances } from './acceptances.ts';
import type { Cohort } from '../../../api/cohort.ts';
import { compareShare, givesNothing, observedShare } from '../../routing/canary-share.ts';
import { compareOurs } from '../../routing/wanted-rules.ts';
import { lagOf } from '../../routing/gateway-facts.ts';
import { hasLeft, letGo, standRoutes, type RouteStanding, type WantedWeights } from '../../routing/standing.ts';
import type { Gathered } from './gather.ts';
import { buildHomeMark } from './home-mark.ts';
import { type Clearance, judgeClearance, standStrangers, type Stranger } from './other-rules.ts';
import type { Sides } from './sides.ts';
import { findEdit, wantsOf } from './route-edits.ts';
import { isDrained } from '../drain.ts';
import { isGoingHome, isPreparing, isRunning, type StateName } from '../state.ts';
import { routesInScope, wantedRules } from './scope.ts';
import { type RuleScan, scanRules } from '../../routing/rules.ts';
import type { Route } from '../../../api/routes.ts';
import { fromTime } from '../../../api/times.ts';

/** A route of the release with the rules that name its Services, as they are now. */
export interface ScannedRoute {
  readonly route: Route;
  readonly scan: RuleScan;
}

export interface RouteFacts {
  /** Before the claim of all routes: what a release would drive. Empty later. */
  readonly scans: readonly ScannedRoute[];
  readonly standings: readonly RouteStanding[];
  /** Routes that an edit took out of the release: they go home and are let go. */
  readonly leaving: readonly RouteStanding[];
  /** Routes that the release did not record and that name its canary. */
  readonly strangers: readonly Stranger[];
  /** Whether rules that the release does not drive let it end. */
  readonly clearance: Clearance;
  /** The largest share that any rule gives the canary; undefined where no rule of the release is left. */
  readonly observedWeight: number | undefined;
  /** The release's mark on routes, `<name>/<id>`. */
  readonly mark: string;
  readonly homeMark: string;
  readonly claimed: boolean;
  /** Every route gives the wanted share and has the rules of ours that are wanted, and every gateway has taken it. */
  readonly weightEffective: boolean;
  /** Somebody else took traffic from the canary: the edit stays until a Pass after it (rule 7). */
  readonly lowered: boolean;
  /** It took all of it: no Pass can come, so the release begins its stages again instead of waiting for one (rule 7). */
  readonly shareTaken: boolean;
  readonly rejection: Extract<Acceptance, { kind: 'rejected' }> | undefined;
  readonly acceptanceWait: string | undefined;
  /** What a gateway does not say, while requests show that it has taken the present weight, or serves the route. */
  readonly acceptanceUnsaid: string | undefined;
  /** Of a promotion: when it continues although requests to what served before have not stopped; undefined where they have, or need not. */
  readonly lastAnswersEnd: number | undefined;
  readonly allHome: boolean;
  /** No route gives the canary any share, whatever its ref is there for. */
  readonly withdrawn: boolean;
  /** Every route is as the release leaves it behind. */
  readonly routesLeft: boolean;
  /** The release leaves nothing behind that it must not. */
  readonly allLeft: boolean;
}

/** @param sides undefined while no release runs: then no route is any of ours */
export function gatherRouteFacts(
  gathered: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
  sides: Sides | undefined,
): Omit<RouteFacts, 'scans'> {
  const { release } = status;
  const { standings, leaving, strangers } = standAll(gathered, status, state, sides);
  const mark = `${gathered.observation.release.metadata.name}/${release?.id ?? ''}`;
  const homeMark = buildHomeMark(mark, release?.reason);
  const answers = readAcceptances(standings, gathered, status, state);
  const clearance = judgeClearance(gathered, release, [...standings, ...leaving], strangers);
  const lowered = standings.some((standing) => findEdit(standing, wantsOf(status)) === 'lowered');
  const routesLeft = standings.every((route) => isLeft(route, status)) && leaving.every(isLetGo);
  const observedWeight = observeWeight([...standings, ...strangers.map(({ standing }) => standing)], isLastWritten(state) && routesLeft);
  return {
    standings,
    leaving,
    strangers,
    clearance,
    observedWeight,
    mark,
    homeMark,
    claimed: standings.every((route) => route.mark === mark),
    weightEffective: isWeightEffective(gathered, status, standings, answers),
    lowered,
    shareTaken: lowered && observedWeight === 0 && standings.every(({ ours }) => ours.length === 0),
    rejection: answers.rejection,
    acceptanceWait: answers.wait,
    acceptanceUnsaid: answers.unsaid,
    lastAnswersEnd: answers.lastAnswersEnd,
    allHome: standings.every((route) => isHome(route, homeMark)),
    withdrawn: [...standings, ...leaving].every(givesNothing),
    routesLeft,
    allLeft: routesLeft && clearance.kind === 'clear',
  };
}

/** Every route gives the wanted share and has the rules of ours that are wanted, every gateway has taken it and has had its time. */
function isWeightEffective(
  { now }: Gathered,
  status: CanaryReleaseStatus,
  standings: readonly RouteStanding[],
  { isTaken }: Answers,
): boolean {
  if (!isTaken) return false;
  const { weight = 0, release } = status;
  return standings.every((route) => isInEffect(route, status, now) && hasWeight(route, weight) && hasCohort(route, release?.cohort));
}

/** Routes that were all left give the canary nothing, unless something was given to it since. */
function observeWeight(standings: readonly RouteStanding[], areLeft: boolean): number | undefined {
  return observedShare(standings) ?? (areLeft ? 0 : undefined);
}

/** Recorded routes that the spec still chooses, those that it does not, and those that were not recorded. */
function standAll(
  gathered: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
  sides: Sides | undefined,
): Pick<RouteFacts, 'standings' | 'leaving' | 'strangers'> {
  const { release } = status;
  if (release === undefined || sides === undefined) return { standings: [], leaving: [], strangers: [] };
  const { routes, release: object } = gathered.observation;
  const { routes: recorded = [], ownRules = [], retained = false } = release;
  const stand = (some: readonly RecordedRoute[]) => standRoutes(some, routes, sides, ownRules);
  const letsGo = isLastWritten(state) && !retained;
  // Going home marks all routes; before a promotion withdraws the canary, it does so, too.
  const isMarked = state === 'rollingBack.cleaning' || isDrained(release, gathered.observation.drain, gathered.now);
  const staying = isGoingHome(state) ? recorded : findStaying(object.spec, recorded);
  return {
    standings: stand(staying).map((one) => (letsGo ? letGo(one, sides, ownRules, isMarked) : one)),
    leaving: stand(recorded.filter((route) => !staying.includes(route))),
    strangers: standStrangers(gathered, release),
  };
}

/** The last writes are under way: a route that has had its own is not the release's any more. */
function isLastWritten(state: StateName): boolean {
  return state === 'rollingBack.cleaning' || state === 'promoting.restoring';
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

/** The change has had the time that the route's gateways take for one. */
function isInEffect({ route }: RouteStanding, { release }: CanaryReleaseStatus, now: number): boolean {
  const askedMs = fromTime(release?.shiftedAt);
  return route === undefined || askedMs === undefined || now >= askedMs + lagOf(route);
}

/** Every rule that is still there gives the canary this share, and at least one does. */
function hasWeight({ rules }: RouteStanding, percent: number): boolean {
  const shares = rules.map((rule) => compareShare(rule, percent));
  return shares.includes('equal') && shares.every((share) => share === 'equal' || share === 'none');
}

function hasCohort(standing: RouteStanding, cohort: Cohort | undefined): boolean {
  const { surplus, missing } = compareOurs(standing, cohort);
  return surplus.length + missing.length === 0;
}

function isHome(standing: RouteStanding, homeMark: string): boolean {
  if (standing.route === undefined) return true;
  return standing.mark === homeMark && givesNothing(standing);
}

function isLeft(standing: RouteStanding, status: CanaryReleaseStatus): boolean {
  return status.release?.retained === true ? standing.mark === undefined && standing.ours.length === 0 : hasLeft(standing);
}

/** A route that an edit of the spec removed has nothing of the release any more. */
export function isLetGo(standing: RouteStanding): boolean {
  return hasLeft(standing) && givesNothing(standing);
}

/** What the last writes of a release leave on its routes. Where the Deployment itself was promoted, its Service serves on. */
export function leavesBehind({ release }: CanaryReleaseStatus): Extract<WantedWeights, { kind: 'restored' | 'promoted' }> {
  return { kind: release?.outcome === 'Promoted' && release.workload === undefined ? 'promoted' : 'restored' };
}
