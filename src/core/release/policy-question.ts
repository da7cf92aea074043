// When the policies of a namespace are read: where the next decision may begin a release, and for a cohort while one runs. A cluster at
// rest is not asked.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { readCommand } from './commands/read.ts';
import type { Observation } from './observation.ts';
import { adoptServing } from './machine/adopt-serving.ts';
import { isJudged, isRunning, parseState, type StateName } from './state.ts';
import { type CanaryFacts, gatherCanaryFacts } from './facts/canary-facts.ts';
import { asksForCohort } from './facts/cohort-rules.ts';
import { chooseSides } from './facts/revision.ts';
import { gatherHeldFacts } from './facts/held-candidate.ts';
import { findNextAttempt, isDue } from './facts/next-attempt.ts';

/** Does a rule for a cohort have to know which policies hold for single rules? */
export function asksForRoutePolicies(status: CanaryReleaseStatus, observation: Observation, now: number): boolean {
  const { spec } = observation.release;
  const state = parseState(status.state);
  if (state === undefined || !asksForCohort(spec)) return false;
  return isRunning(state) ? isJudged(state) : isAboutToBegin(status, state, observation, now);
}

/**
 * May policies that keep sessions stand against the first weight? Also while a release prepares: one that began in the very step in which
 * another one ended has not been asked about before. Not where it has taken over a share: its way home waits for nothing.
 */
export function asksForSessionPolicies(status: CanaryReleaseStatus, observation: Observation, now: number): boolean {
  const state = parseState(status.state);
  if (state === undefined) return false;
  return isRunning(state) ? state === 'preparing' && (status.weight ?? 0) === 0 : isAboutToBegin(status, state, observation, now);
}

function isAboutToBegin(status: CanaryReleaseStatus, state: StateName, observation: Observation, now: number): boolean {
  const { spec } = observation.release;
  if (spec.targetRef !== undefined) return asksForPolicies(status, observation, now);
  const sides = chooseSides(spec, status, observation.routes);
  return mayBegin(status, state, observation, gatherCanaryFacts(spec, status, observation, sides, state), now);
}

function mayBegin(
  status: CanaryReleaseStatus,
  state: StateName,
  observation: Observation,
  facts: Pick<CanaryFacts, 'candidate' | 'canaryKey' | 'canaryReady'>,
  now: number,
): boolean {
  const command = readCommand(observation.release, status, state, now);
  if (command?.verb === 'retry' && command.refusal === undefined) return true;
  const next = findNextAttempt(status, state, facts, observation);
  return facts.candidate !== undefined || (next !== undefined && isDue(next, now));
}

/** Does a held template wait for its release, or is one to be tried again? */
export function asksForPolicies(status: CanaryReleaseStatus, observation: Observation, now: number): boolean {
  const { release, workload } = observation;
  const state = parseState(status.state);
  if (state === undefined || isRunning(state) || workload?.deployment?.spec.paused !== true) return false;
  const { status: adopted } = adoptServing(status, state, observation);
  return mayBegin(adopted, state, observation, gatherHeldFacts(release.spec, adopted, state, observation), now);
}
