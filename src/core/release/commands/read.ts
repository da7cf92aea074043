// Which command of a person is waiting, and may it be obeyed? A command names its release and, for `approve`, its stage. The last
// handled one stays on the object and is not read again; one that is older, or for another release or stage, is refused in words.

import { ABORT_ANNOTATION, COMMAND_ANNOTATION, COMMAND_BY_ANNOTATION, type CommandVerb } from '../../../api/names.ts';
import { parseCommand, type Command } from '../../../api/command.ts';
import { withoutUndefined } from '../../../api/absence.ts';
import type { CanaryRelease, CanaryReleaseStatus, HandledCommand } from '../../../api/release.ts';
import { placeOf, type StateName } from '../state.ts';
import { isAtGate } from '../gates/entries.ts';
import { findApproval, nameApproval } from './approval.ts';
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
  /** It is not later than the last handled one, which stays the last: its text, by which it is refused once. */
  readonly outdated?: string;
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
  if (isInTheFuture(command, now))
    return readUnreadable(text, `its time ${command.at} lies in the future; write the present time in UTC`, last);
  if (last !== undefined && isSame(command, last)) return undefined;
  const outdated = findOutdated(text, command, last);
  if (outdated !== undefined && outdated === last?.outdated) return undefined;
  const { verb, id, at, stage } = command;
  return {
    verb,
    release: id,
    at,
    ...withoutUndefined({
      stage,
      by: readGiver(release, COMMAND_BY_ANNOTATION),
      refusal: outdated === undefined ? refuse(command, release, status, state, now) : describeOutdated(command, last),
      outdated,
    }),
  };
}

function isInTheFuture({ at }: Command, now: number): boolean {
  return (fromTime(at) ?? 0) > now + LARGEST_CLOCK_SKEW_MS;
}

/** `lastHandledCommand` takes so many characters of a text. */
const MOST_TEXT = 128;

function isSame({ verb, id, stage, at }: Command, last: HandledCommand): boolean {
  return verb === last.verb && id === last.release && stage === last.stage && fromTime(at) === fromTime(last.at);
}

function findOutdated(text: string, { at }: Command, last: HandledCommand | undefined): string | undefined {
  const isOld = last !== undefined && (fromTime(at) ?? 0) <= (fromTime(last.at) ?? 0);
  return isOld ? text.trim().slice(0, MOST_TEXT) : undefined;
}

/** Why a command that is not later than the last handled one is refused. */
export function describeOutdated({ at }: Pick<Command, 'at'>, last: Pick<HandledCommand, 'at'> | undefined): string {
  return `its time ${at} is not later than ${last?.at ?? ''}, the time of the last command that was handled; give it again with the present time`;
}

/** An unreadable text has no time of its own: it is reported once, by its text. */
function readUnreadable(text: string, refusal: string, last: HandledCommand | undefined): FreshCommand | undefined {
  const told = text.slice(0, MOST_TEXT);
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

function refuse(command: Command, release: CanaryRelease, status: CanaryReleaseStatus, state: StateName, now: number): string | undefined {
  const current = status.release;
  if (current === undefined) return 'there is no release yet';
  if (command.id !== current.id) return `it is for release ${command.id}, and the present one is ${current.id}`;
  if (release.spec.paused && command.verb === 'resume') return 'spec.paused is true and wins; set it to false';
  if (command.verb === 'undo') return refuseUndo(command, status, state);
  if (command.verb === 'advance' && isAtGate(release.spec, status, state)) return undefined;
  if (!WORKS_IN[command.verb](state)) return `${command.verb} does not fit a release that is ${state}`;
  return command.verb === 'approve' ? refuseApproval(command, release.spec, status, state, now) : undefined;
}

const WORKS_IN: Readonly<Record<CommandVerb, (state: StateName) => boolean>> = {
  approve: (state) => state.startsWith('stage.') || state === 'preparing' || state === 'paused' || state === 'blocked',
  advance: (state) => state === 'stage.analyzing' || state === 'stage.awaitingApproval',
  promote: (state) => state === 'preparing' || state === 'stage.analyzing' || state === 'stage.awaitingApproval',
  pause: (state) => state === 'preparing' || state.startsWith('stage.') || state === 'promoting.rollingOut' || state === 'promoting.baking',
  resume: (state) => state === 'paused' || state === 'blocked',
  retry: (state) => state === 'rolledBack',
  undo: (state) => state === 'promoted' || state === 'promoting.rollingOut' || state === 'promoting.baking',
};

/** Undo takes a promotion back, one that is under way as well; a release before that is aborted. */
function refuseUndo({ id }: Command, status: CanaryReleaseStatus, state: StateName): string | undefined {
  const place = placeOf(state, status.release);
  if (WORKS_IN.undo(place)) return undefined;
  if (place === 'promoting.restoring') return 'the promotion makes its last writes; give undo again when it is Promoted';
  if (place === 'rolledBack' || place.startsWith('rollingBack.'))
    return `release ${id} is rolled back already; what was before it comes back by a change in Git`;
  return `release ${id} is not promoted yet; abort it: annotation ${ABORT_ANNOTATION}=${id}, or kubectl canary abort`;
}

/** Nothing is approved that does not wait. */
function refuseApproval(
  { id, stage }: Command,
  spec: CanaryRelease['spec'],
  status: CanaryReleaseStatus,
  state: StateName,
  now: number,
): string | undefined {
  const stages = spec.stages.length;
  const { stageIndex = 0, approvedStages = [], stageTimesOutAt } = status.release ?? {};
  if (stage === undefined) return `say which stage: approve:${id}/<stage>`;
  if (stage < 1 || stage > stages + 1) return `there is no stage ${stage}; the release has ${stages}`;
  const present = stageIndex + 1;
  if (stage < present) return `stage ${stage} is over; the release is at stage ${present}`;
  const timesOut = fromTime(stageTimesOutAt);
  const waits = findApproval(status, spec, state, timesOut !== undefined && now >= timesOut);
  if (waits === stage) return undefined;
  if (waits !== undefined) return `${nameApproval(stage, stages)} does not wait for approval; ${nameApproval(waits, stages)} does`;
  const given = approvedStages.includes(stage) ? `; ${nameApproval(stage, stages)} is approved already` : '';
  return `nothing waits for approval: release ${id} is in stage ${present} of ${stages} (${state})${given}`;
}
