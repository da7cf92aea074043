// What is happening and what comes next, in one sentence: `status.message`.

import type { CanaryReleaseStatus, CheckStatus, ReleaseStatus } from '../../../api/release.ts';
import { clockOf } from '../../../api/times.ts';
import { describeCohort } from '../../routing/cohort.ts';
import { hashTemplate } from '../../workload/template.ts';
import type { Facts } from '../assess.ts';
import { findApproval } from '../commands/approval.ts';
import { describeBlocker } from '../checks/types.ts';
import { describeSplitBefore } from '../evidence/split-clock.ts';
import { describeLastAnswers } from '../last-answers.ts';
import { describeDrain, hasConnections } from '../drain.ts';
import { COMPARISON } from '../evidence/comparison-look.ts';
import { describeForesight } from '../evidence/foresight.ts';
import { describeLateness } from '../evidence/lateness.ts';
import { describeShortfall, leastRequestsNow } from '../evidence/shortfall.ts';
import { endOfPodsWait } from '../facts/canary-facts.ts';
import type { WorkloadFacts } from '../facts/workload-facts.ts';
import { countPods, endOfStep } from '../facts/withdrawal.ts';
import { isRunning, type StateName } from '../state.ts';
import { asksForTraffic, hasGivenTraffic } from '../traffic.ts';
import { describePause, nameStage } from './events.ts';
import { describeGateWait, describeHeldGate } from './gate-words.ts';
import { describeGit } from './gitops.ts';
import { describeKeptBlock } from './kept-block.ts';
import { describeEnd, describeNextAttempt } from './next-attempt.ts';
import { describeBake, describeGatewayWait, describeNext } from './next-step.ts';
import { describeHolders } from './other-rules.ts';
import { describeComingRollout, describeServingHold } from './serving.ts';

/** What `status.message` says. @param waitsBlocked a release that has not begun is blocked */
export function describe(status: CanaryReleaseStatus, state: StateName, facts: Facts, waitsBlocked: boolean): string {
  const { release } = status;
  const rollout = isRunning(state) ? undefined : describeComingRollout(status, facts);
  if (rollout !== undefined) return rollout;
  if (waitsBlocked || state === 'blocked') return describeBlock(release, facts.blocker);
  if (release === undefined) return 'nothing to release yet';
  const serving = describeServingHold(status, state, facts);
  return `${serving === undefined ? '' : `${serving}; `}${describeState(status, state, facts, release)}`;
}

function describeState(status: CanaryReleaseStatus, state: Exclude<StateName, 'blocked'>, facts: Facts, release: ReleaseStatus): string {
  const { spec } = facts;
  const stage = nameStage(release.stageIndex ?? 0, spec.stages.length, release.stage);
  const where = `${stage} at ${status.weight ?? 0}%${describeOurCohort(release)}`;
  switch (state) {
    case 'idle':
      return describeIdle(status, facts, release);
    case 'preparing':
      return `release ${release.id} of revision ${release.revision}: ${describePreparing(status, facts, release)}${describeAhead(status, facts)}`;
    case 'stage.shifting':
      return `${where}: ${facts.rejection?.message ?? describeGatewayWait(release, facts) ?? 'waits until every route says so'}`;
    case 'stage.analyzing':
      return facts.shareTaken
        ? `${where}: ${describeTaken(status, facts)}`
        : `${where}: ${describeEvidence(status, facts)}; ${describeNext(status, facts)}`;
    case 'stage.awaitingApproval':
      return `${where}: ${describeEvidence(status, facts)}${describeLack(status, facts)}; ${describeApproval(status, facts, release)}`;
    case 'paused':
      return `paused in ${where}: ${describePause(release.pausedBy)}${describePauseCause(status, facts)}; ${describeEvidence(status, facts)}${describeWayOn(status, facts, release)}`;
    case 'promoting.rollingOut':
      return `promoting: ${describePromotion(status, facts)}`;
    case 'promoting.baking':
      return `promoting: ${describeBake(status, facts)}; ${describeEvidence(status, facts)}${describeWayBack(release, facts)}`;
    case 'promoting.restoring':
      return `promoting: ${describeWithdrawal(status, facts) ?? describeKept(release, facts) ?? describeHolders(release, facts) ?? 'leaves the routes as they stay'}`;
    case 'promoted':
      return describePromoted(status, release, facts);
    case 'rollingBack.goingHome':
    case 'rollingBack.draining':
    case 'rollingBack.cleaning':
      return describeRollback(state, release, facts);
    case 'rolledBack':
      return `${describeEnd(release)}: ${release.reasonMessage ?? ''}${describeAfter(release, facts)}${describeHeld(release, facts)}`;
  }
}

