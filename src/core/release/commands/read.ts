// Which command of a person is waiting, and may it be obeyed? A command names its release and, for `approve`, its stage; one
// that is not later than the last handled one was seen already; one for another release or stage is refused in words.

import { ABORT_ANNOTATION, COMMAND_ANNOTATION, COMMAND_BY_ANNOTATION, type CommandVerb } from '../../../api/names.ts';
import { parseCommand, type Command } from '../../../api/command.ts';
import type { CanaryRelease, CanaryReleaseStatus, HandledCommand } from '../../../api/release.ts';
import type { StateName } from '../state.ts';
import { fromTime } from '../../../api/times.ts';

/** A command that was not handled yet. `refusal` says why it is not obeyed. */
export interface FreshCommand {
  readonly verb: CommandVerb | 'unreadable';
  readonly release: string;
  /** Number of the stage as people count, from 1; one more than the stages for the promotion itself. */
  readonly stage?: number;
  readonly at: string;
  readonly by?: string;
  readonly refusal?: string;
}

/** Clocks of people and of the operator may differ by so much. */
const LARGEST_CLOCK_SKEW_MS = 300_000;

/** Reads the command annotation. @returns undefined when there is none, or none that is new. */
export function readCommand(release: CanaryRelease, status: CanaryReleaseStatus, state: StateName, now: number): FreshCommand | undefined {
  const text = release.metadata.annotations?.[COMMAND_ANNOTATION];
  if (text === undefined || text.trim() === '') return undefined;
  const last = status.lastHandledCommand;
  const parsed = parseCommand(text);
  if (!parsed.ok) return readUnreadable(text, parsed.message, last);
  const { command } = parsed;
  // It would make every later command an old one.
  if ((fromTime(command.at) ?? 0) > now + LARGEST_CLOCK_SKEW_MS)
    return readUnreadable(text, `its time ${command.at} lies in the future; write the present time in UTC`, last);
  if (last !== undefined && (fromTime(command.at) ?? 0) <= (fromTime(last.at) ?? 0)) return undefined;
  const by = readGiver(release, COMMAND_BY_ANNOTATION);
  const refusal = refuse(command, release, status, state);
  return {
    verb: command.verb,
    release: command.id,
    at: command.at,
    ...(command.stage === undefined ? {} : { stage: command.stage }),
    ...(by === undefined ? {} : { by }),
    ...(refusal === undefined ? {} : { refusal }),
  };
}

/** An unreadable text has no time of its own: it is told once, by its text. */
function readUnreadable(text: string, refusal: string, last: HandledCommand | undefined): FreshCommand | undefined {
  const told = text.slice(0, 128);
  if (last?.verb === 'unreadable' && last.release === told) return undefined;
  return { verb: 'unreadable', release: told, at: last?.at ?? '1970-01-01T00:00:00Z', refusal };
}

/**
 * The name in `glidepath.dev/command-by` or `glidepath.dev/abort-by`. Without the admission policy anybody can write anything
 * there; what the status cannot hold would stop every commit.
 */
export function readGiver(release: CanaryRelease, annotation: string): string | undefined {
  const by = release.metadata.annotations?.[annotation]?.trim().slice(0, 256);
  return by === '' ? undefined : by;
}

function refuse(command: Command, release: CanaryRelease, status: CanaryReleaseStatus, state: StateName): string | undefined {
  const current = status.release;
  if (current === undefined) return 'there is no release yet';
  if (command.id !== current.id) return `it is for release ${command.id}, and the present one is ${current.id}`;
  if (release.spec.paused && command.verb === 'resume') return 'spec.paused is true and wins; set it to false';
  return refuseByState(command, status, state, release.spec.stages.length);
}

const WORKS_IN: Readonly<Record<CommandVerb, (state: StateName) => boolean>> = {
  approve: (state) => state.startsWith('stage.') || state === 'preparing' || state === 'paused' || state === 'blocked',
  advance: (state) => state === 'stage.analyzing' || state === 'stage.awaitingApproval',
  promote: (state) => state === 'stage.analyzing' || state === 'stage.awaitingApproval',
  pause: (state) => state === 'preparing' || state.startsWith('stage.') || state === 'promoting.rollingOut' || state === 'promoting.baking',
  resume: (state) => state === 'paused' || state === 'blocked',
  retry: (state) => state === 'rolledBack',
  undo: (state) => state === 'promoted' || state === 'promoting.rollingOut' || state === 'promoting.baking',
};

/** Undo takes a promotion back, one that is under way as well; a release before that is aborted. */
function refuseUndo({ id }: Command, status: CanaryReleaseStatus, state: StateName): string | undefined {
  const waits = state === 'paused' || state === 'blocked';
  const place = waits ? (status.release?.returnTo ?? state) : state;
  if (WORKS_IN.undo(place as StateName)) return undefined;
  if (place === 'promoting.restoring') return 'the promotion makes its last writes; give undo again when it is Promoted';
  if (place === 'rolledBack' || place.startsWith('rollingBack.'))
    return `release ${id} is rolled back already; what was before it comes back by a change in Git`;
  return `release ${id} is not promoted yet; abort it: annotation ${ABORT_ANNOTATION}=${id}, or kubectl canary abort`;
}

function refuseByState(command: Command, status: CanaryReleaseStatus, state: StateName, stages: number): string | undefined {
  if (command.verb === 'undo') return refuseUndo(command, status, state);
  if (!WORKS_IN[command.verb](state)) return `${command.verb} does not fit a release that is ${state}`;
  if (command.verb !== 'approve') return undefined;
  if (command.stage === undefined) return `say which stage: approve:${command.id}/<stage>`;
  if (command.stage < 1 || command.stage > stages + 1) return `there is no stage ${command.stage}; the release has ${stages}`;
  const present = (status.release?.stageIndex ?? 0) + 1;
  return command.stage < present ? `stage ${command.stage} is over; the release is at stage ${present}` : undefined;
}
