// `kubectl canary backtest`: what the operator would have decided on the metrics that Prometheus recorded of a release.

import { withoutUndefined } from '../../api/absence.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { createPrometheusReader } from '../../adapters/prometheus/reader.ts';
import { parseDuration } from '../../api/duration.ts';
import { messageOf } from '../../api/errors.ts';
import type { CanaryRelease } from '../../api/release.ts';
import { AUTO, findSource, SOURCES } from '../../sources/catalogue.ts';
import { withMatchers } from '../../sources/selector.ts';
import type { MetricsSource } from '../../sources/source.ts';
import type { Arm } from './arms.ts';
import { formatBacktest, toBacktestJson } from './report.ts';
import { readSelector } from './selector.ts';
import { backtest } from './session.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { readReleaseFile } from '../manifest.ts';
import { pairOf } from '../plan/world.ts';
import { usageError } from '../usage.ts';
import { readTime } from '../values.ts';
import type { CommandEntry } from '../entry.ts';

interface BacktestOptions {
  readonly filename: string;
  readonly name?: string;
  readonly prometheus: string;
  readonly from: number;
  readonly to: number;
  readonly source?: string;
  readonly canary?: string;
  readonly canarySelector?: string;
  readonly servingSelector?: string;
  readonly header: Readonly<Record<string, string>>;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly output: 'text' | 'wide' | 'json';
}

const DETAILS = `
Examples:
  kubectl canary backtest -f release.yaml --prometheus http://127.0.0.1:9090 --from -2h
  kubectl canary backtest -f release.yaml --prometheus https://metrics.example --token-file token \\
    --from 2026-03-04T10:00:00Z --to 2026-03-04T11:00:00Z --source Contour \\
    --canary-selector 'envoy_cluster_name="shop_web-v2_80"'

Weights of the past are not recorded. The canary's share is taken from its requests (so the split itself is not judged),
its first request begins stage 1, and a later stage begins when its weight is seen. The replay ends at the first rollback.
The half hour before the canary's first request is read as well.

Exit codes: 0 replayed, whatever the verdict; 1 Prometheus did not answer or the canary had no request; 2 the file or
the options are wrong.`;

/** The command. */
export const backtestCommand: CommandEntry = {
  name: 'backtest',
  add: (program, io, end) =>
    void describeOptions(program, io).action(async (options: BacktestOptions) => end(await runBacktest(options, io))),
};

function describeOptions(program: Command, io: CliIo): Command {
  const time = readTime(io.now());
  const names = [AUTO, ...SOURCES.map(({ name }) => name)].join(', ');
  return program
    .command('backtest')
    .description('Show what the operator would have decided on metrics that Prometheus recorded, evaluation by evaluation.')
    .requiredOption('-f, --filename <file>', 'file with the CanaryRelease; - is the standard input')
    .requiredOption('--prometheus <url>', 'address of Prometheus')
    .addOption(new Option('--from <time>', 'start of the replay: 2026-03-04T10:11:12Z or -2h').argParser(time).makeOptionMandatory())
    .addOption(new Option('--to <time>', 'end of the replay').argParser(time).default(io.now(), 'now'))
    .option('--name <name>', 'only the CanaryRelease of this name')
    .option('--source <name>', `metrics source: ${names} (default: that of the release)`)
    .option('--canary <service>', 'which of spec.services was the canary (default: the second)')
    .option('--canary-selector <matchers>', "label matchers of the canary's series, instead of the source's", readSelector)
    .option('--serving-selector <matchers>', "label matchers of the serving series, instead of the source's", readSelector)
    .option("--header <'name: value'>", 'header of every request to Prometheus; repeatable', readHeader, {})
    .option('--token-file <file>', 'file with a bearer token')
    .option('--ca-file <file>', 'certificate authorities (PEM) that are trusted besides those of the system')
    .addOption(new Option('-o, --output <format>', 'wide: a line for each evaluation').choices(['text', 'wide', 'json']).default('text'))
    .addHelpText('after', DETAILS);
}