/** What goes to the canary beside its weight. */
function describeOurCohort({ cohort }: ReleaseStatus): string {
  return cohort === undefined ? '' : ` (${describeCohort(cohort)} go to the canary)`;
}

function describeApproval(status: CanaryReleaseStatus, facts: Facts, release: ReleaseStatus): string {
  const waits = findApproval(status, facts.spec, 'stage.awaitingApproval', facts.timedOut);
  if (waits !== undefined) return `waits for approval (approve:${release.id}/${waits})`;
  return facts.canaryReady ? 'approved; waits for a Pass' : 'approved; waits until the canary is ready';
}

function describeIdle({ serving }: CanaryReleaseStatus, { workload }: Facts, release: ReleaseStatus): string {
  if (workload === undefined) return 'nothing to release';
  // Whoever reads it has still to do something, if not here.
  const why = release.undone === true ? `: ${release.reasonMessage ?? ''}${describeGit(workload.deployment)}` : '; nothing to release';
  return `revision ${serving?.revision ?? ''} serves${why}`;
}

function describePromoted({ serving }: CanaryReleaseStatus, release: ReleaseStatus, facts: Facts): string {
  // A proven template may have been rolled since.
  if (facts.workload !== undefined) return `revision ${serving?.revision ?? release.revision} serves`;
  return `revision ${release.revision} is promoted; Service ${serving?.service ?? release.canary.service} serves${describeOpen(release, release.serving.service)}`;
}

function describePromotion(status: CanaryReleaseStatus, facts: Facts): string {
  const { weight = 0, release } = status;
  const { workload, state, observation, now } = facts;
  if (workload === undefined || workload.bakes) {
    const waits =
      facts.rejection?.message ?? describeGatewayWait(release, facts) ?? describeLastAnswers(status, state, observation.lastAnswers, now);
    return `canary share goes to 100%${waits === undefined ? '' : `; ${waits}`}`;
  }
  return `${describeRollout(workload)}; the canary keeps ${weight}%`;
}

function describeRollback(state: StateName, release: ReleaseStatus, facts: Facts): string {
  const git = release.undone === true ? describeGit(facts.workload?.deployment) : '';
  const waits = state === 'rollingBack.goingHome' && facts.workload?.homeIsEmpty === true;
  const empty = waits ? `; Service ${release.serving.service} has no ready pod yet, so the canary keeps its share until it has one` : '';
  const holders = state === 'rollingBack.cleaning' ? describeHolders(release, facts) : undefined;
  const waiting = holders === undefined ? describeDraining(release, facts) : `; ${holders}`;
  const what = release.reason === 'Completed' ? 'completing' : 'rolling back';
  return `${what} ${describeHome(release, facts)}: ${release.reasonMessage ?? ''}${git}${empty}${waiting}`;
}

/** In Services mode nothing is removed, so nothing drains. */
function describeKept(release: ReleaseStatus, { workload, now }: Facts): string | undefined {
  return describeDrain(release, workload?.drain, now);
}

function describeDraining(release: ReleaseStatus, facts: Facts): string {
  const drains = describeKept(release, facts);
  return drains === undefined ? '' : `; ${drains}`;
}

/** Deployment mode: what home would find, while it is one write away. */
function describeWayBack(release: ReleaseStatus, { workload }: Facts): string {
  const { deployment } = workload ?? {};
  if (deployment === undefined) return '';
  const [now, before] = [deployment.spec.replicas ?? 1, release.workload?.replicas ?? 0];
  const short = now < before ? `; only ${now} of ${before} old pods are left for the way back: is an autoscaler at work?` : '';
  return `; undo:${release.id} goes back to the old pods of Deployment ${deployment.metadata.name}, which rolls after it${short}`;
}

/** How far the Deployment is. */
function describeRollout({ deployment }: WorkloadFacts): string {
  const wanted = deployment?.spec.replicas ?? 1;
  return `Deployment ${deployment?.metadata.name} rolls, ${deployment?.status?.updatedReplicas ?? 0} of ${wanted} pods`;
}

