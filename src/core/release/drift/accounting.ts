// What each route of a running release is known to give the canary: whether a raise of it is still to be written, and up to
// which generation its edits are accounted for. A difference that is neither is somebody else's edit (rule 7), in any state.

import { isAbove, isBelow, isSame, wantsOf } from '../facts/route-edits.ts';
import type { CanaryReleaseStatus, Cohort, RecordedRoute, RecordedRule } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { givesNothing } from '../../routing/canary-share.ts';
import { followShares } from '../../routing/foreign-shares.ts';
import { followRule } from '../../routing/identity.ts';
import type { WantedRule } from '../../routing/our-rules.ts';
import { wantRules } from '../../routing/wanted-rules.ts';
import { isAddedByUs, type RouteStanding } from '../../routing/standing.ts';
import type { Facts } from '../assess.ts';
import { toTime } from '../../../api/times.ts';

type Status = CanaryReleaseStatus;

/** Takes note of what the recorded rules are known by now: names, places, matches and foreign weights are their owners' to change. */
export function followRules(status: Status, standings: readonly RouteStanding[]): Status {
  return editRoutes(status, standings, (recorded, standing) => follow(recorded, standing, status.release?.cohort));
}

function follow(recorded: RecordedRoute, standing: RouteStanding, cohort: Cohort | undefined): RecordedRoute {
  const wanted = wantRules(standing, cohort);
  const followed = standing.rules.map((rule, place) => {
    if (rule.kind !== 'found') return rule.recorded;
    const want = wanted.find(({ number }) => number === place + 1);
    return recordOurs(followRule(followShares(rule.recorded, rule.now), rule.now), want);
  });
  return followed.every((rule, index) => rule === recorded.rules[index]) ? recorded : { ...recorded, rules: followed };
}

/** A rule of ours is recorded before it is written; the one before it may still be there. */
function recordOurs(recorded: RecordedRule, want: WantedRule | undefined): RecordedRule {
  if (want === undefined || want.isRecorded) return recorded;
  return { ...recorded, ours: [{ purpose: want.purpose, matches: want.matches }, ...(recorded.ours ?? []).slice(0, 1)] };
}

/** Takes note of the routes that give what is wanted: their raise is written, and later differences are others' work. */
export function settleShares(status: Status, standings: readonly RouteStanding[]): Status {
  const wants = wantsOf(status);
  // A rule of ours from before the raise is none that is wanted.
  const now = { ...wants, cohortBefore: wants.cohort };
  return editRoutes(status, standings, (recorded, standing) => {
    const { route } = standing;
    if (route === undefined || isOld(recorded, route) || isAbove(standing, now) || isBelow(standing, now)) return recorded;
    const generation = generationOf(route);
    if (recorded.raising !== true && recorded.generation === generation) return recorded;
    const { raising: _raising, ...rest } = recorded;
    return { ...rest, generation };
  });
}

/** The watch is behind what is accounted for already. */
function isOld(recorded: RecordedRoute, route: Route): boolean {
  return isSame(recorded, route.metadata.uid) && generationOf(route) < (recorded.generation ?? 0);
}

function generationOf(route: Route | undefined): number {
  return route?.metadata.generation ?? 0;
}

/** The wanted weight changed: what the routes say at this moment is accounted for. @param raises they are to be raised to it */
export function accountFor(status: Status, standings: readonly RouteStanding[], raises: boolean): Status {
  return editRoutes(status, standings, (recorded, standing) => {
    const { route } = standing;
    const { raising: _raising, ...rest } = follow(recorded, standing, status.release?.cohort);
    const generation = Math.max(generationOf(route), isSame(recorded, route?.metadata.uid) ? (recorded.generation ?? 0) : 0);
    return { ...rest, generation, ...(raises ? { raising: true } : {}) };
  });
}

/** A foreign edit is reported once, and ends the raise that it crossed. */
export function noteEdited(status: Status, edited: readonly RouteStanding[]): Status {
  return editRoutes(status, edited, (recorded, { route }) => {
    const { raising: _raising, ...rest } = recorded;
    return { ...rest, edited: generationOf(route) };
  });
}

/** Takes note of when a route that an edit removed had nothing left for the canary, and forgets it where the route is one of the release again. */
export function noteEmptied(status: Status, { standings, leaving, now }: Pick<Facts, 'standings' | 'leaving' | 'now'>): Status {
  return editRoutes(status, [...standings, ...leaving], (recorded, standing) => {
    const empty = leaving.includes(standing) && standing.rules.some(isAddedByUs) && givesNothing(standing);
    if (empty === (recorded.emptiedAt !== undefined)) return recorded;
    const { emptiedAt: _former, ...rest } = recorded;
    return empty ? { ...rest, emptiedAt: toTime(now) } : rest;
  });
}

function editRoutes(
  status: Status,
  standings: readonly RouteStanding[],
  edit: (recorded: RecordedRoute, standing: RouteStanding) => RecordedRoute,
): Status {
  const { release } = status;
  if (release?.routes === undefined) return status;
  const routes = release.routes.map((recorded) => {
    const standing = standings.find((one) => one.recorded.kind === recorded.kind && one.recorded.name === recorded.name);
    return standing === undefined ? recorded : edit(recorded, standing);
  });
  return routes.every((route, index) => route === release.routes?.[index]) ? status : { ...status, release: { ...release, routes } };
}
