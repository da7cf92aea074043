// `kubectl canary list`: releases as a table, or as the objects they are.

import { withCluster } from '../cluster/link.ts';
import { addListOptions, type ListOptions, scopeOf } from '../cluster/options.ts';
import { listReleases } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { printList } from '../output.ts';
import { formatReleases, sayNone } from './rows.ts';
import { addFormat, type Format, isForPrograms } from '../output-format.ts';
import type { CommandEntry } from '../entry.ts';

/** Many releases, a line each. */
export const listCommand: CommandEntry = {
  name: 'list',
  add: (program, io, end) =>
    void addFormat(addListOptions(program.command('list').alias('ls').description('List releases.'))).action(
      async (options: ListOptions & { readonly output: Format }) => end(await runList(options, io)),
    ),
};

function runList(options: ListOptions & { readonly output: Format }, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const { output, selector } = options;
    const namespace = scopeOf(options, link);
    const releases = await listReleases(link, namespace, selector);
    if (isForPrograms(output)) io.out(printList(releases, output));
    else if (releases.length === 0) io.err(sayNone(namespace, selector));
    else io.out(formatReleases(releases, output === 'wide', io.now()));
    return EXIT.ok;
  });
}
