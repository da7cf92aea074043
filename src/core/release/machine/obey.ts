// What a person's command does before the machine moves: approvals are remembered, a refusal is recorded, a contest is ended. The
// other verbs are guards of the machine.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { ReleaseEvent } from '../report/events.ts';
import { approve, noteApproval } from './approval-record.ts';
import { handled } from './command-outcome.ts';
import { isAtGate } from '../gates/entries.ts';
import { findGateEvents } from '../report/gates.ts';
import { skipGates } from './gate-steps.ts';
import { forgetContest } from './pause-steps.ts';

/** The status after a command, and what is announced of it. */
export interface Obeyed {
  readonly status: CanaryReleaseStatus;
  readonly events: readonly ReleaseEvent[];
}

/** Records a command as handled, refused or done; one that waits for the machine stays. */
export function obey(status: CanaryReleaseStatus, facts: Facts): Obeyed {
  const { command, state, spec } = facts;
  if (command === undefined) return { status, events: [] };
  if (command.refusal !== undefined) return refuse(status, command, command.refusal);
  if (command.verb === 'resume' && state === 'blocked' && status.release?.contestedBy !== undefined) return endContest(status, command);
  if (command.verb === 'advance' && isAtGate(spec, status, state)) return passGate(status, command, facts);
  if (command.verb === 'approve' && command.stage !== undefined) return approveStage(status, command, command.stage, facts);
  return { status, events: [] };
}

type Command = NonNullable<Facts['command']>;

const giverOf = ({ by }: Command) => (by === undefined ? {} : { by });
const nameGiver = ({ by }: Command) => by ?? 'a person';

function refuse(status: CanaryReleaseStatus, command: Command, refusal: string): Obeyed {
  const { outdated, verb } = command;
  const message = `${verb} by ${nameGiver(command)} is refused: ${refusal}`;
  return {
    status: outdated === undefined ? handled(status, command, 'Refused', refusal) : noteOutdated(status, outdated),
    events: [{ reason: 'CommandRefused', message, warning: true, ...giverOf(command) }],
  };
}

function endContest(status: CanaryReleaseStatus, command: Command): Obeyed {
  const message = `${nameGiver(command)} says that no other field manager changes the weights any more`;
  return { status: handled(forgetContest(status), command, 'Done'), events: [{ reason: 'Resumed', message, ...giverOf(command) }] };
}

/** Where the release waits at a gate before a stage, advancing is to continue without it. */
function passGate(status: CanaryReleaseStatus, command: Command, facts: Facts): Obeyed {
  const skipped = skipGates(handled(status, command, 'Done'), facts, command.by);
  const stage = (status.release?.stageIndex ?? 0) + 1;
  return { status: noteApproval(skipped, command, stage, facts.now), events: findGateEvents(status, skipped) };
}

function approveStage(status: CanaryReleaseStatus, command: Command, stage: number, { now }: Facts): Obeyed {
  return {
    status: noteApproval(handled(approve(status, stage), command, 'Done'), command, stage, now),
    events: [{ reason: 'Approved', message: `stage ${stage} is approved by ${nameGiver(command)}`, ...giverOf(command) }],
  };
}

/** An abort is obeyed by the machine, whatever else is asked; here it is remembered, and one that does nothing is refused in words. */
export function noteAbort(status: CanaryReleaseStatus, { abort, abortBy }: Pick<Facts, 'abort' | 'abortBy'>): Obeyed {
  if (abort === undefined) return { status, events: [] };
  const noted = { ...status, internal: { ...status.internal, abort: abort.text } };
  if (abort.refusal === undefined) return { status: noted, events: [] };
  const giver = abortBy === undefined ? {} : { by: abortBy };
  const message = `abort by ${abortBy ?? 'a person'} is refused: ${abort.refusal}`;
  return { status: noted, events: [{ reason: 'CommandRefused', message, warning: true, ...giver }] };
}

/** The last handled command stays the last: its time is what keeps older ones from being obeyed. */
function noteOutdated(status: CanaryReleaseStatus, outdated: string): CanaryReleaseStatus {
  const last = status.lastHandledCommand;
  return last === undefined ? status : { ...status, lastHandledCommand: { ...last, outdated } };
}
