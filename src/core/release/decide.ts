// The decision of one reconcile: pure. Folds the looks, notes edits by others, obeys a command, lets the machine step until
// nothing moves, and says what the status becomes, what is told, what the routes shall say and when to come back.

import { ABORT_ANNOTATION, STATE_VERSION } from '../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import { nextLookAfter } from '../analysis/grid.ts';
import { noteApproval } from './machine/approval-record.ts';
import { describeStatus } from './report/message.ts';
import { desireRoutes, letGoLeftRoutes, type RouteIntent } from './desired/routes.ts';
import { desireWorkload, type WorkloadIntent } from './desired/workload.ts';
import { endOfEmptying } from './drain.ts';
import { noteDrift, settleDrift, type Drift } from './drift/drift.ts';
import { applyEdit } from './machine/spec-edits.ts';
import { gatherFacts, type Facts } from './facts/facts.ts';
import { handled, isObeyedBy, refuseForNow, whyNotNow } from './machine/command-outcome.ts';
import { foldLook, forgetFutureLooks, gridOf } from './evidence/looks.ts';
import { findPauseReason, type ReleaseEvent } from './machine/guards.ts';
import { notePods } from './checks/canary-pods.ts';
import { keepsPaused } from './desired/rest.ts';
import { noteServed } from './evidence/steady-spans.ts';
import { step } from './machine/machine.ts';
import type { Observation } from './observation.ts';
import { findParityNews } from './report/policy-parity.ts';
import { recordAgain } from './facts/scope.ts';
import { isJudged, isRunning, parseState, type StateName } from './state.ts';
import { adoptServing } from './machine/adopt-serving.ts';
import { noteEmptied } from './drift/accounting.ts';
import * as steps from './machine/steps.ts';
import { noteIrreversible } from './facts/undo.ts';
import { findBlockNews, findGitOpsNews, findHoldNews, findVerdictNews } from './report/condition-events.ts';
import { fromTime } from '../../api/times.ts';
import { endOfStep, noteWithdrawal } from './machine/withdraw.ts';

/** One edge that was taken. */
export interface Transition {
  readonly from: StateName;
  readonly to: StateName;
  readonly reason: string;
  readonly message: string;
}

export interface Decision {
  readonly state: StateName;
  readonly status: CanaryReleaseStatus;
  readonly transitions: readonly Transition[];
  readonly events: readonly ReleaseEvent[];
  readonly drifts: readonly Drift[];
  readonly intents: readonly RouteIntent[];
  /** Deployment mode: writes beside the routes. */
  readonly workloadIntents: readonly WorkloadIntent[];
  /** The Deployment is paused for us between releases, so the finalizer stays. */
  readonly keepsPaused: boolean;
  /** Unix milliseconds; undefined when only a change of the world can bring anything new. */
  readonly wakeAt: number | undefined;
}

/** Steps that one reconcile may take; a chain of all states is shorter. */
const MOST_STEPS = 20;

/**
 * Decides. @param status the last status, committed or not
 * @param now Unix milliseconds
 */
export function decide(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, observation: Observation, now: number): Decision {
  const known = parseState(status.state);
  if (known === undefined || observation.release.unknownState !== undefined || (status.stateVersion ?? STATE_VERSION) > STATE_VERSION)
    return refuseUnknown(spec, status, observation, now);
  const folded = foldLooks(spec, forgetFutureLooks(spec, status, now), known, observation);
  const news = findVerdictNews(spec, status, folded);
  const adopted = adoptServing(folded, known, observation);
  const edited = applyEdit(spec, recordAgain(spec, adopted.status, known, observation), known);
  const obeyed = obey(spec, edited, known, observation, now);
  const settled = settleDrift(obeyed.status, gatherFacts(spec, obeyed.status, known, observation, now));
  const walked = walk(spec, settled, known, observation, now);
  const steady = gatherFacts(spec, walked.status, walked.state, observation, now);
  // A weight that is wanted since this very moment is on no route yet: that is nobody's edit.
  const noted = walked.status.weight === status.weight ? noteDrift(walked.status, steady) : { status: walked.status, drifts: [] };
  const withdrawn = noteWithdrawal(noted.status, walked.state, steady);
  const emptied = noteEmptied(noteServed(withdrawn, walked.state, now), steady);
  const drained = notePods(steps.noteDrain(emptied, steady, walked.state), steady);
  const served = noteIrreversible(drained, observation);
  const facts = gatherFacts(spec, served, walked.state, observation, now);
  const workloadIntents = desireWorkload(served, walked.state, facts);
  const described = describeStatus(letGoLeftRoutes(served, facts), walked.state, facts);
  return {
    state: walked.state,
    status: { ...described, state: walked.state, stateVersion: STATE_VERSION },
    transitions: walked.transitions,
    events: [
      ...news,
      ...adopted.events,
      ...obeyed.events,
      ...walked.events,
      ...findBlockNews(status, described, walked.state),
      ...findGitOpsNews(status, described),
      ...findHoldNews(status, described, walked.state),
      ...findParityNews(status, described),
    ],
    drifts: noted.drifts,
    intents: desireRoutes(served, walked.state, facts),
    workloadIntents,
    keepsPaused: keepsPaused(facts, workloadIntents),
    wakeAt: findWakeTime(served, walked.state, facts),
  };
}

