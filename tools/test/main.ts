// `npm test`: static checks, then unit, model and contract tests, then the cluster tests in one lab or two. Ends with one plain line
// of sums, and with an exit code other than 0 when anything failed.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { laneEnvironment, listLanes, runLanes } from './cluster-lanes.ts';
import { readVitestReport, type StepResult, summarize } from './report.ts';

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

async function check(name: string, command: string, args: readonly string[], variables?: NodeJS.ProcessEnv): Promise<StepResult> {
  process.stdout.write(`\n== ${name}\n`);
  const code = await run(command, args, variables);
  process.stdout.write(`${code === 0 ? 'ok' : 'FAILED'}: ${name}\n`);
  return code === 0
    ? { passed: 1, failures: [] }
    : { passed: 0, failures: [{ name, reason: `${command} ended with ${code}, see its output` }] };
}

/** What vitest counted; a run without a report (it did not even start) is one failure. */
function readReport(file: string, code: number, step: string): StepResult {
  return readVitestReport(existsSync(file) ? readFileSync(file, 'utf8') : undefined, code, step);
}

async function vitest(name: string, projects: readonly string[], extra: readonly string[]): Promise<StepResult> {
  process.stdout.write(`\n== ${name}\n`);
  const file = join(reports, `${projects.join('-')}.json`);
  const args = ['run', ...projects.flatMap((project) => ['--project', project])];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  return readReport(file, await run(join(BIN, 'vitest'), [...args, ...reporters, ...extra]), name);
}

/** The second lab goes when it has done its work. */
async function clusterTests(): Promise<readonly StepResult[]> {
  const lanes = listLanes();
  const results: StepResult[] = [];
  for (const lane of lanes) {
    const what = lane.argocd ? 'Kubernetes, gateway, Prometheus, Argo CD' : 'Kubernetes, gateway, Prometheus';
    const args = ['test/lab/main.ts', 'up', ...(lane.argocd ? ['--argocd'] : [])];
    // One after the other: what the first one builds is there for the second.
    results.push(await check(`${lane.name}: ${what}`, 'node', args, laneEnvironment(lane)));
  }
  process.stdout.write('\n== cluster tests\n');
  for (const { file, code, report } of await runLanes(lanes, reports)) results.push(readReport(report, code, file));
  for (const lane of lanes.filter(({ state }) => state !== undefined)) {
    await run('node', ['test/lab/main.ts', 'down'], laneEnvironment(lane));
  }
  return results;
}

const steps: StepResult[] = [];
steps.push(await check('types (tsc)', 'tsc', ['--noEmit']));
steps.push(await check('lint (oxlint)', 'oxlint', ['--type-aware']));
steps.push(await check('format (biome)', 'biome', ['check']));
steps.push(await check('unused code (knip)', 'knip', []));
steps.push(await check('words', 'node', ['tools/words/main.ts']));
steps.push(await vitest('unit, model and contract tests', ['unit', 'model', 'contract'], ['--coverage']));
steps.push(...(await clusterTests()));
rmSync(reports, { recursive: true, force: true });

process.stdout.write(`\n${summarize(steps)}`);
process.exitCode = steps.every(({ failures }) => failures.length === 0) ? 0 : 1;
