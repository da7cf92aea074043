// The passes of one decision, in their order: each takes a release as it has become so far and says what it adds. Their order is part
// of the decision, so each says why it stands where it stands.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { type Facts, assess } from './assess.ts';
import { type Drift, noteDrift, settleDrift } from './drift/drift.ts';
import { noteEmptied } from './drift/accounting.ts';
import { foldLooks } from './evidence/looks.ts';
import { foldSentinel } from './evidence/sentinel.ts';
import { noteSteadySpan } from './evidence/steady-spans.ts';
import type { Gathered } from './facts/gather.ts';
import { foldGates } from './gates/fold.ts';
import { recordAgain } from './facts/scope.ts';
import { followSplit } from './machine/take-over.ts';
import { adoptServing } from './machine/adopt-serving.ts';
import { beginGates, settleGates } from './machine/gate-steps.ts';
import { fitWeights, noteFitted } from './machine/fit-weights.ts';
import {
  noteBothEmpty,
  noteDrain,
  noteGatewayWait,
  noteIrreversible,
  noteLastAnswers,
  noteMissingPods,
  notePods,
  noteServing,
} from './machine/notes.ts';
import { liftCohort } from './machine/lift-cohort.ts';
import { noteAbort, obey } from './machine/obey.ts';
import { renewHashes } from './machine/renew-hashes.ts';
import { rollWithoutCanary } from './machine/roll-without-canary.ts';
import { applyEdit } from './machine/spec-edits.ts';
import { type Transition, walk } from './machine/walk.ts';
import { noteWithdrawal } from './machine/withdraw.ts';
import { findVerdictEvents } from './report/condition-events.ts';
import { findGateEvents } from './report/gates.ts';
import type { ReleaseEvent } from './report/events.ts';
import type { StateName } from './state.ts';

type Status = CanaryReleaseStatus;

/** A release in the middle of a decision. */
export interface Course {
  readonly state: StateName;
  readonly status: Status;
  readonly transitions: readonly Transition[];
  readonly events: readonly ReleaseEvent[];
  readonly drifts: readonly Drift[];
}

/** What a pass may ask. */
export interface Decided {
  readonly gathered: Gathered;
  /** The status as it was before the decision. */
  readonly before: Status;
  /** What is known of a release whose status this is, judged; the same status is judged once. */
  readonly assess: (status: Status, state: StateName) => Facts;
}

/** What a pass adds: the rest stays. Events, transitions and drifts are added to those before. */
export type Pass = (course: Course, decided: Decided) => Partial<Course>;

/** The order of these is law. */
export const DECIDING: readonly Pass[] = [
  // Before anything compares a template with what is recorded.
  renew,
  // So that everything below speaks of the newest evidence.
  foldEvidence,
  // As the evidence: a gate that passed lets the weight rise in this very decision.
  foldGateResults,
  // Before anything asks which template serves.
  adopt,
  // Routes that were not claimed yet are what their owners make of them, and an edited spec applies at once.
  applyEdits,
  // Before the steps, whatever blocks the release first: what would be widened goes at once.
  lift,
  // A command is about the release as its person sees it: before the machine moves, after the edits that it may be about.
  obeyCommand,
  // An abort is obeyed by the steps: here it is only remembered, or refused.
  obeyAbort,
  // What the routes say now accounts for what was written before: later differences are somebody else's.
  settle,
  // Before the steps: a release takes over no more than is there.
  takeOverLess,
  // Before the steps: a rejection that smaller weights may fix blocks nothing.
  fit,
  // Before the steps: what rolls out without a canary is no release.
  letRoll,
  // All steps of the machine, until nothing moves.
  takeSteps,
  // After the steps: a weight that is wanted since this very moment is on no route yet, and that is no edit.
  seeDrift,
  // Whoever took all traffic is answered in the same decision: the stages begin again.
  answerDrift,
  // After all steps: what a release has left behind ends, and what the reached state waits for begins.
  moveGates,
];

/** What is written down of the state that was reached, one thing each: in any order. */
export const NOTING: readonly Pass[] = [
  (course, { assess: judge }) => ({ status: noteWithdrawal(course.status, course.state, judge(course.status, course.state)) }),
  (course, { gathered }) => ({ status: noteSteadySpan(course.status, course.state, gathered.now) }),
  (course, { assess: judge }) => ({ status: noteEmptied(course.status, judge(course.status, course.state)) }),
  (course, { assess: judge }) => ({ status: noteDrain(course.status, judge(course.status, course.state), course.state) }),
  (course, { assess: judge }) => ({ status: notePods(course.status, judge(course.status, course.state)) }),
  (course, { assess: judge }) => ({ status: noteFitted(course.status, judge(course.status, course.state), course.state) }),
  (course, { assess: judge }) => ({ status: noteGatewayWait(course.status, judge(course.status, course.state), course.state) }),
  (course, { assess: judge }) => ({ status: noteMissingPods(course.status, judge(course.status, course.state), course.state) }),
  (course, { assess: judge }) => ({ status: noteBothEmpty(course.status, judge(course.status, course.state), course.state) }),
  (course, { assess: judge }) => ({ status: noteServing(course.status, judge(course.status, course.state), course.state) }),
  (course, { assess: judge }) => ({ status: noteLastAnswers(course.status, judge(course.status, course.state)) }),
  (course, { gathered }) => ({ status: noteIrreversible(course.status, gathered.observation) }),
];

