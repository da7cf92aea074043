// The one error class of Glidepath. A code is stable and documented; the message names the object, the field, what was
// found and what to do.

/** Stable code of an error; begins with `GLIDEPATH_E_`. */
export type ErrorCode = `GLIDEPATH_E_${string}`;

/** What an error carries besides its code and message. */
export interface ErrorDetails {
  readonly cause?: unknown;
  /** True if the same call may succeed later without any change. */
  readonly retryable?: boolean;
}

/** Every error that Glidepath throws. */
export class GlidepathError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GlidepathError';
    this.code = code;
    this.retryable = details.retryable ?? false;
  }
}

/** True for an error of ours, with the code if one is asked for. */
export function isGlidepathError(error: unknown, code?: ErrorCode): error is GlidepathError {
  return error instanceof GlidepathError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown, for logs and conditions. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
