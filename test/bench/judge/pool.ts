// Simulates cells on as many threads as there are cores. The result does not depend on how the cells fall to the threads.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { nameCell, type Cell, type CellResult } from './simulate.ts';
import type { CellOrder } from './worker.ts';

/** Orders a cell from a thread and waits for it. */
function simulateOn(worker: Worker, order: CellOrder): Promise<CellResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CellResult>();
  worker.once('message', resolve);
  worker.once('error', reject);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(order);
  return promise.finally(() => worker.off('message', resolve).off('error', reject));
}

/** Simulates all cells, in their order. @param tell is told of each cell that is done */
export async function simulateCells(
  cells: readonly Cell[],
  { runs, seed, tell }: { readonly runs: number; readonly seed: number; readonly tell: (text: string) => void },
): Promise<readonly CellResult[]> {
  const results = new Map<Cell, CellResult>();
  const queue = cells.values();
  const workThrough = async (): Promise<void> => {
    const worker = new Worker(new URL('worker.ts', import.meta.url));
    try {
      for (const cell of queue) {
        results.set(cell, await simulateOn(worker, { cell, runs, seed }));
        tell(`${results.size}/${cells.length} ${nameCell(cell)}`);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), cells.length) }, workThrough));
  return cells.flatMap((cell) => results.get(cell) ?? []);
}
