// One command at a time changes the lab; a second one waits for the first.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { say } from './progress.ts';
import { STATE } from './settings.ts';

const LOCK = `${STATE}.lock`;

function tryLock(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** The living process that holds the lock; a lock of a dead one is removed. */
function lockHolder(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return pid;
  } catch {
    rmSync(file, { force: true });
    return undefined;
  }
}

/** Runs the work while no other command of the lab runs. */
export function withLock<T>(work: () => Promise<T>): Promise<T> {
  return withLockOf(LOCK, 'changes the lab now', work);
}

/** Runs the work while nobody else has the lock. @param what the holder does, for whoever has to wait */
export async function withLockOf<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!tryLock(file)) {
    const holder = lockHolder(file);
    if (holder !== undefined && !told) say(`Waiting for process ${holder}, which ${what}.`);
    told ||= holder !== undefined;
    await delay(200);
  }
  const release = (): void => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
