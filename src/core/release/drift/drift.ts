// Foreign edits of our weights (rule 7): one that lowers stays until a fresh Pass, one that takes all traffic begins the stages again,
// one that raises is lowered at once. All are announced with the field manager's name, and too many make the route contested.

import { FIELD_MANAGER } from '../../../api/names.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { describeCohort } from '../../routing/cohort.ts';
import { isGitOpsController } from '../../routing/gitops.ts';
import { compareShare, findUnproven, shareOf } from '../../routing/canary-share.ts';
import { lastForeignManager, type RouteStanding } from '../../routing/standing.ts';
import type { Facts } from '../assess.ts';
import { asksForCohort } from '../facts/cohort-rules.ts';
import { type Edited, findEdit, findStrayOurs, type Wants, wantsOf } from '../facts/route-edits.ts';
import { followRules, noteEdited, settleShares } from './accounting.ts';
import { isResumable, parseState, type StateName } from '../state.ts';
import { timeoutOf } from '../facts/stage-clock.ts';
import { fromTime, toTime } from '../../../api/times.ts';

type Status = CanaryReleaseStatus;
/** An edit that was found. */
export interface Drift {
  readonly route: string;
  readonly manager: string;
  readonly direction: Edited;
  readonly message: string;
}

interface Found extends Drift {
  readonly standing: RouteStanding;
}

/** Takes note of what the routes say before anything is decided: raises that are written, and edits that are over. */
export function settleDrift(status: Status, facts: Facts): Status {
  if (!mayDrift(status, facts.state)) return status;
  const settled = settleShares(followRules(status, facts.standings), facts.standings);
  return facts.lowered ? settled : clearDrift(settled);
}

/** Notes new foreign edits and decides whether a put-back upwards is due. */
export function noteDrift(status: Status, facts: Facts): { readonly status: Status; readonly drifts: readonly Drift[] } {
  if (status.release === undefined || !mayDrift(status, facts.state)) return { status, drifts: [] };
  const found = findDrifts(facts, status);
  const news = found.filter(({ standing }) => standing.recorded.edited !== standing.route?.metadata.generation);
  const noted = noteEdited(
    status,
    news.map(({ standing }) => standing),
  );
  const told = news.filter((drift) => !isFollowedUp(drift, wantsOf(status)));
  const lowered = found.find((drift) => drift.direction === 'lowered');
  if (lowered === undefined || noted.release === undefined || isRolling(noted.release)) return { status: noted, drifts: told };
  const fresh = news.find((drift) => drift.direction === 'lowered');
  const begun =
    fresh === undefined && noted.release.driftSince !== undefined ? noted.release : beginDrift(noted.release, facts, fresh ?? lowered);
  const contested = fresh !== undefined && isSelfHeal(fresh) ? contestAtOnce(begun, facts.now) : begun;
  const answered = facts.shareTaken ? countTaken(contested, fresh, facts) : putBackWhenProven(contested, facts);
  return { status: { ...noted, release: answered }, drifts: told };
}

/** A rule of ours is missing because of the edit before, which was announced: we removed what that edit left of it. */
function isFollowedUp({ direction, standing: { recorded, route, rules } }: Found, { weight }: Wants): boolean {
  if (direction === 'raised' || recorded.edited === undefined || route?.metadata.generation !== recorded.edited + 1) return false;
  return !rules.some((rule) => compareShare(rule, weight) === 'below');
}

/** Each time that all traffic is taken the machine begins the stages again, unless it is once too often. */
function countTaken(release: ReleaseStatus, fresh: Drift | undefined, { now }: Facts): ReleaseStatus {
  return fresh === undefined || release.contestedBy !== undefined ? release : countPutBack(release, now);
}

/**
 * A GitOps controller took all weight from the canary: it undoes us, and would do it again after every raise. Nothing would
 * ever prove the canary, so a put-back would never be due and counted.
 */
function isSelfHeal({ manager, standing }: Found): boolean {
  const shares = standing.rules.map(shareOf).filter((share) => share !== undefined);
  return isGitOpsController(manager) && shares.every((share) => share === 0);
}

function contestAtOnce(release: ReleaseStatus, now: number): ReleaseStatus {
  return { ...countPutBack(release, now), contestedBy: release.driftBy ?? 'unknown' };
}

/** Before its first weight a release has nothing that could be edited, and on its way out it wants nothing any more. */
function mayDrift({ release }: Status, state: StateName): boolean {
  const at = state === 'paused' || state === 'blocked' ? parseState(release?.returnTo) : state;
  return at !== undefined && isResumable(at) && at !== 'preparing' && at !== 'promoting.restoring';
}

function findDrifts({ standings, shareTaken }: Facts, status: Status): readonly Found[] {
  const wants = wantsOf(status);
  return standings.flatMap((standing): Found[] => {
    const direction = findEdit(standing, wants);
    const { route } = standing;
    if (direction === undefined || route === undefined) return [];
    const manager = lastForeignManager(route, FIELD_MANAGER) ?? 'unknown';
    const name = `${route.kind} ${route.metadata.name}`;
    const what = direction === 'raised' ? 'lowered again at once' : describeLowered(status, shareTaken);
    const drift = { route: name, manager, direction, standing };
    return [{ ...drift, message: describeDrift(drift, wants, what) }];
  });
}

