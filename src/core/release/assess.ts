// From facts to verdicts: what stands in the way, why traffic has to go back, why the release pauses, and what becomes of the
// command that waits. The only file that knows facts and checks.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import type { Blocker } from './checks/types.ts';
import { findBlocker } from './checks/blockers.ts';
import { findPauseReason, type PauseReason } from './checks/pause-reasons.ts';
import { findRollback, type RollbackReason } from './checks/rollback-reasons.ts';
import type { FreshCommand } from './commands/read.ts';
import type { Gathered } from './facts/gather.ts';
import { type Known, knowOf } from './facts/known.ts';
import type { UndoPlan } from './facts/undo-plan.ts';
import type { StateName } from './state.ts';

/** What is known, and what follows from it. */
export interface Facts extends Known {
  /** The first thing that stands in the way of a raise. */
  readonly blocker: Blocker | undefined;
  /** Why all traffic has to go back to the serving version now. */
  readonly rollback: RollbackReason | undefined;
  /** Why traffic would go back, if the serving Service had a ready endpoint to answer it. */
  readonly rollbackWaits: RollbackReason | undefined;
  /** Why a running release has to pause now. */
  readonly pause: PauseReason | undefined;
}

/** A release at one moment of a decision: the status as it has become, and what is known of it. */
export interface Moment {
  readonly status: CanaryReleaseStatus;
  readonly facts: Facts;
}

/** Judges the facts for a release whose status this is. */
export function assess(gathered: Gathered, status: CanaryReleaseStatus, state: StateName): Facts {
  const known = knowOf(gathered, status, state);
  const situation = { ...known, command: judgeUndo(known.command, known.undo), blocker: findBlocker(known, status) };
  return { ...situation, ...findRollback(situation, status), pause: findPauseReason(situation, status) };
}

/** The command as the plan leaves it: refused with the plan's reason, or not there yet. */
export function judgeUndo(command: FreshCommand | undefined, plan: UndoPlan | undefined): FreshCommand | undefined {
  if (command?.verb !== 'undo' || command.refusal !== undefined || plan === undefined) return command;
  if (plan.kind === 'unknown') return undefined;
  return plan.kind === 'refused' ? { ...command, refusal: plan.why } : command;
}
