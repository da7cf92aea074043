// The questions that the machine asks, each a sentence: may it raise, is the stage proven, is it approved? Pure functions of a
// moment; which state follows is the machine's.

import { parseDuration } from '../../../api/duration.ts';
import type { BlockReason } from '../../../api/reasons.ts';
import { fromTime } from '../../../api/times.ts';
import type { Facts, Moment } from '../assess.ts';
import { afterOutage, afterTimeout } from '../checks/overdue.ts';
import { hasPassedSince } from '../drift/drift.ts';
import { endOfPodsWait } from '../facts/canary-facts.ts';
import { asksForCohort } from '../facts/cohort-rules.ts';
import { isDue, type NextAttempt } from '../facts/next-attempt.ts';
import type { CandidateKey } from '../facts/revision.ts';
import { isServingGone } from '../facts/serving-facts.ts';
import { areAllGatesOpen, areGatesOpen, findHeld } from '../gates/entries.ts';
import type { StateName } from '../state.ts';
import { isSameCohort } from '../../routing/cohort.ts';
import { asksForTraffic, cohortAt } from '../traffic.ts';
import type { Attempt } from './start-steps.ts';

export const stageIndex = ({ status }: Moment) => status.release?.stageIndex ?? 0;
const isLastStage = (at: Moment) => stageIndex(at) >= at.facts.spec.stages.length - 1;
/** Where a stage leads that is left. */
export function afterStage(at: Moment): Extract<StateName, 'stage.shifting' | 'promoting.rollingOut' | 'rollingBack.goingHome'> {
  if (!isLastStage(at)) return 'stage.shifting';
  return at.facts.spec.promotion.mode === 'None' ? 'rollingBack.goingHome' : 'promoting.rollingOut';
}

/** The weight of the stage is asked for, and its cohort; a weight above it is that of an edited plan, whose next stage brings the cohort. */
export function isAtStageWeight(at: Moment): boolean {
  const { status, facts } = at;
  const [weight, wanted] = [status.weight ?? 0, facts.stage?.weight ?? 0];
  if (weight !== wanted) return weight > wanted;
  return isSameCohort(status.release?.cohort, cohortAt(facts.spec, stageIndex(at)));
}

const isApproved = ({ status }: Moment, stage: number) => (status.release?.approvedStages ?? []).includes(stage);

/** The approvals that leaving this stage needs: its own, and the promotion's where the last stage is left. */
export function areApprovalsGiven(at: Moment): boolean {
  const { spec, stage } = at.facts;
  const own = stage?.approval !== 'Required' || isApproved(at, stageIndex(at) + 1);
  const promotion = !isLastStage(at) || spec.promotion.approval !== 'Required' || isApproved(at, spec.stages.length + 1);
  return own && promotion;
}

export function isOrdered({ facts }: Moment, verb: NonNullable<Facts['command']>['verb']): boolean {
  const { command } = facts;
  return command !== undefined && command.refusal === undefined && command.verb === verb;
}

/** What every raise needs, whoever asks for it (rule 2). */
export function mayRaise({ facts }: Moment): boolean {
  const { blocker, canaryReady, rejection, acceptanceWait } = facts;
  return blocker === undefined && rejection === undefined && acceptanceWait === undefined && canaryReady && areRulePoliciesKnown(facts);
}

/** What a rule for a cohort must not escape; after a restart that is not known for a moment. */
function areRulePoliciesKnown({ spec, observation }: Facts): boolean {
  return observation.routePolicies !== undefined || !asksForCohort(spec);
}

/** Trouble that only a raise shows: it seems to be gone as soon as the raise was taken back, so it is tried again now and then. */
const SHOWN_BY_WRITING: readonly BlockReason[] = ['RouteNotAccepted', 'RouteRefused', 'RouteWriteFailed', 'Forbidden'];
const TRY_AGAIN_MS = 60_000;
/** Pods that a taken-back raise needs no more: only a raise shows this, too. */
const SHOWN_BY_PODS: readonly BlockReason[] = ['PodsRefused', 'PodsUnschedulable', 'PodsNotReady'];

function waitsForAnotherTry({ status: { release }, facts: { now } }: Moment, raises: boolean): boolean {
  const tried = fromTime(release?.shiftedAt) ?? fromTime(release?.blockedSince) ?? now;
  const shown: readonly string[] = raises ? [...SHOWN_BY_WRITING, ...SHOWN_BY_PODS] : SHOWN_BY_WRITING;
  return shown.includes(release?.blockedReason ?? '') && now < tried + TRY_AGAIN_MS;
}

