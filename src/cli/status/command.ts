// `kubectl canary status`: one release in short, or all that are selected.

import { withCluster } from '../cluster/link.ts';
import { addListOptions, isListing, type ListOptions, namespaceOf, scopeOf, targetFlags } from '../cluster/options.ts';
import { findRelease, listReleases, type SeenRelease } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { paintFor, printList, printObject } from '../output.ts';
import { explain } from '../explain/explain.ts';
import { formatEvidence } from '../explain/text.ts';
import { formatReleases, sayNone } from '../list/rows.ts';
import { addFormat, type Format, isForPrograms } from '../output-format.ts';
import type { CommandEntry } from '../entry.ts';

interface StatusOptions extends ListOptions {
  readonly output: Format;
}

/** The command. */
export const statusCommand: CommandEntry = {
  name: 'status',
  add: (program, io, end) =>
    void addFormat(
      addListOptions(
        program
          .command('status')
          .argument('[name]', 'the CanaryRelease (default: the only one of the namespace)')
          .description('Show the state of a release and its checks, or of all releases that -A and -l select.'),
      ),
    ).action(async (name: string | undefined, options: StatusOptions) => end(await runStatus(name, options, io))),
};

function runStatus(name: string | undefined, options: StatusOptions, io: CliIo): Promise<ExitCode> {
  const many = isListing(name, options);
  return withCluster(options, io, async (link) => {
    const { output, selector } = options;
    if (many) {
      const namespace = scopeOf(options, link);
      const releases = await listReleases(link, namespace, selector);
      if (isForPrograms(output)) io.out(printList(releases, output));
      else if (releases.length === 0) io.err(sayNone(namespace, selector));
      else io.out(formatStatus(releases, options, io));
      return EXIT.ok;
    }
    const release = await findRelease(link, namespaceOf(options, link), name);
    io.out(isForPrograms(output) ? printObject(release.raw, output) : formatStatus([release], options, io));
    return EXIT.ok;
  });
}

function formatStatus(releases: readonly SeenRelease[], options: StatusOptions, io: CliIo): string {
  const evidence = releases.map((release) =>
    formatEvidence(explain(release, targetFlags(options, release.namespace), io.now()), paintFor(io)),
  );
  return [formatReleases(releases, options.output === 'wide', io.now()), ...evidence].join('\n');
}
