// The conditions of a release as kstatus, Flux and Argo CD read them, and those that say why something waits.

import { describeSplitBefore } from '../evidence/split-clock.ts';
import { type ConditionWord, setConditions } from '../../../api/conditions.ts';
import type { ConditionReason, WrittenCondition } from '../../../api/names.ts';
import type { CanaryReleaseStatus, Condition } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { describeNotReady } from '../checks/canary-pods.ts';
import { BEING_ASKED, INSTALL_HOLD } from '../checks/workload-blockers.ts';
import { COMPARISON } from '../evidence/comparison-look.ts';
import { isJudged, isRunning, type StateName } from '../state.ts';
import { describeApplier, describePutBack } from './gitops.ts';
import { describeGates } from './gate-words.ts';
import { describeKeptBlock } from './kept-block.ts';
import { describeGatewayWait } from './next-step.ts';
import { describeOtherRules } from './other-rules.ts';
import { describeParity } from './policy-parity.ts';
import { describeServingHold } from './serving.ts';
import { describeHazards, describeRevision, describeSessions } from './unseen.ts';

const MOST_MESSAGE = 1_024;

/** So long something may be missing before a person is asked for it. */
export const MISSING_PATIENCE_MS = 60_000;

type Word = ConditionWord;

/** The condition types that the operator writes, each with what it says now; undefined takes it away. */
type Words = Readonly<Record<WrittenCondition, Word | undefined>>;

/** How a release that has not begun waits. */
export interface Waiting {
  /** It is blocked. */
  readonly waitsBlocked: boolean;
  /** Since when it waits for something that is not there, Unix milliseconds; undefined where something has said no. */
  readonly missingMs: number | undefined;
}

/** Conditions of a status. @param message what `status.message` says */
export function describeConditions(
  status: CanaryReleaseStatus,
  state: StateName,
  facts: Facts,
  waiting: Waiting,
  message: string,
): readonly Condition[] {
  const { ok, stalled, reason } = describeReady(status, state, facts, waiting);
  const kept = state === 'paused' && !facts.deleting ? describeKeptStall(status, facts) : undefined;
  const words: Words = {
    Ready: { status: ok ? 'True' : 'False', reason, message },
    Reconciling:
      ok || stalled || kept !== undefined
        ? undefined
        : { status: 'True', reason, message: waiting.waitsBlocked ? message : 'a release is under way' },
    Stalled: stalled ? { status: 'True', reason, message } : kept,
    RoutesAccepted: describeRoutes(status, state, facts),
    CanaryReady: describeCanary(status, state, facts),
    ServingReady: describeServing(status, state, facts),
    MetricsAvailable: describeMetrics(status, facts),
    AnalysisEnforced: describeMode(facts),
    PolicyParity: describeParity(status, state, facts.parity),
    TrafficSplitMismatch: describeSplit(status, state),
    TemplateHeld: describeHold(status, facts),
    MetricsHazards: describeHazards(facts),
    RevisionVisible: describeRevision(facts),
    SessionsPersist: describeSessions(facts),
    OtherCanaryRules: describeOtherRules(status, state, facts),
    GatesPassed: describeGates(facts.spec, status, state),
    GitOpsManaged: isRunning(state) ? describeApplier(facts) : describePutBack(status, state, facts),
  };
  const observedGeneration = facts.observation.release.metadata.generation ?? 0;
  return setConditions(status.conditions ?? [], words, observedGeneration, toTime(facts.now));
}

interface ReadyWord {
  readonly ok: boolean;
  readonly stalled: boolean;
  readonly reason: ConditionReason;
}

/** kstatus: a person is needed (Stalled) after a rollback and when blocked; waiting for people, or for what is only late, is still reconciling. */
function describeReady(status: CanaryReleaseStatus, state: StateName, facts: Facts, { waitsBlocked, missingMs }: Waiting): ReadyWord {
  if (facts.deleting) return { ok: false, stalled: false, reason: 'Deleting' };
  if (waitsBlocked || state === 'blocked')
    return {
      ok: false,
      stalled: !isOnlyLate(missingMs, facts),
      reason: facts.blocker?.reason === 'RouteContested' ? 'RouteContested' : 'Blocked',
    };
  if (state === 'rolledBack') return describeEnd(status, facts);
  if (!isRunning(state) && facts.candidate !== undefined) return { ok: false, stalled: false, reason: 'PendingRelease' };
  return { ok: !isRunning(state), stalled: false, reason: READY_REASONS[state] };
}

/** Flux and Argo CD give up at the first look that says Stalled, and at a first sync routes and controllers come a moment later. */
function isOnlyLate(missingMs: number | undefined, { now }: Facts): boolean {
  return missingMs !== undefined && now < missingMs + MISSING_PATIENCE_MS;
}

function describeEnd({ release }: CanaryReleaseStatus, { candidate, nextAttempt }: Facts): ReadyWord {
  if (release?.reason === 'Completed')
    return candidate === undefined
      ? { ok: true, stalled: false, reason: 'Completed' }
      : { ok: false, stalled: false, reason: 'PendingRelease' };
  // Another release follows without a person.
  const follows = release?.reason === 'Superseded' || nextAttempt !== undefined;
  return { ok: false, stalled: !follows, reason: 'RolledBack' };
}