/** Where a rollback goes: an undone promotion is taken back by its Deployment, which serves all the while. */
function describeHome({ serving, undone }: ReleaseStatus, { workload }: Facts): string {
  if (workload?.deployment === undefined || undone !== true) return `to Service ${serving.service}`;
  if (workload.template === workload.servingTemplate) return `(${describeRollout(workload)})`;
  const { name } = workload.deployment.metadata;
  return findTemplateLost(workload)
    ? `is stuck, the former ReplicaSet of Deployment ${name} is gone: revert it in Git`
    : `Deployment ${name}`;
}

function findTemplateLost({ replicaSets, servingTemplate }: WorkloadFacts): boolean {
  return !replicaSets.some((one) => hashTemplate(one.spec.template) === servingTemplate);
}

/** A rejected revision has its way on in what is left behind; of another one it says whether it begins again. */
function describeAfter(release: ReleaseStatus, facts: Facts): string {
  return `${describeOpen(release, release.canary.service)}${release.rejects === true ? '' : describeNextAttempt(release, facts)}`;
}

/** Weights decide about new connections alone. In Deployment mode those of the canary end with its pods. */
function describeOpen(release: ReleaseStatus, service: string): string {
  if (release.workload !== undefined || !hasConnections(release) || !hasGivenTraffic(release)) return '';
  return `; open connections stay with Service ${service} until they close`;
}

/** What stays behind after a rollback, and the way on. */
function describeHeld(release: ReleaseStatus, { workload }: Facts): string {
  if (workload?.deployment?.spec.paused !== true || workload.template === workload.servingTemplate)
    return release.undone === true ? describeGit(workload?.deployment) : '';
  return `; Deployment ${workload.deployment.metadata.name} stays held at it, the old pods serve: revert it, or commit a new one`;
}

/** The raise that was refused is taken back, so the trouble does not show while it waits for the next try. */
function describeBlock(release: CanaryReleaseStatus['release'], blocker: Facts['blocker']): string {
  if (blocker !== undefined) return `blocked: ${describeBlocker(blocker)}`;
  return `blocked: ${describeKeptBlock(release, undefined) ?? 'Blocked'}; waits for the gateways and for proof, then tries the refused raise again`;
}

/** What the pause does not say itself: the block that it came out of, or what was missing for a proof. */
function describePauseCause(status: CanaryReleaseStatus, facts: Facts): string {
  const blocked = describeKeptBlock(status.release, facts.blocker);
  if (blocked !== undefined) return ` (${blocked})`;
  if (status.release?.pausedBy === 'GateHeld') {
    const held = describeHeldGate(facts.spec, status, 'paused');
    return held === undefined ? '' : ` (${held})`;
  }
  return status.release?.pausedBy === 'Inconclusive' ? describeLack(status, facts) : '';
}

/** At a gate the pause has said which commands there are. */
function describeWayOn(status: CanaryReleaseStatus, facts: Facts, { id, pausedBy }: ReleaseStatus): string {
  const isHeld = pausedBy === 'GateHeld' && describeHeldGate(facts.spec, status, 'paused') !== undefined;
  return isHeld ? '' : `; resume:${id} continues`;
}

/** Why there is no proof, where numbers alone are missing. */
function describeLack(status: CanaryReleaseStatus, facts: Facts): string {
  if (!facts.timedOut) return '';
  const short = describeShortfall(status, facts.spec);
  return short === undefined ? '' : ` (${short})`;
}

function describePreparing(status: CanaryReleaseStatus, facts: Facts, release: ReleaseStatus): string {
  return describeGateWait(facts.spec, status, 'preparing') ?? describeWaits(facts, release);
}

function describeWaits(facts: Facts, release: ReleaseStatus): string {
  const pods = describePodsWait(facts, release);
  if (pods !== undefined) return pods;
  if (facts.judging && release.judgeAnswered !== true) return 'waits until Prometheus answers';
  return describeGatewayWait(release, facts) ?? (facts.claimed ? 'ready for its first share' : 'claims the routes');
}

/** What the canary's pods are still to become; undefined where they can take requests. */
function describePodsWait(facts: Facts, { canary, revision }: ReleaseStatus): string | undefined {
  const behind = `behind Service ${canary.service}`;
  const seen = facts.pods?.seen ?? facts.pods?.homeless?.message;
  if (!facts.canaryReady) return `waits for ready pods ${behind}${seen === undefined ? '' : `: ${seen}`}`;
  if (facts.canaryRolling) return `waits until the pods ${behind} are of one template: its rollout is under way`;
  const ends = endOfPodsWait(facts, facts.now);
  if (ends === undefined) return undefined;
  return `waits for pods of revision ${revision} ${behind}: those that are ready were there before spec.revision changed; begins with them at ${clockOf(ends)}`;
}

