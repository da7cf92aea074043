// Every command of `kubectl canary`, one folder each. A new command is one more entry here.

import { backtestCommand } from './backtest/command.ts';
import { completionCommand } from './completion/command.ts';
import { doctorCommand } from './doctor/command.ts';
import type { CommandEntry } from './entry.ts';
import { explainCommand } from './explain/command.ts';
import { historyCommand } from './history/command.ts';
import { initCommand } from './init/command.ts';
import { lintCommand } from './lint/command.ts';
import { listCommand } from './list/command.ts';
import { planCommand } from './plan/command.ts';
import { probeCommand } from './probe/command.ts';
import { statusCommand } from './status/command.ts';
import { steeringCommands } from './steer/command.ts';
import { uninstallCommand } from './uninstall/command.ts';
import { versionCommand } from './version/command.ts';
import { watchCommand } from './watch/command.ts';

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
  probeCommand,
  uninstallCommand,
  completionCommand,
  versionCommand,
];
