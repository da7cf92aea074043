// The cluster tests, two files at a time in each lab: two thirds of their time is waiting. What must not run side by side is in
// cluster-files.ts.

import { type ChildProcess, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import type { Extra } from '../../test/lab/extras.ts';
import { labKind, PROJECT_FOLDER } from '../../test/lab/settings.ts';
import { CLAIMS, mayRunBeside, orderFiles } from './cluster-files.ts';

/** A lab and what it can run. */
export interface Lab {
  readonly name: string;
  /** Undefined: the lab that everybody uses. */
  readonly state: string | undefined;
  readonly extras: readonly Extra[];
}

/** What came of one file. */
export interface FileResult {
  readonly file: string;
  readonly code: number;
  readonly report: string;
}

/** Where a run of the cluster tests finds the operator and leaves its reports. */
export interface Order {
  /** Folder for a JSON report of each file. */
  readonly reports: string;
  /** The operator, built. */
  readonly operator: string;
}

const FOLDER = join(PROJECT_FOLDER, 'test/cluster');
/** Files that one lab runs at a time: one keeps 45% of two cores busy. */
const SIDE_BY_SIDE = 2;
/** Cores from which on a second lab saves time. */
const CORES_FOR_TWO = 4;

/** `GLIDEPATH_TEST_LABS` (1 or 2), else as many as the machine has cores for. The second one has Contour alone; k3d has one cluster of one name. */
export function listLabs(): readonly Lab[] {
  const first: Lab = { name: 'lab 1', state: undefined, extras: ['envoy-gateway', 'argocd', 'flux'] };
  const wanted = process.env['GLIDEPATH_TEST_LABS'] ?? (availableParallelism() >= CORES_FOR_TWO ? '2' : '1');
  if (wanted !== '2' || labKind() !== 'bare') return [first];
  return [first, { name: 'lab 2', state: '/var/tmp/glidepath-lab-second', extras: [] }];
}

/** The variables that make a command of the lab mean this one. */
export function labEnvironment({ state }: Lab): NodeJS.ProcessEnv {
  return state === undefined ? process.env : { ...process.env, GLIDEPATH_LAB_STATE: state };
}

/** Names of all files of cluster tests. */
export function listFiles(): readonly string[] {
  return globSync('*.test.ts', { cwd: FOLDER }).map((file) => basename(file, '.test.ts'));
}

/** Runs all cluster tests. @returns what came of each file */
export async function runClusterTests(labs: readonly Lab[], order: Order): Promise<readonly FileResult[]> {
  const waiting = [...orderFiles(listFiles())];
  const results: FileResult[] = [];
  await Promise.all(labs.map((lab) => useLab(lab, waiting, async (file) => void results.push(await runFile(lab, file, order)))));
  return results;
}

/** Begins the next file that has nothing in its way, as often as one ends, until none waits. */
function useLab(lab: Lab, waiting: string[], run: (file: string) => Promise<void>): Promise<void> {
  const running = new Set<string>();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const begin = (): void => {
    while (running.size < SIDE_BY_SIDE) {
      const next = waiting.findIndex((file) => hasWhatItNeeds(lab, file) && mayRunBeside(file, [...running]));
      const [file] = next === -1 ? [] : waiting.splice(next, 1);
      if (file === undefined) break;
      running.add(file);
      run(file).then(() => {
        running.delete(file);
        begin();
      }, reject);
    }
    if (running.size === 0) resolve();
  };
  begin();
  return promise;
}

function hasWhatItNeeds({ extras }: Lab, file: string): boolean {
  return (CLAIMS[file]?.needs ?? []).every((extra) => extras.includes(extra));
}

/** Its output comes at once when it has ended: two at a time would not be readable. */
async function runFile(lab: Lab, file: string, { reports, operator }: Order): Promise<FileResult> {
  process.stdout.write(`-- ${lab.name}: ${file} begins\n`);
  const beganAt = performance.now();
  const report = join(reports, `${file}.json`);
  const vitest = [join(PROJECT_FOLDER, 'node_modules/.bin/vitest'), 'run', '--project', 'cluster', join('test/cluster', `${file}.test.ts`)];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = ['test/lab/main.ts', 'exec', '--', process.execPath, ...vitest, ...reporters];
  const env = { ...labEnvironment(lab), GLIDEPATH_TEST_OPERATOR: operator };
  const child = spawn(process.execPath, args, { cwd: PROJECT_FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, output } = await collect(child);
  const seconds = Math.round((performance.now() - beganAt) / 1_000);
  process.stdout.write(`${output}-- ${lab.name}: ${file} ${code === 0 ? 'passed' : 'FAILED'} after ${seconds} s\n`);
  return { file, code, report };
}

function collect(child: ChildProcess): Promise<{ readonly code: number; readonly output: string }> {
  const parts: Buffer[] = [];
  child.stdout?.on('data', (part: Buffer) => parts.push(part));
  child.stderr?.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve) => {
    const end = (code: number) => resolve({ code, output: Buffer.concat(parts).toString() });
    child.once('error', (error) => {
      parts.push(Buffer.from(`${error.message}\n`));
      end(127);
    });
    child.once('close', (code) => end(code ?? 128));
  });
}
