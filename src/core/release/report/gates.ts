// An event at each change of a gate.

import type { CanaryReleaseStatus, GateState, GateStatus } from '../../../api/release.ts';
import { nameGate } from '../gates/entries.ts';
import type { ReleaseEvent } from './events.ts';
import { describeResult } from './gate-words.ts';

type Status = CanaryReleaseStatus;

/** The news between two statuses of the same release. */
export function findGateEvents(before: Status, after: Status): readonly ReleaseEvent[] {
  const former = before.release?.gates;
  const now = after.release?.gates ?? [];
  if (former === now || before.release?.id !== after.release?.id) return [];
  return now.flatMap((entry) => {
    const was = former?.find(({ name, stage }) => name === entry.name && stage === entry.stage)?.state;
    return was === entry.state ? [] : EVENTS[entry.state](entry);
  });
}

const EVENTS: Readonly<Record<GateState, (entry: GateStatus) => readonly ReleaseEvent[]>> = {
  Pending: () => [],
  Running: (entry) => [{ reason: 'GateStarted', message: `${nameGate(entry)}: ${describeStart(entry)}` }],
  Passed: (entry) => [{ reason: 'GatePassed', message: `${nameGate(entry)} passed: ${describeResult(entry)}` }],
  Failed: (entry) => [{ reason: 'GateFailed', message: `${nameGate(entry)} failed: ${describeResult(entry)}`, warning: true }],
  Unknown: (entry) => [
    {
      reason: 'GateInterrupted',
      message: `${nameGate(entry)} has no known result and is not run again automatically: ${describeResult(entry)}`,
      warning: true,
    },
  ],
  Skipped: (entry) => [
    {
      reason: 'GateSkipped',
      message: `${entry.by ?? 'a person'} continues without ${nameGate(entry)}`,
      warning: true,
      ...(entry.by === undefined ? {} : { by: entry.by }),
    },
  ],
  Stopped: () => [],
};

function describeStart({ kind, job, during }: GateStatus): string {
  const beside = during === undefined ? '' : ' and runs until the stage ends';
  return kind === 'Job' ? `Job ${job ?? ''} is created${beside}` : 'the request is sent';
}
