// What each transition does to the status: pure functions from status to status, one for each named step of the machine.

import { createHash } from 'node:crypto';
import { ROLLBACK_REASONS } from '../../../api/reasons.ts';
import { MAX_HISTORY, MAX_PROVEN, MAX_REJECTED } from '../../../api/names.ts';
import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { nameApprovers } from './approval-record.ts';
import { endOfDrain } from '../drain.ts';
import type { Facts } from '../assess.ts';
import type { RollbackReason } from '../checks/rollback-reasons.ts';
import { clearRejection } from './pardon.ts';
import { countPutBack } from '../drift/reverts.ts';
import { describeRevision, keyOf, nameRelease, type CandidateKey } from '../facts/revision.ts';
import { backendsOf } from '../facts/sides.ts';
import { describeRetained } from '../facts/retain.ts';
import { recordWorkload } from './rolled.ts';
import { recordRoutes } from '../facts/scope.ts';
import { accountFor } from '../drift/accounting.ts';
import { isPreparing, type StateName } from '../state.ts';
import { timeoutOf } from '../timeouts.ts';
import { fromTime, toTime } from '../../../api/times.ts';

type Status = CanaryReleaseStatus;
type Release = NonNullable<Status['release']>;

/** Asked at every decision, and a spec never changes in place. */
const planHashes = new WeakMap<CanaryReleaseSpec, string>();

/** A hash of everything that an edit in mid-release can change. */
export function hashPlan(spec: CanaryReleaseSpec): string {
  const known = planHashes.get(spec);
  if (known !== undefined) return known;
  const hash = createHash('sha256')
    .update(JSON.stringify([spec.stages, spec.analysis, spec.promotion]))
    .digest('hex')
    .slice(0, 16);
  planHashes.set(spec, hash);
  return hash;
}

function edit(status: Status, change: Partial<Release>, drop: readonly (keyof Release)[] = []): Status {
  if (status.release === undefined) return status;
  const kept = Object.fromEntries(Object.entries(status.release).filter(([key]) => !drop.includes(key as keyof Release)));
  return { ...status, release: { ...(kept as Release), ...change } };
}

/** Begins a release: what is on the routes now is recorded, and nothing was written yet. */
export function startRelease(status: Status, facts: Facts, key: CandidateKey, attempt: number): Status {
  const { sides, spec, now, observation } = facts;
  if (sides === undefined) return status;
  const startedAt = toTime(now);
  const uid = observation.release.metadata.uid ?? '';
  const id = nameRelease(uid, key, startedAt, attempt);
  const trace = createHash('sha256').update(`${uid}/${id}`).digest('hex');
  // `spec.revision` names the candidate, never the version that serves at first contact.
  const servingKey = keyOf(sides.serving, undefined, observation.backends[sides.serving]);
  const known = status.serving?.service === sides.serving ? status.serving : undefined;
  const { verdict: _verdict, ...rest } = status;
  return {
    ...rest,
    weight: 0,
    checks: [],
    serving: known ?? { service: sides.serving, revision: describeRevision(servingKey) },
    release: {
      id,
      attempt,
      revision: describeRevision(key),
      ...(key.specRevision === undefined ? {} : { specRevision: key.specRevision }),
      templateHashes: [...key.templateHashes],
      ...backendsOf(sides),
      ...recordWorkload(status, facts),
      startedAt,
      stageIndex: 0,
      plan: hashPlan(spec),
      maxWeight: 0,
      deadlineAt: toTime(now + parseDuration(spec.deadline.after)),
      traceparent: `00-${trace.slice(0, 32)}-${trace.slice(32, 48)}-01`,
      routes: [...recordRoutes(spec, observation.routes, sides)],
    },
  };
}

/** The canary gets nothing any more from here on: notes until when it is left to answer. */
export function noteDrain(status: Status, { now, withdrawn }: Facts, state: StateName): Status {
  const { release } = status;
  const drains = state === 'rollingBack.draining' || (state === 'promoting.restoring' && withdrawn);
  if (!drains || release?.workload === undefined || release.drainEndsAt !== undefined) return status;
  return edit(status, { drainEndsAt: endOfDrain(now) });
}

/** Gives the first weight, to the pods that stand behind the canary at this moment: they are what is being released. */
export function enterFirstStage(status: Status, facts: Facts): Status {
  const { canaryKey } = facts;
  if (canaryKey === undefined || status.release === undefined) return enterStage(status, facts, 0);
  const settled = edit(status, { templateHashes: [...canaryKey.templateHashes], revision: describeRevision(canaryKey) });
  return enterStage(settled, facts, 0);
}