function describeDrift({ route, manager, direction, standing }: Omit<Found, 'message'>, wants: Wants, what: string): string {
  const { weight } = wants;
  const share = direction === 'raised' ? 'above' : 'below';
  const rule = standing.rules.find((one) => compareShare(one, weight) === share);
  if (rule === undefined) return `${route}${describeBeside(standing, wants, manager, what)}`;
  return `${route}, rule ${rule.recorded.key}: field manager ${manager} ${direction} the canary's share (wanted ${weight}%); ${what}`;
}

/** What an edit did beside the rules that the release drives, and what becomes of it. */
function describeBeside(standing: RouteStanding, wants: Wants, manager: string, what: string): string {
  const [added] = findUnproven(standing);
  if (added !== undefined)
    return `, rule ${added.rule.key}: field manager ${manager} added weight for Service ${added.rule.canaries[0]?.listedName ?? ''} to a rule that the release does not change; set to 0 at once`;
  const [stray] = findStrayOurs(standing, wants);
  if (stray !== undefined)
    return `, rule ${stray.rule.name ?? `rules[${stray.index}]`}: field manager ${manager} changed the rule for a ${stray.purpose}, or the rule that it is a copy of; removed at once, and written again with the next Pass`;
  return wants.cohort === undefined
    ? `: field manager ${manager} changed what the canary gets (wanted ${wants.weight}%); ${what}`
    : `: field manager ${manager} removed the rule that sends ${describeCohort(wants.cohort)} to the canary; ${what}`;
}

/** What becomes of an edit that lowers the share. */
function describeLowered({ release }: Status, shareTaken: boolean): string {
  if (isRolling(release)) return `left as it is: Deployment ${release?.workload?.name ?? ''} rolls`;
  return shareTaken ? 'the canary gets no traffic, so the release begins again with its first stage' : 'left as it is until the next Pass';
}

/** While the Deployment rolls, the canary's share proves nothing any more: whoever takes it keeps it. */
function isRolling(release: Status['release']): boolean {
  return release?.workload?.rolls === true;
}

/** Every edit waits for a Pass of its own: one that was looked at before the edit says nothing about it. */
function beginDrift(release: ReleaseStatus, { now, stage }: Facts, { manager }: Drift): ReleaseStatus {
  const { puttingBack: _former, ...rest } = release;
  // Before the stage's clock began nothing else would ask a person when no proof comes.
  const timesOut = release.stageTimesOutAt ?? (stage === undefined ? undefined : toTime(now + timeoutOf(stage)));
  return { ...rest, driftSince: toTime(now), driftBy: manager, ...(timesOut === undefined ? {} : { stageTimesOutAt: timesOut }) };
}

function clearDrift(status: Status): Status {
  const release = status.release;
  if (release === undefined || (release.driftSince === undefined && release.puttingBack === undefined)) return status;
  const { driftSince: _since, driftBy: _by, puttingBack: _putting, ...rest } = release;
  return { ...status, release: rest };
}

/** A put-back upwards is a raise: it needs a look that passed after the edit was seen. */
function putBackWhenProven(release: ReleaseStatus, facts: Facts): ReleaseStatus {
  if (release.puttingBack === true || release.contestedBy !== undefined) return release;
  if (!mayRaise(facts) || !hasPassedSince(release, facts)) return release;
  const counted = countPutBack(release, facts.now);
  return counted.contestedBy === undefined ? { ...counted, puttingBack: true } : counted;
}

/** A put-back upwards is a raise, with all that a raise needs (rule 2). */
function mayRaise({ state, spec, observation, blocker, rejection, acceptanceWait, canaryReady }: Facts): boolean {
  if (state === 'paused' || state === 'blocked' || !canaryReady) return false;
  if (asksForCohort(spec) && observation.routePolicies === undefined) return false;
  return blocker === undefined && rejection === undefined && acceptanceWait === undefined;
}

/** Did a look pass after the edit was seen? */
export function hasPassedSince(
  release: ReleaseStatus,
  { enforced, evidenceFresh, now }: Pick<Facts, 'enforced' | 'evidenceFresh' | 'now'>,
): boolean {
  if (!enforced) return true;
  const since = fromTime(release.driftSince) ?? now;
  return evidenceFresh && release.verdict === 'Pass' && (fromTime(release.passAt) ?? 0) > since;
}

/** So many times by one manager in a release, or by anybody in a minute. */
const CONTESTED_BY_ONE = 3;
const CONTESTED_IN_A_MINUTE = 5;
/** `status.release.putBacks` is short. */
const MOST_MANAGERS = 8;

/** Counts that a raise is due again which somebody undid; the time that is one too many contests the route instead. */
export function countPutBack(release: ReleaseStatus, now: number): ReleaseStatus {
  const manager = release.driftBy ?? 'unknown';
  const counts = release.putBacks ?? [];
  const count = (counts.find((entry) => entry.manager === manager)?.count ?? 0) + 1;
  const times = [...(release.putBackTimes ?? []).filter((time) => now - (fromTime(time) ?? 0) < 60_000), toTime(now)];
  const contested = count >= CONTESTED_BY_ONE || times.length >= CONTESTED_IN_A_MINUTE;
  const putBacks = [...counts.filter((entry) => entry.manager !== manager), { manager, count }].slice(-MOST_MANAGERS);
  return { ...release, putBacks, putBackTimes: times.slice(-CONTESTED_IN_A_MINUTE), ...(contested ? { contestedBy: manager } : {}) };
}
