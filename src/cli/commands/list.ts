// `kubectl canary list`, `status` and `history`: releases as tables, or as the objects they are.

import { type Command, Option } from 'commander';
import { withCluster } from '../cluster/link.ts';
import { addClusterOptions, addListOptions, type ClusterOptions, type ListOptions, namespaceOf, targetFlags } from '../cluster/options.ts';
import { findRelease, getRelease, listReleases, type SeenRelease } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { paintFor, printObject } from '../output.ts';
import { explain } from '../release/explain.ts';
import { formatEvidence } from '../release/explain-text.ts';
import { formatHistory, formatReleases } from '../release/rows.ts';
import type { CommandEntry } from './registry.ts';

type Format = 'text' | 'wide' | 'json' | 'yaml';

function addFormat(command: Command, formats: readonly Format[]): Command {
  return command.addOption(new Option('-o, --output <format>', 'what is printed').choices([...formats]).default('text'));
}

/** Many releases, a line each. */
export const listCommand: CommandEntry = {
  name: 'list',
  add: (program, io, end) =>
    void addFormat(addListOptions(program.command('list').alias('ls').description('List releases.')), [
      'text',
      'wide',
      'json',
      'yaml',
    ]).action(async (options: ListOptions & { readonly output: Format }) => end(await runList(options, io))),
};

function runList(options: ListOptions & { readonly output: Format }, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const namespace = options.allNamespaces === true ? undefined : namespaceOf(options, link);
    const releases = await listReleases(link, namespace, options.selector);
    const { output } = options;
    if (output === 'json' || output === 'yaml') {
      const items = releases.map(({ raw }) => raw);
      io.out(printObject({ apiVersion: 'v1', kind: 'List', metadata: {}, items }, output));
    } else if (releases.length === 0) io.err(`no CanaryRelease${namespace === undefined ? '' : ` in namespace ${namespace}; all: -A`}\n`);
    else io.out(formatReleases(releases, output === 'wide', io.now()));
    return EXIT.ok;
  });
}

/** One release in short. */
export const statusCommand: CommandEntry = {
  name: 'status',
  add: (program, io, end) =>
    void addFormat(
      addClusterOptions(
        program.command('status').argument('[name]', 'the CanaryRelease').description('Show a release and its checks in short.'),
      ),
      ['text', 'wide', 'json', 'yaml'],
    ).action(async (name: string | undefined, options: ClusterOptions & { readonly output: Format }) =>
      end(await runStatus(name, options, io)),
    ),
};

function runStatus(name: string | undefined, options: ClusterOptions & { readonly output: Format }, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const release = await findRelease(link, namespaceOf(options, link), name);
    const { output } = options;
    io.out(
      output === 'json' || output === 'yaml' ? printObject(release.raw, output) : formatStatus(release, options, output === 'wide', io),
    );
    return EXIT.ok;
  });
}

function formatStatus(release: SeenRelease, options: ClusterOptions, wide: boolean, io: CliIo): string {
  const explanation = explain(release, targetFlags(options, release.namespace), io.now());
  return `${formatReleases([release], wide, io.now())}\n${formatEvidence(explanation, paintFor(io))}`;
}

/** The last releases of one application. */
export const historyCommand: CommandEntry = {
  name: 'history',
  add: (program, io, end) =>
    void addFormat(
      addClusterOptions(
        program
          .command('history')
          .argument('<name>', 'the CanaryRelease')
          .description('Show the last releases of an application and how they ended.'),
      ),
      ['text', 'json', 'yaml'],
    ).action(async (name: string, options: ClusterOptions & { readonly output: Format }) => end(await runHistory(name, options, io))),
};

function runHistory(name: string, options: ClusterOptions & { readonly output: Format }, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const { status, namespace } = await getRelease(link, namespaceOf(options, link), name);
    const history = status.history ?? [];
    const { output } = options;
    if (output === 'json' || output === 'yaml') io.out(printObject({ namespace, name, history }, output));
    else if (history.length === 0) io.err(`CanaryRelease ${namespace}/${name} has finished no release yet\n`);
    else io.out(formatHistory(history, io.now()));
    return EXIT.ok;
  });
}