/** Wants the weight of a stage. The stage's clock begins when the weight is effective. */
export function enterStage(status: Status, facts: Facts, index: number): Status {
  const stage = facts.spec.stages[index];
  if (stage === undefined) return status;
  return raiseTo(edit(status, { stageIndex: index, stage: stage.name ?? String(index + 1) }), facts, stage.weight);
}

/**
 * Wants all of the traffic on the canary; in Deployment mode only where it bakes there before the Deployment rolls, else the
 * canary keeps its share while it does.
 */
export function enterPromotion(status: Status, facts: Facts): Status {
  const bakes = parseDuration(facts.spec.promotion.bake) > 0 || endsAllPods(facts);
  return goOnPromoting(setBakes(status, bakes), facts);
}

/** Recreate leaves nothing behind the Service for a while, so the canary has everything before it begins, whoever orders the promotion. */
function endsAllPods({ workload }: Facts): boolean {
  return workload?.deployment?.spec.strategy?.type === 'Recreate';
}

function goOnPromoting(status: Status, facts: Facts): Status {
  const { workload } = status.release ?? {};
  if (workload === undefined || workload.bakes === true) return raiseTo(status, facts, 100);
  return edit(status, { workload: { ...workload, rolls: true } }, ['stageEndsAt', 'stageTimesOutAt', 'returnTo', 'puttingBack']);
}

/** What an edit of `spec.promotion.bake` says later does not take back what the promotion began with. */
function setBakes(status: Status, bakes: boolean): Status {
  if (status.release?.workload === undefined) return status;
  const { bakes: _former, ...workload } = status.release.workload;
  return edit(status, { workload: { ...workload, ...(bakes ? { bakes } : {}) } });
}

/** The bake is served: the Deployment rolls, and trouble from here on takes no share back. */
export function beginRollout(status: Status): Status {
  const rolling = setBakes(status, false);
  const { workload } = rolling.release ?? {};
  const change = workload === undefined ? {} : { workload: { ...workload, rolls: true } };
  return edit(rolling, change, ['weightBefore', 'blockedSince', 'blockedReason']);
}

function raiseTo(status: Status, facts: Facts, weight: number): Status {
  const before = status.weight ?? 0;
  const raises = weight > before;
  // A raise over an edit that lowered our weight puts it back.
  const counted = raises && status.release?.driftSince !== undefined ? countPutBack(status.release, facts.now) : status.release;
  const raised = edit(
    counted === undefined ? status : { ...status, release: counted },
    { weightBefore: before, shiftedAt: toTime(facts.now), maxWeight: Math.max(status.release?.maxWeight ?? 0, weight) },
    [
      ...(['stageStartedAt', 'stageEndsAt', 'stageTimesOutAt', 'cleanSince', 'returnTo', 'puttingBack', 'passInStage'] as const),
      ...(raises ? (['driftSince', 'driftBy'] as const) : []),
    ],
  );
  return { ...accountFor(raised, facts.standings, raises), weight };
}

/** The weight is effective: the stage's own evidence begins here. Looks before it are none of this stage's. */
export function beginStageClock(status: Status, facts: Facts): Status {
  const { stage, now } = facts;
  if (stage === undefined) return status;
  const begun = edit(
    status,
    {
      stageStartedAt: toTime(now),
      cleanSince: toTime(now),
      stageEndsAt: toTime(now + parseDuration(stage.duration)),
      stageTimesOutAt: toTime(now + timeoutOf(stage)),
      stageRequests: 0,
    },
    ['verdict', 'passInStage', 'passAt', 'puttingBack', 'driftSince', 'driftBy', 'weightBefore', 'blockedSince', 'blockedReason'],
  );
  const { verdict: _verdict, ...rest } = begun;
  return { ...rest, checks: [] };
}

/** Watches the canary at 100% with the way back kept open. */
export function beginBake(status: Status, facts: Facts): Status {
  const ends = toTime(facts.now + parseDuration(facts.spec.promotion.bake));
  return edit(status, { cleanSince: toTime(facts.now), stageStartedAt: toTime(facts.now), bakeEndsAt: ends }, [
    'driftSince',
    'driftBy',
    'blockedSince',
    'blockedReason',
  ]);
}

/** From here on the routes are left with what a promotion leaves. In Deployment mode the share goes as noteWithdrawal says. */
export function beginRestoring(status: Status): Status {
  return edit(status, { outcome: 'Promoted' }, ['blockedSince', 'blockedReason']);
}

