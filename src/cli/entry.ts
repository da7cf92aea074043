// What a command of `kubectl canary` is.

import type { Command } from 'commander';
import type { CliIo, ExitCode } from './io.ts';

/** One command. */
export interface CommandEntry {
  readonly name: string;
  /** Exit code of wrong options, where 2 means something else. */
  readonly usageCode?: ExitCode;
  /** Adds itself to the program; `end` takes the exit code of a call. */
  readonly add: (program: Command, io: CliIo, end: (code: ExitCode) => void) => void;
}
