// `kubectl canary watch`: follows a release to its end, for people and for pipelines.

import { Option } from 'commander';
import { followRelease } from '../cluster/follow.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf, targetFlags } from '../cluster/options.ts';
import { readDeploymentName } from '../cluster/deployments.ts';
import { type ClusterLink, withCluster } from '../cluster/link.ts';
import { findRelease, findReleaseOf, type SeenRelease } from '../cluster/releases.ts';
import { openTemplateReadings } from '../cluster/template-readings.ts';
import { EXIT, type CliIo, type ExitCode, WATCH_EXIT } from '../io.ts';
import { paintFor } from '../output.ts';
import { drawRelease, formatLine, keyOf } from './drawing.ts';
import { trackRelease } from './ending.ts';
import { explain } from '../explain/explain.ts';
import type { Wanted } from './wanted.ts';
import { readDuration, sayDuration } from '../values.ts';
import type { CommandEntry } from '../entry.ts';

interface WatchOptions extends ClusterOptions {
  readonly until?: 'done';
  readonly revision?: string;
  readonly for?: string;
  readonly timeout?: number;
}

const PIPELINE_TIMEOUT_MS = 40 * 60_000;

const CODES = `
Exit codes: 0 promoted, 2 rolled back, 3 waits for a person, 4 timeout, 5 superseded by another revision, 1 anything else.

Follows the running release, or else the next one that begins, or that of --revision; the end of an earlier release never
counts. At a terminal it continues while the release waits for a person; with --until done, and without a terminal, it
exits with 3.

--for deploy/NAME reads the Deployment's pod template once, at the start, and waits for the release of exactly that template,
also when it has not begun yet. It exits at once if the template was already promoted or rejected, and with 3 if it serves
without having passed because it bypassed the hold. Run it right after the change. It needs the right to get the Deployment.

Examples:
  kubectl canary watch store-api
  kubectl set image deploy/store-api api=store-api:1.8.1 &&
    kubectl canary watch --until done --for deploy/store-api --timeout 40m
  kubectl canary watch store-api --until done --revision 1.8.1`;

/** The command. Its exit codes are those of releases, so wrong options end with 1. */
export const watchCommand: CommandEntry = {
  name: 'watch',
  usageCode: EXIT.failed,
  add: (program, io, end) =>
    void addClusterOptions(
      program
        .command('watch')
        .argument('[name]', 'the CanaryRelease (default: the only one of the namespace, or that of --for)')
        .description('Follow a release until it is promoted or rolled back; the exit code says which.'),
    )
      .addOption(new Option('--until <what>', 'done: exit also when the release waits for a person').choices(['done']))
      .addOption(
        new Option('--for <deploy/name>', 'wait for the release of the current pod template of this Deployment').conflicts('revision'),
      )
      .option('--revision <name>', 'wait for the release of this revision (status.release.revision, spec.revision, or a template hash)')
      .option('--timeout <duration>', 'how long to wait at most (default: 40m in pipelines, no limit at a terminal)', readDuration)
      .addHelpText('after', CODES)
      .action(async (name: string | undefined, options: WatchOptions) => end(await runWatch(name, options, io))),
};

function runWatch(name: string | undefined, options: WatchOptions, io: CliIo): Promise<ExitCode> {
  const deployment = options.for === undefined ? undefined : readDeploymentName(options.for, '--for');
  return withCluster(options, io, async (link) => {
    const namespace = namespaceOf(options, link);
    if (deployment === undefined) {
      const { name: found } = await findRelease(link, namespace, name);
      const { revision } = options;
      return watch(link, namespace, found, revision === undefined ? { kind: 'any' } : { kind: 'revision', revision }, options, io);
    }
    // Before anything else: the caller asks about the template of this moment.
    const readings = await openTemplateReadings(link, namespace, deployment);
    try {
      const { name: found } = await findReleaseOf(link, namespace, deployment, name);
      const { hash: template, revision } = readings.first;
      io.err(`waiting for revision ${revision} of Deployment ${deployment}, released by canaryrelease/${found}\n`);
      return await watch(link, namespace, found, { kind: 'template', deployment, template, revision, readings }, options, io);
    } finally {
      readings.close();
    }
  });
}

async function watch(
  link: ClusterLink,
  namespace: string,
  name: string,
  wanted: Wanted,
  options: WatchOptions,
  io: CliIo,
): Promise<ExitCode> {
  const pipeline = !io.outIsTerminal || options.until === 'done';
  const timeoutMs = options.timeout ?? (pipeline ? PIPELINE_TIMEOUT_MS : undefined);
  const track = trackRelease({ wanted, endsForPersons: pipeline });
  const show = io.outIsTerminal ? openDrawing(options, io) : openLog(io);
  const see = (release: SeenRelease | undefined) => {
    if (release !== undefined) show(release);
    return track(release, io.now());
  };
  const ending = await followRelease(link, { namespace, name, now: io.now, timeoutMs, see });
  if (ending === undefined) {
    io.err(`timeout: the release did not end within ${sayDuration(timeoutMs ?? 0)}; see kubectl canary explain ${name} -n ${namespace}\n`);
    return WATCH_EXIT.timeout;
  }
  io.out(`${NAMES[ending.code]}: ${ending.says}\n`);
  return ending.code;
}

const NAMES: Readonly<Record<ExitCode, string>> = {
  0: 'promoted',
  1: 'failed',
  2: 'rolled back',
  3: 'waits for a person',
  4: 'timeout',
  5: 'superseded',
};

/** One line for each change. */
function openLog(io: CliIo): (release: SeenRelease) => void {
  let printed = '';
  return (release) => {
    const key = keyOf(release);
    if (key === printed) return;
    printed = key;
    io.out(formatLine(release, io.now()));
  };
}

/** Draws over the previous drawing, when something changed or a second has passed. */
function openDrawing(options: WatchOptions, io: CliIo): (release: SeenRelease) => void {
  let [drawn, height] = ['', 0];
  return (release) => {
    const now = Math.floor(io.now() / 1_000) * 1_000;
    const explanation = explain(release, targetFlags(options, release.namespace), now);
    const lines = drawRelease(release, explanation, paintFor(io), { now, columns: io.columns });
    const text = `${lines.join('\n')}\n`;
    if (text === drawn) return;
    // Moves up over the old lines and clears them.
    io.out(`${height === 0 ? '' : `\u001b[${height}A\r\u001b[J`}${text}`);
    [drawn, height] = [text, lines.length];
  };
}
