// One command at a time changes the lab; a second one waits for the first.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { say } from './progress.ts';
import { STATE } from './settings.ts';

const LOCK = `${STATE}.lock`;

function tryLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** The living process that holds the lock; a lock of a dead one is removed. */
function lockHolder(): number | undefined {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    if (pid > 0) process.kill(pid, 0);
    return pid;
  } catch {
    rmSync(LOCK, { force: true });
    return undefined;
  }
}

/** Runs the work while no other command of the lab runs. */
export async function withLock<T>(work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(LOCK), { recursive: true });
  let told = false;
  while (!tryLock()) {
    const holder = lockHolder();
    if (holder !== undefined && !told) say(`Waiting for process ${holder}, which changes the lab now.`);
    told ||= holder !== undefined;
    await delay(200);
  }
  const release = (): void => rmSync(LOCK, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
