// The status in people's terms, derived: phase, progress, message, conditions. Whoever reads the status reads this.

import { setCondition } from '../../../api/conditions.ts';
import type { CanaryReleaseStatus, Condition } from '../../../api/release.ts';
import { hashTemplate } from '../../workload/template.ts';
import { findApproval } from '../commands/approval.ts';
import { describeApplier, describeGit, describePutBack } from './gitops.ts';
import { COMPARISON } from '../evidence/comparison-look.ts';
import { describeDrain } from '../drain.ts';
import type { Facts } from '../assess.ts';
import { isOfFormerWeight } from '../evidence/measured.ts';
import { describeParity } from './policy-parity.ts';
import { describePause, nameStage } from './events.ts';
import { describeShortfall, findShortfall } from '../evidence/shortfall.ts';
import { isRunning, phaseOf, type StateName } from '../state.ts';
import { clockOf, fromTime, toTime } from '../../../api/times.ts';
import { describeWithdrawal } from '../machine/withdraw.ts';
import { BEING_ASKED, INSTALL_HOLD } from '../checks/workload-blockers.ts';
import type { WorkloadFacts } from '../facts/workload-facts.ts';

/** Fills in what is derived. @param walked the state after the last step */
export function describeStatus(status: CanaryReleaseStatus, walked: StateName, facts: Facts): CanaryReleaseStatus {
  const state = isReverted(walked, facts) ? 'idle' : walked;
  const generation = facts.observation.release.metadata.generation ?? 0;
  const waitsBlocked = !isRunning(state) && facts.blocker !== undefined && !facts.deleting && needsRelease(status, facts);
  const phase = waitsBlocked ? 'Blocked' : phaseOf(state);
  const count = facts.spec.stages.length;
  const release = status.release;
  const { verdict, measured, ...rest } = status;
  return {
    ...rest,
    ...(measured === undefined || !isRunning(state) || isOfFormerWeight(measured, release) ? {} : { measured }),
    ...(verdict === undefined || !isRunning(state) ? {} : { verdict }),
    observedGeneration: generation,
    phase,
    ...(release === undefined ? {} : { progress: progressOf(state, release.stageIndex ?? 0, count) }),
    weight: status.weight ?? 0,
    observedWeight: isRunning(state) ? facts.observedWeight : 0,
    message: describe(status, state, facts, waitsBlocked).slice(0, 1024),
    conditions: [...describeConditions(status, state, facts, waitsBlocked, generation)],
  };
}

/** After a rollback somebody took the change back, and what serves is what the Deployment says: nobody is needed any more. */
function isReverted(state: StateName, { workload }: Facts): boolean {
  if (state !== 'rolledBack' || workload?.template === undefined) return false;
  return workload.template === workload.servingTemplate && workload.deployment?.spec.paused !== true;
}

/** Something is asked for that cannot be done: a candidate waits, or roles cannot even be told. */
function needsRelease(status: CanaryReleaseStatus, facts: Facts): boolean {
  if (facts.workload !== undefined) return true;
  return facts.candidate !== undefined || facts.sides === undefined || status.serving === undefined;
}

function progressOf(state: StateName, index: number, count: number): string {
  if (state === 'promoted' || state.startsWith('promoting.')) return `${count}/${count}`;
  return state === 'preparing' ? `0/${count}` : `${Math.min(index + 1, count)}/${count}`;
}

function describe(status: CanaryReleaseStatus, state: StateName, facts: Facts, waitsBlocked: boolean): string {
  const { release } = status;
  if (waitsBlocked || state === 'blocked') return describeBlock(release, facts.blocker);
  return release === undefined ? 'nothing to release yet' : describeState(status, state, facts, release);
}

