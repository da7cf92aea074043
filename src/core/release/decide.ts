// The decision of one reconcile: pure. Gathers once, runs the passes, and says what the status becomes, what is announced, what the
// routes and the Deployment are to say, and when to decide again.

import { ABORT_ANNOTATION, FORMER_STATE_VERSION, STATE_VERSION } from '../../api/names.ts';
import { planFor } from '../../api/planned.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import { keepsPaused } from './desired/rest.ts';
import { needsRoutesRead } from './desired/reading.ts';
import { letGoLeftRoutes } from './desired/endings.ts';
import type { RouteIntent } from './desired/route-intent.ts';
import { desireRoutes } from './desired/routes.ts';
import { desireGates } from './desired/gates.ts';
import type { WorkloadIntent } from './desired/intents.ts';
import { desireWorkload } from './desired/workload.ts';
import type { Drift } from './drift/drift.ts';
import { noteRateBefore } from './evidence/foresight.ts';
import type { GateIntent } from './gates/intents.ts';
import { gather, type Gathered } from './facts/gather.ts';
import type { Transition } from './machine/walk.ts';
import type { Observation } from './observation.ts';
import { assessOnce, DECIDING, NOTING, runPasses } from './passes.ts';
import { findRateEvents, findStatusEvents } from './report/condition-events.ts';
import type { ReleaseEvent } from './report/events.ts';
import { describeStatus } from './report/status.ts';
import { parseState, type StateName } from './state.ts';
import { findWakeTime } from './wake.ts';

export type { Transition };

export interface Decision {
  readonly state: StateName;
  readonly status: CanaryReleaseStatus;
  readonly transitions: readonly Transition[];
  readonly events: readonly ReleaseEvent[];
  readonly drifts: readonly Drift[];
  readonly intents: readonly RouteIntent[];
  /** Deployment mode: writes beside the routes. */
  readonly workloadIntents: readonly WorkloadIntent[];
  /** Jobs and requests of gates. */
  readonly gateIntents: readonly GateIntent[];
  /** The Deployment is paused for us between releases, so the finalizer stays. */
  readonly keepsPaused: boolean;
  /** The release may end as soon as all routes of its namespace are read from the API server: decide again once they are. */
  readonly readsRoutes: boolean;
  /** Unix milliseconds; undefined when only a change of the world can bring anything new. */
  readonly wakeAt: number | undefined;
}

/**
 * Decides. @param status the last status, committed or not
 * @param now Unix milliseconds
 */
export function decide(spec: CanaryReleaseSpec, status: CanaryReleaseStatus, observation: Observation, now: number): Decision {
  const state = parseState(status.state);
  const known = state === undefined ? status : noteRateBefore(status, state, observation.looks);
  const planned = planFor(spec, known);
  // What is remembered of an object is not computed again, so it is replaced only where it differs.
  const isPlanned = observation.release.spec === planned;
  const gathered = gather(planned, isPlanned ? observation : { ...observation, release: { ...observation.release, spec: planned } }, now);
  if (state !== undefined && observation.release.unknownState === undefined && (status.stateVersion ?? STATE_VERSION) <= STATE_VERSION)
    return decideFrom(gathered, known, state, findRateEvents(planned, status, known));
  // A stored state that this version does not know: traffic can be taken home, nothing can be raised, and it says so.
  return wantsRollback(status, observation) ? decideFrom(gathered, status, 'stage.analyzing') : refuseUnknown(gathered, status);
}

function decideFrom(gathered: Gathered, before: CanaryReleaseStatus, from: StateName, news: readonly ReleaseEvent[] = []): Decision {
  const decided = { gathered, before, assess: assessOnce(gathered) };
  const start = { state: from, status: before, transitions: [], events: news, drifts: [] };
  const { state, status, transitions, events, drifts } = runPasses([...DECIDING, ...NOTING], start, decided);
  const facts = decided.assess(status, state);
  const workloadIntents = desireWorkload(status, state, facts);
  const described = describeStatus(letGoLeftRoutes(status, facts), state, facts);
  return {
    state,
    status: { ...described, state, stateVersion: versionOf(described) },
    transitions,
    events: [...events, ...findStatusEvents(before, described, facts)],
    drifts,
    intents: desireRoutes(status, state, facts),
    workloadIntents,
    gateIntents: desireGates(status, state, facts),
    keepsPaused: keepsPaused(facts, workloadIntents),
    readsRoutes: needsRoutesRead(status, state, facts),
    // What was only written down now may fall due, too.
    wakeAt: findWakeTime(described, state, facts),
  };
}

/** An operator of before mirrors would leave out that only copies are meant, and send the requests themselves. */
function versionOf({ release }: CanaryReleaseStatus): number {
  const mirrors = [release?.cohort, release?.cohortBefore].some((cohort) => cohort?.mirrorPercent !== undefined);
  return mirrors ? STATE_VERSION : FORMER_STATE_VERSION;
}

function wantsRollback({ release }: CanaryReleaseStatus, { release: { metadata } }: Observation): boolean {
  if (release === undefined) return false;
  return metadata.deletionTimestamp !== undefined || metadata.annotations?.[ABORT_ANNOTATION] === release.id;
}

function refuseUnknown(gathered: Gathered, status: CanaryReleaseStatus): Decision {
  const message = `the stored state ${status.state ?? ''} (version ${status.stateVersion ?? '?'}) was written by a newer operator; upgrade this one, or abort to roll the release back`;
  const facts = { ...assessOnce(gathered)(status, 'blocked'), blocker: { reason: 'UnknownState' as const, message } };
  return {
    state: 'blocked',
    status: {
      ...describeStatus(status, 'blocked', facts),
      ...(status.state === undefined ? {} : { state: status.state }),
      ...(status.stateVersion === undefined ? {} : { stateVersion: status.stateVersion }),
    },
    transitions: [],
    events: [],
    drifts: [],
    intents: [],
    workloadIntents: [],
    gateIntents: [],
    keepsPaused: false,
    readsRoutes: false,
    wakeAt: undefined,
  };
}
