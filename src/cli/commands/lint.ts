// `kubectl canary lint`: everything that the API would refuse, with line and column, without a cluster.

import { messageOf } from '../../api/errors.ts';
import type { CanaryRelease } from '../../api/release.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { type Inspected, inspectReleases } from '../manifest.ts';
import type { CommandEntry } from './registry.ts';

interface LintOptions {
  readonly filename: readonly string[];
}

const DETAILS = `
Exit codes: 0 all is well, 1 something is wrong, 2 the options are wrong.`;

/** The command. */
export const lintCommand: CommandEntry = {
  name: 'lint',
  add: (program, io, end) =>
    void program
      .command('lint')
      .description('Check manifests of CanaryReleases without a cluster; tells every problem with line and column.')
      .requiredOption('-f, --filename <file...>', 'files with CanaryReleases; - is the standard input')
      .addHelpText('after', DETAILS)
      .action(async (options: LintOptions) => end(await runLint(options, io))),
};

async function runLint({ filename }: LintOptions, io: CliIo): Promise<ExitCode> {
  const seen = new Map<string, string>();
  let wrong = 0;
  for (const path of filename) {
    const where = path === '-' ? 'stdin' : path;
    const { releases, problems } = await inspect(io, path, where);
    const twice = releases.flatMap((release) => findTwice(release, where, seen));
    for (const problem of [...problems, ...twice]) io.out(`${problem}\n`);
    wrong += problems.length + twice.length;
    if (problems.length + twice.length === 0) io.out(`${where}: ${releases.map(nameOf).join(', ')}: no problem\n`);
  }
  if (wrong === 0) return EXIT.ok;
  io.err(`${wrong} ${wrong === 1 ? 'problem' : 'problems'}\n`);
  return EXIT.failed;
}

async function inspect(io: CliIo, path: string, where: string): Promise<Inspected> {
  try {
    return inspectReleases(await io.readText(path), where);
  } catch (thrown) {
    return { releases: [], problems: [`${where}: cannot be read (${messageOf(thrown)}); give a file that is there`] };
  }
}

/** The second one would replace the first. */
function findTwice(release: CanaryRelease, where: string, seen: Map<string, string>): readonly string[] {
  const name = nameOf(release);
  const first = seen.get(name);
  seen.set(name, first ?? where);
  return first === undefined ? [] : [`${where}: CanaryRelease ${name} is in ${first} already; give it another name`];
}

function nameOf({ metadata }: CanaryRelease): string {
  return `${metadata.namespace}/${metadata.name}`;
}
