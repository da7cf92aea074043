// Everything that is known when one event is sent to the machine: what the decision gathered once, and what it means for the release
// as the status has it now. Facts only: what follows from them is in checks/, and put together in assess.ts.

import { ABORT_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { type FreshAbort, readAbort } from '../commands/abort.ts';
import { type FreshCommand, readCommand } from '../commands/read.ts';
import type { DrainReading } from '../drain.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';
import type { Holder } from '../../routing/canary-share.ts';
import type { ForeignRule } from '../../routing/foreign-rules.ts';
import { findSessionPolicies } from '../../routing/session-policies.ts';
import { findSessions, scanSessions } from '../../routing/sessions.ts';
import type { PodsStanding } from '../../workload/pods.ts';
import { type CanaryFacts, gatherCanaryFacts } from './canary-facts.ts';
import { judgeBackendPods } from './backend-pods.ts';
import type { Gathered } from './gather.ts';
import { gatherHeldFacts } from './held-candidate.ts';
import { findNextAttempt, type NextAttempt } from './next-attempt.ts';
import { findLeftBehind } from './other-rules.ts';
import { findOwnTraffic } from './own-rules.ts';
import { isRetained } from './retain.ts';
import { chooseSides } from './revision.ts';
import { gatherRouteFacts, type RouteFacts, scanRoutes } from './route-facts.ts';
import { gatherServingFacts, type ServingFacts } from './serving-facts.ts';
import { pairOf, type Sides, servicesOf } from './sides.ts';
import { readStageClock, type StageClock } from './stage-clock.ts';
import { isBack, isWayBack, planUndo, type UndoPlan } from './undo-plan.ts';
import { gatherWorkloadFacts, hasStopped, type WorkloadFacts } from './workload-facts.ts';

/** Something that keeps users on the version that answered them first. */
export interface SessionKeeper {
  /** `HTTPRoute store, rule api`, `XBackendTrafficPolicy sticky for Service store-v1`. */
  readonly who: string;
  readonly field: string;
}

export interface Known extends Gathered, RouteFacts, CanaryFacts, ServingFacts, StageClock {
  readonly state: StateName;
  readonly sides: Sides | undefined;
  /** The command that waits, as it was given. */
  readonly command: FreshCommand | undefined;
  /** An abort annotation that was not seen before. */
  readonly abort: FreshAbort | undefined;
  /** What the command `undo` would do to a promoted release. */
  readonly undo: UndoPlan | undefined;
  readonly abortRequested: boolean;
  /** The next attempt at the revision that was rolled back, where it is tried again. */
  readonly nextAttempt: NextAttempt | undefined;
  /** Deployment mode. */
  readonly workload: WorkloadFacts | undefined;
  /** Rules of the release, and policies for its Services, that keep users on the version that answered them first. */
  readonly sessions: readonly SessionKeeper[];
  /** Rules of the user's own that send the canary requests. */
  readonly ownTraffic: readonly ForeignRule[];
  /** After a promotion: rules that came while the release ran and send requests to what served before. */
  readonly leftBehind: readonly Holder[];
  /** What the canary's own pods say; undefined where they are not seen, or are all ready. */
  readonly pods: PodsStanding | undefined;
}

/** What a decision's facts say of a release whose status this is. */
export function knowOf(gathered: Gathered, status: CanaryReleaseStatus, state: StateName): Known {
  const { spec, observation, now } = gathered;
  const release = isRunning(state) ? status.release : undefined;
  const sides = release === undefined ? chooseSides(spec, status, observation.routes) : pairOf(release);
  const driven = gatherRouteFacts(gathered, status, state, release === undefined ? undefined : sides);
  const routes = { ...driven, scans: scanRoutes(gathered, status, state, sides) };
  const canary =
    spec.targetRef === undefined
      ? gatherCanaryFacts(spec, status, observation, sides, state)
      : gatherHeldFacts(spec, status, state, observation);
  const weight = Math.max(status.weight ?? 0, ...(routes.observedWeight === undefined ? [] : [routes.observedWeight]));
  const sessions = listSessions(routes, gathered);
  const served = gatherServingFacts(status, state, observation, sides);
  const drain = readDrain(observation.drain, state, sessions, served);
  const workload = gatherWorkloadFacts(gathered, status, state, { weight, drain });
  return {
    ...gathered,
    state,
    sides,
    ...routes,
    ...canary,
    ...served,
    sessions,
    workload,
    pods: workload === undefined ? judgeBackendPods(status, observation, sides) : workload.pods,
    ...(workload === undefined ? {} : alsoOfTheWorkload(gathered, status, state, routes, workload)),
    ownTraffic: findOwnTraffic(gathered, status, state),
    leftBehind: findLeftBehind(gathered, status, state),
    ...readStageClock(gathered, status, state),
    command: readCommand(observation.release, status, state, now),
    abort: readAbort(observation.release, status, state),
    undo: planUndo(status, state, observation),
    nextAttempt: findNextAttempt(status, state, canary, observation),
    abortRequested: release !== undefined && observation.release.metadata.annotations?.[ABORT_ANNOTATION] === release.id,
  };
}

/** Before the claim as the release would drive them, later as they were recorded. */
function listSessions(
  { scans, standings }: Pick<RouteFacts, 'scans' | 'standings'>,
  { spec, observation }: Gathered,
): readonly SessionKeeper[] {
  const rules = scans.length > 0 ? scans.flatMap(({ route, scan }) => scanSessions(route, scan)) : standings.flatMap(findSessions);
  const policies = findSessionPolicies(observation.sessionPolicies?.objects ?? [], servicesOf(spec));
  return [
    ...rules.map(({ route: { kind, metadata }, key }) => ({ who: `${kind} ${metadata.name}, rule ${key}`, field: 'sessionPersistence' })),
    ...policies.map(({ kind, name, service, field }) => ({ who: `${kind} ${name} for Service ${service}`, field })),
  ];
}

/** Requests of kept sessions do not stop before the pods do. */
function readDrain(
  reading: DrainReading | undefined,
  state: StateName,
  sessions: readonly SessionKeeper[],
  { servingEndpoints }: ServingFacts,
): DrainReading | undefined {
  const canServe = servingEndpoints.kind === 'seen' && servingEndpoints.current && servingEndpoints.ready > 0;
  return isGoingHome(state) && sessions.length > 0 && canServe ? 'sessionsStay' : reading;
}

/** Some sentences mean more where the Deployment and the canary are moved, too. */
function alsoOfTheWorkload(
  { deleting }: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
  routes: RouteFacts,
  workload: WorkloadFacts,
): Pick<RouteFacts, 'weightEffective' | 'allLeft'> {
  const { bakes, rolledOut } = workload;
  return {
    // The promotion is the rollout, after the bake: the canary keeps its share until then.
    weightEffective: state === 'promoting.rollingOut' && !bakes ? rolledOut : routes.weightEffective,
    allLeft: isAllLeft(status, state, routes, workload, deleting),
  };
}

function isAllLeft(status: CanaryReleaseStatus, state: StateName, routes: RouteFacts, workload: WorkloadFacts, deleting: boolean): boolean {
  const { canaryGone, drained } = workload;
  if (isWayBack(status, state)) return isBack(status, workload, deleting);
  if (isRetained(status, state)) return routes.routesLeft && canaryGone;
  return routes.routesLeft && drained && canaryGone && hasStopped(state, workload) && routes.clearance.kind === 'clear';
}
