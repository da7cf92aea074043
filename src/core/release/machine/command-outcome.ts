// What becomes of a command once it was read: obeyed or refused, why, and how the status and an event report it.

import type { CommandVerb } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { clockOf } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { endOfPodsWait } from '../facts/canary-facts.ts';
import type { ReleaseEvent } from '../report/events.ts';
import { isRunning, type StateName } from '../state.ts';

/** The status once a command is used up. @param message why it was refused */
export function handled(
  status: CanaryReleaseStatus,
  command: NonNullable<Facts['command']>,
  result: 'Done' | 'Refused',
  message?: string,
): CanaryReleaseStatus {
  const { verb, release, at, by, stage } = command;
  return {
    ...status,
    lastHandledCommand: {
      verb,
      release,
      at,
      result,
      ...(by === undefined ? {} : { by }),
      ...(stage === undefined ? {} : { stage }),
      ...(message === undefined ? {} : { message: message.slice(0, 512) }),
    },
  };
}

/** Did the step do what the command asked for? Another guard may have come first: a Fail, a pause, a block. */
export function isObeyedBy(verb: CommandVerb | 'unreadable', to: StateName): boolean {
  switch (verb) {
    case 'advance':
    case 'promote':
      return to === 'stage.shifting' || to === 'promoting.rollingOut';
    case 'pause':
      return to === 'paused';
    case 'undo':
      return to.startsWith('rollingBack.');
    case 'retry':
      return to === 'preparing';
    case 'approve':
    case 'resume':
      return isRunning(to) && !to.startsWith('rollingBack.') && to !== 'paused';
    case 'unreadable':
      return false;
  }
}

/** The event of a command that did not fit the moment. */
export function refuseForNow(facts: Facts, state: StateName): ReleaseEvent {
  const { command } = facts;
  const message = `${command?.verb} by ${command?.by ?? 'a person'} cannot be done now: ${whyNotNow(facts, state)}; give it again later`;
  return { reason: 'CommandRefused', message, warning: true, ...(command?.by === undefined ? {} : { by: command.by }) };
}

/** What stood in the way. */
export function whyNotNow(facts: Facts, state: StateName): string {
  const { blocker, rejection, canaryReady, acceptanceWait, now } = facts;
  const known = blocker?.message ?? rejection?.message ?? acceptanceWait;
  if (known !== undefined) return known;
  if (!canaryReady) return 'the canary is not ready';
  const ends = endOfPodsWait(facts, now);
  return ends === undefined
    ? `the release is ${state}`
    : `the release waits for the pods of its revision, until ${clockOf(ends)} at the latest`;
}
