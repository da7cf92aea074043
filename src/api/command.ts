// Commands as annotations. `glidepath.dev/command: <verb>:<id>[/<stage>]:<UTC timestamp>` names its release, so that a
// replay from Git has no effect, and has a time, so that it is not executed twice.
import { COMMAND_VERBS, type CommandVerb } from './names.ts';

/** A command of a person. */
export interface Command {
  readonly verb: CommandVerb;
  /** Id of the release it is for. */
  readonly id: string;
  /** Number of the stage as people count, from 1; one more than the stages is the promotion itself. */
  readonly stage?: number;
  /** When it was given, RFC 3339 in UTC. */
  readonly at: string;
}

/** A command, or why the text is none. */
export type ParsedCommand = { readonly ok: true; readonly command: Command } | { readonly ok: false; readonly message: string };

/** The form of a release id. */
const RELEASE_ID_PATTERN = '^[0-9a-f]{10}(-[1-9][0-9]{0,3})?$';

const RELEASE_ID = new RegExp(RELEASE_ID_PATTERN);
const STAGE = /^[1-9][0-9]?$/;
const UTC_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;
const FORM = '<verb>:<release id>[/<stage>]:<UTC time>, such as approve:7c1f0e22ab/1:2026-03-04T10:11:12Z';

/** Reads the value of the annotation `glidepath.dev/command`. Never throws. */
export function parseCommand(text: string): ParsedCommand {
  // The time has colons of its own: only the first two colons divide.
  const [verbText = '', target = '', ...rest] = text.trim().split(':');
  const at = rest.join(':');
  const verb = COMMAND_VERBS.find((known) => known === verbText);
  if (verb === undefined) return refuse(`"${shorten(verbText)}" is not a verb (${COMMAND_VERBS.join(' ')})`);
  const [id = '', stageText, ...more] = target.split('/');
  if (!RELEASE_ID.test(id)) return refuse(`"${shorten(id)}" is not a release id`);
  if (more.length > 0 || !isStage(stageText)) return refuse(`"${shorten(target)}" is not a stage number`);
  if (verb === 'approve' && stageText === undefined) return refuse('approve needs the number of the stage');
  if (!isUtcTime(at)) return refuse(`"${shorten(at)}" is not a UTC time`);
  return { ok: true, command: { verb, id, at, ...(stageText === undefined ? {} : { stage: Number(stageText) }) } };
}

function isStage(text: string | undefined): boolean {
  return text === undefined || STAGE.test(text);
}

function isUtcTime(text: string): boolean {
  return UTC_TIME.test(text) && !Number.isNaN(Date.parse(text));
}

/** Writes a command as the value of the annotation. */
export function formatCommand(command: Command): string {
  const stage = command.stage === undefined ? '' : `/${command.stage}`;
  return `${command.verb}:${command.id}${stage}:${command.at}`;
}

/** The release id in the value of the annotation `glidepath.dev/abort`, or undefined when it is none. */
export function parseAbort(text: string): string | undefined {
  const id = text.trim();
  return RELEASE_ID.test(id) ? id : undefined;
}

function refuse(why: string): ParsedCommand {
  return { ok: false, message: `${why}; write ${FORM}` };
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