function describeState(
  status: CanaryReleaseStatus,
  state: Exclude<StateName, 'blocked'>,
  facts: Facts,
  release: NonNullable<CanaryReleaseStatus['release']>,
): string {
  const { spec } = facts;
  const stage = nameStage(release.stageIndex ?? 0, spec.stages.length, release.stage);
  const where = `${stage} at ${status.weight ?? 0}%`;
  switch (state) {
    case 'idle':
      return describeIdle(status, facts, release);
    case 'preparing':
      return `release ${release.id} of revision ${release.revision}: ${describePreparing(facts, release)}`;
    case 'stage.shifting':
      return `${where}: ${facts.rejection?.message ?? facts.acceptanceWait ?? 'waits until every route says so'}`;
    case 'stage.analyzing':
      return `${where}: ${describeEvidence(status, facts)}; ${describeNext(status, facts)}`;
    case 'stage.awaitingApproval':
      return `${where}: ${describeEvidence(status, facts)}${describeLack(status, facts)}; waits for approval (approve:${release.id}/${findApproval(status, spec, facts.timedOut)})`;
    case 'paused':
      return `paused in ${where}: ${describePause(release.pausedBy)}${release.pausedBy === 'Inconclusive' ? describeLack(status, facts) : ''}; ${describeEvidence(status, facts)}; resume:${release.id} goes on`;
    case 'promoting.rollingOut':
      return `promoting: ${describePromotion(status, facts)}`;
    case 'promoting.baking':
      return `promoting: watched at 100% until ${clockOf(fromTime(release.bakeEndsAt) ?? facts.now)}; ${describeEvidence(status, facts)}${describeWayBack(release, facts)}`;
    case 'promoting.restoring':
      return `promoting: ${describeWithdrawal(status, facts) ?? describeDrain(release, facts.observation.drain, facts.now) ?? 'leaves the routes as they stay'}`;
    case 'promoted':
      return describePromoted(status, release, facts);
    case 'rollingBack.goingHome':
    case 'rollingBack.draining':
    case 'rollingBack.cleaning':
      return describeRollback(state, release, facts);
    case 'rolledBack':
      return `revision ${release.revision} is rolled back: ${release.reasonMessage ?? ''}${describeHeld(release, facts)}`;
  }
}

function describeIdle({ serving }: CanaryReleaseStatus, { workload }: Facts, release: NonNullable<CanaryReleaseStatus['release']>): string {
  if (workload === undefined) return 'nothing to release';
  // Whoever reads it has still to do something, if not here.
  const why = release.undone === true ? `: ${release.reasonMessage ?? ''}${describeGit(workload.deployment)}` : '; nothing to release';
  return `revision ${serving?.revision ?? ''} serves${why}`;
}

function describePromoted({ serving }: CanaryReleaseStatus, release: NonNullable<CanaryReleaseStatus['release']>, facts: Facts): string {
  // A proven template may have been rolled since.
  if (facts.workload !== undefined) return `revision ${serving?.revision ?? release.revision} serves`;
  return `revision ${release.revision} is promoted; Service ${serving?.service ?? release.canary.service} serves`;
}

function describePromotion({ weight = 0 }: CanaryReleaseStatus, { workload }: Facts): string {
  if (workload === undefined || workload.bakes) return 'canary share goes to 100%';
  return `${describeRollout(workload)}; the canary keeps ${weight}%`;
}

function describeRollback(state: StateName, release: NonNullable<CanaryReleaseStatus['release']>, facts: Facts): string {
  const git = release.undone === true ? describeGit(facts.workload?.deployment) : '';
  const waits = state === 'rollingBack.goingHome' && facts.workload?.homeIsEmpty === true;
  const empty = waits ? `; Service ${release.serving.service} has no ready pod yet, so the canary keeps its share until it has one` : '';
  return `rolling back ${describeHome(release, facts)}: ${release.reasonMessage ?? ''}${git}${empty}${describeDraining(release, facts)}`;
}

/** In Services mode nothing is removed, so nothing drains. */
function describeDraining(release: NonNullable<CanaryReleaseStatus['release']>, { observation, now }: Facts): string {
  const drains = describeDrain(release, observation.drain, now);
  return drains === undefined ? '' : `; ${drains}`;
}

