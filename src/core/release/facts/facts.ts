// Gathers what the guards ask about: every fact is named after the sentence it answers and is derived from spec, status,
// observation and now. Nothing is decided here.

import { ABORT_ANNOTATION, ABORT_BY_ANNOTATION } from '../../../api/names.ts';
import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Stage } from '../../../api/release.ts';
import { findBlocker, type Blocker } from '../checks/blockers.ts';
import { readCommand, readGiver, type FreshCommand } from '../commands/read.ts';
import { findRollbackReason, type RollbackReason } from '../checks/rollback-reasons.ts';
import type { Observation } from '../observation.ts';
import { gatherRouteFacts, type RouteFacts } from './route-facts.ts';
import { chooseSides, findCandidate, isSameRevision, keyOf, pairOf, servicesOf, type CandidateKey, type Sides } from './revision.ts';
import { isRetained } from './retain.ts';
import { isRunning, type StateName } from '../state.ts';
import { fromTime } from '../../../api/times.ts';
import { isBack, isWayBack, judgeUndo, planUndo, type UndoPlan } from './undo.ts';
import { type CanaryFacts, gatherHeldFacts, gatherWorkloadFacts, type WorkloadFacts } from './workload-facts.ts';

/** Everything that is known when one event is sent to the machine. */
export interface Facts extends RouteFacts {
  readonly now: number;
  readonly state: StateName;
  readonly spec: CanaryReleaseSpec;
  readonly observation: Observation;
  readonly sides: Sides | undefined;
  readonly candidate: CandidateKey | undefined;
  /** What stands behind the canary Service now. */
  readonly canaryKey: CandidateKey | undefined;
  readonly stage: Stage | undefined;
  readonly blocker: Blocker | undefined;
  readonly home: RollbackReason | undefined;
  readonly command: FreshCommand | undefined;
  /** What the command `undo` would do to a promoted release. */
  readonly undo: UndoPlan | undefined;
  readonly deleting: boolean;
  readonly enforced: boolean;
  readonly judging: boolean;
  readonly canaryReady: boolean;
  /** It is known that no ready pod stands behind the canary Service. */
  readonly canaryEmpty: boolean;
  /** The canary's pods are of more than one template, or it is not known of which. */
  readonly canaryRolling: boolean;
  readonly stageServed: boolean;
  readonly stageProven: boolean;
  /** The looks are read up to now, so that the last verdict is about now. */
  readonly evidenceFresh: boolean;
  readonly timedOut: boolean;
  /** Deployment mode. */
  readonly workload: WorkloadFacts | undefined;
  /** Set by the machine's pause guard chain, for the words. */
  readonly pauseReason?: string;
}

/** Gathers the facts of one step. */
export function gatherFacts(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  observation: Observation,
  now: number,
): Facts {
  const release = isRunning(state) ? status.release : undefined;
  const sides = release === undefined ? chooseSides(spec, status, observation.routes) : pairOf(release);
  const routes = gatherRouteFacts(status, state, observation, release === undefined ? undefined : sides);
  const canary =
    spec.targetRef === undefined
      ? gatherCanaryFacts(spec, status, observation, sides, state)
      : gatherHeldFacts(spec, status, state, observation);
  const weight = Math.max(status.weight ?? 0, routes.observedWeight);
  const workload = gatherWorkloadFacts(spec, status, state, observation, weight, now);
  const deleting = observation.release.metadata.deletionTimestamp !== undefined;
  const undo = planUndo(status, state, observation);
  const facts = {
    now,
    state,
    spec,
    observation,
    sides,
    ...routes,
    ...canary,
    workload,
    ...(workload === undefined ? {} : alsoOfTheWorkload(workload, state, routes)),
    ...(workload === undefined || !isRetained(status, state) ? {} : { allLeft: routes.routesLeft && workload.canaryGone }),
    ...(workload === undefined || !isWayBack(status, state) ? {} : { allLeft: isBack(status, workload, deleting) }),
    ...gatherClockFacts(spec, status, state, now),
    command: judgeUndo(readCommand(observation.release, status, state, now), undo),
    undo,
    deleting,
    enforced: spec.analysis.mode === 'Enforce',
    judging: spec.analysis.mode !== 'Off',
    abortRequested: release !== undefined && observation.release.metadata.annotations?.[ABORT_ANNOTATION] === release.id,
    abortBy: readGiver(observation.release, ABORT_BY_ANNOTATION),
  };
  const blocked = { ...facts, blocker: findBlocker({ ...facts, status }) };
  return { ...blocked, home: findRollbackReason(blocked, status) };
}

