// `kubectl canary lint`: everything that the API server would refuse, with line and column, without a cluster.

import { messageOf } from '../../api/errors.ts';
import type { CanaryRelease } from '../../api/release.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { type Inspected, inspectReleases } from '../manifest.ts';
import { listObjects } from '../../core/release/facts/driver.ts';
import type { CommandEntry } from '../entry.ts';
import { refuseCohortKind, refuseUnjudged } from '../../core/release/checks/cohort-blockers.ts';
import { findSource } from '../../sources/catalogue.ts';
import { inspectGates } from '../gates.ts';
import { findSourceGaps } from '../source-gaps.ts';

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
    const found = releases.flatMap((release, index) => {
      const place = places[index] ?? where;
      return [
        ...findTwice(release, place, seen),
        ...findBlind(release, place),
        ...findNoCohort(release, place),
        ...findWrongGates(release, place),
      ];
    });
    for (const problem of [...problems, ...found]) io.out(`${problem}\n`);
    wrong += problems.length + found.length;
    if (problems.length + found.length === 0) io.out(`${where}: ${releases.map(nameOf).join(', ')}: no problems found\n`);
    for (const gap of releases.flatMap(findGaps)) io.out(`${gap}\n`);
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

/** A second release of the same name would replace the first; one that shares what only one release drives would be Blocked. */
function findTwice(release: CanaryRelease, place: string, seen: Map<string, string>): readonly string[] {
  const { namespace } = release.metadata;
  const objects = listObjects(release).map(({ kind, name, isMade }) => {
    const made = isMade === true ? ', which the operator would make for the canary' : '';
    return [`${kind} ${namespace}/${name}${made}`, `${kind} ${namespace}/${name}`] as const;
  });
  const claim = (what: string, key: string, fix: string): readonly string[] => {
    const first = seen.get(key);
    seen.set(key, first ?? place);
    return first === undefined || first === place ? [] : [`${place}: ${what} is already in ${first}; ${fix}`];
  };
  const name = `CanaryRelease ${nameOf(release)}`;
  const shared = objects.flatMap(([what, key]) => claim(what, key, 'only one release may drive it'));
  const named = claim(name, name, 'give it another name');
  return named.length > 0 ? named : shared.slice(0, 1);
}

function findBlind({ spec }: CanaryRelease, place: string): readonly string[] {
  const { refusal } = findSourceGaps(spec);
  return refusal === undefined ? [] : [`${place}: ${refusal}`];
}

/** What the manifest alone says against its cohorts; what the routes say is known in the cluster. */
function findNoCohort({ spec }: CanaryRelease, place: string): readonly string[] {
  const refusal = refuseCohortKind(spec) ?? refuseUnjudged(spec, findSource(spec.analysis.metrics.source)?.scope !== 'routeRule');
  return refusal === undefined ? [] : [`${place}: ${refusal}`];
}

/** Jobs that the API server would refuse when the release begins. */
function findWrongGates({ spec }: CanaryRelease, place: string): readonly string[] {
  return inspectGates(spec).problems.map((problem) => `${place}: ${problem}`);
}

/** No problems: the manifest is right, and this is worth knowing. */
function findGaps(release: CanaryRelease): readonly string[] {
  const { refusal, gaps } = findSourceGaps(release.spec);
  const notes = [...(refusal === undefined ? gaps : []), ...inspectGates(release.spec).notes];
  return notes.map((note) => `note: ${nameOf(release)}: ${note}`);
}

function nameOf({ metadata }: CanaryRelease): string {
  return `${metadata.namespace}/${metadata.name}`;
}
