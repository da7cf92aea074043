// The questions that the machine asks of the facts, each a sentence: may it raise, is the stage proven, must it pause? Pure
// functions of the status and the facts; which state follows is the machine's.

import { parseDuration } from '../../../api/duration.ts';
import type { EventReason } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { hasPassedSince } from '../drift/drift.ts';
import type { Facts } from '../facts/facts.ts';
import type { CandidateKey } from '../facts/revision.ts';
import { waitsForProof, type StateName } from '../state.ts';
import { fromTime } from '../../../api/times.ts';

/** What the machine carries: the status as it grows. */
export interface MachineContext {
  readonly status: CanaryReleaseStatus;
}

/** The one event: what is known now. */
export interface Observed {
  readonly type: 'OBSERVED';
  readonly facts: Facts;
}

/** An edge in words: the event reason it is told under, and the sentence. */
export interface ReleaseEvent {
  readonly reason: EventReason;
  readonly message: string;
  readonly warning?: boolean;
  /** The person whose command made it happen, where the command says. */
  readonly by?: string;
}

export type Scope = { readonly context: MachineContext; readonly event: Observed };

export const release = ({ context }: Scope) => context.status.release;
export const stageIndex = (scope: Scope) => release(scope)?.stageIndex ?? 0;
export const isLastStage = (scope: Scope) => stageIndex(scope) >= scope.event.facts.spec.stages.length - 1;
export const isAtStageWeight = (scope: Scope) => (scope.context.status.weight ?? 0) >= (scope.event.facts.stage?.weight ?? 0);
const isApproved = (scope: Scope, stage: number) => (release(scope)?.approvedStages ?? []).includes(stage);

/** The approvals that leaving this stage needs: its own, and the promotion's where the last stage is left. */
export function areApprovalsGiven(scope: Scope): boolean {
  const { spec, stage } = scope.event.facts;
  const own = stage?.approval !== 'Required' || isApproved(scope, stageIndex(scope) + 1);
  const promotion = !isLastStage(scope) || spec.promotion.approval !== 'Required' || isApproved(scope, spec.stages.length + 1);
  return own && promotion;
}

export const isOrdered = (scope: Scope, verb: string) => {
  const command = scope.event.facts.command;
  return command !== undefined && command.refusal === undefined && command.verb === verb;
};

export function mayRaise({ event }: Scope): boolean {
  const { blocker, canaryReady, rejection, acceptanceWait } = event.facts;
  return blocker === undefined && rejection === undefined && acceptanceWait === undefined && canaryReady;
}

/** Trouble that only a raise shows: it seems to be gone as soon as the raise was taken back, so it is tried again now and then. */
const SHOWN_BY_WRITING: readonly string[] = ['RouteNotAccepted', 'RouteRefused', 'RouteWriteFailed', 'Forbidden'];
const TRY_AGAIN_MS = 60_000;
/** Pods that a taken-back raise needs no more: only a raise shows this, too. */
const SHOWN_BY_PODS: readonly string[] = ['PodsRefused', 'PodsUnschedulable'];

function waitsForAnotherTry(current: ReturnType<typeof release>, now: number, raises: boolean): boolean {
  const tried = fromTime(current?.shiftedAt) ?? fromTime(current?.blockedSince) ?? now;
  const shown = raises ? [...SHOWN_BY_WRITING, ...SHOWN_BY_PODS] : SHOWN_BY_WRITING;
  return shown.includes(current?.blockedReason ?? '') && now < tried + TRY_AGAIN_MS;
}

/** The trouble is gone, the gateways have taken what is there, and a raise that was taken back has its proof still (rule 2). */
export function isFree(scope: Scope, to: StateName): boolean {
  const { blocker, acceptanceWait, rejection, now, enforced, evidenceFresh } = scope.event.facts;
  if (blocker !== undefined || acceptanceWait !== undefined || rejection !== undefined) return false;
  const current = release(scope);
  // Before the first raise a gateway refuses the route as its owner wrote it: accepted is accepted.
  const refusedAsItWas = to === 'preparing' && current?.blockedReason === 'RouteNotAccepted';
  const raises = to === 'stage.shifting' || to === 'promoting.rollingOut';
  if (!refusedAsItWas && waitsForAnotherTry(current, now, raises)) return false;
  if (!raises || !enforced || (scope.context.status.weight ?? 0) === 0) return true;
  if (current?.driftSince !== undefined && !hasPassedSince(current, scope.event.facts)) return false;
  return current?.verdict === 'Pass' && evidenceFresh;
}

/** What others lowered stays until a Pass after it, and is put back before the weight rises further (rule 7). */
export const mayRaiseByItself = (scope: Scope) => mayRaise(scope) && !scope.event.facts.lowered;