/** Some sentences mean more where the Deployment and the canary are moved, too. */
function alsoOfTheWorkload(
  { bakes, rolledOut, canaryGone, rollsUnproven, drained }: WorkloadFacts,
  state: StateName,
  routes: RouteFacts,
): Pick<RouteFacts, 'weightEffective' | 'allLeft'> {
  const stopped = state === 'promoting.restoring' || !rollsUnproven;
  return {
    // The promotion is the rollout, after the bake: the canary keeps its share until then.
    weightEffective: state === 'promoting.rollingOut' && !bakes ? rolledOut : routes.weightEffective,
    allLeft: routes.routesLeft && drained && canaryGone && stopped,
  };
}

/** What stands behind the canary Service: ready, empty, new? */
function gatherCanaryFacts(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  observation: Observation,
  sides: Sides | undefined,
  state: StateName,
): CanaryFacts {
  const [between, preparing] = [!isRunning(state), state === 'preparing'];
  const backend = sides === undefined ? undefined : observation.backends[sides.canary];
  if (sides === undefined || backend === undefined)
    return {
      candidate: undefined,
      canaryKey: undefined,
      canaryReady: false,
      canaryRolling: false,
      canaryEmpty: false,
      revisionChanged: false,
    };
  const canaryKey = keyOf(sides.canary, spec.revision, backend);
  return {
    candidate: between ? findCandidate(spec, status, observation, sides) : undefined,
    canaryKey,
    canaryReady: backend.known && backend.readyEndpoints > 0 && backend.unreadyEndpoints === 0,
    canaryRolling: backend.rolling === true || !backend.templatesKnown,
    canaryEmpty: backend.known && backend.readyEndpoints === 0,
    // While nothing has weight, pods may still be rolling: the release takes them as they are when its first weight is given.
    revisionChanged: isRevisionChanged(spec, status, canaryKey, preparing ? false : backend.known && backend.templatesKnown),
  };
}

/** What the clock and the judge's last word say of the present stage. */
function gatherClockFacts(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  now: number,
): Pick<Facts, 'stage' | 'evidenceFresh' | 'stageServed' | 'stageProven' | 'timedOut'> {
  const stage = spec.stages[status.release?.stageIndex ?? 0];
  const evidenceFresh = isEvidenceFresh(spec, status, now);
  const stageServed = isStageServed(stage, spec, status, state, now);
  const timesOutAt = isRunning(state) ? fromTime(status.release?.stageTimesOutAt) : undefined;
  return {
    stage,
    evidenceFresh,
    stageServed,
    stageProven: stageServed && isProven(spec, status, evidenceFresh),
    timedOut: timesOutAt !== undefined && now >= timesOutAt,
  };
}

/** The duration of a stage (or of the bake) without Fail and Unavailable. */
function isStageServed(
  stage: Stage | undefined,
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  now: number,
): boolean {
  // Where the judge does not act, what it says does not stop the clock either.
  const cleanSince = fromTime(spec.analysis.mode === 'Enforce' ? status.release?.cleanSince : status.release?.stageStartedAt);
  if (cleanSince === undefined || stage === undefined) return false;
  // The clock stands while Prometheus is away (rule 6).
  if (spec.analysis.mode === 'Enforce' && status.release?.unavailableSince !== undefined) return false;
  const needed = state === 'promoting.baking' ? parseDuration(spec.promotion.bake) : parseDuration(stage.duration);
  return now >= cleanSince + needed;
}

/** The judge's last word is Pass; where the judge does not act, time alone counts. Inconclusive and Unavailable prove nothing. */
function isProven(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, fresh: boolean): boolean {
  if (spec.analysis.mode !== 'Enforce') return true;
  if ((status.weight ?? 0) === 0) return true;
  return fresh && status.release?.verdict === 'Pass' && status.release.passInStage === true;
}

/** An operator that was away, or whose Prometheus hangs, must first read what it missed (rule 5): old evidence raises nothing. */
function isEvidenceFresh(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, now: number): boolean {
  const { interval, metrics } = spec.analysis;
  const oldest = now - 2 * parseDuration(interval) - parseDuration(metrics.prometheus.timeout);
  return (fromTime(status.release?.lookGridAt) ?? Number.NEGATIVE_INFINITY) >= oldest;
}

function isRevisionChanged(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, key: CandidateKey | undefined, known: boolean): boolean {
  const release = status.release;
  if (release === undefined || key === undefined) return false;
  const listed = servicesOf(spec);
  if (!listed.includes(release.serving.service) || !listed.includes(release.canary.service)) return true;
  if (spec.revision !== release.specRevision) return true;
  if (!known) return false;
  return !isSameRevision(key, {
    service: release.canary.service,
    ...(release.specRevision === undefined ? {} : { specRevision: release.specRevision }),
    templateHashes: release.templateHashes ?? [],
  });
}
