// `kubectl canary history`: how the last releases ended, of one application or of all that are selected.

import { withCluster } from '../cluster/link.ts';
import { addListOptions, isListing, type ListOptions, namespaceOf, scopeOf } from '../cluster/options.ts';
import { findRelease, listReleases, type SeenRelease } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { printObject } from '../output.ts';
import { formatHistories, formatHistory, sayNone } from '../list/rows.ts';
import { addFormat, type Format, isForPrograms } from '../output-format.ts';
import type { CommandEntry } from '../entry.ts';

interface HistoryOptions extends ListOptions {
  readonly output: Format;
}

const API = 'cli.glidepath.dev/v1';

/** The command. */
export const historyCommand: CommandEntry = {
  name: 'history',
  add: (program, io, end) =>
    void addFormat(
      addListOptions(
        program
          .command('history')
          .argument('[name]', 'the CanaryRelease (default: the only one of the namespace)')
          .description('Show how the last releases of an application ended, or of all that -A and -l select.'),
      ),
    ).action(async (name: string | undefined, options: HistoryOptions) => end(await runHistory(name, options, io))),
};

function runHistory(name: string | undefined, options: HistoryOptions, io: CliIo): Promise<ExitCode> {
  const many = isListing(name, options);
  return withCluster(options, io, async (link) => {
    if (!many) {
      tellOne(await findRelease(link, namespaceOf(options, link), name), options.output, io);
      return EXIT.ok;
    }
    const namespace = scopeOf(options, link);
    tellAll(await listReleases(link, namespace, options.selector), namespace, options, io);
    return EXIT.ok;
  });
}

function tellOne({ namespace, name, status }: SeenRelease, output: Format, io: CliIo): void {
  const history = status.history ?? [];
  if (isForPrograms(output)) io.out(printObject({ apiVersion: API, kind: 'History', namespace, name, history }, output));
  else if (history.length === 0) io.err(`CanaryRelease ${namespace}/${name} has no finished release yet\n`);
  else io.out(formatHistory(history, output === 'wide', io.now()));
}

function tellAll(releases: readonly SeenRelease[], namespace: string | undefined, { output, selector }: HistoryOptions, io: CliIo): void {
  const histories = releases.map(({ namespace: home, name, status }) => ({ namespace: home, name, history: status.history ?? [] }));
  if (isForPrograms(output)) io.out(printObject({ apiVersion: API, kind: 'Histories', items: histories }, output));
  else if (releases.length === 0) io.err(sayNone(namespace, selector));
  else if (histories.every(({ history }) => history.length === 0)) io.err('None of these CanaryReleases has a finished release yet\n');
  else io.out(formatHistories(histories, output === 'wide', io.now()));
}
