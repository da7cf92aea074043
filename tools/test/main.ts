// `npm test`: static checks, then unit, model and contract tests, then the cluster tests. Ends with the time of each phase, with what
// failed and what was skipped, with one plain line of sums, and with an exit code other than 0 when anything failed.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labEnvironment, listLabs, runClusterTests } from './cluster-lanes.ts';
import { type Phase, readVitestReport, type StepResult, summarize } from './report.ts';

const FOLDER = join(import.meta.dirname, '../..');
const BIN = join(FOLDER, 'node_modules/.bin');
const reports = mkdtempSync(join(tmpdir(), 'glidepath-test-'));
const steps: StepResult[] = [];
const phases: Phase[] = [];

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
    ? { passed: 1, failures: [], skips: [] }
    : { passed: 0, failures: [{ name, reason: `${command} ended with ${code}, see its output` }], skips: [] };
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

async function* checkStatically(): AsyncGenerator<StepResult> {
  yield await check('types (tsc)', 'tsc', ['--noEmit']);
  yield await check('lint (oxlint)', 'oxlint', ['--type-aware']);
  yield await check('format (biome)', 'biome', ['check']);
  yield await check('unused code (knip)', 'knip', []);
  yield await check('words', 'node', ['tools/words/main.ts']);
}

const labs = listLabs();

async function* bringLabsUp(): AsyncGenerator<StepResult> {
  for (const lab of labs) {
    const what = ['Kubernetes', 'Contour', 'Prometheus', ...lab.extras].join(', ');
    const args = ['test/lab/main.ts', 'up', ...lab.extras.flatMap((extra) => ['--with', extra])];
    // One after the other: what the first one builds is there for the second.
    yield await check(`${lab.name}: ${what}`, 'node', args, labEnvironment(lab));
  }
}

/** The second lab goes when it has done its work. */
async function* testInLabs(): AsyncGenerator<StepResult> {
  const operator = join(reports, 'operator.mjs');
  yield await check('build of the operator', 'node', ['esbuild.config.ts', operator]);
  process.stdout.write('\n== cluster tests\n');
  for (const { file, code, report } of await runClusterTests(labs, { reports, operator })) yield readReport(report, code, file);
  for (const lab of labs.filter(({ state }) => state !== undefined)) {
    await run('node', ['test/lab/main.ts', 'down'], labEnvironment(lab));
  }
}

async function pass(name: string, results: AsyncIterable<StepResult>): Promise<void> {
  const beganAt = performance.now();
  for await (const result of results) steps.push(result);
  phases.push({ name, seconds: (performance.now() - beganAt) / 1_000 });
}

async function* testHere(): AsyncGenerator<StepResult> {
  yield await vitest('unit, model and contract tests', ['unit', 'model', 'contract'], ['--coverage']);
}

await pass('static checks', checkStatically());
await pass('unit, model and contract tests', testHere());
await pass('start of the lab', bringLabsUp());
await pass('cluster tests', testInLabs());
rmSync(reports, { recursive: true, force: true });

process.stdout.write(`\n${summarize(steps, phases)}`);
process.exitCode = steps.every(({ failures }) => failures.length === 0) ? 0 : 1;
