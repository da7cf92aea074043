// Why a running release pauses: its weight stays and does not rise until a person resumes it. The first reason that applies is reported.

import type { PauseReason } from '../../../api/reasons.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Known } from '../facts/known.ts';
import { findHeld } from '../gates/entries.ts';
import { isRunning, waitsForProof } from '../state.ts';
import type { Blocker } from './types.ts';
import { afterBlock, afterDeadline, afterOutage, afterTimeout } from './overdue.ts';

export type { PauseReason };

/** What the checks may ask. */
export type PauseFacts = Known & { readonly blocker: Blocker | undefined };

type Check = (facts: PauseFacts, status: CanaryReleaseStatus) => boolean;

/** In the order in which they are reported. */
const CHECKS: readonly (readonly [reason: PauseReason, applies: Check])[] = [
  ['Spec', ({ spec }) => spec.paused],
  ['Command', ({ command }) => command?.verb === 'pause' && command.refusal === undefined],
  ['DeadlineExceeded', ({ spec, deadlinePassed }) => deadlinePassed && afterDeadline(spec) === 'pause'],
  ['MetricsUnavailable', ({ spec, unavailableTooLong }) => unavailableTooLong && afterOutage(spec) === 'pause'],
  ['GateHeld', ({ spec, state }, status) => findHeld(spec, status, state) !== undefined],
  ['Inconclusive', hasNoProofInTime],
  ['BlockedTooLong', ({ spec, blockedTooLong, blocker }) => blocker !== undefined && blockedTooLong && afterBlock(spec) === 'pause'],
];

/** Why the release pauses now, if anything says so; undefined while none runs. */
export function findPauseReason(facts: PauseFacts, status: CanaryReleaseStatus): PauseReason | undefined {
  return isRunning(facts.state) ? CHECKS.find(([, applies]) => applies(facts, status))?.[0] : undefined;
}

/** `Promote` needs one Pass in the stage; without it a person is asked, as with `Pause`. */
function hasNoProofInTime({ spec, state, inconclusiveTooLong }: PauseFacts, { release }: CanaryReleaseStatus): boolean {
  const then = afterTimeout(spec);
  const asks = then === 'pause' || (then === 'advance' && release?.passInStage !== true);
  return asks && waitsForProof(state, release) && inconclusiveTooLong;
}
