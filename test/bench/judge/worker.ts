// A thread that simulates the cells it is given, one at a time.

import { parentPort } from 'node:worker_threads';
import { simulateCell, type Cell } from './simulate.ts';

/** What a thread is asked for. */
export interface CellOrder {
  readonly cell: Cell;
  readonly runs: number;
  readonly seed: number;
}

parentPort?.on('message', ({ cell, runs, seed }: CellOrder) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(simulateCell(cell, runs, seed));
});
