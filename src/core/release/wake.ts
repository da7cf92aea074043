// When a release has to be decided again by the clock alone.

import { parseDuration } from '../../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, ReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import type { RoutePolicyReading } from '../workload/policy-kinds.ts';
import { nextLookAfter } from '../analysis/grid.ts';
import type { Facts } from './assess.ts';
import { gateOf, timeoutOfGate } from './gates/entries.ts';
import { endOfEmptying } from './drain.ts';
import { dueGridOf } from './evidence/look-grid.ts';
import { asksForCohort } from './facts/cohort-rules.ts';
import { isDue } from './facts/next-attempt.ts';
import { endOfServingPatience } from './facts/serving-facts.ts';
import { endOfStep } from './facts/withdrawal.ts';
import { MISSING_PATIENCE_MS } from './report/conditions.ts';
import { findShownTime } from './report/next-step.ts';
import { endOfPatience, endOfPodsPatience } from './report/told.ts';
import { isJudged, isRunning, type StateName } from './state.ts';

/** States that wait for a gateway, for pods or for a write: seconds matter. */
const WAITS_FOR_ANSWERS: readonly StateName[] = [
  'preparing',
  'stage.shifting',
  'promoting.rollingOut',
  'promoting.restoring',
  'rollingBack.goingHome',
  'rollingBack.draining',
  'rollingBack.cleaning',
];

/** The next time at which something may be due; undefined when only a change of the world can bring anything new. */
export function findWakeTime(status: CanaryReleaseStatus, state: StateName, facts: Facts): number | undefined {
  const { release } = status;
  const { now, spec } = facts;
  // A hold is proven again now and then: a policy can be removed at any time.
  if (release === undefined || !isRunning(state)) return findWakeAtRest(status, facts);
  const times: (number | undefined)[] = [
    ...timesOf(release, state),
    ...timesOfGates(release, spec),
    ...facts.leaving.map(endOfEmptying),
    (status.weight ?? 0) > 0 ? endOfStep(release) : undefined,
    facts.lastAnswersEnd,
    findShownTime(status, state, facts),
    endOfPatience(release),
    endOfWait(release.gatewayWaitSince, spec),
    endOfPodsPatience(release),
    endOfWait(release.podsWaitSince, spec),
    endOfServingPatience(status),
    nextLayoutQuestion(facts),
    // Routes and writes that do not answer are looked at again without being asked.
    now + (WAITS_FOR_ANSWERS.includes(state) ? 1_000 : 30_000),
    facts.judging && isJudged(state)
      ? nextLookAfter(dueGridOf(spec, release), Math.max(now, fromTime(release.lookGridAt) ?? now))
      : undefined,
  ];
  // What was due already was decided upon just now; waiting for it again would go round in circles.
  const coming = times.filter((time): time is number => time !== undefined && time > now);
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** Time between two questions how a gateway counts backends, while a release waits for another answer. */
export const LAYOUT_AGAIN_MS = 5_000;

function nextLayoutQuestion({ blocker, now }: Facts): number | undefined {
  return blocker?.reason === 'BackendsNotSeen' || blocker?.reason === 'BackendsCountedTogether' ? now + LAYOUT_AGAIN_MS : undefined;
}

/** What falls due in a state, by the status. */
function timesOf(release: ReleaseStatus, state: StateName): readonly (number | undefined)[] {
  return [
    fromTime(release.deadlineAt),
    fromTime(release.drainEndsAt),
    fromTime(release.settlesAt),
    state === 'stage.analyzing' ? fromTime(release.stageEndsAt) : undefined,
    state === 'stage.analyzing' ? fromTime(release.stageTimesOutAt) : undefined,
    state === 'promoting.baking' ? fromTime(release.bakeEndsAt) : undefined,
  ];
}

/** A request is repeated, or a gate times out. Jobs and answers bring themselves to notice. */
function timesOfGates({ gates = [] }: ReleaseStatus, spec: CanaryReleaseSpec): readonly (number | undefined)[] {
  return gates.flatMap((entry) => {
    if (entry.state !== 'Running') return [];
    const gate = gateOf(spec, entry)?.gate;
    const started = fromTime(entry.startedAt);
    const ends = gate === undefined || gate.during !== undefined || started === undefined ? undefined : started + timeoutOfGate(gate);
    return [fromTime(entry.nextAt), ends];
  });
}

/** Between releases: a next attempt falls due, the hold is to be proven again, or pods that served are taken for gone. */
function findWakeAtRest(status: CanaryReleaseStatus, facts: Facts): number | undefined {
  const { nextAttempt, now, workload } = facts;
  const times = [
    nextAttempt?.dueMs,
    workload === undefined ? undefined : now + wakeForHold(facts),
    wakeForPolicies(facts),
    endOfServingPatience(status),
    nextLayoutQuestion(facts),
    endOfMissing(status),
  ];
  const coming = times.filter((time): time is number => time !== undefined && time > now);
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** When what is missing is missed. */
function endOfMissing({ internal }: CanaryReleaseStatus): number | undefined {
  const since = fromTime(internal?.missingSince);
  return since === undefined ? undefined : since + MISSING_PATIENCE_MS;
}

/** When a wait that began then blocks the release. */
function endOfWait(began: string | undefined, { onBlocked }: CanaryReleaseSpec): number | undefined {
  const since = fromTime(began);
  return since === undefined ? undefined : since + parseDuration(onBlocked.after);
}

/** How long a proof of the hold is believed. */
const HOLD_PROOF_MS = 600_000;
const WITHOUT_HOLD_MS = 15_000;
const UNREAD_MS = 1_000;

/** A release that adds no rule has nothing to know of the policies on rules. */
const NOTHING_ASKED: RoutePolicyReading = { objects: [], unread: [], features: new Map() };

/** Policies that a release has to know are read once it is about to begin, and again where they could not be. */
function wakeForPolicies({ spec, observation, candidate, nextAttempt, now }: Facts): number | undefined {
  const { routePolicies, sessionPolicies } = observation;
  const begins = candidate !== undefined || (nextAttempt !== undefined && isDue(nextAttempt, now));
  if (!begins) return undefined;
  const ofRoutes = asksForCohort(spec) ? routePolicies : NOTHING_ASKED;
  if (ofRoutes === undefined) return now + UNREAD_MS;
  const isWhole = [ofRoutes, sessionPolicies].every((reading) => (reading?.unread.length ?? 0) === 0) && ofRoutes.features !== undefined;
  return isWhole ? undefined : now + WITHOUT_HOLD_MS;
}

function wakeForHold({ observation, blocker, candidate, nextAttempt, now }: Facts): number {
  const { workload } = observation;
  const begins = candidate !== undefined || (nextAttempt !== undefined && isDue(nextAttempt, now));
  // A release ended in this very step, and the next one waits for its policies to be read.
  if (begins && workload?.policies === undefined) return UNREAD_MS;
  if (blocker?.reason === 'PolicyParity') return WITHOUT_HOLD_MS;
  return workload?.known === true && workload.hold.kind === 'proven' ? HOLD_PROOF_MS : WITHOUT_HOLD_MS;
}
