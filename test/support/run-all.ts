// `npm test`: static checks, then unit, model and contract tests, then the cluster tests in the lab. Ends with one plain line
// of sums, and with an exit code other than 0 when anything failed.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Sum {
  readonly passed: number;
  readonly failed: number;
}

const FOLDER = join(import.meta.dirname, '../..');
const BIN = join(FOLDER, 'node_modules/.bin');
const reports = mkdtempSync(join(tmpdir(), 'glidepath-test-'));

/** Runs a command with its output shown. @returns its exit code */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: `${BIN}:${process.env['PATH'] ?? ''}` };
    const child = spawn(command, args, { cwd: FOLDER, stdio: ['ignore', 'inherit', 'inherit'], env });
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

async function check(name: string, command: string, args: readonly string[]): Promise<Sum> {
  process.stdout.write(`\n== ${name}\n`);
  const code = await run(command, args);
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

async function vitest(name: string, projects: readonly string[], prefix: readonly string[], extra: readonly string[] = []): Promise<Sum> {
  process.stdout.write(`\n== ${name}\n`);
  const file = join(reports, `${projects.join('-')}.json`);
  const args = [
    ...prefix.slice(1),
    ...(prefix.length > 0 ? [join(BIN, 'vitest')] : []),
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
    ...extra,
  ];
  return readReport(file, await run(prefix[0] ?? join(BIN, 'vitest'), args));
}

const lab = ['node', 'test/lab/main.ts', 'exec', '--'];
const sums: Sum[] = [];
sums.push(await check('types (tsc)', 'tsc', ['--noEmit']));
sums.push(await check('lint (oxlint)', 'oxlint', ['--type-aware']));
sums.push(await check('format (biome)', 'biome', ['check']));
sums.push(await check('unused code (knip)', 'knip', []));
sums.push(await vitest('unit, model and contract tests', ['unit', 'model', 'contract'], [], ['--coverage']));
sums.push(await check('the lab: Kubernetes, gateway, Prometheus, Argo CD', 'node', ['test/lab/main.ts', 'up', '--argocd']));
sums.push(await vitest('cluster tests', ['cluster'], lab));
rmSync(reports, { recursive: true, force: true });

const passed = sums.reduce((total, sum) => total + sum.passed, 0);
const failed = sums.reduce((total, sum) => total + sum.failed, 0);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