function foldLooks(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, state: StateName, observation: Observation): CanaryReleaseStatus {
  if (!isJudged(state) || spec.analysis.mode === 'Off') return status;
  return observation.looks.reduce((folded, look) => {
    const next = foldLook(spec, folded, look);
    const answered = look.requests.kind !== 'unavailable';
    return answered && next.release !== undefined && next.release.judgeAnswered !== true
      ? { ...next, release: { ...next.release, judgeAnswered: true } }
      : next;
  }, status);
}

/** Records a command as handled, refused or done; approvals are remembered here, the other verbs are guards of the machine. */
function obey(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  observation: Observation,
  now: number,
): { readonly status: CanaryReleaseStatus; readonly events: readonly ReleaseEvent[] } {
  const { command } = gatherFacts(spec, status, state, observation, now);
  if (command === undefined) return { status, events: [] };
  const who = command.by ?? 'a person';
  const giver = command.by === undefined ? {} : { by: command.by };
  if (command.refusal !== undefined)
    return {
      status: handled(status, command, 'Refused', command.refusal),
      events: [{ reason: 'CommandRefused', message: `${command.verb} by ${who} is refused: ${command.refusal}`, warning: true, ...giver }],
    };
  if (command.verb === 'resume' && state === 'blocked' && status.release?.contestedBy !== undefined)
    return {
      status: handled(steps.forgetContest(status), command, 'Done'),
      events: [{ reason: 'Resumed', message: `${who} says that nobody fights over the weights any more`, ...giver }],
    };
  if (command.verb !== 'approve' || command.stage === undefined) return { status, events: [] };
  return {
    status: noteApproval(handled(steps.approve(status, command.stage), command, 'Done'), command, command.stage, now),
    events: [{ reason: 'Approved', message: `stage ${command.stage} is approved by ${who}`, ...giver }],
  };
}

interface Walked {
  readonly state: StateName;
  readonly status: CanaryReleaseStatus;
  readonly transitions: readonly Transition[];
  readonly events: readonly ReleaseEvent[];
}

/** Steps until nothing moves. A command is used up by the first step that it lets happen, or by the first that it does not. */
function walk(spec: CanaryReleaseSpec, start: CanaryReleaseStatus, from: StateName, observation: Observation, now: number): Walked {
  let [state, status] = [from, start];
  const transitions: Transition[] = [];
  const events: ReleaseEvent[] = [];
  for (let count = 0; count < MOST_STEPS; count += 1) {
    const gathered = gatherFacts(spec, status, state, observation, now);
    const why = isRunning(state) ? findPauseReason({ context: { status }, event: { type: 'OBSERVED', facts: gathered } }) : undefined;
    const facts = why === undefined ? gathered : { ...gathered, pauseReason: why };
    const next = step(state, status, facts);
    if (next.moved) {
      events.push(...next.events);
      transitions.push(toTransition(state, next.state, next.events, facts));
    }
    const number = (status.release?.stageIndex ?? 0) + 1;
    [state, status] = [next.state, next.status];
    if (facts.command !== undefined && facts.command.refusal === undefined) {
      const done = next.moved && isObeyedBy(facts.command.verb, next.state);
      status = done
        ? noteApproval(handled(status, facts.command, 'Done'), facts.command, number, now)
        : handled(status, facts.command, 'Refused', whyNotNow(facts, state));
      if (!done) events.push(refuseForNow(facts, state));
    } else if (!next.moved) break;
  }
  return { state, status, transitions, events };
}

