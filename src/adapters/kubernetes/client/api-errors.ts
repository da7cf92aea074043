// Errors of the API server: one table from HTTP status and reason to our codes. Messages name the verb and the object and never
// contain headers or bodies, because they end in logs and conditions.

import { type ErrorCode, GlidepathError, messageOf } from '../../../api/errors.ts';
import { Interrupted } from './deadline.ts';

/** The fields of a Kubernetes `Status` that decide. */
export interface StatusBody {
  readonly kind?: 'Status';
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: unknown; readonly [field: string]: unknown };
  readonly code?: number;
}

/** A GlidepathError that remembers what the server said about time. */
export class ApiError extends GlidepathError {
  readonly status: number | undefined;
  /** How long the server asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    extra: { status?: number; retryAfterMs?: number | undefined; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(code, message, {
      retryable: extra.retryable ?? false,
      ...(extra.cause === undefined ? {} : { cause: extra.cause }),
    });
    this.status = extra.status;
    this.retryAfterMs = extra.retryAfterMs;
  }
}

/** The parts of the request that matter for the error and its message. */
export interface Asked {
  /** Such as `PATCH httproutes shop/store`. */
  readonly what: string;
  readonly jsonPatch: boolean;
}

const MOST_MESSAGE_CHARACTERS = 500;

/** Translates an answer that is not 2xx. `body` is what came, parsed or not. */
export function translateStatus(asked: Asked, status: number, body: unknown, retryAfterHeader?: string): ApiError {
  const told = readStatus(body);
  const { code, retryable } = classify(asked, status, told);
  const retryAfterMs = retryable ? readRetryAfter(told, retryAfterHeader) : undefined;
  const words = told.message === undefined ? '' : `: ${told.message.slice(0, MOST_MESSAGE_CHARACTERS)}`;
  return new ApiError(code, `${asked.what} answered ${status}${words}`, { status, retryable, retryAfterMs });
}

/** Translates what the transport threw: no answer, half an answer, a timeout, or a canceled call. */
export function translateFailure(asked: Asked, thrown: unknown): GlidepathError {
  if (thrown instanceof GlidepathError) return thrown;
  if (thrown instanceof Interrupted) {
    return thrown.interruption === 'deadline'
      ? new ApiError('GLIDEPATH_E_TIMEOUT', `${asked.what} timed out`, { retryable: true })
      : new ApiError('GLIDEPATH_E_CANCELED', `${asked.what} was canceled`);
  }
  const timeout = errorCodeOf(thrown)?.endsWith('_TIMEOUT') === true;
  return new ApiError(
    timeout ? 'GLIDEPATH_E_TIMEOUT' : 'GLIDEPATH_E_NETWORK',
    `${asked.what} failed: ${messageOf(thrown).slice(0, MOST_MESSAGE_CHARACTERS)}`,
    { retryable: true },
  );
}

/** A 2xx whose body is not what was asked for: a proxy's page, or an answer cut off. */
export function unreadableAnswer(asked: Asked, why: string): ApiError {
  return new ApiError('GLIDEPATH_E_NETWORK', `${asked.what} answered with an unreadable body: ${why}`, { retryable: true });
}

interface Classified {
  readonly code: ErrorCode;
  readonly retryable: boolean;
}

const BY_STATUS: Readonly<Record<number, Classified>> = {
  400: { code: 'GLIDEPATH_E_INVALID', retryable: false },
  401: { code: 'GLIDEPATH_E_UNAUTHORIZED', retryable: true },
  403: { code: 'GLIDEPATH_E_FORBIDDEN', retryable: false },
  404: { code: 'GLIDEPATH_E_NOT_FOUND', retryable: false },
  408: { code: 'GLIDEPATH_E_TIMEOUT', retryable: true },
  409: { code: 'GLIDEPATH_E_CONFLICT', retryable: false },
  410: { code: 'GLIDEPATH_E_GONE', retryable: false },
  422: { code: 'GLIDEPATH_E_INVALID', retryable: false },
  429: { code: 'GLIDEPATH_E_TOO_MANY', retryable: true },
};

function classify(asked: Asked, status: number, told: StatusBody): Classified {
  if (isFailedGuard(asked, status, told)) return { code: 'GLIDEPATH_E_GUARD', retryable: false };
  if (status === 403 && isRefusedByAdmission(told)) return { code: 'GLIDEPATH_E_INVALID', retryable: false };
  const known = BY_STATUS[status];
  if (known !== undefined) return known;
  const refused = status >= 400 && status < 500;
  return refused ? { code: 'GLIDEPATH_E_INVALID', retryable: false } : { code: 'GLIDEPATH_E_SERVER', retryable: true };
}

/**
 * Admission refuses with 403, too, and then no right is missing. A policy gives its causes; of a webhook the API server passes on what
 * it answered, without details; an answer about rights has the object in its details and no causes.
 */
function isRefusedByAdmission({ kind, details }: StatusBody): boolean {
  return kind === 'Status' && (details === undefined || details.causes !== undefined);
}

/** A failing `test`, a missing path and a malformed patch all look like this; a schema violation has a name in its details. */
function isFailedGuard(asked: Asked, status: number, told: StatusBody): boolean {
  if (!asked.jsonPatch || status !== 422 || told.reason !== 'Invalid') return false;
  return Object.keys(told.details ?? {}).length === 0;
}

function readStatus(body: unknown): StatusBody {
  if (typeof body !== 'object' || body === null || !('kind' in body) || body.kind !== 'Status') return {};
  return body as StatusBody;
}

function readRetryAfter(told: StatusBody, header: string | undefined): number | undefined {
  const seconds = Number(header ?? told.details?.retryAfterSeconds ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function errorCodeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
