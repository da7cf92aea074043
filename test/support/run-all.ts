// `npm test`: static checks, then unit, model and contract tests, then the cluster tests in one lab or two. Ends with one plain line
// of sums, and with an exit code other than 0 when anything failed.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { laneEnvironment, listLanes, runLanes } from './cluster-lanes.ts';

interface Sum {
  readonly passed: number;
  readonly failed: number;
}

const FOLDER = join(import.meta.dirname, '../..');
const BIN = join(FOLDER, 'node_modules/.bin');
const reports = mkdtempSync(join(tmpdir(), 'glidepath-test-'));

/** Runs a command with its output shown. @returns its exit code */
function run(command: string, args: readonly string[], variables: NodeJS.ProcessEnv = process.env): Promise<number> {
  return new Promise((resolve) => {
    const env = { ...variables, PATH: `${BIN}:${process.env['PATH'] ?? ''}` };
    const child = spawn(command, args, { cwd: FOLDER, stdio: ['ignore', 'inherit', 'inherit'], env });
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

async function check(name: string, command: string, args: readonly string[], variables?: NodeJS.ProcessEnv): Promise<Sum> {
  process.stdout.write(`\n== ${name}\n`);
  const code = await run(command, args, variables);
  process.stdout.write(`${code === 0 ? 'ok' : 'FAILED'}: ${name}\n`);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** What vitest counted; a run without a report (it did not even start) is one failure. */
function readReport(file: string, code: number): Sum {
  try {
    const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(file, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
    };
    return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

async function vitest(name: string, projects: readonly string[], extra: readonly string[]): Promise<Sum> {
  process.stdout.write(`\n== ${name}\n`);
  const file = join(reports, `${projects.join('-')}.json`);
  const args = ['run', ...projects.flatMap((project) => ['--project', project])];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  return readReport(file, await run(join(BIN, 'vitest'), [...args, ...reporters, ...extra]));
}

/** The second lab goes when it has done its work. */
async function clusterTests(): Promise<readonly Sum[]> {
  const lanes = listLanes();
  const sums: Sum[] = [];
  for (const lane of lanes) {
    const what = lane.argocd ? 'Kubernetes, gateway, Prometheus, Argo CD' : 'Kubernetes, gateway, Prometheus';
    const args = ['test/lab/main.ts', 'up', ...(lane.argocd ? ['--argocd'] : [])];
    // One after the other: what the first one builds is there for the second.
    sums.push(await check(`${lane.name}: ${what}`, 'node', args, laneEnvironment(lane)));
  }
  process.stdout.write('\n== cluster tests\n');
  for (const { code, report } of await runLanes(lanes, reports)) sums.push(readReport(report, code));
  for (const lane of lanes.filter(({ state }) => state !== undefined)) {
    await run('node', ['test/lab/main.ts', 'down'], laneEnvironment(lane));
  }
  return sums;
}

const sums: Sum[] = [];
sums.push(await check('types (tsc)', 'tsc', ['--noEmit']));
sums.push(await check('lint (oxlint)', 'oxlint', ['--type-aware']));
sums.push(await check('format (biome)', 'biome', ['check']));
sums.push(await check('unused code (knip)', 'knip', []));
sums.push(await vitest('unit, model and contract tests', ['unit', 'model', 'contract'], ['--coverage']));
sums.push(...(await clusterTests()));
rmSync(reports, { recursive: true, force: true });

const passed = sums.reduce((total, sum) => total + sum.passed, 0);
const failed = sums.reduce((total, sum) => total + sum.failed, 0);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
