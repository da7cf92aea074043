// `kubectl canary approve | advance | promote | abort | pause | resume | retry | undo`: shows the evidence, asks for confirmation,
// writes the command, and prints whether the operator did or refused it.

import type { Command } from 'commander';
import { type ClusterLink, withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf, targetFlags } from '../cluster/options.ts';
import { getRelease, type SeenRelease } from '../cluster/releases.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { paintFor } from '../output.ts';
import { nameApproval } from '../../core/release/commands/approval.ts';
import { approvalOf } from '../explain/advice.ts';
import { explain } from '../explain/explain.ts';
import { formatEvidence } from '../explain/text.ts';
import { awaitOrder, makeOrder, type SteeringVerb, writeOrder } from './steer.ts';
import { failure, usageError } from '../usage.ts';
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
  approve: ['Approve the stage (or the promotion) that waits for approval.', 'Approve'],
  advance: ['Advance to the next stage now, without waiting for the analysis to pass.', 'Advance to the next stage of'],
  promote: ['Promote the canary now and skip the remaining stages; in Deployment mode your Deployment rolls it out.', 'Promote'],
  abort: ['Roll all traffic back now; the revision is rejected and not retried automatically.', 'Abort'],
  pause: ['Hold the canary weight; analysis continues, and a failed check still rolls back.', 'Pause'],
  resume: ['Resume a paused release.', 'Resume'],
  retry: ['Retry a rejected revision.', 'Retry'],
  undo: ['Undo a promotion that is under way or complete: the previous version serves again.', 'Undo'],
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
    .option('-y, --yes', 'do not ask for confirmation; required without a terminal')
    .option('--timeout <duration>', 'how long to wait for the operator to handle the command', readDuration, 30_000);
  if (verb === 'undo') return command.option('--irreversible', 'undo a revision although it is marked irreversible');
  if (verb !== 'approve') return command;
  return command.option(
    '--stage <number>',
    'stage to approve; for the promotion, the number of stages plus one (default: the one that waits for approval)',
    readWhole(1, 31),
  );
}

async function runSteer(verb: SteeringVerb, name: string, options: SteerOptions, io: CliIo): Promise<ExitCode> {
  if (options.yes !== true && io.ask === undefined) throw usageError(`${verb} asks for confirmation, and there is no terminal; add --yes`);
  return withCluster(options, io, async (link) => {
    const release = await getRelease(link, namespaceOf(options, link), name);
    const stage = verb === 'approve' ? chooseApproval(release, options.stage, io.now()) : undefined;
    // Before the confirmation: a command that cannot be given is not asked about.
    makeOrder(release, verb, stage, io.now());
    io.out(formatEvidence(explain(release, targetFlags(options, release.namespace), io.now()), paintFor(io)));
    if (verb === 'undo') io.out(describeUndo(release));
    const allowed = verb !== 'undo' || (await isUndoAllowed(release, options.irreversible === true, io));
    if (!allowed || !(await isConfirmed(verb, stage, release, options, io))) {
      io.err('cancelled: nothing was changed\n');
      return EXIT.failed;
    }
    return order(link, release, verb, stage, options, io);
  });
}

/**
 * The stage that is approved.
 * @param wanted by the person; undefined for the one that waits
 * @throws GlidepathError where nothing waits for approval, or another stage does
 */
function chooseApproval(release: SeenRelease, wanted: number | undefined, now: number): number | undefined {
  const { spec, status, namespace, name } = release;
  const id = status.release?.id;
  // The operator reads specs that this program may not; without a release there is another thing to say.
  if (spec === undefined || id === undefined) return wanted;
  const waits = approvalOf(release, now);
  const where = `release ${id} of CanaryRelease ${namespace}/${name}`;
  if (waits === undefined) throw failure(`nothing waits for approval: ${where} is ${status.phase ?? 'in no phase yet'}`);
  if (wanted === undefined || wanted === waits) return waits;
  const [other, present] = [wanted, waits].map((stage) => nameApproval(stage, spec.stages.length));
  throw failure(`${other} of ${where} does not wait for approval; ${present} does`);
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