/** All weight home: the first thing that is written, before this status itself. */
export function beginRollback(status: Status, reason: RollbackReason, facts: Facts): Status {
  const going = edit(
    forgetUnwritten(status, facts),
    {
      outcome: 'RolledBack',
      reason: reason.reason,
      reasonMessage: reason.message,
      rejects: ROLLBACK_REASONS[reason.reason].fate === 'rejected',
    },
    ['returnTo', 'blockedSince', 'blockedReason', 'pausedBy', 'puttingBack', 'driftSince', 'driftBy', 'stageEndsAt', 'stageTimesOutAt'],
  );
  return { ...going, weight: 0 };
}

/** Before its first weight a release has written to no route that does not carry its mark: those are none of its business. */
function forgetUnwritten(status: Status, { state, standings, leaving, mark, homeMark }: Facts): Status {
  const routes = status.release?.routes;
  if (routes === undefined || !isPreparing(state, status.release)) return status;
  const written = [...standings, ...leaving].filter((standing) => standing.mark === mark || standing.mark === homeMark);
  return edit(status, { routes: routes.filter((route) => written.some(({ recorded }) => recorded === route)) });
}

/** Deleted with `deletionPolicy: Retain`: the weights stay, our mark goes. */
export function beginLettingGo(status: Status, facts: Facts): Status {
  return edit(forgetUnwritten(status, facts), {
    outcome: 'RolledBack',
    reason: 'Deleted',
    reasonMessage: describeRetained(status),
    rejects: false,
    retained: true,
  });
}

/** Ends a promotion: the roles have swapped. */
export function settlePromoted(status: Status, facts: Facts): Status {
  const release = status.release;
  if (release === undefined) return status;
  const old = keyOf(release.serving.service, facts.spec.revision, facts.observation.backends[release.serving.service]);
  const { verdict: _verdict, ...rest } = clearRejection(status, release);
  const { workload } = release;
  return {
    ...rest,
    weight: 0,
    checks: [],
    ...(workload === undefined
      ? { serving: { service: release.canary.service, revision: release.revision }, settled: settledFrom(old) }
      : { serving: { service: release.serving.service, revision: release.revision, template: workload.template, uid: workload.uid } }),
    proven: addProven(status, release, toTime(facts.now)),
    history: remember(status, release, 'Promoted', facts.now),
    release: { ...release, finishedAt: toTime(facts.now) },
  };
}

/** The last promoted revisions; in Deployment mode what served before the first of them as well: production proved it. */
function addProven(status: Status, release: Release, at: string): NonNullable<Status['proven']> {
  const { workload } = release;
  const promoted = { revision: release.revision, at, ...(workload === undefined ? {} : { templateHashes: [workload.template] }) };
  const others = (status.proven ?? []).filter((entry) => entry.revision !== release.revision);
  const former = workload?.servingTemplate;
  const known = former === undefined || others.some((entry) => entry.templateHashes?.includes(former) === true);
  const before = known ? [] : [{ revision: status.serving?.revision ?? former, at: release.startedAt, templateHashes: [former] }];
  return [promoted, ...before, ...others].slice(0, MAX_PROVEN);
}

/** Ends a rollback. A rejected revision is not tried again by itself; one that was not to blame may come again. */
export function settleRolledBack(status: Status, facts: Facts): Status {
  const release = status.release;
  if (release === undefined) return status;
  const key: CandidateKey = {
    service: release.canary.service,
    ...(release.specRevision === undefined ? {} : { specRevision: release.specRevision }),
    templateHashes: release.templateHashes ?? [],
  };
  const superseded = release.reason === 'Superseded';
  const rejected = {
    revision: release.revision,
    reason: release.reason ?? 'Unknown',
    at: toTime(facts.now),
    ...settledFrom(key),
  };
  return {
    ...status,
    weight: 0,
    ...(superseded
      ? {}
      : { settled: settledFrom({ ...key, templateHashes: [...key.templateHashes, ...findLeaving(status, facts, key)] }) }),
    ...(release.rejects === true ? { rejected: [rejected, ...(status.rejected ?? [])].slice(0, MAX_REJECTED) } : {}),
    history: remember(status, release, 'RolledBack', facts.now),
    release: { ...release, finishedAt: toTime(facts.now) },
  };
}

/** Pods of the former revision that a rolling update has not replaced yet: they were no news before, and are none now. */
function findLeaving({ settled }: Status, { canaryKey }: Facts, key: CandidateKey): readonly string[] {
  if (settled?.service !== key.service) return [];
  const there = canaryKey?.templateHashes ?? [];
  return settled.templateHashes.filter((hash) => there.includes(hash) && !key.templateHashes.includes(hash));
}

