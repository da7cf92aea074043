// The real operator as a process of the test: built once a file as it is shipped, under its own ServiceAccount, killed and
// started again as the test wants. One that ends by itself fails the test.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../../../src/api/names.ts';
import { PROJECT_FOLDER } from '../../lab/settings.ts';
import { type Cluster, waitFor } from './cluster.ts';

export interface OperatorOptions {
  /** It looks at these namespaces only: other files' releases are none of its business. */
  readonly namespaces: readonly string[];
  readonly flags?: readonly string[];
}

/** One line of the log. */
export interface LogLine {
  readonly level?: string | number;
  readonly msg?: string;
  readonly port?: number;
  readonly err?: { readonly type?: string; readonly message?: string };
}

const run = promisify(execFile);
/** Errors that are mistakes in the code, whatever the world does. */
const MISTAKES: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);
const START_MS = 20_000;

/** The operator: stopped when it was made, then started and killed any number of times. */
export class OperatorProcess {
  readonly #folder: string;
  readonly #options: OperatorOptions;
  readonly #lines: LogLine[] = [];
  readonly #onCrash: (error: Error) => void;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #wanted = false;
  #port: number | undefined;

  private constructor(folder: string, options: OperatorOptions, onCrash: (error: Error) => void) {
    this.#folder = folder;
    this.#options = options;
    this.#onCrash = onCrash;
  }

  /** Builds it and writes its kubeconfig. */
  static async prepare(cluster: Cluster, options: OperatorOptions, onCrash: (error: Error) => void): Promise<OperatorProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'glidepath-operator-'));
    await Promise.all([bundle(folder), writeKubeconfig(cluster, folder)]);
    return new OperatorProcess(folder, options, onCrash);
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** Starts it without waiting for anything. */
  start(): void {
    if (this.#wanted) throw new Error('the operator runs already');
    this.#wanted = true;
    this.#port = undefined;
    const child = spawn(process.execPath, [join(this.#folder, 'operator.mjs'), ...this.#arguments()], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, KUBECONFIG: join(this.#folder, 'kubeconfig') },
    });
    this.#child = child;
    const errors: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
    this.#ended = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        resolve();
        if (this.#child !== child || !this.#wanted) return;
        const told = [...errors.slice(-20), ...this.#lines.slice(-10).map((line) => line.msg ?? '')].join('\n');
        this.#onCrash(new Error(`the operator ended by itself (${code ?? signal}):\n${told}`));
      });
    });
  }

  /** Resolves when /readyz answers with 200. */
  async ready(): Promise<void> {
    await waitFor('the operator to be ready', () => this.#isReady(), { ms: START_MS, lastSeen: () => this.#lines.slice(-5) });
  }

  /** Sends a signal and resolves when the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#wanted = false;
    this.#child?.kill(signal);
    await this.#ended;
  }

  /** Kills it and starts it again. */
  async restart(): Promise<void> {
    await this.kill();
    this.start();
    await this.ready();
  }

  /** A token of the ServiceAccount as it is now: of one that was made anew the old token is worth nothing. */
  async renew(cluster: Cluster): Promise<void> {
    await writeKubeconfig(cluster, this.#folder);
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text();
  }

  /** Ends it, politely. @throws Error when its log tells of a mistake in the code */
  async close(): Promise<void> {
    await this.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
    const mistake = this.#lines.find(({ err }) => MISTAKES.has(err?.type ?? ''));
    if (mistake !== undefined) throw new Error(`the operator's log tells of a mistake: ${JSON.stringify(mistake)}`);
  }

  #arguments(): readonly string[] {
    return [
      `--prometheus-url=${process.env['PROMETHEUS_URL']}`,
      `--namespace=${this.#options.namespaces.join(',')}`,
      '--metrics-address=127.0.0.1:0',
      ...(this.#options.flags ?? []),
    ];
  }

  async #isReady(): Promise<boolean> {
    if (this.#port === undefined) return false;
    const answer = await fetch(`http://127.0.0.1:${this.#port}/readyz`).catch(() => undefined);
    await answer?.text();
    return answer?.status === 200;
  }

  #read(text: string): void {
    const line: LogLine = text.startsWith('{') ? JSON.parse(text) : { msg: text };
    this.#lines.push(line);
    if (line.port !== undefined) this.#port = line.port;
  }
}

/** What `npm run build` makes. A bundle starts in a third of the time, and an edit of the sources cannot hit a running test. */
async function bundle(folder: string): Promise<void> {
  await run(process.execPath, ['esbuild.config.ts', join(folder, 'operator.mjs')], { cwd: PROJECT_FOLDER });
}

/** A kubeconfig with a token of the operator's ServiceAccount: it may do what `config/default` allows, and no more. */
async function writeKubeconfig(cluster: Cluster, folder: string): Promise<void> {
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/serviceaccounts/${SERVICE_ACCOUNT}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const { status } = (await cluster.api.must({ method: 'POST', path, body })) as { status: { token: string } };
  const { server, authority } = cluster.api.access;
  const certificate = Buffer.from(authority).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': certificate } }],
    users: [{ name: 'operator', user: { token: status.token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'operator' } }],
    'current-context': 'lab',
  };
  writeFileSync(join(folder, 'kubeconfig'), stringify(config), { mode: 0o600 });
}
