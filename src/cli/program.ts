// The command line as a function of arguments and streams to an exit code. Errors become one line for each problem.

import { Command, CommanderError } from 'commander';
import { COMMANDS } from './registry.ts';
import { EXIT, type CliIo, type ExitCode } from './io.ts';
import { describeError, exitCodeOf } from './usage.ts';

const ABOUT = `Progressive delivery on the Gateway API: releases step by step, judged by Prometheus.`;
const CODES = `
Exit codes: 0 done, 1 failed, 2 the file or the options are wrong; watch has its own codes, see watch --help.`;

/**
 * Runs one command. Never throws.
 * @param argv the arguments after the name of the program
 */
export async function runCli(argv: readonly string[], version: string, io: CliIo): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const usageCode = COMMANDS.find(({ name }) => name === argv[0])?.usageCode ?? EXIT.usage;
  const program = new Command('kubectl canary')
    .description(ABOUT)
    .version(version, '--version', 'print the version')
    .addHelpText('after', CODES)
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => Math.max(60, io.columns),
      getErrHelpWidth: () => Math.max(60, io.columns),
    })
    .showSuggestionAfterError()
    .showHelpAfterError('(add --help for the options)')
    .exitOverride();
  for (const command of COMMANDS)
    command.add(program, io, (ended) => {
      code = ended;
    });
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.usage;
    }
    // Words to complete are no options of this call.
    const words = argv[0] === '__complete' ? ['__complete', '--', ...argv.slice(1)] : argv;
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (thrown) {
    // commander has printed it already; asking for help is no error.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.ok : usageCode;
    io.err(describeError(thrown));
    const ended = exitCodeOf(thrown);
    return ended === EXIT.usage ? usageCode : ended;
  }
}
