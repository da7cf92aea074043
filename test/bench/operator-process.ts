// The operator as it ships: the bundle as a process of its own, with the rights of its ServiceAccount and nothing more.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { probe } from '../lab/probe.ts';
import { showStep } from '../lab/progress.ts';
import { KUBECONFIG, LabError, PROJECT_FOLDER } from '../lab/settings.ts';
import { lastLines, run } from '../lab/shell.ts';
import type { Cluster } from './cluster.ts';

const SYSTEM_NAMESPACE = 'glidepath-system';
const ACCOUNT = 'glidepath';
/** The operator's name in the audit log. */
export const OPERATOR_USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${ACCOUNT}`;
const READY_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 10_000;
const MOST_LOG = 400_000;
/** As in the Dockerfile. */
const NODE_FLAGS = ['--optimize-for-size', '--max-semi-space-size=16'];

export interface OperatorProcess {
  readonly pid: number;
  /** From the process' start until /readyz answered 200: all watches are synced. */
  readonly readySeconds: number;
  /** The last of what it logged. */
  log(): string;
  stop(): Promise<void>;
}

/** Builds the bundle. */
export async function buildOperator(): Promise<void> {
  await showStep('Building the operator', () => run('npm', ['run', '-s', 'build'], { cwd: PROJECT_FOLDER }));
}

/** Applies the CRD, and the operator's account with its rights; the Deployment goes. */
export async function applyRights(): Promise<void> {
  const apply = ['apply', '--server-side', '--force-conflicts'];
  await run('kubectl', [...apply, '-k', join(PROJECT_FOLDER, 'config/crd')]);
  await run('kubectl', ['wait', '--for=condition=Established', '--timeout=30s', 'crd/canaryreleases.glidepath.dev']);
  const parts = ['namespace', 'service-account', 'operator-role', 'lease-role'];
  const files = parts.flatMap((part) => ['-f', join(PROJECT_FOLDER, `config/default/${part}.yaml`)]);
  await run('kubectl', [...apply, ...files]);
  // An operator that a demo left running would drive our releases, too.
  await run('kubectl', ['-n', 'glidepath-system', 'delete', 'deployment', 'glidepath', '--ignore-not-found', '--wait=true']);
  await run('kubectl', [
    '-n',
    'glidepath-system',
    'wait',
    '--for=delete',
    'pod',
    '-l',
    'app.kubernetes.io/name=glidepath',
    '--timeout=60s',
  ]);
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Kubeconfig {
  readonly users: readonly object[];
}

/** The lab's kubeconfig with the account's token in place of the administrator's. */
async function describeAccount(cluster: Cluster): Promise<string> {
  const token = await cluster.createToken(SYSTEM_NAMESPACE, ACCOUNT);
  const base = parse(readFileSync(process.env['KUBECONFIG'] ?? KUBECONFIG, 'utf8')) as Kubeconfig;
  return stringify({ ...base, users: base.users.map((user) => ({ ...user, user: { token } })) });
}

/** What a client needs to act as the operator. */
export async function accountConfig(cluster: Cluster): Promise<KubeConfig> {
  const config = new KubeConfig();
  config.loadFromString(await describeAccount(cluster));
  return config;
}

/** Starts the built operator and waits until it is ready. */
export async function startOperator(cluster: Cluster, flags: readonly string[]): Promise<OperatorProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-bench-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, await describeAccount(cluster), { mode: 0o600 });
  const port = await findFreePort();
  const bundle = join(PROJECT_FOLDER, 'dist/glidepath.mjs');
  const argv = [
    ...NODE_FLAGS,
    ...(process.env['GLIDEPATH_BENCH_NODE_FLAGS']?.split(' ') ?? []),
    bundle,
    `--metrics-address=127.0.0.1:${port}`,
    ...flags,
  ];
  const startedAt = performance.now();
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig, NODE_ENV: 'production' },
  });
  let text = '';
  const keep = (chunk: string): void => {
    text = (text + chunk).slice(-MOST_LOG);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await Promise.race([exited, delay(STOP_PATIENCE_MS, undefined, { ref: false })]);
    kill();
    process.off('exit', kill);
    rmSync(folder, { recursive: true, force: true });
  };
  while ((await probe(`http://127.0.0.1:${port}/readyz`)).status !== 200) {
    if (child.exitCode !== null || performance.now() - startedAt > READY_PATIENCE_MS) {
      await stop();
      throw new LabError(`The operator did not become ready:\n${lastLines(text, 20)}`);
    }
    await delay(10);
  }
  const readySeconds = (performance.now() - startedAt) / 1_000;
  return { pid: child.pid ?? 0, readySeconds, log: () => text, stop };
}