/** What the stages can be expected to prove. */
function describeAhead(status: CanaryReleaseStatus, { spec }: Facts): string {
  const ahead = describeForesight(spec, status);
  return ahead === undefined ? '' : `; ${ahead}`;
}

/** What the judge says, and how late what it goes by arrives. */
function describeEvidence(status: CanaryReleaseStatus, facts: Facts): string {
  if (facts.shareTaken) return describeTaken(status, facts);
  const late = describeLateness(status.release);
  const before = status.release === undefined ? undefined : describeSplitBefore(status.release, status.weight ?? 0);
  if (before !== undefined) return before;
  return `${describeJudged(status, facts)}${late === undefined ? '' : `; ${late}`}`;
}

/** The check that says most: a failing one first, then the first of all. */
function describeJudged(status: CanaryReleaseStatus, facts: Facts): string {
  if (facts.spec.analysis.mode === 'Off') return 'analysis is off';
  const checks = status.checks ?? [];
  const order = ['Fail', 'Unavailable', 'Inconclusive', 'Pass'];
  // A comparison that a cohort silences decides nothing.
  const isSilent = ({ name, value }: CheckStatus) => name === COMPARISON && value === undefined && status.release?.cohort !== undefined;
  const rankOf = (check: CheckStatus) => (isSilent(check) ? order.length : order.indexOf(check.verdict));
  const telling = [...checks].sort((a, b) => rankOf(a) - rankOf(b))[0];
  if (telling === undefined) return asksForTraffic(status) ? 'no evaluation yet' : 'no traffic is asked for';
  // The comparison says it all in its own words.
  if (telling.name === COMPARISON && telling.message !== undefined) return `${telling.message}${describeTooFew(status, facts)}`;
  if (telling.value === undefined) return `${telling.name}: ${telling.message ?? telling.verdict}`;
  const over = telling.requests === undefined ? '' : ` over ${telling.requests} canary requests`;
  const held = telling.verdict === 'Fail' && telling.message !== undefined ? `, ${telling.message}` : '';
  return `${telling.name} ${telling.value} (limit ${telling.limit})${over}${held}${describeTooFew(status, facts)}`;
}

/** What the checks say of a canary without traffic would name a wrong cause. */
function describeTaken({ release }: CanaryReleaseStatus, facts: Facts): string {
  const waits = whatHoldsTheRaise(release, facts);
  const when = waits === undefined ? '' : ` as soon as it can: ${waits}`;
  const share = facts.spec.stages[0]?.weight ?? 0;
  return `field manager ${release?.driftBy ?? 'unknown'} took all traffic from the canary; the release begins again with its first stage (${share}%)${when}`;
}

function whatHoldsTheRaise(release: CanaryReleaseStatus['release'], facts: Facts): string | undefined {
  const { blocker, rejection, acceptanceWait, canaryReady } = facts;
  if (release?.unavailableSince !== undefined) return 'Prometheus does not answer';
  return blocker?.message ?? rejection?.message ?? acceptanceWait ?? (canaryReady ? undefined : 'the canary is not ready');
}

function describeTooFew(status: CanaryReleaseStatus, facts: Facts): string {
  const needed = status.release === undefined ? 0 : (leastRequestsNow(facts.spec, status.release) ?? 0);
  const seen = Math.round(status.release?.stageRequests ?? 0);
  return seen < needed ? `, ${seen} of ${needed} requests that a Pass needs` : '';
}

/** Why there are steps, and when the next one comes; undefined where there are none. */
function describeWithdrawal({ weight = 0, release }: CanaryReleaseStatus, { workload }: Pick<Facts, 'workload'>): string | undefined {
  const count = countPods(release, workload);
  const due = release === undefined ? undefined : endOfStep(release);
  if (weight === 0 || count === undefined || due === undefined) return undefined;
  const name = workload?.deployment?.metadata.name ?? '';
  return `Deployment ${name} has ${count.ready} of the ${count.before} pods that served before, so the canary gives its share back in steps: ${weight}%, less at ${clockOf(due)} or when they are there`;
}
