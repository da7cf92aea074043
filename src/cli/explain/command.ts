// `kubectl canary explain`: one release in words.

import { Option } from 'commander';
import { withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf, targetFlags } from '../cluster/options.ts';
import { findRelease } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { paintFor, printObject } from '../output.ts';
import { explain } from './explain.ts';
import { formatExplanation } from './text.ts';
import type { CommandEntry } from '../entry.ts';

interface ExplainOptions extends ClusterOptions {
  readonly output: 'text' | 'json' | 'yaml';
  readonly evidence?: true;
}

/** The command. */
export const explainCommand: CommandEntry = {
  name: 'explain',
  add: (program, io, end) =>
    void addClusterOptions(
      program
        .command('explain')
        .argument('[name]', 'the CanaryRelease (default: the only one of the namespace)')
        .description('Explain the state of a release: what was measured, what it waits for, and which commands are useful.'),
    )
      .option('--evidence', 'also print the figures behind what the comparison says (in JSON and YAML they always are)')
      .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json', 'yaml']).default('text'))
      .action(async (name: string | undefined, options: ExplainOptions) => end(await runExplain(name, options, io))),
};

function runExplain(name: string | undefined, options: ExplainOptions, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const release = await findRelease(link, namespaceOf(options, link), name);
    const explanation = explain(release, targetFlags(options, release.namespace), io.now());
    io.out(
      options.output === 'text'
        ? formatExplanation(explanation, paintFor(io), io.now(), options.evidence === true)
        : printObject({ apiVersion: 'cli.glidepath.dev/v1', kind: 'Explanation', ...explanation }, options.output),
    );
    return EXIT.ok;
  });
}
