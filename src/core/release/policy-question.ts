// When the policies of a namespace are read: where the next decision may begin a release, and for a cohort while one runs. A cluster at
// rest is not asked.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { readCommand } from './commands/read.ts';
import type { Observation } from './observation.ts';
import { adoptServing } from './machine/adopt-serving.ts';
import { isJudged, isPreparing, isRunning, parseState, type StateName } from './state.ts';
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
 * How policies that keep sessions are to be known. `read`: before the first weight, which they may stand against; also while a release
 * prepares, because one that began in the very step in which another one ended has not been asked about, and while it is blocked before
 * its first weight, because they may be what blocks it. `latest`: in Deployment mode a release that runs has to report them, and waits for
 * nothing. Else nothing depends on them: what was read for another release would block, and never be read again.
 */
export function wantsSessionPolicies(status: CanaryReleaseStatus, observation: Observation, now: number): 'read' | 'latest' | 'nothing' {
  const state = parseState(status.state);
  if (state === undefined) return 'nothing';
  const isBefore = isRunning(state)
    ? isPreparing(state, status.release) && (status.weight ?? 0) === 0
    : isAboutToBegin(status, state, observation, now);
  if (isBefore) return 'read';
  return isRunning(state) && observation.release.spec.targetRef !== undefined ? 'latest' : 'nothing';
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
