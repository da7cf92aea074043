// What is said of gates: the condition GatesPassed, and what the message says while one is waited for or has failed.

import type { ConditionWord } from '../../../api/conditions.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, GateStatus } from '../../../api/release.ts';
import { clockOf, fromTime } from '../../../api/times.ts';
import { findFailed, findHeld, findRunning, listGates, nameGate } from '../gates/entries.ts';
import { isRunning, type StateName } from '../state.ts';

type Status = CanaryReleaseStatus;

const MOST_MESSAGE = 1_000;

/** What was found, and the end of the log. */
export function describeResult({ message = '', log }: GateStatus): string {
  return `${message}${log === undefined ? '' : `; log: ${log}`}`.slice(0, MOST_MESSAGE);
}

/** What the release waits for at a gate; undefined where none is running. */
export function describeGateWait(spec: CanaryReleaseSpec, status: Status, state: StateName): string | undefined {
  const { entry } = findRunning(spec, status, state) ?? {};
  if (entry === undefined) return undefined;
  const started = fromTime(entry.startedAt);
  const since = started === undefined ? '' : `, since ${clockOf(started)}`;
  const what = entry.kind === 'Job' ? `Job ${entry.job ?? ''}${since}` : `request ${entry.attempts}${since}`;
  const said = entry.message === undefined ? '' : `: ${entry.message}`;
  return `waits for ${nameGate(entry)} (${what})${said}`;
}

/** Why the release pauses at a gate, and which commands it takes. */
export function describeHeldGate(spec: CanaryReleaseSpec, status: Status, state: StateName): string | undefined {
  const { entry } = findHeld(spec, status, state) ?? {};
  if (entry === undefined) return undefined;
  const verdict = entry.state === 'Unknown' ? 'has no known result' : 'failed';
  const id = status.release?.id ?? '';
  return `${nameGate(entry)} ${verdict}: ${describeResult(entry).slice(0, 400)}; resume:${id} runs it again, advance:${id} continues without it`;
}

/** Present while a release with gates runs and the first of them has begun. */
export function describeGates(spec: CanaryReleaseSpec, status: Status, state: StateName): ConditionWord | undefined {
  const entries = status.release?.gates ?? [];
  if (!isRunning(state) || entries.length === 0 || listGates(spec).length === 0) return undefined;
  const [failed] = findFailed(spec, status, state);
  if (failed !== undefined) {
    const reason = failed.entry.state === 'Unknown' ? 'GateInterrupted' : 'GateFailed';
    return { status: 'False', reason, message: `${nameGate(failed.entry)}: ${describeResult(failed.entry)}` };
  }
  const wait = describeGateWait(spec, status, state);
  if (wait !== undefined) return { status: 'Unknown', reason: 'GateRunning', message: wait };
  return { status: 'True', reason: 'GatesPassed', message: 'every gate that has begun has passed, or a person continued without it' };
}