export const isProven = (scope: Scope) => scope.event.facts.stageProven && mayRaiseByItself(scope);

export function isInconclusiveTooLong(scope: Scope): boolean {
  const { timedOut, enforced, evidenceFresh } = scope.event.facts;
  return timedOut && enforced && evidenceFresh && release(scope)?.verdict !== 'Unavailable' && !scope.event.facts.stageProven;
}

/** `onInconclusive: Approve`: the stage had no proof in time, so a person is asked instead of the judge. */
export function asksWithoutProof(scope: Scope): boolean {
  const asks = scope.event.facts.spec.analysis.onInconclusive === 'Approve';
  return asks && isInconclusiveTooLong(scope) && release(scope)?.verdict !== 'Fail';
}

/** This very stage was approved, and whatever else needs an approval. */
export function isLetGoByAPerson(scope: Scope): boolean {
  return isApproved(scope, stageIndex(scope) + 1) && areApprovalsGiven(scope);
}

export function isUnavailableTooLong({ context, event }: Scope): boolean {
  const { now, spec, enforced } = event.facts;
  const since = fromTime(context.status.release?.unavailableSince);
  return enforced && since !== undefined && now >= since + parseDuration(spec.analysis.onUnavailable.after);
}

/** Reasons to pause, in the order in which they are told. */
const PAUSES: readonly (readonly [reason: string, applies: (scope: Scope) => boolean])[] = [
  ['Spec', ({ event }) => event.facts.spec.paused],
  ['Command', (scope) => isOrdered(scope, 'pause')],
  ['DeadlineExceeded', isDeadlineOver],
  ['MetricsUnavailable', (scope) => isUnavailableTooLong(scope) && scope.event.facts.spec.analysis.onUnavailable.then === 'Pause'],
  ['Inconclusive', shouldAskWithoutProof],
  ['BlockedTooLong', isBlockedTooLong],
];

/** Why the release pauses, if anything says so. */
export function findPauseReason(scope: Scope): string | undefined {
  return PAUSES.find(([, applies]) => applies(scope))?.[0];
}

function isDeadlineOver(scope: Scope): boolean {
  const { now, spec } = scope.event.facts;
  const deadline = fromTime(release(scope)?.deadlineAt);
  return spec.deadline.then === 'Pause' && deadline !== undefined && now >= deadline;
}

/** `Promote` needs one Pass in the stage; without it a person is asked, as with `Pause`. */
function shouldAskWithoutProof(scope: Scope): boolean {
  const { spec, state } = scope.event.facts;
  const { onInconclusive } = spec.analysis;
  const asks = onInconclusive === 'Pause' || (onInconclusive === 'Promote' && release(scope)?.passInStage !== true);
  return asks && waitsForProof(state, release(scope)) && isInconclusiveTooLong(scope);
}

function isBlockedTooLong(scope: Scope): boolean {
  const { now, spec, state, blocker } = scope.event.facts;
  const since = fromTime(release(scope)?.blockedSince);
  if (state !== 'blocked' || blocker === undefined || since === undefined) return false;
  return spec.onBlocked.then === 'Pause' && now >= since + parseDuration(spec.onBlocked.after);
}

export function mayResume(scope: Scope): boolean {
  const { spec } = scope.event.facts;
  if (spec.paused) return false;
  return isOrdered(scope, 'resume') || release(scope)?.pausedBy === 'Spec';
}

/** The candidate to start with: a new one, or at `retry` the rejected one again. */
export function candidateOf(scope: Scope): CandidateKey | undefined {
  const { candidate, canaryKey, workload } = scope.event.facts;
  // After a revert or an undo the Deployment has what serves: that is no revision to try again.
  const gone = workload !== undefined && workload.template === workload.servingTemplate;
  return candidate ?? (isOrdered(scope, 'retry') && !gone ? canaryKey : undefined);
}

/** Deployment mode: nothing begins before it is known how the policies treat the canary. */
export function arePoliciesKnown({ event }: Scope): boolean {
  const { workload } = event.facts.observation;
  return workload === undefined || workload.policies !== undefined;
}

export function attemptOf(scope: Scope): number {
  return isOrdered(scope, 'retry') ? (release(scope)?.attempt ?? 1) + 1 : 1;
}

/** The promotion waits at 100% before its last writes, or, in Deployment mode, before the Deployment rolls. */
export function bakesNow(scope: Scope): boolean {
  const { workload } = release(scope) ?? {};
  return workload === undefined ? parseDuration(scope.event.facts.spec.promotion.bake) > 0 : workload.bakes === true;
}