/** Runs passes one after the other. */
export function runPasses(passes: readonly Pass[], start: Course, decided: Decided): Course {
  return passes.reduce((course, pass) => extend(course, pass(course, decided)), start);
}

function extend(course: Course, added: Partial<Course>): Course {
  return {
    state: added.state ?? course.state,
    status: added.status ?? course.status,
    transitions: join(course.transitions, added.transitions),
    events: join(course.events, added.events),
    drifts: join(course.drifts, added.drifts),
  };
}

function join<Item>(before: readonly Item[], added: readonly Item[] = []): readonly Item[] {
  return added.length === 0 ? before : [...before, ...added];
}

/** Judges a status once, however many passes ask: most of them change nothing. */
export function assessOnce(gathered: Gathered): Decided['assess'] {
  let last: { readonly status: Status; readonly state: StateName; readonly facts: Facts } | undefined;
  return (status, state) => {
    if (last?.status !== status || last.state !== state) last = { status, state, facts: assess(gathered, status, state) };
    return last.facts;
  };
}

function renew({ status }: Course, { gathered }: Decided): Partial<Course> {
  return { status: renewHashes(status, gathered.observation.workload) };
}

function foldEvidence({ status, state }: Course, { gathered: { spec, observation, now } }: Decided): Partial<Course> {
  const folded = foldLooks(spec, status, state, observation.looks, now);
  // After the looks: a look and the sentinel may find the same, and the look's words have the longer story.
  return { status: foldSentinel(folded, state, observation.sentinel), events: findVerdictEvents(spec, status, folded) };
}

function foldGateResults({ status, state }: Course, { gathered: { spec, observation, now } }: Decided): Partial<Course> {
  const folded = foldGates(spec, status, state, observation.gates, now);
  return { status: folded, events: findGateEvents(status, folded) };
}

function moveGates({ status, state }: Course, { gathered: { spec, now }, assess: judge }: Decided): Partial<Course> {
  const last = status.lastHandledCommand;
  const by = last?.verb === 'advance' || last?.verb === 'promote' ? last.by : undefined;
  const settled = settleGates(status, state, spec, now, by);
  const begun = beginGates(settled, state, judge(settled, state));
  return { status: begun, events: findGateEvents(status, begun) };
}

function adopt({ status, state }: Course, { gathered }: Decided): Partial<Course> {
  return adoptServing(status, state, gathered.observation);
}

function applyEdits({ status, state }: Course, { gathered: { spec, observation, now } }: Decided): Partial<Course> {
  return { status: applyEdit(spec, recordAgain(spec, status, state, observation), state, now) };
}

function takeOverLess({ status, state }: Course, { assess: judge }: Decided): Partial<Course> {
  return status.release?.adoptedWeight === undefined ? {} : { status: followSplit(status, judge(status, state)) };
}

function lift({ status, state }: Course, decided: Decided): Partial<Course> {
  return { status: liftCohort(status, decided.assess(status, state)) };
}

function obeyCommand({ status, state }: Course, decided: Decided): Partial<Course> {
  return obey(status, decided.assess(status, state));
}

function obeyAbort({ status, state }: Course, decided: Decided): Partial<Course> {
  return noteAbort(status, decided.assess(status, state));
}

function settle({ status, state }: Course, decided: Decided): Partial<Course> {
  return { status: settleDrift(status, decided.assess(status, state)) };
}

function fit({ status, state }: Course, decided: Decided): Partial<Course> {
  return fitWeights(status, decided.assess(status, state));
}

function letRoll({ status, state }: Course, decided: Decided): Partial<Course> {
  return rollWithoutCanary(status, decided.assess(status, state));
}

function takeSteps({ status, state }: Course, decided: Decided): Partial<Course> {
  return walk(status, state, decided.assess);
}

function seeDrift({ status, state }: Course, { before, assess: judge }: Decided): Partial<Course> {
  return status.weight === before.weight ? noteDrift(status, judge(status, state)) : {};
}

function answerDrift({ status, state, drifts }: Course, decided: Decided): Partial<Course> {
  return drifts.length > 0 ? walk(status, state, decided.assess) : {};
}