/** The trouble is gone, the gateways have taken what is there, and a raise that was taken back has its proof still (rule 2). */
export function isFree(at: Moment, to: StateName): boolean {
  const { blocker, acceptanceWait, rejection } = at.facts;
  if (blocker !== undefined || acceptanceWait !== undefined || rejection !== undefined || !areRulePoliciesKnown(at.facts)) return false;
  const { release } = at.status;
  // Before the first raise a gateway refuses the route as its owner wrote it: accepted is accepted.
  const refusedAsItWas = to === 'preparing' && release?.blockedReason === 'RouteNotAccepted';
  const raises = to === 'stage.shifting' || to === 'promoting.rollingOut';
  if (!refusedAsItWas && waitsForAnotherTry(at, raises)) return false;
  return !raises || (isStillProven(at) && !waitsForServing(at));
}

/** A raise that was taken back has its proof still: a Pass, and one that is later than any edit that lowered the share. */
function isStillProven({ status, facts }: Moment): boolean {
  const { release } = status;
  if (!facts.enforced || !asksForTraffic(status)) return true;
  if (release?.driftSince !== undefined && !hasPassedSince(release, facts)) return false;
  return release?.verdict === 'Pass' && facts.evidenceFresh;
}

/**
 * Somebody took all traffic from the canary: the first stage needs no proof, so the release begins again there. Who does so again and
 * again contests the route, and what a person ordered to be put back is put back as it was.
 */
export function beginsAgain(at: Moment): boolean {
  const { release } = at.status;
  const { shareTaken, judging } = at.facts;
  if (!shareTaken || release?.driftSince === undefined || release.contestedBy !== undefined || release.puttingBack === true) return false;
  const isJudged = !judging || release.unavailableSince === undefined;
  return release.workload?.rolls !== true && isJudged && mayRaise(at) && !waitsForAnotherTry(at, true);
}

/** What others lowered stays until a Pass after it, and is put back before the weight rises further (rule 7). */
export const mayRaiseByItself = (at: Moment) => mayRaise(at) && !at.facts.lowered && !waitsForServing(at);

/** No ready endpoint stands behind the serving Service: what the canary is compared with is gone, so a person is asked. */
export function waitsForServing({ status, facts }: Moment): boolean {
  return facts.servingEmpty !== undefined && (status.weight ?? 0) < 100;
}

/** A person orders it, or `onServingEmpty: Promote` does. */
export function isPromotedEarly(at: Moment): boolean {
  return isOrdered(at, 'promote') || isPromotedForServing(at);
}

/** Only the canary answers, nothing speaks against it, and no approval and no gate is missing. */
function isPromotedForServing(at: Moment): boolean {
  const { onServingEmpty, promotion } = at.facts.spec;
  if (onServingEmpty !== 'Promote' || promotion.mode === 'None' || !waitsForServing(at)) return false;
  const isAllowed = isEverythingApproved(at) && areAllGatesOpen(at.facts.spec, at.status, at.facts.state);
  return isServingGone(at.status, at.facts.now) && !isAnythingFailing(at) && isAllowed;
}

/** A single failed look is enough, whatever `consecutive` says. */
function isAnythingFailing({ status: { release } }: Moment): boolean {
  return release?.failedCheck !== undefined || release?.verdict === 'Fail' || (release?.failing ?? []).length > 0;
}

/** The approvals of every stage that is left, and the promotion's. */
function isEverythingApproved(at: Moment): boolean {
  const { stages, promotion } = at.facts.spec;
  const left = stages.map((stage, index) => ({ stage, index })).slice(stageIndex(at));
  const ofStages = left.every(({ stage, index }) => stage.approval !== 'Required' || isApproved(at, index + 1));
  return ofStages && (promotion.approval !== 'Required' || isApproved(at, stages.length + 1));
}

/** The canary can take its first share: its routes bear our mark, and its pods are ready and of one revision. */
export function mayTakeFirstShare(at: Moment): boolean {
  // What is given weight is what a Fail rejects: it has to be one revision.
  return at.facts.claimed && mayRaise(at) && !at.facts.canaryRolling && endOfPodsWait(at.facts, at.facts.now) === undefined;
}

/** Whatever the first share needs but its gates. */
function isReadyForItsFirstShare(at: Moment): boolean {
  return mayTakeFirstShare(at) && !waitsForServing(at) && (!at.facts.judging || at.status.release?.judgeAnswered === true);
}

/** All gates before the next weight have passed. */
export const areGatesPassed = ({ status, facts }: Moment) => areGatesOpen(facts.spec, status, facts.state);

export const mayBeginItsStages = (at: Moment) => isReadyForItsFirstShare(at) && areGatesPassed(at);

/** Nothing but gates holds the next weight: they are run last, so that what they see is what gets the weight. */
export function isReadyForGates(at: Moment): boolean {
  const { state } = at.facts;
  if (state === 'preparing') return isReadyForItsFirstShare(at);
  if (state !== 'stage.analyzing' && state !== 'stage.awaitingApproval') return false;
  return isAtStageWeight(at) && (mayLeaveProven(at) || mayLeaveWithoutEvidence(at) || mayLeaveApproved(at));
}

/** Waits for its gates, and for no person any more. */
export const waitsForGates = (at: Moment) => !areGatesPassed(at) && isReadyForGates(at);

