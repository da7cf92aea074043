// What a person's command does before the machine moves: approvals are remembered, a refusal is recorded, a contest is ended. The
// other verbs are guards of the machine.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { ReleaseEvent } from '../report/events.ts';
import { approve, noteApproval } from './approval-record.ts';
import { handled } from './command-outcome.ts';
import { forgetContest } from './pause-steps.ts';

/** Records a command as handled, refused or done; one that waits for the machine stays. */
export function obey(
  status: CanaryReleaseStatus,
  { command, state, now }: Facts,
): { readonly status: CanaryReleaseStatus; readonly events: readonly ReleaseEvent[] } {
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
      events: [{ reason: 'Resumed', message: `${who} says that nobody fights over the weights any more`, ...giver }],
    };
  if (command.verb !== 'approve' || command.stage === undefined) return { status, events: [] };
  return {
    status: noteApproval(handled(approve(status, command.stage), command, 'Done'), command, command.stage, now),
    events: [{ reason: 'Approved', message: `stage ${command.stage} is approved by ${who}`, ...giver }],
  };
}

/** The last handled command stays the last: its time is what keeps older ones from being obeyed. */
function noteOutdated(status: CanaryReleaseStatus, outdated: string): CanaryReleaseStatus {
  const last = status.lastHandledCommand;
  return last === undefined ? status : { ...status, lastHandledCommand: { ...last, outdated } };
}
