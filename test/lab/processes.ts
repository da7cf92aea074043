// Starts, watches and ends background programs by process id. A process id counts only together with the time at
// which that process started, so that a reused id is never taken for ours.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError, STATE } from './settings.ts';
import { lastLines } from './shell.ts';

const PID_FOLDER = join(STATE, 'pid');
const LOG_FOLDER = join(STATE, 'log');
const POLL_MS = 25;
/** In the environment of each program of the lab, with the state folder as its value. */
const MARK = 'GLIDEPATH_LAB_PROGRAM_OF';

interface ProcessRecord {
  readonly pid: number;
  readonly startTime: string;
}

/** Fields of /proc/PID/stat behind the program's name, or undefined when there is no such process. */
function readStat(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function startTimeOf(pid: number): string | undefined {
  const stat = readStat(pid);
  return stat === undefined || stat[0] === 'Z' ? undefined : stat[19];
}

function readRecord(name: string): ProcessRecord | undefined {
  const file = join(PID_FOLDER, name);
  if (!existsSync(file)) return undefined;
  const [pid, startTime] = readFileSync(file, 'utf8').trim().split(' ');
  return pid && startTime ? { pid: Number(pid), startTime } : undefined;
}

/** This process for `isRunning`, as a label's value: its id and the time at which it started. */
export function ownMark(): string {
  return `${process.pid}-${startTimeOf(process.pid) ?? ''}`;
}

/** Whether the process that made this mark still runs. */
export function isRunning(mark: string): boolean {
  const [pid, startTime] = mark.split('-');
  return startTime !== undefined && startTimeOf(Number(pid)) === startTime;
}

/** The process id of a background program of the lab, while it lives. */
export function livingPid(name: string): number | undefined {
  const record = readRecord(name);
  return record !== undefined && startTimeOf(record.pid) === record.startTime ? record.pid : undefined;
}

/** Names of all programs that were started and not stopped. */
export function startedNames(): readonly string[] {
  return existsSync(PID_FOLDER) ? readdirSync(PID_FOLDER) : [];
}

/** The last lines that a program of the lab logged. */
export function logTail(name: string, count = 15): string {
  const file = join(LOG_FOLDER, `${name}.log`);
  return existsSync(file) ? lastLines(readFileSync(file, 'utf8').slice(-20_000), count) : '    (no log)';
}

/** Starts a program in the background with its own session and log; what it needs of the network is the caller's. */
export function startProcess(name: string, argv: readonly string[], env: Readonly<Record<string, string>>): void {
  mkdirSync(PID_FOLDER, { recursive: true });
  mkdirSync(LOG_FOLDER, { recursive: true });
  // The shell between us and the program ends at once: Envoy stops itself when the process that started it ends later.
  const script = 'log=$1; shift; (setsid "$@" >>"$log" 2>&1 </dev/null & echo $!)';
  const log = join(LOG_FOLDER, `${name}.log`);
  const printed = execFileSync('/bin/sh', ['-c', script, 'sh', log, ...argv], {
    cwd: STATE,
    env: { ...process.env, ...env, [MARK]: STATE },
  });
  const pid = Number(printed.toString().trim());
  const startTime = startTimeOf(pid);
  if (startTime === undefined) throw new LabError(`${name} ended at once:\n${logTail(name)}`);
  writeFileSync(join(PID_FOLDER, name), `${pid} ${startTime}\n`);
}

/** Waits until the process of this id and start time is gone; false when it outlives the patience. */
async function waitGone(record: ProcessRecord, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (startTimeOf(record.pid) === record.startTime) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/** Ends a program: politely, and after the patience by force. Harmless when it does not run. */
export async function stopProcess(name: string, patienceMs = 5000): Promise<void> {
  const record = readRecord(name);
  if (record !== undefined && startTimeOf(record.pid) === record.startTime) {
    signal(record.pid, 'SIGTERM');
    if (!(await waitGone(record, patienceMs))) {
      signal(record.pid, 'SIGKILL');
      await waitGone(record, 5000);
    }
  }
  rmSync(join(PID_FOLDER, name), { force: true });
}

function parentsByPid(): ReadonlyMap<number, number> {
  const pids = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
  return new Map(pids.map((pid) => [pid, Number(readStat(pid)?.[1] ?? 0)]));
}

function hasMark(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${MARK}=${STATE}`);
  } catch {
    return false;
  }
}

/** Ends every process that descends from a program of this lab, known by a variable in its environment: containers, and
 * programs whose process id was lost. */
export async function killLeftProcesses(): Promise<void> {
  const parents = parentsByPid();
  const doomed = new Set([...parents.keys()].filter(hasMark));
  for (let before = -1; before !== doomed.size; ) {
    before = doomed.size;
    for (const [pid, parent] of parents) if (doomed.has(parent)) doomed.add(pid);
  }
  const records = [...doomed].flatMap((pid) => {
    const startTime = startTimeOf(pid);
    return startTime === undefined ? [] : [{ pid, startTime }];
  });
  for (const { pid } of records) signal(pid, 'SIGKILL');
  for (const record of records) await waitGone(record, 5000);
}