function toTransition(from: StateName, to: StateName, events: readonly ReleaseEvent[], facts: Facts): Transition {
  const told = events[0];
  return {
    from,
    to,
    reason: facts.home?.reason ?? told?.reason ?? 'Observed',
    message: told?.message ?? `${from} is done`,
  };
}

/** States that wait for a gateway, for pods or for a write: seconds matter. */
const WAITS_FOR_ANSWERS: readonly StateName[] = [
  'preparing',
  'stage.shifting',
  'promoting.rollingOut',
  'promoting.restoring',
  'rollingBack.goingHome',
  'rollingBack.draining',
  'rollingBack.cleaning',
];

/** The next time at which something may be due by the clock alone. */
function findWakeTime(status: CanaryReleaseStatus, state: StateName, facts: Facts): number | undefined {
  const { release } = status;
  const { now, spec } = facts;
  // A hold is proven again now and then: a policy can be removed at any time.
  if (release === undefined || !isRunning(state)) return facts.workload === undefined ? undefined : now + wakeForHold(facts);
  const times: (number | undefined)[] = [
    fromTime(release.deadlineAt),
    fromTime(release.drainEndsAt),
    ...facts.leaving.map(endOfEmptying),
    (status.weight ?? 0) > 0 ? endOfStep(release) : undefined,
    state === 'stage.analyzing' ? fromTime(release.stageEndsAt) : undefined,
    state === 'stage.analyzing' ? fromTime(release.stageTimesOutAt) : undefined,
    state === 'promoting.baking' ? fromTime(release.bakeEndsAt) : undefined,
    // Routes and writes that do not answer are looked at again without being asked.
    now + (WAITS_FOR_ANSWERS.includes(state) ? 1_000 : 30_000),
    facts.judging && isJudged(state) ? nextLookAfter(gridOf(spec, release), Math.max(now, fromTime(release.lookGridAt) ?? now)) : undefined,
  ];
  // What was due already was decided upon just now; waiting for it again would go round in circles.
  const coming = times.filter((time): time is number => time !== undefined && time > now);
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** How long a proof of the hold is believed. */
const HOLD_PROOF_MS = 600_000;
const WITHOUT_HOLD_MS = 15_000;
const UNREAD_MS = 1_000;

function wakeForHold({ observation, blocker, candidate }: Facts): number {
  const { workload } = observation;
  // A release ended in this very step, and the next one waits for its policies to be read.
  if (candidate !== undefined && workload?.policies === undefined) return UNREAD_MS;
  if (blocker?.reason === 'PolicyParity') return WITHOUT_HOLD_MS;
  return workload?.known === true && workload.hold.kind === 'proven' ? HOLD_PROOF_MS : WITHOUT_HOLD_MS;
}

/** A stored state that this version does not know: traffic can be taken home, nothing can be raised, and it says so. */
function refuseUnknown(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, observation: Observation, now: number): Decision {
  const { metadata } = observation.release;
  const wantsHome = metadata.deletionTimestamp !== undefined || metadata.annotations?.[ABORT_ANNOTATION] === status.release?.id;
  if (wantsHome && status.release !== undefined) {
    const { state: _state, stateVersion: _version, ...rest } = status;
    return decide(spec, { ...rest, state: 'stage.analyzing', stateVersion: STATE_VERSION }, observation, now);
  }
  const message = `the stored state ${status.state ?? ''} (version ${status.stateVersion ?? '?'}) was written by a newer operator; upgrade this one, or abort to bring traffic home`;
  const facts = gatherFacts(spec, status, 'blocked', observation, now);
  const blocked = { ...facts, blocker: { reason: 'UnknownState', message } };
  return {
    state: 'blocked',
    status: {
      ...describeStatus(status, 'blocked', blocked),
      ...(status.state === undefined ? {} : { state: status.state }),
      ...(status.stateVersion === undefined ? {} : { stateVersion: status.stateVersion }),
    },
    transitions: [],
    events: [],
    drifts: [],
    intents: [],
    workloadIntents: [],
    keepsPaused: false,
    wakeAt: undefined,
  };
}
