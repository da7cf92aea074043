// Errors of the command line: one sentence that names the field or option and the fix, and the exit code.

import { withoutControls } from '../core/workload/one-line.ts';
import { GlidepathError, isGlidepathError, messageOf } from '../api/errors.ts';
import { EXIT, type ExitCode } from './io.ts';

const USAGE = 'GLIDEPATH_E_USAGE';

/** An error that the caller can fix. @param lines one sentence for each problem */
export function usageError(...lines: readonly string[]): GlidepathError {
  return new GlidepathError(USAGE, lines.join('\n'));
}

/** An error outside of the command line: an object was not found or a server did not answer. */
export function failure(message: string, cause?: unknown): GlidepathError {
  return new GlidepathError('GLIDEPATH_E_CLI', message, { cause });
}

/** The exit code that an error ends with. */
export function exitCodeOf(thrown: unknown): ExitCode {
  return isGlidepathError(thrown, USAGE) || isGlidepathError(thrown, 'GLIDEPATH_E_SETTING') ? EXIT.usage : EXIT.failed;
}

/** The error as it is printed, each line with its prefix. */
export function describeError(thrown: unknown): string {
  return withoutControls(messageOf(thrown))
    .split('\n')
    .map((line) => `error: ${line}\n`)
    .join('');
}