/** Deployment mode: what home would find, while it is one write away. */
function describeWayBack(release: NonNullable<CanaryReleaseStatus['release']>, { workload }: Facts): string {
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
function describeHome({ serving, undone }: NonNullable<CanaryReleaseStatus['release']>, { workload }: Facts): string {
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

/** What stays behind after a rollback, and the way on. */
function describeHeld(release: NonNullable<CanaryReleaseStatus['release']>, { workload }: Facts): string {
  if (workload?.deployment?.spec.paused !== true || workload.template === workload.servingTemplate)
    return release.undone === true ? describeGit(workload?.deployment) : '';
  return `; Deployment ${workload.deployment.metadata.name} stays held at it, the old pods serve: revert it, or commit a new one`;
}

/** The raise that was refused is taken back, so the trouble does not show while it waits for the next try. */
function describeBlock(release: CanaryReleaseStatus['release'], blocker: Facts['blocker']): string {
  if (blocker !== undefined) return `blocked: ${blocker.reason}: ${blocker.message}`;
  return `blocked: ${release?.blockedReason ?? 'Blocked'}: waits for the gateways and for proof, then tries the refused raise again`;
}

/** Why there is no proof, where numbers alone are missing. */
function describeLack(status: CanaryReleaseStatus, facts: Facts): string {
  if (!facts.timedOut) return '';
  const short = describeShortfall(status, facts.spec, facts.now);
  return short === undefined ? '' : ` (${short})`;
}

function describePreparing(facts: Facts, release: NonNullable<CanaryReleaseStatus['release']>): string {
  const seen = facts.workload?.pods?.seen ?? facts.workload?.pods?.homeless?.message;
  if (!facts.canaryReady) return `waits for ready pods behind Service ${release.canary.service}${seen === undefined ? '' : `: ${seen}`}`;
  if (facts.canaryRolling)
    return `waits until the pods behind Service ${release.canary.service} are of one template: its rollout is under way`;
  if (facts.judging && release.judgeAnswered !== true) return 'waits until Prometheus answers';
  return 'takes the routes';
}

/** The check that says most: a failing one first, then the first of all. */
function describeEvidence(status: CanaryReleaseStatus, facts: Facts): string {
  if (facts.spec.analysis.mode === 'Off') return 'analysis is off';
  const checks = status.checks ?? [];
  const order = ['Fail', 'Unavailable', 'Inconclusive', 'Pass'];
  const telling = [...checks].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))[0];
  if (telling === undefined) return (status.weight ?? 0) === 0 ? 'no traffic is asked for' : 'no look yet';
  // The comparison says it all in its own words.
  if (telling.name === COMPARISON && telling.message !== undefined) return `${telling.message}${describeTooFew(status, facts)}`;
  if (telling.value === undefined) return `${telling.name}: ${telling.message ?? telling.verdict}`;
  const over = telling.requests === undefined ? '' : ` over ${telling.requests} canary requests`;
  return `${telling.name} ${telling.value} (limit ${telling.limit})${over}${describeTooFew(status, facts)}`;
}

function describeTooFew(status: CanaryReleaseStatus, facts: Facts): string {
  const needed = facts.stage?.minRequests ?? facts.spec.analysis.minRequests;
  const seen = Math.round(status.release?.stageRequests ?? 0);
  return seen < needed ? `, ${seen} of ${needed} requests that a Pass needs` : '';
}

function describeNext(status: CanaryReleaseStatus, facts: Facts): string {
  const ends = expectedEnd(status, facts);
  const next = facts.spec.stages[(status.release?.stageIndex ?? 0) + 1];
  const what = next === undefined ? 'promotion' : `${next.weight}%`;
  return ends === undefined ? `${what} next` : `${what} at ${clockOf(Math.max(ends, 0))} at the earliest`;
}

/** When the stage's duration is served, or later when the requests for a decision are there. */
function expectedEnd(status: CanaryReleaseStatus, facts: Facts): number | undefined {
  const ends = fromTime(status.release?.stageEndsAt);
  const short = findShortfall(status, facts.spec, facts.now);
  if (ends === undefined || short === undefined || short.rate <= 0) return ends;
  return Math.max(ends, facts.now + Math.ceil(((short.needed - short.have) / short.rate) * 1_000));
}

type Word = Pick<Condition, 'status' | 'reason' | 'message'>;

function describeConditions(
  status: CanaryReleaseStatus,
  state: StateName,
  facts: Facts,
  waitsBlocked: boolean,
  generation: number,
): readonly Condition[] {
  const ready = describeReady(status, state, facts, waitsBlocked);
  const bad = ready.stalled;
  const message = describe(status, state, facts, waitsBlocked).slice(0, 1024);
  const words: readonly (readonly [string, Word | undefined])[] = [
    ['Ready', { status: ready.ok ? 'True' : 'False', reason: ready.reason, message }],
    ['Reconciling', !ready.ok && !bad ? { status: 'True', reason: ready.reason, message: 'a release is under way' } : undefined],
    ['Stalled', bad ? { status: 'True', reason: ready.reason, message } : undefined],
    ['RoutesAccepted', describeRoutes(status, state, facts)],
    ['MetricsAvailable', describeMetrics(status, facts)],
    ['AnalysisEnforced', describeMode(facts)],
    ['PolicyParity', describeParity(status, state, facts.parity)],
    ['TrafficSplitMismatch', describeSplit(status, state)],
    ['TemplateHeld', describeHold(status, facts)],
    ['GitOpsManaged', isRunning(state) ? describeApplier(facts) : describePutBack(status, state, facts)],
  ];
  let conditions: readonly Condition[] = status.conditions ?? [];
  for (const [type, word] of words) {
    if (word === undefined) {
      conditions = conditions.filter((condition) => condition.type !== type);
      continue;
    }
    conditions = setCondition(conditions, { type, ...word, observedGeneration: generation }, toTime(facts.now));
  }
  return conditions;
}

interface ReadyWord {
  readonly ok: boolean;
  readonly stalled: boolean;
  readonly reason: string;
}

