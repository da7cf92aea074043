// What `kubectl canary plan` costs: CPU time of its whole process, worker threads among it, as a person would run it.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_FOLDER } from '../../lab/settings.ts';
import { medianOf } from '../figures.ts';

const RUNS = 3;
const SAMPLE = 'config/samples/store-api.yaml';
const TELL_CPU = join(import.meta.dirname, 'tell-cpu.ts');

/** @returns seconds, the median of three plans */
export function measurePlan(): number {
  const folder = mkdtempSync(join(tmpdir(), 'glidepath-bench-'));
  try {
    const command = join(folder, 'kubectl-canary.mjs');
    run(['esbuild.config.ts', command, 'src/cli/main.ts']);
    return medianOf(Array.from({ length: RUNS }, (_, index) => planOnce(command, join(folder, `cpu-${index}`))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function planOnce(command: string, file: string): number {
  run(['--import', TELL_CPU, command, 'plan', '-f', SAMPLE], { GLIDEPATH_BENCH_CPU_FILE: file });
  return Number(readFileSync(file, 'utf8'));
}

function run(args: readonly string[], variables: NodeJS.ProcessEnv = {}): void {
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: PROJECT_FOLDER, env: { ...process.env, ...variables } });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr.toString()}`);
}
