// Foreign edits of our weights (rule 7): one that lowers stays until a fresh Pass, one that raises is lowered at once; both
// are told with the field manager's name, and too many put-backs make the route contested.

import { FIELD_MANAGER } from '../../api/names.ts';
import type { CanaryReleaseStatus } from '../../api/release.ts';
import { compareShare, lastForeignManager, type RouteStanding } from '../routing/standing.ts';
import type { Facts } from './facts.ts';
import type { StateName } from './state.ts';
import { fromTime, toTime } from './times.ts';

type Release = NonNullable<CanaryReleaseStatus['release']>;

/** An edit that was found. */
export interface Drift {
  readonly route: string;
  readonly manager: string;
  readonly direction: 'raised' | 'lowered';
  readonly message: string;
}

/** States in which the wanted weight was effective once, so that any difference is somebody else's work. */
const STEADY: readonly string[] = ['stage.analyzing', 'stage.awaitingApproval', 'promoting.baking'] satisfies readonly StateName[];

const CONTESTED_BY_ONE = 3;
const CONTESTED_IN_A_MINUTE = 5;

/** Notes new foreign edits and decides whether a put-back upwards is due. */
export function noteDrift(status: CanaryReleaseStatus, facts: Facts): { status: CanaryReleaseStatus; drift?: Drift } {
  const release = status.release;
  if (release === undefined || !isSteady(release, facts.state)) return { status };
  const found = findDrift(facts.standings, status.weight ?? 0);
  if (found === undefined) return { status: clearDrift(status) };
  const key = `${found.route}@${found.generation}`;
  const seen = release.driftKey === key;
  const lowered = found.direction === 'lowered';
  // The routes say what they said before: an edit of the stages wants less now, and nobody touched the routes.
  if (!lowered && !seen && facts.observedWeight === status.observedWeight) return { status };
  const noted = { ...(lowered && !seen ? beginDrift(release, facts.now) : release), driftKey: key };
  const next = lowered ? putBackWhenProven({ ...status, release: noted }, facts, found.manager) : { ...status, release: noted };
  return seen ? { status: next } : { status: next, drift: found };
}

function findDrift(standings: readonly RouteStanding[], weight: number): (Drift & { generation: number }) | undefined {
  for (const standing of standings) {
    const { route, rules } = standing;
    if (route === undefined) continue;
    for (const rule of rules) {
      const share = compareShare(rule, weight);
      if (share !== 'above' && share !== 'below') continue;
      const manager = lastForeignManager(route, FIELD_MANAGER) ?? 'unknown';
      const name = `${route.kind} ${route.metadata.name}`;
      const direction = share === 'above' ? 'raised' : 'lowered';
      const what = share === 'above' ? 'put back down at once' : 'left as it is until the next Pass';
      return {
        route: name,
        manager,
        direction,
        generation: route.metadata.generation ?? 0,
        message: `${name}, rule ${rule.recorded.key}: field manager ${manager} ${direction} the canary's share (wanted ${weight}%); ${what}`,
      };
    }
  }
  return undefined;
}

/** A pause or a block in the middle of a shift finds routes that do not say yet, or still say, what a raise wanted. */
function isSteady(release: Release, state: StateName): boolean {
  return STEADY.includes(state === 'paused' || state === 'blocked' ? (release.returnTo ?? '') : state);
}

/** Every edit waits for a Pass of its own: one that was looked at before the edit says nothing about it. */
function beginDrift(release: Release, now: number): Release {
  const { puttingBack: _former, ...rest } = release;
  return { ...rest, driftSince: toTime(now) };
}

function clearDrift(status: CanaryReleaseStatus): CanaryReleaseStatus {
  const release = status.release;
  if (release === undefined || (release.driftSince === undefined && release.puttingBack === undefined)) return status;
  const { driftSince: _since, puttingBack: _putting, ...rest } = release;
  return { ...status, release: rest };
}

/** A put-back upwards is a raise: it needs a look that passed after the edit was seen. */
function putBackWhenProven(status: CanaryReleaseStatus, facts: Facts, manager: string): CanaryReleaseStatus {
  const release = status.release;
  if (release === undefined || release.puttingBack === true || release.contestedBy !== undefined) return status;
  if (!mayRaise(facts) || !hasPassedSince(release, facts)) return status;
  return { ...status, release: countPutBack(release, facts, manager) };
}

/** A put-back upwards is a raise, with all that a raise needs (rule 2). */
function mayRaise({ state, blocker, rejection, acceptanceWait, canaryReady }: Facts): boolean {
  if (state === 'paused' || state === 'blocked' || !canaryReady) return false;
  return blocker === undefined && rejection === undefined && acceptanceWait === undefined;
}

/** Did a look pass after the edit was seen? */
function hasPassedSince(release: Release, { enforced, evidenceFresh, now }: Facts): boolean {
  if (!enforced) return true;
  const since = fromTime(release.driftSince) ?? now;
  return evidenceFresh && release.verdict === 'Pass' && (fromTime(release.passAt) ?? 0) > since;
}

/** Counts the put-back; too many of them and the route is contested instead. */
function countPutBack(release: Release, facts: Facts, manager: string): Release {
  const counts = release.putBacks ?? [];
  const count = (counts.find((entry) => entry.manager === manager)?.count ?? 0) + 1;
  const times = [...(release.putBackTimes ?? []).filter((time) => facts.now - (fromTime(time) ?? 0) < 60_000), toTime(facts.now)];
  const contested = count > CONTESTED_BY_ONE || times.length > CONTESTED_IN_A_MINUTE;
  const putBacks = [...counts.filter((entry) => entry.manager !== manager), { manager, count }].slice(-8);
  return { ...release, putBacks, putBackTimes: times.slice(-5), ...(contested ? { contestedBy: manager } : { puttingBack: true }) };
}
