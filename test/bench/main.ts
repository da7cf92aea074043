// The benchmarks' command line. Each one prints JSON objects, one a line: {"name", "value", "unit"}; progress goes to
// standard error. All but `judge`, `decide` and
// `route-edits` need the lab: it is brought up, and the command runs itself again inside the lab's network.

import { enterLab } from './enter-lab.ts';
import { runIdle } from './idle.ts';
import { runMassAbort } from './mass-abort.ts';
import { runRollback, runRollbackScrapes, runRollbackSentinel } from './rollback.ts';
import { LabError } from '../lab/settings.ts';

const USAGE = `Measures the operator as a process against a real API server, gateway and Prometheus.

usage: npm run -s bench -- NAME [options]

  rollback                     how long users see a bad release, and a canary without endpoints
  rollback-scrapes             the same with the default manifest, where Prometheus scrapes every 15, 30 and 60 s
  rollback-sentinel            the same where the operator reads the gateway's own counters
  mass-abort [--releases 30]   one cause turns all releases bad: the last route home against the same patches bare
  idle [--releases 1000]       requests, CPU, memory and start of an operator that has nothing to do
  judge [--runs 2000] [--quick] [--seed 1] [--only NAME] [--markdown] [--write]
                               how often judges are right and how soon, by simulation; needs no lab
  route-edits [--cases 10000] [--seed 1] [--shrink]
                               random stories of releases whose routes others edit, and how they end; needs no lab
  decide                       how often a decision gathers its facts, what it costs, and what a plan costs; needs no lab

GLIDEPATH_BENCH_NODE_FLAGS adds flags of Node for the operator, such as --cpu-prof.
Each figure is one line on standard output: {"name":..., "value":..., "unit":...}
`;

interface Bench {
  readonly run: (releases: number) => Promise<void>;
  readonly releases: number | undefined;
}

const BENCHES: Readonly<Record<string, Bench>> = {
  rollback: { run: runRollback, releases: undefined },
  'rollback-scrapes': { run: runRollbackScrapes, releases: undefined },
  'rollback-sentinel': { run: runRollbackSentinel, releases: undefined },
  'mass-abort': { run: runMassAbort, releases: 30 },
  idle: { run: runIdle, releases: 1_000 },
};

/** @returns the number of releases, or undefined for options that are none. */
function readReleases(words: readonly string[], bench: Bench): number | undefined {
  if (words.length === 0) return bench.releases ?? 1;
  if (bench.releases === undefined) return undefined;
  const text = /^--releases(?:=(.*))?$/.exec(words[0] ?? '');
  const [value, count] = text?.[1] === undefined ? [words[1], 2] : [text[1], 1];
  return text !== null && /^[1-9]\d{0,3}$/.test(value ?? '') && words.length === count ? Number(value) : undefined;
}

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === 'judge') return (await import('./judge/main.ts')).runJudge(words.slice(1));
  if (words[0] === 'route-edits') return (await import('./route-edits/main.ts')).runRouteEdits(words.slice(1));
  const [name = '', ...rest] = words;
  if (name === 'decide' && rest.length === 0) {
    await (await import('./decide/main.ts')).runDecide();
    return 0;
  }
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  const releases = bench === undefined ? undefined : readReleases(rest, bench);
  if (bench === undefined || releases === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const ended = await enterLab(import.meta.filename, words);
  if (ended !== undefined) return ended;
  await bench.run(releases);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
