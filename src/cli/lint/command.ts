// `kubectl canary lint`: everything that the API server would refuse, with line and column, without a cluster.

import { messageOf } from '../../api/errors.ts';
import type { CanaryRelease } from '../../api/release.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { type Inspected, inspectReleases } from '../manifest.ts';
import type { CommandEntry } from '../entry.ts';

interface LintOptions {
  readonly filename: readonly string[];
}

const DETAILS = `
Exit codes: 0 no problem found, 1 problems found, 2 the options are wrong.`;

/** The command. */
export const lintCommand: CommandEntry = {
  name: 'lint',
  add: (program, io, end) =>
    void program
      .command('lint')
      .description('Check manifests of CanaryReleases without a cluster; prints every problem with its line and column.')
      .requiredOption('-f, --filename <file...>', 'files with CanaryReleases; - is the standard input')
      .addHelpText('after', DETAILS)
      .action(async (options: LintOptions) => end(await runLint(options, io))),
};

async function runLint({ filename }: LintOptions, io: CliIo): Promise<ExitCode> {
  const seen = new Map<string, string>();
  let wrong = 0;
  for (const path of filename) {
    const where = path === '-' ? 'stdin' : path;
    const { releases, places, problems } = await inspect(io, path, where);
    const twice = releases.flatMap((release, index) => findTwice(release, places[index] ?? where, seen));
    for (const problem of [...problems, ...twice]) io.out(`${problem}\n`);
    wrong += problems.length + twice.length;
    if (problems.length + twice.length === 0) io.out(`${where}: ${releases.map(nameOf).join(', ')}: no problems found\n`);
  }
  if (wrong === 0) return EXIT.ok;
  io.err(`${wrong} ${wrong === 1 ? 'problem' : 'problems'}\n`);
  return EXIT.failed;
}

async function inspect(io: CliIo, path: string, where: string): Promise<Inspected> {
  try {
    return inspectReleases(await io.readText(path), where);
  } catch (thrown) {
    return { releases: [], places: [], problems: [`${where}: cannot be read (${messageOf(thrown)}); name an existing file`] };
  }
}

/** A second release of the same name would replace the first; a second one of the same Deployment would be Blocked. */
function findTwice(release: CanaryRelease, place: string, seen: Map<string, string>): readonly string[] {
  const { metadata, spec } = release;
  const name = nameOf(release);
  const claims = [
    [`CanaryRelease ${name}`, 'give it another name'],
    ...(spec.targetRef === undefined
      ? []
      : [[`targetRef to Deployment ${metadata.namespace}/${spec.targetRef.name}`, 'only one release may have it']]),
  ] as const;
  return claims.flatMap(([claim = '', fix = '']) => {
    const first = seen.get(claim);
    seen.set(claim, first ?? place);
    return first === undefined ? [] : [`${place}: ${claim} is already in ${first}; ${fix}`];
  });
}

function nameOf({ metadata }: CanaryRelease): string {
  return `${metadata.namespace}/${metadata.name}`;
}
