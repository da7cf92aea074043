// Input that cannot be used: one sentence that names the field or option and the fix, and exit code 2.

import { GlidepathError, isGlidepathError, messageOf } from '../api/errors.ts';
import { EXIT, type ExitCode } from './io.ts';

const USAGE = 'GLIDEPATH_E_USAGE';

/** An error that the person at the keyboard can mend. @param lines one sentence for each thing that is wrong */
export function usageError(...lines: readonly string[]): GlidepathError {
  return new GlidepathError(USAGE, lines.join('\n'));
}

/** An error of the world outside: something was not there or did not answer. */
export function failure(message: string, cause?: unknown): GlidepathError {
  return new GlidepathError('GLIDEPATH_E_CLI', message, { cause });
}

/** The exit code that an error ends with. */
export function exitCodeOf(thrown: unknown): ExitCode {
  return isGlidepathError(thrown, USAGE) || isGlidepathError(thrown, 'GLIDEPATH_E_SETTING') ? EXIT.usage : EXIT.failed;
}

/** The error as it is printed: every line says who speaks. */
export function describeError(thrown: unknown): string {
  return messageOf(thrown)
    .split('\n')
    .map((line) => `error: ${line}\n`)
    .join('');
}
