// Runs simulations in parallel: in worker threads where there is much to do, else in this thread. The lane makes no difference to a
// run, because its random numbers come from its number.

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { RunResult } from './run-result.ts';
import { type PlanQuestion, prepareSimulation, type Simulate } from './simulation.ts';

/** Runs of one batch, in the order of their numbers; without their entries, which only the typical run needs. */
export type Lane = (from: number, to: number) => Promise<readonly RunResult[]>;

/** Some lanes and their end. */
export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly close: () => Promise<void>;
}

/** Simulates here. */
export function simulateBatch(simulate: Simulate, from: number, to: number): readonly RunResult[] {
  return Array.from({ length: to - from }, (_, index) => ({ ...simulate(from + index, 'quick'), entries: [] }));
}

interface Task {
  readonly from: number;
  readonly to: number;
}

/** @param entry the program itself: as a worker it calls `serveSimulations` */
export function openWorkers(question: PlanQuestion, entry: URL, count: number): Lanes {
  const workers = Array.from({ length: count }, () => new Worker(entry, { workerData: question }));
  return {
    lanes: workers.map((worker) => (from, to) => askWorker(worker, { from, to })),
    close: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}

function askWorker(worker: Worker, task: Task): Promise<readonly RunResult[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly RunResult[]>();
  worker.once('message', resolve);
  worker.once('error', reject);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(task);
  return promise.finally(() => worker.removeAllListeners('message').removeAllListeners('error'));
}

/** Is this thread a worker of `openWorkers`? */
export function isSimulationWorker(): boolean {
  return !isMainThread;
}

/** Answers batches until the thread is ended. @param question what `openWorkers` was given */
export function serveSimulations(question: PlanQuestion): void {
  const simulate = prepareSimulation(question);
  parentPort?.on('message', ({ from, to }: Task) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    parentPort?.postMessage(simulateBatch(simulate, from, to));
  });
}