/** The reason of Ready in each state, where nothing else is to be said. */
const READY_REASONS: Readonly<Record<Exclude<StateName, 'blocked' | 'rolledBack'>, ConditionReason>> = {
  idle: 'Idle',
  preparing: 'PendingRelease',
  'stage.shifting': 'InRelease',
  'stage.analyzing': 'InRelease',
  'stage.awaitingApproval': 'AwaitingApproval',
  paused: 'Paused',
  'promoting.rollingOut': 'InRelease',
  'promoting.baking': 'InRelease',
  'promoting.restoring': 'InRelease',
  promoted: 'Promoted',
  'rollingBack.goingHome': 'RollingBack',
  'rollingBack.draining': 'RollingBack',
  'rollingBack.cleaning': 'RollingBack',
};

/** A pause does not fix what blocked the release: whoever resumes it has to know. */
function describeKeptStall({ release }: CanaryReleaseStatus, { blocker }: Facts): Word | undefined {
  const blocked = describeKeptBlock(release, blocker);
  if (blocked === undefined) return undefined;
  const reason = (blocker?.reason ?? release?.blockedReason) === 'RouteContested' ? 'RouteContested' : 'Blocked';
  return { status: 'True', reason, message: `blocked: ${blocked}`.slice(0, MOST_MESSAGE) };
}

function describeRoutes(status: CanaryReleaseStatus, state: StateName, facts: Facts): Word | undefined {
  if (!isRunning(state) || (status.release?.routes ?? []).length === 0) return undefined;
  if (facts.rejection !== undefined) return { status: 'False', reason: 'NotAccepted', message: facts.rejection.message };
  const wait = describeGatewayWait(status.release, facts);
  if (wait !== undefined) return { status: 'False', reason: 'NotAccepted', message: wait };
  if (facts.acceptanceUnsaid !== undefined)
    return { status: 'Unknown', reason: 'Measured', message: `${facts.acceptanceUnsaid}; requests show that it serves the route` };
  return { status: 'True', reason: 'Accepted', message: 'every gateway has accepted every route as it is' };
}

/** Which pods are not ready, and why, as long as the canary is wanted. */
function describeCanary({ release }: CanaryReleaseStatus, state: StateName, facts: Facts): Word | undefined {
  if (!isJudged(state) || release === undefined) return undefined;
  const { canaryEndpoints, canaryReady } = facts;
  if (canaryEndpoints.kind === 'unknown' || !canaryEndpoints.current)
    return { status: 'Unknown', reason: 'NotSeen', message: describeNotReady(facts, release) };
  const service = `Service ${release.canary.service}`;
  if (canaryReady) return { status: 'True', reason: 'EndpointsReady', message: `all endpoints of ${service} are ready` };
  const reason = canaryEndpoints.ready === 0 ? 'NoEndpoints' : 'NotAllReady';
  return { status: 'False', reason, message: describeNotReady(facts, release).slice(0, MOST_MESSAGE) };
}

/** Whether home can answer, while a release runs. */
function describeServing(status: CanaryReleaseStatus, state: StateName, facts: Facts): Word | undefined {
  const { release } = status;
  if (!isRunning(state) || release === undefined) return undefined;
  const service = `Service ${release.serving.service}`;
  const { servingEndpoints } = facts;
  if (servingEndpoints.kind === 'unknown' || !servingEndpoints.current)
    return { status: 'Unknown', reason: 'NotSeen', message: `the endpoints of ${service} are not known` };
  if (servingEndpoints.ready > 0) return { status: 'True', reason: 'EndpointsReady', message: `${service} has a ready endpoint` };
  const message = describeServingHold(status, state, facts) ?? `${service} has no ready endpoint while its Deployment rolls out`;
  return { status: 'False', reason: 'NoEndpoints', message: message.slice(0, MOST_MESSAGE) };
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
  const { unread } = facts.observation.sentinel ?? {};
  const sentinel = unread === undefined ? '' : `; sentinel: ${unread}`;
  return { status: 'True', reason: 'Available', message: `metrics source ${metrics.source}${sentinel}` };
}

/** There only while it is so. */
function describeSplit(status: CanaryReleaseStatus, state: StateName): Word | undefined {
  if (!isRunning(state) || status.release === undefined) return undefined;
  const before = describeSplitBefore(status.release, status.weight ?? 0);
  if (before !== undefined) return { status: 'True', reason: 'Measured', message: before };
  if (status.release.splitMismatch !== true) return undefined;
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
      return { status: 'True', reason: 'Proven', message: `a change of the template of Deployment ${name} is held until it is released` };
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
      return { status: 'True', reason: 'Enforced', message: 'a failed verdict rolls the release back' };
    case 'Observe':
      return { status: 'False', reason: 'Observing', message: 'spec.analysis.mode is Observe: verdicts are reported and never acted on' };
    case 'Off':
      return {
        status: 'False',
        reason: 'AnalysisOff',
        message: 'spec.analysis.mode is Off: weights rise by time alone, nothing is judged',
      };
  }
}
