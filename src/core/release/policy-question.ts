// When the policies of a namespace are read: only where the next decision may begin a release. A cluster at rest is not asked.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { readCommand } from './commands/read.ts';
import type { Observation } from './observation.ts';
import { adoptServing } from './machine/adopt-serving.ts';
import { isRunning, parseState } from './state.ts';
import { gatherHeldFacts } from './facts/held-candidate.ts';
import { findNextAttempt, isDue } from './facts/next-attempt.ts';

/** Does a held template wait for its release, or is one to be tried again? */
export function asksForPolicies(status: CanaryReleaseStatus, observation: Observation, now: number): boolean {
  const { release, workload } = observation;
  const state = parseState(status.state);
  if (state === undefined || isRunning(state) || workload?.deployment?.spec.paused !== true) return false;
  const command = readCommand(release, status, state, now);
  if (command?.verb === 'retry' && command.refusal === undefined) return true;
  const { status: adopted } = adoptServing(status, state, observation);
  const facts = gatherHeldFacts(release.spec, adopted, state, observation);
  const next = findNextAttempt(adopted, state, facts, observation);
  return facts.candidate !== undefined || (next !== undefined && isDue(next, now));
}
