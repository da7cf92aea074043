// The cluster tests in lanes: each has a lab of its own and takes one file after the other, so that two thirds of the time, which
// is waiting, is shared, and nothing that a test does to its cluster is seen by another.

import { type ChildProcess, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { labKind, PROJECT_FOLDER } from '../../test/lab/settings.ts';

/** A lab and what it can run. */
export interface Lane {
  readonly name: string;
  /** Undefined: the lab that everybody uses. */
  readonly state: string | undefined;
  readonly argocd: boolean;
}

/** What came of one file. */
export interface FileResult {
  readonly file: string;
  readonly code: number;
  readonly report: string;
}

const FOLDER = join(PROJECT_FOLDER, 'test/cluster');
/** The files that take longest, in that order: whoever begins one last keeps the others waiting. */
const LONGEST = [
  'argocd-deployment',
  'argocd',
  'comparison',
  'survival',
  'deployment-pods',
  'deployment-undo',
  'deployment-trouble',
  'deployment-scaling',
  'deployment-capacity',
  'deployment',
  'webhook',
];

/** Cores from which on a second lab saves time. With fewer the tests that watch seconds pass would see pods and gateways that starve. */
const CORES_FOR_TWO = 4;

/** `GLIDEPATH_TEST_LABS` (1 or 2), else as many as the machine has cores for. The second one has no Argo CD; k3d has one cluster of one name. */
export function listLanes(): readonly Lane[] {
  const first: Lane = { name: 'lab 1', state: undefined, argocd: true };
  const wanted = process.env['GLIDEPATH_TEST_LABS'] ?? (availableParallelism() >= CORES_FOR_TWO ? '2' : '1');
  if (wanted !== '2' || labKind() !== 'bare') return [first];
  return [first, { name: 'lab 2', state: '/var/tmp/glidepath-lab-second', argocd: false }];
}

/** The variables that make a command of the lab mean this one. */
export function laneEnvironment({ state }: Lane): NodeJS.ProcessEnv {
  return state === undefined ? process.env : { ...process.env, GLIDEPATH_LAB_STATE: state };
}

function nameOf(file: string): string {
  return basename(file, '.test.ts');
}

function rankOf(file: string): number {
  const place = LONGEST.indexOf(nameOf(file));
  return place === -1 ? LONGEST.length : place;
}

function listFiles(): readonly string[] {
  return globSync('*.test.ts', { cwd: FOLDER }).toSorted((a, b) => rankOf(a) - rankOf(b) || a.localeCompare(b));
}

/** Runs all cluster tests. @param reports folder for a JSON report of each file @returns what came of each */
export async function runLanes(lanes: readonly Lane[], reports: string): Promise<readonly FileResult[]> {
  const waiting = [...listFiles()];
  const results: FileResult[] = [];
  const work = async (lane: Lane): Promise<void> => {
    for (;;) {
      const next = waiting.findIndex((file) => lane.argocd || !nameOf(file).startsWith('argocd'));
      const [file] = next === -1 ? [] : waiting.splice(next, 1);
      if (file === undefined) return;
      results.push(await runFile(lane, file, join(reports, `${nameOf(file)}.json`)));
    }
  };
  await Promise.all(lanes.map(work));
  return results;
}

/** Its output comes at once when it has ended: two at a time would not be readable. */
async function runFile(lane: Lane, file: string, report: string): Promise<FileResult> {
  process.stdout.write(`-- ${lane.name}: ${nameOf(file)} begins\n`);
  const beganAt = performance.now();
  const vitest = [join(PROJECT_FOLDER, 'node_modules/.bin/vitest'), 'run', '--project', 'cluster', join('test/cluster', file)];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = ['test/lab/main.ts', 'exec', '--', process.execPath, ...vitest, ...reporters];
  const child = spawn(process.execPath, args, { cwd: PROJECT_FOLDER, env: laneEnvironment(lane), stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, output } = await collect(child);
  const seconds = Math.round((performance.now() - beganAt) / 1_000);
  process.stdout.write(`${output}-- ${lane.name}: ${nameOf(file)} ${code === 0 ? 'passed' : 'FAILED'} after ${seconds} s\n`);
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
