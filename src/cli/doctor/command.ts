// `kubectl canary doctor`: finds what keeps releases from working, each with the fix to paste.

import { Option } from 'commander';
import { withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf } from '../cluster/options.ts';
import { examine } from './examine.ts';
import { printFindings } from '../finding.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import type { CommandEntry } from '../entry.ts';

interface DoctorOptions extends ClusterOptions {
  readonly allNamespaces?: boolean;
  readonly prometheus?: string;
  readonly output: 'text' | 'json' | 'yaml';
}

const DETAILS = `
Each line is ok, warn or FAIL. Leftovers of deleted releases and of a removed operator are searched for in every namespace
that you may list. Nothing is changed.

Exit codes: 0 nothing failed, 1 at least one line is FAIL, 2 the options are wrong.`;

/** The command. */
export const doctorCommand: CommandEntry = {
  name: 'doctor',
  add: (program, io, end) =>
    void addClusterOptions(
      program.command('doctor').description('Check the installation, rights and releases; each problem comes with a fix to paste.'),
    )
      .option('-A, --all-namespaces', 'releases of all namespaces')
      .option('--prometheus <url>', "query this address instead of the operator's, such as that of a port-forward")
      .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json', 'yaml']).default('text'))
      .addHelpText('after', DETAILS)
      .action(async (options: DoctorOptions) => end(await runDoctor(options, io))),
};

function runDoctor(options: DoctorOptions, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const { allNamespaces, prometheus, output } = options;
    const fallback = namespaceOf(options, link);
    const namespace = allNamespaces === true ? undefined : fallback;
    const findings = await examine(link, { namespace, fallback, prometheus, now: io.now });
    io.out(printFindings(findings, output, io));
    return findings.some(({ level }) => level === 'FAIL') ? EXIT.failed : EXIT.ok;
  });
}
