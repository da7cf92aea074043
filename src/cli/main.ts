#!/usr/bin/env node
// `kubectl canary`, installed as kubectl-canary and kubectl-glidepath: the real streams, files and clock around the program.

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import type { CliIo } from './io.ts';
import { runCli } from './program.ts';
import { CLI_VERSION } from './version.ts';

const io: CliIo = {
  out: (line) => void process.stdout.write(line),
  err: (line) => void process.stderr.write(line),
  outIsTerminal: process.stdout.isTTY,
  errIsTerminal: process.stderr.isTTY,
  columns: process.stdout.columns ?? 100,
  env: process.env,
  readText: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
  now: Date.now,
  breathe: () => setImmediate(),
};

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (thrown: NodeJS.ErrnoException) => process.exit(thrown.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runCli(process.argv.slice(2), CLI_VERSION, io);
