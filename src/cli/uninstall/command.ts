// `kubectl canary uninstall`: rolls every release back while the operator still runs, and removes the operator after that.

import { setTimeout } from 'node:timers/promises';
import { isGlidepathError } from '../../api/errors.ts';
import { FINALIZER } from '../../api/names.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { pathOf } from '../../adapters/kubernetes/informer/kinds.ts';
import { type ClusterLink, withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions } from '../cluster/options.ts';
import { listReleases, RELEASES, type SeenRelease } from '../cluster/releases.ts';
import { describeHeld } from '../cluster/held.ts';
import { INSTALLED, removeInstalled } from '../cluster/installed.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { failure, usageError } from '../usage.ts';
import { readDuration } from '../values.ts';
import type { CommandEntry } from '../entry.ts';

interface UninstallOptions extends ClusterOptions {
  readonly yes?: boolean;
  readonly timeout: number;
}

const POLL_MS = 250;
const TOLD_EVERY_MS = 10_000;

const DETAILS = `
Every CanaryRelease is deleted first, which rolls its traffic back; nothing else is changed until all of them are deleted.
With -n only the releases of that namespace are deleted, and the operator stays. At a terminal the remaining steps are
printed as commands; with --yes they are executed.`;

/** The command. */
export const uninstallCommand: CommandEntry = {
  name: 'uninstall',
  add: (program, io, end) =>
    void addClusterOptions(program.command('uninstall').description('Roll back and delete all CanaryReleases, then remove Glidepath.'))
      .option('-y, --yes', 'do not ask for confirmation, and remove the operator and the CRD as well')
      .option('--timeout <duration>', 'how long to wait for the releases to be rolled back', readDuration, 300_000)
      .addHelpText('after', DETAILS)
      .action(async (options: UninstallOptions) => end(await runUninstall(options, io))),
};

async function runUninstall(options: UninstallOptions, io: CliIo): Promise<ExitCode> {
  if (options.yes !== true && io.ask === undefined)
    throw usageError('uninstall asks for confirmation, and there is no terminal; add --yes');
  return withCluster(options, io, async (link) => {
    const releases = await findReleases(link, options.namespace);
    io.out(describe(releases, options.namespace));
    if (!(await isConfirmed(releases, options, io))) {
      io.err('cancelled: nothing was changed\n');
      return EXIT.failed;
    }
    await Promise.all(releases.map((release) => removeRelease(link, release)));
    await awaitGone(link, releases, options, io);
    for (const line of await describeHeld(link, releases)) io.out(`${line}\n`);
    if (options.namespace === undefined) await finish(link, options, io);
    return EXIT.ok;
  });
}

/** A cluster without the kind has no releases; other parts may still be installed. */
async function findReleases(link: ClusterLink, namespace: string | undefined): Promise<readonly SeenRelease[]> {
  try {
    return await listReleases(link, namespace);
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_CLI')) return [];
    throw thrown;
  }
}

function describe(releases: readonly SeenRelease[], namespace: string | undefined): string {
  const where = namespace === undefined ? 'the cluster' : `namespace ${namespace}`;
  const lines = releases.map((release) => `  ${nameOf(release)}: ${release.status.phase ?? 'Unknown'}${sayWay(release)}\n`);
  return `${releases.length} CanaryReleases in ${where}\n${lines.join('')}`;
}

function sayWay({ status, spec }: SeenRelease): string {
  const state = parseState(status.state);
  if (status.release === undefined || (state !== undefined && !isRunning(state))) return '';
  return spec?.deletionPolicy === 'Retain'
    ? ', the weights stay (deletionPolicy: Retain)'
    : `, all traffic goes back to Service ${status.release.serving.service}`;
}

function nameOf({ namespace, name }: SeenRelease): string {
  return `${namespace}/${name}`;
}

async function isConfirmed(releases: readonly SeenRelease[], options: UninstallOptions, io: CliIo): Promise<boolean> {
  if (options.yes === true || io.ask === undefined) return true;
  return /^\s*y(es)?\s*$/i.test(await io.ask(`Roll back and delete ${releases.length} CanaryReleases? [y/N] `));
}

async function removeRelease(link: ClusterLink, { namespace, name, metadata }: SeenRelease): Promise<void> {
  try {
    await link.request({ method: 'DELETE', path: pathOf(RELEASES, namespace, name), body: { preconditions: { uid: metadata.uid } } });
  } catch (thrown) {
    if (!isGlidepathError(thrown, 'GLIDEPATH_E_NOT_FOUND')) throw thrown;
  }
}

/** Prints each release that is deleted, and now and then those that are left. */
async function awaitGone(link: ClusterLink, releases: readonly SeenRelease[], options: UninstallOptions, io: CliIo): Promise<void> {
  let left = releases;
  let waited = 0;
  for (;;) {
    const there = await findReleases(link, options.namespace);
    const isThere = (release: SeenRelease) => there.some(({ metadata }) => metadata.uid === release.metadata.uid);
    for (const gone of left.filter((release) => !isThere(release))) io.out(`${nameOf(gone)} rolled back and deleted\n`);
    left = left.filter(isThere);
    if (left.length === 0) return;
    if (waited >= options.timeout) throw failure(describeStuck(left, there, options.timeout));
    if (waited > 0 && waited % TOLD_EVERY_MS === 0) io.err(`waiting for ${left.map(nameOf).join(', ')}\n`);
    await setTimeout(POLL_MS);
    waited += POLL_MS;
  }
}

function describeStuck(left: readonly SeenRelease[], there: readonly SeenRelease[], timeoutMs: number): string {
  const messages = left.map((release) => {
    const now = there.find(({ metadata }) => metadata.uid === release.metadata.uid)?.status;
    return `${nameOf(release)} (${now?.phase ?? 'Unknown'}: ${now?.message ?? 'no status'})`;
  });
  const [first] = left;
  const patch = `kubectl patch crel ${first?.name} -n ${first?.namespace} --type=merge -p '{"metadata":{"finalizers":null}}'`;
  return `not rolled back within ${timeoutMs / 1_000}s: ${messages.join('; ')}; start the operator and run uninstall again, or remove finalizer ${FINALIZER} and keep the weights as they are: ${patch}`;
}

async function finish(link: ClusterLink, options: UninstallOptions, io: CliIo): Promise<void> {
  if (options.yes === true) {
    await removeInstalled(link, (what) => io.out(`${what} deleted\n`));
    io.out('Glidepath is uninstalled; your routes, Services and Deployments were kept\n');
    return;
  }
  const lines = INSTALLED.map(
    ({ kind, name, namespace }) =>
      `  kubectl delete --ignore-not-found ${kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`,
  );
  io.out(`All releases are rolled back and deleted. To remove the rest run uninstall --yes, or:\n${lines.join('\n')}\n`);
}
