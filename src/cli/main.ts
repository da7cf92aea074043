#!/usr/bin/env node
// `kubectl canary`, installed as kubectl-canary and kubectl-glidepath: the real streams, files and clock around the program.
// Started as a worker thread it simulates for `plan`.

import './node-version.ts';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { VERSION } from '../api/version.ts';
import type { CliIo } from './io.ts';
import { isSimulationWorker, serveSimulations } from './plan/lanes.ts';
import type { PlanQuestion } from './plan/simulation.ts';
import { runCli } from './program.ts';

const MOST_THREADS = 8;

const io: CliIo = {
  out: (line) => void process.stdout.write(line),
  err: (line) => void process.stderr.write(line),
  outIsTerminal: process.stdout.isTTY,
  errIsTerminal: process.stderr.isTTY,
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask: askPerson } : {}),
  columns: process.stdout.columns ?? 100,
  env: process.env,
  readText: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
  now: Date.now,
  spent: () => process.cpuUsage().user / 1_000,
  workers: { entry: new URL(import.meta.url), count: Math.min(MOST_THREADS, availableParallelism()) },
  breathe: () => setImmediate(),
};

async function askPerson(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

if (isSimulationWorker()) serveSimulations(workerData as PlanQuestion);
else {
  // A reader that closes the pipe early (`| head`) is no error.
  process.stdout.on('error', (thrown: NodeJS.ErrnoException) => process.exit(thrown.code === 'EPIPE' ? 0 : 1));
  process.exitCode = await runCli(process.argv.slice(2), VERSION, io);
}
