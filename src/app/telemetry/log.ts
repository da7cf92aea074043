// The log: one JSON object a line, with messages for people and without secrets.
import { withoutUndefined } from '../../api/absence.ts';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { LogLevel } from '../settings/readers.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly level: LogLevel;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
  /** Fields of every line, asked for each; for the ids of a trace. */
  readonly fields?: () => Readonly<Record<string, string>>;
}

/** An error as the log shows it, without bodies, headers and other fields. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly retryable?: boolean;
  /** Where it was thrown, without the message that the first lines of a stack repeat. */
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const DEEPEST_CAUSE = 4;
const SECRET_FIELDS = ['headers', 'authorization', 'token', 'password'];
/** Clients put body and headers of an answer into the message; the log takes the part before them. */
const ANSWER_IN_MESSAGE = /\s*\n(Body|Headers): [\s\S]*$/;

/** A logger with level names, ISO times and errors without headers. No worker threads, so it can be bundled. */
export function createLogger(options: LogOptions): Logger {
  const { fields } = options;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError, error: serializeError },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), remove: true },
      hooks: {
        // Without a message pino takes that of the error as it is, with everything that a client put into it.
        logMethod(args, method) {
          const error = errorIn(args[0]);
          if (error !== undefined && args[1] === undefined) method.call(this, fieldsOf(args[0], error), messageOfError(error));
          else method.apply(this, args);
        },
      },
      ...(fields === undefined ? {} : { mixin: () => ({ ...fields() }) }),
    },
    options.destination ?? pino.destination(1),
  );
}

function errorIn(first: unknown): Error | undefined {
  if (first instanceof Error) return first;
  const inside = typeof first === 'object' && first !== null ? (Reflect.get(first, 'err') as unknown) : undefined;
  return inside instanceof Error ? inside : undefined;
}

function fieldsOf(first: unknown, error: Error): object {
  return first === error ? { err: error } : { ...(first as object) };
}

/** Anything that was thrown, as the log shows it. */
export function serializeError(thrown: unknown, depth = 0): LoggedError {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: messageOfPlain(thrown) };
  const code = Reflect.get(thrown, 'code') as unknown;
  const retryable = Reflect.get(thrown, 'retryable') as unknown;
  const frames = thrown.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return {
    type: thrown.name === 'Error' ? thrown.constructor.name : thrown.name,
    message: messageOfError(thrown),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof retryable === 'boolean' ? { retryable } : {}),
    ...(frames.length > 0 ? { stack: frames.join('\n') } : {}),
    ...(thrown.cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: serializeError(thrown.cause, depth + 1) }),
  };
}

function messageOfError(error: Error): string {
  const message = error.message.replace(ANSWER_IN_MESSAGE, '').replaceAll('\n', ' ');
  // Connection attempts to several addresses fail as one error without a message of its own.
  if (message !== '' || !(error instanceof AggregateError)) return message;
  return error.errors.map((part) => (part instanceof Error ? part.message : String(part))).join('; ');
}

/** Only the message of a thrown value that is not an Error: some clients throw objects that contain the whole request. */
function messageOfPlain(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  const message = Reflect.get(thrown, 'message') as unknown;
  return typeof message === 'string' ? message : 'an object without a message was thrown';
}

/** The state of a release, and the same in words. */
export interface Place {
  /** State or phase, such as `Analyzing`. */
  readonly state: string;
  /** Such as `stage 2/3 (25%)`; elsewhere the state again. */
  readonly words: string;
}

/** One step of a release, for the log. */
export interface TransitionLine {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly revision?: string;
  readonly weight?: number;
  readonly from: Place;
  readonly to: Place;
  readonly reason: string;
  readonly message: string;
}

/** `shop/store-api 1.8.1: stage 1/3 (5%) -> stage 2/3 (25%): errors 0.12% (limit 1%) over 812 requests` */
export function formatTransition(line: TransitionLine): string {
  const subject = [`${line.namespace}/${line.name}`, line.revision].filter((part) => part !== undefined && part !== '').join(' ');
  const { from, to } = line;
  const sameWords = from.words === to.words && from.state !== to.state;
  const step = sameWords ? `${to.words}: ${from.state} -> ${to.state}` : `${from.words} -> ${to.words}`;
  return `${subject}: ${step}: ${line.message === '' ? line.reason : line.message}`;
}

/** Logs one step of a release; `alarming` ones (a problem, a rollback) as a warning. */
export function logTransition(log: Logger, line: TransitionLine, alarming = false): void {
  const fields = {
    release: `${line.namespace}/${line.name}`,
    uid: line.uid,
    ...withoutUndefined({ revision: line.revision, weight: line.weight }),
    from: line.from.state,
    to: line.to.state,
    reason: line.reason,
  };
  log[alarming ? 'warn' : 'info'](fields, formatTransition(line));
}
