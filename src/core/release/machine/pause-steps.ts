// Pauses and blocks: where they return to, and what a raise that they interrupt becomes.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { withoutUndefined } from '../../../api/absence.ts';
import { fromTime, toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { accountFor } from '../drift/accounting.ts';
import type { StateName } from '../state.ts';
import { timeoutOf } from '../facts/stage-clock.ts';
import { BLOCK_FIELDS, edit, endCohort } from './change.ts';
import { renewHeld } from './gate-steps.ts';
import { goOnPromoting, setBakes } from './promotion-steps.ts';
import { enterStage } from './stage-steps.ts';

type Status = CanaryReleaseStatus;
/** Stops raises until somebody resumes. The weight stays and is judged on. */
export function pause(status: Status, facts: Facts): Status {
  const { pause: by = 'Command', state: from } = facts;
  const before = from === 'blocked' ? (status.release?.returnTo ?? 'stage.shifting') : from;
  const taken = before === 'promoting.rollingOut' && isTakenBack(status);
  const returnTo = taken ? 'stage.shifting' : before;
  const kept = from === 'blocked' ? troubleOf(status, facts) : {};
  return edit(taken ? setBakes(status, false) : status, { pausedBy: by, returnTo, ...kept }, from === 'blocked' ? [] : BLOCK_FIELDS);
}

/** A raise to 100% that was taken back is no promotion under way any more: the last stage continues and proves it again. */
function isTakenBack({ weight = 0, release }: Status): boolean {
  const { workload } = release ?? {};
  return weight < 100 && (workload === undefined || workload.bakes === true);
}

/** What blocks the release now, or did before its raise was taken back: whoever resumes a pause has to know. */
function troubleOf({ release }: Status, { blocker }: Facts): Pick<ReleaseStatus, 'blockedReason' | 'blockedMessage'> {
  const known = { blockedReason: release?.blockedReason, blockedMessage: release?.blockedMessage };
  return withoutUndefined(blocker === undefined ? known : { blockedReason: blocker.reason, blockedMessage: shorten(blocker.message) });
}

/** `status.release.blockedMessage` takes so many characters. */
function shorten(message: string): string {
  return message.slice(0, 1_024);
}

/** A new chance after a pause: the stage's timeout and, where it had run out, the deadline begin again. */
export function resume(before: Status, facts: Facts): Status {
  const status = before.release?.pausedBy === 'GateHeld' ? renewHeld(before, facts) : before;
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
    ['pausedBy', 'returnTo', 'unavailableSince', 'contestedBy', 'putBacks', 'putBackTimes', 'shiftedAt', ...BLOCK_FIELDS],
  );
}

/** Trouble: a raise that was under way is taken back from all routes. */
export function block(status: Status, facts: Facts, from: StateName): Status {
  const blocked = edit(status, {
    // A new try of a raise that failed again is the same trouble: `onBlocked` counts from the first one.
    blockedSince: status.release?.blockedSince ?? toTime(facts.now),
    blockedReason: facts.blocker?.reason ?? 'Blocked',
    ...(facts.blocker === undefined ? {} : { blockedMessage: shorten(facts.blocker.message) }),
    returnTo: from,
  });
  const before = status.release?.weightBefore;
  const midway = from === 'stage.shifting' || from === 'promoting.rollingOut';
  if (!midway || before === undefined) return blocked;
  return { ...accountFor(takeCohortBack(blocked, facts.now), facts.standings, false), weight: Math.min(before, status.weight ?? 0) };
}

/** The cohort that there was before the raise under way. */
function takeCohortBack(status: Status, now: number): Status {
  const { cohort, cohortBefore } = status.release ?? {};
  if (cohort === undefined && cohortBefore === undefined) return status;
  if (cohortBefore !== undefined) return edit(status, { cohort: cohortBefore });
  return endCohort(status, now);
}

/** The trouble is over. A raise that was taken back is wanted again, and is no trouble of the past until it is effective. */
export function unblock(status: Status, facts: Facts): Status {
  const back = status.release?.returnTo;
  const tries = back === 'preparing' || back === 'stage.shifting' || back === 'promoting.rollingOut';
  const drop: readonly (keyof ReleaseStatus)[] = tries ? ['returnTo', 'contestedBy'] : [...BLOCK_FIELDS, 'returnTo', 'contestedBy'];
  const free = edit(status, tries ? { shiftedAt: toTime(facts.now) } : {}, drop);
  if (back === 'stage.shifting') return enterStage(free, facts, status.release?.stageIndex ?? 0);
  return back === 'promoting.rollingOut' ? goOnPromoting(free, facts) : free;
}

/** A person has stopped what undid our weights: the count begins again, and this command restores the weight. */
export function forgetContest(status: Status): Status {
  return edit(status, { puttingBack: true }, ['contestedBy', 'putBacks', 'putBackTimes']);
}
