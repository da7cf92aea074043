// Every command of `kubectl canary`, one file each. A new command is one more entry here.

import type { Command } from 'commander';
import type { CliIo, ExitCode } from '../io.ts';
import { backtestCommand } from './backtest.ts';
import { completionCommand } from './completion.ts';
import { doctorCommand } from './doctor.ts';
import { explainCommand } from './explain.ts';
import { historyCommand } from './history.ts';
import { initCommand } from './init.ts';
import { lintCommand } from './lint.ts';
import { listCommand } from './list.ts';
import { planCommand } from './plan.ts';
import { statusCommand } from './status.ts';
import { steeringCommands } from './steer.ts';
import { uninstallCommand } from './uninstall.ts';
import { versionCommand } from './version.ts';
import { watchCommand } from './watch.ts';

/** One command. */
export interface CommandEntry {
  readonly name: string;
  /** What wrong options end with, where 2 means something else. */
  readonly usageCode?: ExitCode;
  /** Adds itself to the program; `end` takes the exit code of a call. */
  readonly add: (program: Command, io: CliIo, end: (code: ExitCode) => void) => void;
}

/** In the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  listCommand,
  statusCommand,
  explainCommand,
  watchCommand,
  historyCommand,
  ...steeringCommands,
  initCommand,
  lintCommand,
  planCommand,
  backtestCommand,
  doctorCommand,
  uninstallCommand,
  completionCommand,
  versionCommand,
];