function settledFrom(key: CandidateKey): NonNullable<Status['settled']> {
  return {
    service: key.service,
    ...(key.specRevision === undefined ? {} : { specRevision: key.specRevision }),
    templateHashes: [...key.templateHashes],
  };
}

function remember(status: Status, release: Release, outcome: 'Promoted' | 'RolledBack', now: number): NonNullable<Status['history']> {
  const entry = {
    id: release.id,
    revision: release.revision,
    outcome,
    ...(outcome === 'RolledBack' ? { reason: release.reason ?? 'Unknown' } : {}),
    startedAt: release.startedAt,
    finishedAt: toTime(now),
    maxWeight: release.maxWeight ?? 0,
    ...(release.failedRequests === undefined ? {} : { failedRequests: release.failedRequests }),
    ...nameApprovers(release),
  };
  return [entry, ...(status.history ?? [])].slice(0, MAX_HISTORY);
}

/** Stops raises until somebody resumes. The weight stays and is judged on. */
export function pause(status: Status, { pause: by = 'Command', state: from }: Facts): Status {
  const before = from === 'blocked' ? (status.release?.returnTo ?? 'stage.shifting') : from;
  // A raise to 100% that was taken back is no promotion under way any more: the last stage goes on and proves it again.
  const { workload } = status.release ?? {};
  const raises = workload === undefined || workload.bakes === true;
  const taken = before === 'promoting.rollingOut' && (status.weight ?? 0) < 100 && raises;
  const returnTo = taken ? 'stage.shifting' : before;
  return edit(taken ? setBakes(status, false) : status, { pausedBy: by, returnTo }, ['blockedSince', 'blockedReason']);
}

/** A new chance after a pause: the stage's timeout and, where it had run out, the deadline begin again. */
export function resume(status: Status, facts: Facts): Status {
  const { stage, spec, now } = facts;
  // Without traffic there is never a Pass: the person who was asked puts back what an edit took away.
  const puttingBack = status.release?.driftSince !== undefined && status.release.pausedBy === 'Inconclusive';
  const late = now >= (fromTime(status.release?.deadlineAt) ?? Number.POSITIVE_INFINITY);
  return edit(
    status,
    {
      ...(stage === undefined ? {} : { stageTimesOutAt: toTime(now + timeoutOf(stage)) }),
      ...(late ? { deadlineAt: toTime(now + parseDuration(spec.deadline.after)) } : {}),
      ...(puttingBack ? { puttingBack } : {}),
    },
    ['pausedBy', 'returnTo', 'unavailableSince', 'contestedBy', 'putBacks', 'putBackTimes', 'shiftedAt'],
  );
}

/** Trouble: a raise that was under way is taken back from all routes. */
export function block(status: Status, facts: Facts, from: StateName): Status {
  const blocked = edit(status, {
    // A new try of a raise that failed again is the same trouble: `onBlocked` counts from the first one.
    blockedSince: status.release?.blockedSince ?? toTime(facts.now),
    blockedReason: facts.blocker?.reason ?? 'Blocked',
    returnTo: from,
  });
  const before = status.release?.weightBefore;
  const midway = from === 'stage.shifting' || from === 'promoting.rollingOut';
  if (!midway || before === undefined) return blocked;
  return { ...accountFor(blocked, facts.standings, false), weight: Math.min(before, status.weight ?? 0) };
}

/** The trouble is mended. A raise that was taken back is wanted again, and is no trouble of the past until it is effective. */
export function unblock(status: Status, facts: Facts): Status {
  const back = status.release?.returnTo;
  const tries = back === 'preparing' || back === 'stage.shifting' || back === 'promoting.rollingOut';
  const drop: readonly (keyof Release)[] = tries
    ? ['returnTo', 'contestedBy']
    : ['blockedSince', 'blockedReason', 'returnTo', 'contestedBy'];
  const free = edit(status, tries ? { shiftedAt: toTime(facts.now) } : {}, drop);
  if (back === 'stage.shifting') return enterStage(free, facts, status.release?.stageIndex ?? 0);
  return back === 'promoting.rollingOut' ? goOnPromoting(free, facts) : free;
}

/** A person has seen to it that nobody undoes our weights any more: the count begins anew, and the weight is put back by this command. */
export function forgetContest(status: Status): Status {
  return edit(status, { puttingBack: true }, ['contestedBy', 'putBacks', 'putBackTimes']);
}

/** Marks a stage as let go by a person. */
export function approve(status: Status, stage: number): Status {
  const approved = status.release?.approvedStages ?? [];
  return approved.includes(stage) ? status : edit(status, { approvedStages: [...approved, stage] });
}
