// Every command of `kubectl canary`, one file each. A new command is one more entry here.

import type { Command } from 'commander';
import type { CliIo, ExitCode } from './io.ts';
import { backtestCommand } from './backtest/command.ts';
import { completionCommand } from './completion/command.ts';
import { doctorCommand } from './doctor/command.ts';
import { explainCommand } from './explain/command.ts';
import { historyCommand } from './history/command.ts';
import { initCommand } from './init/command.ts';
import { lintCommand } from './lint/command.ts';
import { listCommand } from './list/command.ts';
import { planCommand } from './plan/command.ts';
import { statusCommand } from './status/command.ts';
import { steeringCommands } from './steer/command.ts';
import { uninstallCommand } from './uninstall/command.ts';
import { versionCommand } from './version/command.ts';
import { watchCommand } from './watch/command.ts';

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
