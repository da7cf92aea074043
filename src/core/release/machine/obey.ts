// What a person's command does before the machine moves: approvals are remembered, a refusal is recorded, a contest is ended. The
// other verbs are guards of the machine.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { ReleaseEvent } from '../report/events.ts';
import { approve, noteApproval } from './approval-record.ts';
import { handled } from './command-outcome.ts';
import { forgetContest } from './pause-steps.ts';

/** The status after a command, and what is announced of it. */
export interface Obeyed {
  readonly status: CanaryReleaseStatus;
  readonly events: readonly ReleaseEvent[];
}

/** Records a command as handled, refused or done; one that waits for the machine stays. */
export function obey(status: CanaryReleaseStatus, { command, state, now }: Facts): Obeyed {
  if (command === undefined) return { status, events: [] };
  const who = command.by ?? 'a person';
  const giver = command.by === undefined ? {} : { by: command.by };
  if (command.refusal !== undefined)
    return {
      status:
        command.outdated === undefined ? handled(status, command, 'Refused', command.refusal) : noteOutdated(status, command.outdated),
      events: [{ reason: 'CommandRefused', message: `${command.verb} by ${who} is refused: ${command.refusal}`, warning: true, ...giver }],
    };
  if (command.verb === 'resume' && state === 'blocked' && status.release?.contestedBy !== undefined)
    return {
      status: handled(forgetContest(status), command, 'Done'),
      events: [{ reason: 'Resumed', message: `${who} says that no other field manager changes the weights any more`, ...giver }],
    };
  if (command.verb !== 'approve' || command.stage === undefined) return { status, events: [] };
  return {
    status: noteApproval(handled(approve(status, command.stage), command, 'Done'), command, command.stage, now),
    events: [{ reason: 'Approved', message: `stage ${command.stage} is approved by ${who}`, ...giver }],
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
