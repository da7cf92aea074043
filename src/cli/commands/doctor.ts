// `kubectl canary doctor`: what keeps releases from working, each with the fix to paste.

import { Option } from 'commander';
import { withCluster } from '../cluster/link.ts';
import { addClusterOptions, type ClusterOptions, namespaceOf } from '../cluster/options.ts';
import { listReleases, type SeenRelease } from '../cluster/releases.ts';
import type { ClusterLink } from '../cluster/link.ts';
import type { Finding } from '../doctor/finding.ts';
import { checkCrd, checkOperator } from '../doctor/installation.ts';
import { checkGatewayApi, checkReleases, checkRights, checkServer } from '../doctor/surroundings.ts';
import { EXIT, type CliIo, type ExitCode } from '../io.ts';
import { formatTable, paintFor } from '../output.ts';
import type { CommandEntry } from './registry.ts';

interface DoctorOptions extends ClusterOptions {
  readonly allNamespaces?: boolean;
  readonly output: 'text' | 'json';
}

/** The command. */
export const doctorCommand: CommandEntry = {
  name: 'doctor',
  add: (program, io, end) =>
    void addClusterOptions(
      program.command('doctor').description('Check installation, rights and releases; each problem comes with the fix to paste.'),
    )
      .option('-A, --all-namespaces', 'releases of all namespaces')
      .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json']).default('text'))
      .addHelpText('after', '\nExit codes: 0 nothing failed, 1 something did, 2 the options are wrong.')
      .action(async (options: DoctorOptions) => end(await runDoctor(options, io))),
};

function runDoctor(options: DoctorOptions, io: CliIo): Promise<ExitCode> {
  return withCluster(options, io, async (link) => {
    const findings = await examine(link, options);
    io.out(
      options.output === 'json'
        ? `${JSON.stringify({ apiVersion: 'cli.glidepath.dev/v1', kind: 'Findings', items: findings }, undefined, 2)}\n`
        : formatFindings(findings, io),
    );
    return findings.some(({ level }) => level === 'FAIL') ? EXIT.failed : EXIT.ok;
  });
}

async function examine(link: ClusterLink, options: DoctorOptions): Promise<readonly Finding[]> {
  const namespace = namespaceOf(options, link);
  const server = await checkServer(link);
  const crd = await checkCrd(link);
  const rights = await checkRights(link, namespace);
  // What cannot be read was told by the checks before.
  const readable = crd.level !== 'FAIL' && rights.every(({ level }) => level !== 'FAIL');
  const releases: readonly SeenRelease[] = readable ? await listReleases(link, options.allNamespaces === true ? undefined : namespace) : [];
  const operator = await checkOperator(link, releases);
  const routes = await checkGatewayApi(link);
  return [server, crd, ...operator, ...rights, routes, ...(readable ? checkReleases(releases) : [])];
}

function formatFindings(findings: readonly Finding[], io: CliIo): string {
  const paint = paintFor(io);
  const lines = formatTable(findings.map(({ level, check, says }) => [level, check, says]));
  const printed = findings.flatMap(({ level, fix }, index) => {
    const line = lines[index] ?? '';
    const painted = level === 'ok' ? paint.good(line) : level === 'FAIL' ? paint.bad(line) : line;
    return fix === undefined ? [painted] : [painted, `      fix: ${fix}`];
  });
  return `${printed.join('\n')}\n`;
}
