// The result of one simulated release: how it ended, its weights over time, and its events.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import type { Decision } from '../../core/release/decide.ts';
import { parseState } from '../../core/release/state.ts';
import type { Expected } from './traffic.ts';

/** How a run ended. `completed`: an experiment (`promotion.mode: None`) whose stages have passed; `asked`: it waits for a person; `blocked`: it cannot continue; `unfinished`: it outlasted its deadline. */
export type Ending = 'promoted' | 'completed' | 'rolledBack' | 'asked' | 'blocked' | 'unfinished';

/** From this time on traffic followed this weight. Milliseconds since the release began. */
export interface WeightStep {
  readonly atMs: number;
  readonly weight: number;
}

/** An event of the release. */
export interface Entry {
  readonly atMs: number;
  /** State of the machine after it. */
  readonly state: string;
  /** The wanted weight after it. */
  readonly weight: number;
  /** Word of the event. */
  readonly reason: string;
  readonly message: string;
}

/** How one simulated release ended, and its weights over time. */
export interface Outcome {
  readonly ending: Ending;
  /** When it ended. */
  readonly atMs: number;
  readonly reason: string;
  /** Stage in which it ended, from 1. */
  readonly stage: number;
  /** It waited for a person at least once. */
  readonly asked: boolean;
  /** When the canary began to behave differently from serving. */
  readonly turnedAtMs: number | undefined;
  readonly expected: Expected;
  readonly steps: readonly WeightStep[];
}

/** One simulated release, with what it said. */
export interface RunResult extends Outcome {
  readonly message: string;
  readonly entries: readonly Entry[];
}

/** What is recorded during a run. */
export interface Log {
  readonly entries: Entry[];
  readonly steps: WeightStep[];
  asked: boolean;
  turnedAtMs: number | undefined;
}

/** An empty log. */
export function begin(): Log {
  return { entries: [], steps: [], asked: false, turnedAtMs: undefined };
}

/** The events of a decision. */
export function entriesOf({ events, state, status }: Decision, atMs: number): readonly Entry[] {
  // After a promotion the roles have swapped; here the canary of this release stays the canary.
  const weight = state === 'promoted' ? 100 : (status.weight ?? 0);
  return events.map(({ reason, message }) => ({ atMs, state, weight, reason, message }));
}

/** Sums a run up. */
export function finish(
  log: Log,
  status: CanaryReleaseStatus,
  end: { readonly atMs: number; readonly expected: Expected; readonly over: boolean },
): Outcome {
  const ending = endingOf(status, end.over);
  return {
    ending,
    atMs: end.atMs,
    reason: reasonOf(status, ending),
    stage: (status.release?.stageIndex ?? 0) + 1,
    asked: log.asked || ending === 'asked',
    turnedAtMs: log.turnedAtMs,
    expected: end.expected,
    steps: log.steps,
  };
}

function endingOf(status: CanaryReleaseStatus, over: boolean): Ending {
  const state = parseState(status.state);
  // It never began, so no end is waited for.
  if (state === 'idle' || state === 'preparing') return 'blocked';
  if (!over) return 'unfinished';
  switch (state) {
    case 'promoted':
      return 'promoted';
    case 'rolledBack':
      return status.release?.reason === 'Completed' ? 'completed' : 'rolledBack';
    case 'paused':
    case 'stage.awaitingApproval':
      return 'asked';
    case undefined:
    case 'stage.shifting':
    case 'stage.analyzing':
    case 'promoting.rollingOut':
    case 'promoting.baking':
    case 'promoting.restoring':
    case 'rollingBack.goingHome':
    case 'rollingBack.draining':
    case 'rollingBack.cleaning':
    case 'blocked':
      return 'blocked';
  }
}

function reasonOf({ release, state }: CanaryReleaseStatus, ending: Ending): string {
  if (ending === 'promoted') return 'Promoted';
  if (ending === 'completed') return 'Completed';
  if (ending === 'rolledBack') return release?.reason ?? 'RolledBack';
  if (ending === 'asked') return state === 'paused' ? (release?.pausedBy ?? 'Paused') : 'AwaitingApproval';
  return release?.blockedReason ?? 'Blocked';
}
