// Why a running release must bring all traffic home now (rule 1): a chain of named checks, the first that answers wins.

import { isRollbackReason } from '../../../api/reasons.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { toSeconds } from '../../../api/times.ts';
import type { Known } from '../facts/known.ts';
import { findFatal, nameGate } from '../gates/entries.ts';
import { isHomeMark, readHomeReason } from '../facts/home-mark.ts';
import { keepsWeights } from '../facts/retain.ts';
import { isServingGone } from '../facts/serving-facts.ts';
import { isJudged, isPreparing, isPromotingAt, waitsForProof, type StateName } from '../state.ts';
import { asksForTraffic } from '../traffic.ts';
import type { Blocker, RollbackReason } from './types.ts';
import { findCrash, theCanaryCannotRun, theCanaryNeverGotReady } from './canary-pods.ts';
import { afterBlock, afterDeadline, afterOutage, afterTimeout } from './overdue.ts';

export type { RollbackReason };

/** What the checks may ask. */
export type RollbackFacts = Known & { readonly blocker: Blocker | undefined };

/** `status.release.reasonMessage` takes so many characters. */
const MOST_MESSAGE = 1_000;

type Find = (facts: RollbackFacts, status: CanaryReleaseStatus) => RollbackReason | undefined;

/**
 * `always`: a person, or what happened to the object, asks for it. `whereHomeAnswers`: it waits while the serving Service has no ready
 * endpoint, because going home would then take what may still answer for nothing that does.
 */
type Rule = 'always' | 'whereHomeAnswers';

/**
 * In this order: what people asked for first, then what the world says, then what the clock says. The mark of an earlier
 * operator comes last: a reason that still holds is the one it had, and decides whether the revision is to blame (rule 5).
 */
const CHECKS: readonly (readonly [find: Find, rule: Rule])[] = [
  [deletionAsksForHome, 'always'],
  [abortWasAsked, 'always'],
  [undoWasAsked, 'always'],
  [nothingServesYet, 'always'],
  [bothWereEmpty, 'whereHomeAnswers'],
  [theVerdictIsFail, 'whereHomeAnswers'],
  [aGateFailed, 'whereHomeAnswers'],
  [theCanaryCannotRun, 'whereHomeAnswers'],
  [theCanaryCrashed, 'whereHomeAnswers'],
  [theCanaryIsEmpty, 'whereHomeAnswers'],
  [theCanaryNeverGotReady, 'whereHomeAnswers'],
  [theHoldWasPassed, 'always'],
  [theDeploymentIsGone, 'always'],
  [aNewRevisionIsThere, 'always'],
  [theDeadlinePassed, 'whereHomeAnswers'],
  [troubleLastedTooLong, 'whereHomeAnswers'],
  [prometheusWasAwayTooLong, 'whereHomeAnswers'],
  [evidenceNeverCame, 'whereHomeAnswers'],
  [anEarlierOperatorWentHome, 'always'],
];

/** Why all traffic goes home now, and why it would if home could answer. */
export interface Rollback {
  readonly rollback: RollbackReason | undefined;
  readonly rollbackWaits: RollbackReason | undefined;
}

/** The first reason to go home, or none. Only a release that runs and is not on its way home already has one. */
export function findRollback(facts: RollbackFacts, status: CanaryReleaseStatus): Rollback {
  let rollbackWaits: RollbackReason | undefined;
  if (!isJudged(facts.state)) return { rollback: undefined, rollbackWaits };
  const waits = isWorseAtHome(facts, status);
  for (const [find, rule] of CHECKS) {
    const reason = find(facts, status);
    if (reason === undefined) continue;
    if (rule === 'always' || !waits) return { rollback: reason, rollbackWaits: undefined };
    rollbackWaits ??= reason;
  }
  return { rollback: undefined, rollbackWaits };
}

/** No endpoint answers at home, so going there helps no request, and takes from the canary what it answers. */
function isWorseAtHome(facts: RollbackFacts, status: CanaryReleaseStatus): boolean {
  return facts.servingEmpty !== undefined && hasTraffic(facts, status);
}

function hasTraffic({ observedWeight }: RollbackFacts, status: CanaryReleaseStatus): boolean {
  return (observedWeight !== undefined && observedWeight > 0) || asksForTraffic(status);
}