/** kstatus: a person is needed (Stalled) after a rollback and when blocked; waiting for people is still reconciling. */
function describeReady(status: CanaryReleaseStatus, state: StateName, facts: Facts, waitsBlocked: boolean): ReadyWord {
  if (facts.deleting) return { ok: false, stalled: false, reason: 'Deleting' };
  if (waitsBlocked || state === 'blocked')
    return { ok: false, stalled: true, reason: facts.blocker?.reason === 'RouteContested' ? 'RouteContested' : 'Blocked' };
  if (state === 'rolledBack') {
    const superseded = status.release?.reason === 'Superseded';
    return { ok: false, stalled: !superseded, reason: 'RolledBack' };
  }
  if (!isRunning(state))
    return facts.candidate === undefined
      ? { ok: true, stalled: false, reason: state === 'promoted' ? 'Promoted' : 'Idle' }
      : { ok: false, stalled: false, reason: 'PendingRelease' };
  if (state === 'paused') return { ok: false, stalled: false, reason: 'Paused' };
  if (state === 'stage.awaitingApproval') return { ok: false, stalled: false, reason: 'AwaitingApproval' };
  if (state.startsWith('rollingBack.')) return { ok: false, stalled: false, reason: 'RollingBack' };
  return { ok: false, stalled: false, reason: state === 'preparing' ? 'PendingRelease' : 'InRelease' };
}

function describeRoutes(status: CanaryReleaseStatus, state: StateName, facts: Facts): Word | undefined {
  if (!isRunning(state) || (status.release?.routes ?? []).length === 0) return undefined;
  if (facts.rejection !== undefined) return { status: 'False', reason: 'NotAccepted', message: facts.rejection.message };
  if (facts.acceptanceWait !== undefined) return { status: 'False', reason: 'NotAccepted', message: facts.acceptanceWait };
  return { status: 'True', reason: 'Accepted', message: 'every gateway has accepted every route as it is' };
}

function describeMetrics(status: CanaryReleaseStatus, facts: Facts): Word | undefined {
  if (facts.spec.analysis.mode === 'Off') return undefined;
  const { metrics } = facts.observation;
  if (metrics.kind === 'refused') return { status: 'False', reason: metrics.reason, message: metrics.message };
  if (status.release?.unavailableSince !== undefined)
    return {
      status: 'False',
      reason: 'Unavailable',
      message: `Prometheus cannot be asked since ${status.release.unavailableSince}; weights are held`,
    };
  return { status: 'True', reason: 'Available', message: `metrics source ${metrics.source}` };
}

/** There only while it is so. */
function describeSplit(status: CanaryReleaseStatus, state: StateName): Word | undefined {
  if (!isRunning(state) || status.release?.splitMismatch !== true) return undefined;
  const told = (status.checks ?? []).find(({ name }) => name === COMPARISON)?.message;
  return { status: 'True', reason: 'Measured', message: told ?? 'the gateway does not split the traffic as asked; the weight is held' };
}

/** Deployment mode only. */
function describeHold({ conditions = [] }: CanaryReleaseStatus, { observation }: Facts): Word | undefined {
  const { workload } = observation;
  if (workload?.known !== true || workload.deployment === undefined) return undefined;
  const { name } = workload.deployment.metadata;
  switch (workload.hold.kind) {
    case 'proven':
      return { status: 'True', reason: 'Proven', message: `a change of the template of Deployment ${name} is held until it is proven` };
    case 'awaited':
      return {
        status: 'False',
        reason: 'HoldUnknown',
        message: `Deployment ${name} is not paused at this moment; it will be when it has rolled out`,
      };
    case 'unavailable':
      return { status: 'False', reason: 'HoldUnavailable', message: `nothing holds a change of Deployment ${name}: ${INSTALL_HOLD}` };
    case 'asked':
      return conditions.find(({ type }) => type === 'TemplateHeld') ?? { status: 'False', reason: 'HoldUnknown', message: BEING_ASKED };
    case 'unknown':
      return { status: 'False', reason: 'HoldUnknown', message: workload.hold.message.slice(0, 1_000) };
  }
}

function describeMode(facts: Facts): Word {
  switch (facts.spec.analysis.mode) {
    case 'Enforce':
      return { status: 'True', reason: 'Enforced', message: 'a bad verdict takes the canary home' };
    case 'Observe':
      return { status: 'False', reason: 'Observing', message: 'spec.analysis.mode is Observe: verdicts are told and never acted on' };
    case 'Off':
      return {
        status: 'False',
        reason: 'AnalysisOff',
        message: 'spec.analysis.mode is Off: weights rise by time alone, nothing is judged',
      };
  }
}
