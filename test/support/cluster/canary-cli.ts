// `kubectl canary` as a process, as people call it: what it says while it runs, and how it ends.

import { execFile } from 'node:child_process';
import { until } from '../until.ts';

/** How it ended; -1 stands for a signal. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Started {
  readonly ended: Promise<Ended>;
  /** Resolves when it has written this to its output. */
  readonly shows: (text: string) => Promise<unknown>;
  /** The same of its error stream. */
  readonly tells: (text: string) => Promise<unknown>;
}

/** Starts the built program with nothing at its input. @param words its arguments */
export function startCanary(program: string, words: readonly string[]): Started {
  const { promise, resolve: settle } = Promise.withResolvers<Ended>();
  let [shown, told] = ['', ''];
  const child = execFile(process.execPath, [program, ...words], (error, out, err) =>
    settle({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err }),
  );
  child.stdout?.on('data', (text: string) => {
    shown += text;
  });
  child.stderr?.on('data', (text: string) => {
    told += text;
  });
  child.stdin?.end();
  return { ended: promise, shows: (text) => until(() => shown.includes(text)), tells: (text) => until(() => told.includes(text)) };
}
