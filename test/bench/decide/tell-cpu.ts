// Loaded before a program that is measured: writes the CPU seconds of its whole process to a file when it ends.

import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env['GLIDEPATH_BENCH_CPU_FILE'];
if (isMainThread && file !== undefined)
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    writeFileSync(file, `${(user + system) / 1e6}`);
  });