function deletionAsksForHome({ deleting, spec, state }: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  if (!deleting || keepsWeights(spec, status)) return undefined;
  if (isPromotedButForTheCanary(state, status)) return undefined;
  return { reason: 'Deleted', message: 'the CanaryRelease is being deleted' };
}

function abortWasAsked({ abortRequested, abortBy }: RollbackFacts): RollbackReason | undefined {
  if (!abortRequested) return undefined;
  const message = `aborted by ${abortBy ?? 'a person'} (annotation glidepath.dev/abort)`;
  return { reason: 'Aborted', message, ...(abortBy === undefined ? {} : { by: abortBy }) };
}

/** The Deployment serves what was promoted: only the canary, which is wanted no more, is still to go. No clock takes that back. */
function isPromotedButForTheCanary(state: StateName, { release }: CanaryReleaseStatus): boolean {
  return state === 'promoting.restoring' && release?.workload !== undefined;
}

/** In a promotion that is under way; one that is over is taken back by the machine. */
function undoWasAsked({ command }: RollbackFacts): RollbackReason | undefined {
  if (command?.verb !== 'undo' || command.refusal !== undefined) return undefined;
  const { by } = command;
  const message = `undone by ${by ?? 'a person'} (command undo)`;
  return { reason: 'Undone', message, ...(by === undefined ? {} : { by }) };
}

/** Killed between the home patch and the commit: the route remembers what the status does not (rules 1 and 5). */
function anEarlierOperatorWentHome({ standings, mark }: RollbackFacts): RollbackReason | undefined {
  const found = standings.find((standing) => isHomeMark(standing.mark, mark));
  if (found === undefined) return undefined;
  return {
    reason: readHomeReason(found.mark, mark) ?? 'Recovered',
    message: 'the rollback had started before the operator restarted, says the annotation of a route',
  };
}

/**
 * Deployment mode: the release has not begun to shift, and nothing serves any more. It ends, and the revision rolls out without a canary.
 * Not where a person has ordered another try at what was rejected: that one waits for the person.
 */
function nothingServesYet({ state, nothingServes, workload, now }: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  const { release } = status;
  if (!nothingServes || release?.workload === undefined || !isPreparing(state, release) || isOrderedAgain(release)) return undefined;
  const { name } = release.workload;
  if (workload?.deployment?.spec.replicas === 0) return { reason: 'NothingServes', message: `Deployment ${name} is scaled to 0` };
  return isServingGone(status, now) ? { reason: 'NothingServes', message: `no pod of Deployment ${name} is ready` } : undefined;
}

function isOrderedAgain({ attempt = 1, retries = 0 }: Pick<ReleaseStatus, 'attempt' | 'retries'>): boolean {
  return attempt > 1 && retries === 0;
}

/** What took the pods of both took the canary's, too: what was counted meanwhile says nothing of the revision. */
function bothWereEmpty({ state }: RollbackFacts, { release }: CanaryReleaseStatus): RollbackReason | undefined {
  // A person, or the spec, has promoted it since.
  if (release?.bothEmptyAt === undefined || isPromotingAt(state, release)) return undefined;
  return {
    reason: 'CanaryEmpty',
    message: `neither Service ${release.canary.service} nor Service ${release.serving.service} had a ready endpoint at ${toSeconds(release.bothEmptyAt)}`,
  };
}

function theVerdictIsFail({ enforced }: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  const failed = status.release?.failedCheck;
  if (failed === undefined || !enforced) return undefined;
  return { reason: ofCheck(failed.reason), message: failed.message };
}

/** A gate that had no answer in time says nothing of the revision. */
function aGateFailed({ spec, state }: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  const { entry } = findFatal(spec, status, state) ?? {};
  if (entry === undefined) return undefined;
  const log = entry.log === undefined ? '' : `; log: ${entry.log.slice(-400)}`;
  const message = `${nameGate(entry)} failed: ${entry.message ?? ''}${log}`.slice(0, MOST_MESSAGE);
  return { reason: entry.timedOut === true ? 'GateTimedOut' : 'GateFailed', message };
}

/** A status of another version may have a word that this one does not know. */
function ofCheck(reason: string): RollbackReason['reason'] {
  return isRollbackReason(reason) ? reason : 'Query';
}

