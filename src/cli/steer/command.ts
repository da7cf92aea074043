// `kubectl canary approve | advance | promote | abort | pause | resume | retry | undo`: shows the evidence, asks, orders, and says
// what became of it.

import type { Command } from 'commander';
import { type ClusterLink, withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf, targetFlags } from '../cluster/options.ts';
import { getRelease, type SeenRelease } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { paintFor } from '../output.ts';
import { approvalOf } from '../explain/advice.ts';
import { explain } from '../explain/explain.ts';
import { formatEvidence } from '../explain/text.ts';
import { awaitOrder, makeOrder, type SteeringVerb, writeOrder } from './steer.ts';
import { usageError } from '../usage.ts';
import { readDuration, readWhole } from '../values.ts';
import type { CommandEntry } from '../entry.ts';
import { describeUndo, isUndoAllowed } from './undo.ts';

interface SteerOptions extends ClusterOptions {
  readonly yes?: boolean;
  readonly stage?: number;
  readonly irreversible?: boolean;
  readonly timeout: number;
}

const ABOUT: Readonly<Record<SteeringVerb, readonly [about: string, question: string]>> = {
  approve: ['Let a release leave the stage (or begin the promotion) that waits for a person.', 'Approve'],
  advance: ['Go on to the next stage now, without waiting for proof.', 'Go on to the next stage of'],
  promote: ['Promote the version of the canary now, without the stages that are left; your own Deployment rolls it.', 'Promote'],
  abort: ['Send all traffic home now; the revision is not tried again by itself.', 'Abort'],
  pause: ['Hold the weight where it is; the canary is judged on.', 'Pause'],
  resume: ['Let a paused release go on.', 'Resume'],
  retry: ['Try a rolled back revision once more.', 'Retry'],
  undo: ['Take a promotion back, one that is under way or one that is over: what served before serves again.', 'Undo'],
};

const VERBS = ['approve', 'advance', 'promote', 'abort', 'pause', 'resume', 'retry', 'undo'] as const satisfies readonly SteeringVerb[];

/** One command for each verb. */
export const steeringCommands: readonly CommandEntry[] = VERBS.map((verb) => ({
  name: verb,
  add: (program, io, end) =>
    void describeOptions(program, verb).action(async (name: string, options: SteerOptions) => end(await runSteer(verb, name, options, io))),
}));

function describeOptions(program: Command, verb: SteeringVerb): Command {
  const command = addClusterOptions(program.command(verb).argument('<name>', 'the CanaryRelease').description(ABOUT[verb][0]))
    .option('-y, --yes', 'do not ask; needed where no terminal is')
    .option('--timeout <duration>', 'how long the operator may take to handle it', readDuration, 30_000);
  if (verb === 'undo') return command.option('--irreversible', 'also a revision that is marked irreversible');
  if (verb !== 'approve') return command;
  return command.option(
    '--stage <number>',
    'stage to approve, one more than the stages for the promotion (default: the one that waits)',
    readWhole(1, 31),
  );
}

async function runSteer(verb: SteeringVerb, name: string, options: SteerOptions, io: CliIo): Promise<ExitCode> {
  if (options.yes !== true && io.ask === undefined)
    throw usageError(`${verb} asks before it acts, and no terminal is here to answer at; give --yes`);
  return withCluster(options, io, async (link) => {
    const release = await getRelease(link, namespaceOf(options, link), name);
    const stage = verb === 'approve' ? (options.stage ?? approvalOf(release, io.now())) : undefined;
    // Before anybody is asked: what cannot be ordered is not asked about.
    makeOrder(release, verb, stage, io.now());
    io.out(formatEvidence(explain(release, targetFlags(options, release.namespace), io.now()), paintFor(io)));
    if (verb === 'undo') io.out(describeUndo(release));
    const allowed = verb !== 'undo' || (await isUndoAllowed(release, options.irreversible === true, io));
    if (!allowed || !(await isConfirmed(verb, stage, release, options, io))) {
      io.err('nothing was done\n');
      return EXIT.failed;
    }
    return order(link, release, verb, stage, options, io);
  });
}

async function isConfirmed(
  verb: SteeringVerb,
  stage: number | undefined,
  { status, namespace, name }: SeenRelease,
  options: SteerOptions,
  io: CliIo,
): Promise<boolean> {
  if (options.yes === true || io.ask === undefined) return true;
  const what = stage === undefined ? '' : ` stage ${stage} of`;
  const answer = await io.ask(`${ABOUT[verb][1]}${what} release ${status.release?.id ?? ''} of ${namespace}/${name}? [y/N] `);
  return /^\s*y(es)?\s*$/i.test(answer);
}

async function order(
  link: ClusterLink,
  release: SeenRelease,
  verb: SteeringVerb,
  stage: number | undefined,
  options: SteerOptions,
  io: CliIo,
): Promise<ExitCode> {
  const given = makeOrder(release, verb, stage, io.now());
  await writeOrder(link, release, given);
  const { result, message } = await awaitOrder(link, release, given, { now: io.now, timeoutMs: options.timeout });
  if (result === 'Done') {
    io.out(`Done: ${message}\n`);
    return EXIT.ok;
  }
  io.err(`Refused: ${message}\n`);
  return EXIT.failed;
}