export const mayLeaveProven = (at: Moment) => isProven(at) && areApprovalsGiven(at);
export const mayLeaveApproved = (at: Moment) => needsApprovalWithoutEvidence(at) && isApprovedByAPerson(at) && mayRaise(at);

export const isProven = (at: Moment) => at.facts.stageProven && mayRaiseByItself(at);

/** `onInconclusive: Promote`: the stage had one Pass and none in the end. */
export function mayLeaveWithoutEvidence(at: Moment): boolean {
  const { release } = at.status;
  if (!at.facts.inconclusiveTooLong || afterTimeout(at.facts.spec) !== 'advance') return false;
  return release?.passInStage === true && release.verdict === 'Inconclusive' && areApprovalsGiven(at) && mayRaiseByItself(at);
}

/** `onInconclusive: Approve`: the stage had no proof in time, so a person is asked instead of the judge. */
export function needsApprovalWithoutEvidence({ status, facts }: Moment): boolean {
  return facts.inconclusiveTooLong && afterTimeout(facts.spec) === 'ask' && status.release?.verdict !== 'Fail';
}

/** This very stage was approved, and whatever else needs an approval. */
export function isApprovedByAPerson(at: Moment): boolean {
  return isApproved(at, stageIndex(at) + 1) && areApprovalsGiven(at);
}

/** `onUnavailable: Reduce`. */
export function shouldReduce(at: Moment): boolean {
  return at.facts.unavailableTooLong && afterOutage(at.facts.spec) === 'reduce' && stageIndex(at) > 0;
}

export function mayResume(at: Moment): boolean {
  if (at.facts.spec.paused) return false;
  const { release } = at.status;
  if (release?.pausedBy === 'GateHeld' && findHeld(at.facts.spec, at.status, at.facts.state) === undefined) return true;
  return isOrdered(at, 'resume') || release?.pausedBy === 'Spec';
}

/** A release of it may begin. */
export function mayStart(at: Moment): boolean {
  const { blocker, nothingServes, deleting, spec } = at.facts;
  if (candidateOf(at) === undefined || blocker !== undefined || deleting || spec.paused) return false;
  return isKnownEnough(at) && (!nothingServes || isOrdered(at, 'retry'));
}

/** The candidate to start with: a new one, at `retry` the rejected one again, or the one that was not to blame. */
export function candidateOf(at: Moment): CandidateKey | undefined {
  const { candidate, canaryKey, workload } = at.facts;
  // After a revert or an undo the Deployment has what serves: that is no revision to try again.
  const gone = workload !== undefined && workload.template === workload.servingTemplate;
  return candidate ?? (isOrdered(at, 'retry') && !gone ? canaryKey : undefined) ?? attemptDue(at)?.key;
}

/** The next attempt whose time has come, where neither a new revision nor a person comes first. */
export function attemptDue({ facts: { candidate, command, nextAttempt, now } }: Moment): NextAttempt | undefined {
  if (candidate !== undefined || (command?.verb === 'retry' && command.refusal === undefined)) return undefined;
  return nextAttempt !== undefined && isDue(nextAttempt, now) ? nextAttempt : undefined;
}

/**
 * Nothing begins before it is known how the gateways count backends, whether its gates can be run, for a cohort which policies hold for
 * single rules and, in Deployment mode, how policies treat the canary.
 */
export function isKnownEnough({ facts }: Moment): boolean {
  const { workload, layout, gates } = facts.observation;
  if (layout?.kind === 'unasked' || gates?.standing.kind === 'unasked' || !areRulePoliciesKnown(facts)) return false;
  return workload === undefined || workload.policies !== undefined;
}

/** Which attempt at the revision begins, and how many were begun by Glidepath since a person or a commit began one. */
export function attemptOf(at: Moment): Attempt {
  const { attempt = 1, retries = 0 } = at.status.release ?? {};
  if (attemptDue(at) !== undefined) return { attempt: attempt + 1, retries: retries + 1 };
  return { attempt: isOrdered(at, 'retry') ? attempt + 1 : 1 };
}

/** The promotion waits at 100% before its last writes, or, in Deployment mode, before the Deployment rolls. */
export function bakesNow({ status, facts }: Moment): boolean {
  const { workload } = status.release ?? {};
  return workload === undefined ? parseDuration(facts.spec.promotion.bake) > 0 : workload.bakes === true;
}

/** A promotion has what it asked for, and no request is expected any more at what served before, or nothing there could answer it. */
export function isFormerOutOfUse({ weightEffective, lastAnswersEnd, servingEmpty, now }: Facts): boolean {
  return weightEffective && (lastAnswersEnd === undefined || servingEmpty !== undefined || now >= lastAnswersEnd);
}

/** A share that somebody lowered in the bake was not watched at 100%, and leaving the routes as promoted would raise it (rule 2). */
export function isBakeOver(facts: Facts): boolean {
  return facts.stageServed && isFormerOutOfUse(facts);
}