/** The version's own fault, unlike what happens to its pods. */
function theCanaryCrashed(facts: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  const crash = findCrash(facts.pods, facts.now);
  if (crash === undefined || !isEmptyWithTraffic(facts, status)) return undefined;
  const message = `Service ${facts.sides?.canary ?? ''} has weight and no ready endpoint, because its pods crashed: ${crash}`;
  return { reason: 'CanaryCrashed', message: message.slice(0, MOST_MESSAGE) };
}

function isEmptyWithTraffic(facts: RollbackFacts, status: CanaryReleaseStatus): boolean {
  // Then its share goes at once, too, but what was promoted stays.
  if (isPromotedButForTheCanary(facts.state, status)) return false;
  // A rule of the user's own is not taken back by a rollback, so an empty canary behind it alone is no reason for one.
  return facts.canaryEmpty && hasTraffic(facts, status);
}

function theCanaryIsEmpty(facts: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  if (!isEmptyWithTraffic(facts, status)) return undefined;
  const service = facts.sides?.canary ?? '';
  const seen = facts.pods?.seen;
  const why = seen === undefined ? '' : `: ${seen}`;
  return { reason: 'CanaryEmpty', message: `Service ${service} has weight and no ready endpoint${why}`.slice(0, MOST_MESSAGE) };
}

function theHoldWasPassed({ workload, state }: RollbackFacts, { release }: CanaryReleaseStatus): RollbackReason | undefined {
  const promotes = state.startsWith('promoting.') || release?.returnTo?.startsWith('promoting.') === true;
  if (workload?.rollsUnproven !== true || (promotes && !workload.bakes)) return undefined;
  const name = workload.deployment?.metadata.name ?? '';
  return { reason: 'HoldBypassed', message: `Deployment ${name} was unpaused by someone else and is rolling out without a canary` };
}

function theDeploymentIsGone({ workload }: RollbackFacts): RollbackReason | undefined {
  if (workload === undefined || !workload.known || workload.deployment !== undefined) return undefined;
  return { reason: 'WorkloadDeleted', message: 'the Deployment that is released was deleted' };
}

function aNewRevisionIsThere({ revisionChanged, state }: RollbackFacts): RollbackReason | undefined {
  // While the last writes of a promotion are made the release has ended in all but name.
  if (!revisionChanged || state === 'promoting.restoring') return undefined;
  return { reason: 'Superseded', message: 'another revision appeared while this one was being released' };
}

function theDeadlinePassed({ spec, state, deadlinePassed }: RollbackFacts, status: CanaryReleaseStatus): RollbackReason | undefined {
  if (!deadlinePassed || afterDeadline(spec) !== 'rollback' || isPromotedButForTheCanary(state, status)) return undefined;
  return { reason: 'DeadlineExceeded', message: `the release took longer than ${spec.deadline.after}` };
}

function troubleLastedTooLong(
  { spec, blocker, blockedTooLong }: RollbackFacts,
  { release }: CanaryReleaseStatus,
): RollbackReason | undefined {
  if (!blockedTooLong || afterBlock(spec) !== 'rollback') return undefined;
  return {
    reason: 'BlockedTooLong',
    message: `blocked for ${spec.onBlocked.after} (${blocker?.message ?? release?.blockedReason ?? 'trouble'})`,
  };
}

function prometheusWasAwayTooLong(
  { spec, unavailableTooLong, state }: RollbackFacts,
  status: CanaryReleaseStatus,
): RollbackReason | undefined {
  if (!unavailableTooLong || afterOutage(spec) !== 'rollback' || isPromotedButForTheCanary(state, status)) return undefined;
  // Before its first weight a release waits for an answer: there is nothing to take back.
  if (isPreparing(state, status.release)) return undefined;
  return { reason: 'MetricsUnavailable', message: `Prometheus could not be asked for ${spec.analysis.onUnavailable.after}` };
}

function evidenceNeverCame(facts: RollbackFacts, { release }: CanaryReleaseStatus): RollbackReason | undefined {
  const { state, enforced, timedOut, spec, stage } = facts;
  if (!waitsForProof(state, release) || !enforced || !timedOut || afterTimeout(spec) !== 'rollback') return undefined;
  // Unavailable is not the release's fault; a Fail that only holds is as little a proof as no evidence.
  if (release?.verdict === 'Unavailable' || release?.verdict === 'Pass') return undefined;
  return {
    reason: 'Inconclusive',
    message: `no proof after ${stage?.timeout ?? 'the timeout'} in this stage (onInconclusive: Rollback)`,
  };
}
