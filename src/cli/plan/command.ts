// `kubectl canary plan`: simulates a release, without a cluster.

import { type Command, Option } from 'commander';
import { parseDuration } from '../../api/duration.ts';
import type { CanaryRelease } from '../../api/release.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { readReleaseFile } from '../manifest.ts';
import { openProgress, paintFor } from '../output.ts';
import { openWhenWorth } from './lanes.ts';
import { makePlan, type Plan } from './plan.ts';
import { describeEnd, describeTraffic, formatPlan, nameOf, toPlanJson } from './report.ts';
import { drawSvg } from './svg.ts';
import { usageError } from '../usage.ts';
import { readDuration, readDurations, readPercent, readRate, readWhole } from '../values.ts';
import { uppersOf } from './latency.ts';
import { plannedFor } from './world.ts';
import type { CommandEntry } from '../entry.ts';

interface PlanOptions {
  readonly filename: string;
  readonly name?: string;
  readonly rps: number;
  readonly errors: number;
  readonly canaryErrors?: number;
  readonly latency: number;
  readonly canaryLatency?: number;
  readonly buckets?: readonly number[];
  readonly atStage: number;
  readonly approveAfter?: number;
  readonly seed: number;
  readonly runs?: number;
  readonly output: 'text' | 'json' | 'svg';
}

const EXAMPLES = `
Examples:
  kubectl canary plan -f release.yaml
  kubectl canary plan -f release.yaml --rps 20 --errors 0.2% --canary-errors 2%
  kubectl canary plan -f release.yaml --canary-errors 5% --at-stage 2 -o svg > plan.svg

Runs the operator's own decisions on a virtual clock; no cluster is read or changed. Requests are Poisson numbers,
latencies log-normal, counted in the buckets of the metrics source (Envoy's where it is Auto); Prometheus scrapes right before each evaluation; pods are ready and gateways apply weights at once.
The same seed gives the same plan.

Exit codes: 0 planned, 1 the release could not start, 2 the file or the options are wrong.`;

/** The command. */
export const planCommand: CommandEntry = {
  name: 'plan',
  add: (program, io, end) => void describeOptions(program).action(async (options: PlanOptions) => end(await runPlan(options, io))),
};

function describeOptions(program: Command): Command {
  return program
    .command('plan')
    .description('Simulate a release under given traffic: stages, chances, times. Needs no cluster.')
    .requiredOption('-f, --filename <file>', 'file with the CanaryRelease; - is the standard input')
    .option('--name <name>', 'only the CanaryRelease of this name')
    .option('--rps <number>', 'requests a second of both versions together', readRate, 100)
    .addOption(new Option('--errors <percent>', 'error ratio of the serving version').argParser(readPercent).default(0.001, '0.1%'))
    .option('--canary-errors <percent>', 'error ratio of the canary (default: that of the serving version)', readPercent)
    .addOption(new Option('--latency <duration>', 'median latency of the serving version').argParser(readDuration).default(80, '80ms'))
    .option('--canary-latency <duration>', 'median latency of the canary (default: that of the serving version)', readDuration)
    .option(
      '--buckets <durations>',
      'upper bounds of the latency buckets, such as 100ms,300ms,1s,5s (default: those the metrics source comes with)',
      readDurations,
    )
    .option('--at-stage <number>', 'the canary behaves like the serving version until this stage begins', readWhole(1, 30), 1)
    .option(
      '--approve-after <duration>',
      'each approval is given after this time (default: a run ends where it waits for approval)',
      readDuration,
    )
    .option('--seed <number>', 'seed of the random numbers', readWhole(0, 4_294_967_295), 1)
    .option('--runs <number>', 'number of simulated releases (default: 1000, fewer if a release takes hours)', readWhole(1, 100_000))
    .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json', 'svg']).default('text'))
    .addHelpText('after', EXAMPLES);
}

async function runPlan(options: PlanOptions, io: CliIo): Promise<ExitCode> {
  const releases = (await readReleaseFile(io, options.filename, options.name)).map((release) => plannedFor(release, options.rps));
  for (const release of releases) checkStage(options, release);
  if (options.output === 'svg' && releases.length > 1)
    throw usageError(
      `${options.filename} holds ${releases.length} CanaryReleases and a drawing shows one; choose one with --name ${releases[0]?.metadata.name}`,
    );
  const plans: Plan[] = [];
  for (const release of releases) plans.push(await planOne(options, release, io));
  io.out(print(plans, options.output, io));
  return plans.some(({ typical }) => typical.ending === 'blocked') ? EXIT.failed : EXIT.ok;
}

function checkStage({ atStage }: PlanOptions, { metadata, spec }: CanaryRelease): void {
  if (atStage <= spec.stages.length) return;
  throw usageError(
    `--at-stage ${atStage}: CanaryRelease ${metadata.name} has ${spec.stages.length} stages; write a number from 1 to ${spec.stages.length}`,
  );
}

async function planOne(options: PlanOptions, release: CanaryRelease, io: CliIo): Promise<Plan> {
  const { rps, errors, canaryErrors = errors, latency, canaryLatency = latency, atStage, seed, approveAfter } = options;
  const runs = options.runs ?? affordRuns(release);
  if (latency === 0 || canaryLatency === 0) throw usageError('--latency and --canary-latency: write a duration above 0, such as 80ms');
  const version = (errorRatio: number, latencyMs: number) => ({ errorRatio, latencySeconds: latencyMs / 1_000 });
  const uppers =
    options.buckets?.map((ms) => ms / 1_000).concat(Number.POSITIVE_INFINITY) ?? uppersOf(release.spec.analysis.metrics.source);
  const traffic = { rps, serving: version(errors, latency), canary: version(canaryErrors, canaryLatency), badFromStage: atStage, uppers };
  const question = { release, traffic, seed, approveAfterMs: approveAfter };
  const progress = openProgress(io, runs);
  const afterBatch = async (done: number): Promise<void> => {
    progress.report(done);
    await io.breathe();
  };
  try {
    return await makePlan(question, runs, { afterBatch, openLanes: openWhenWorth(question, io) });
  } finally {
    progress.close();
  }
}

/** Looks of all runs together that take some seconds. */
const AFFORDED_LOOKS = 200_000;
const [FEWEST_RUNS, USUAL_RUNS] = [50, 1_000];

function affordRuns({ spec }: CanaryRelease): number {
  const durations = [...spec.stages.map(({ duration }) => duration), spec.promotion.bake].map(parseDuration);
  const looks = durations.reduce((sum, ms) => sum + ms, 0) / parseDuration(spec.analysis.interval);
  return Math.min(USUAL_RUNS, Math.max(FEWEST_RUNS, Math.round(AFFORDED_LOOKS / Math.max(1, looks))));
}

function print(plans: readonly Plan[], output: PlanOptions['output'], io: CliIo): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify({ apiVersion: 'cli.glidepath.dev/v1', kind: 'PlanList', items: plans.map(toPlanJson) }, undefined, 2)}\n`;
    case 'svg':
      return plans.map((plan) => drawSvg(plan, `${nameOf(plan)}: ${describeEnd(plan)}`, describeTraffic(plan))).join('');
    case 'text':
      return plans.map((plan) => formatPlan(plan, paintFor(io), io.columns)).join('\n');
  }
}