function readHeader(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const [, name, value] = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):\s*(.+)$/s.exec(text) ?? [];
  // The value may be a secret, so it is not repeated.
  if (name === undefined || value === undefined) throw new InvalidArgumentError("Write it as 'Authorization: Bearer …'.");
  return { ...before, [name]: value };
}

async function runBacktest(options: BacktestOptions, io: CliIo): Promise<ExitCode> {
  const span = { fromMs: options.from, toMs: options.to };
  if (span.toMs <= span.fromMs) throw usageError('--from must be before --to');
  const [release, second] = await readReleaseFile(io, options.filename, options.name);
  if (release === undefined || second !== undefined)
    throw usageError(`${options.filename} holds several CanaryReleases; choose one with --name ${release?.metadata.name ?? ''}`);
  const source = chooseSource(options, release);
  await checkFile(io, '--token-file', options.tokenFile);
  await checkFile(io, '--ca-file', options.caFile);
  const reader = createPrometheusReader({
    operatorUrl: options.prometheus,
    allow: [],
    allowQueries: true,
    operatorHeaders: options.header,
    ...withoutUndefined({ operatorTokenFile: options.tokenFile, caFile: options.caFile }),
    readSecret: () => Promise.resolve({}),
  });
  try {
    const timeoutMs = Math.max(30_000, parseDuration(release.spec.analysis.metrics.prometheus.timeout));
    const recording = { reader, source, timeoutMs, ...armsOf(options, release) };
    const result = await backtest({ release, recording, span }, openProgress(io, span.toMs));
    const input = { release, source: source.name, span, result };
    io.out(
      options.output === 'json'
        ? `${JSON.stringify(toBacktestJson(input), undefined, 2)}\n`
        : formatBacktest(input, options.output === 'wide'),
    );
    return result.startMs === undefined ? EXIT.failed : EXIT.ok;
  } finally {
    reader.close();
  }
}

async function checkFile(io: CliIo, option: string, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  await io.readText(path).catch((thrown: unknown) => {
    throw usageError(`${option} ${path} cannot be read (${messageOf(thrown)}); name an existing file`);
  });
}

function chooseSource({ source }: BacktestOptions, { spec }: CanaryRelease): MetricsSource {
  const wanted = source ?? spec.analysis.metrics.source;
  const found = findSource(wanted);
  if (found !== undefined) return withMatchers(found, spec.analysis.metrics.matchers ?? {});
  const names = SOURCES.map(({ name }) => name).join(', ');
  throw wanted === AUTO
    ? usageError(`the metrics source is Auto, which needs a cluster; name the source with --source (${names})`)
    : usageError(`--source ${wanted} is no metrics source; write one of ${names}`);
}

function armsOf(options: BacktestOptions, { metadata, spec }: CanaryRelease): { readonly canary: Arm; readonly serving: Arm } {
  const pair = pairOf(spec);
  const canary = options.canary ?? pair.canary;
  if (canary !== pair.canary && canary !== pair.serving)
    throw usageError(`--canary ${canary} is none of the release's Services; write ${pair.serving} or ${pair.canary}`);
  if (spec.targetRef !== undefined && options.canarySelector === undefined)
    throw usageError('in Deployment mode the release names only one Service; select the other side with --canary-selector');
  const serving = canary === pair.canary ? pair.serving : pair.canary;
  const port = (name: string) => (spec.services ?? []).find((service) => service.name === name)?.port ?? spec.service?.port ?? 80;
  const arm = (service: string, selector: string | undefined, option: string): Arm => ({
    backend: { namespace: metadata.namespace, service, port: port(service) },
    selector,
    option,
  });
  return {
    canary: arm(canary, options.canarySelector, '--canary-selector'),
    serving: arm(serving, options.servingSelector, '--serving-selector'),
  };
}

/** Prints the progress of the replay at a terminal, from the second second on. */
function openProgress(io: CliIo, toMs: number): (atMs: number) => void {
  const startedMs = io.now();
  return (atMs) => {
    if (!io.errIsTerminal || io.now() - startedMs < 1_000) return;
    const text = `replaying ${new Date(atMs).toISOString().slice(0, 16)}Z of ${new Date(toMs).toISOString().slice(0, 16)}Z`;
    io.err(`\r${text}\r`);
  };
}
