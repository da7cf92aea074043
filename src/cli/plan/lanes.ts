// Runs simulations in parallel: in worker threads where there is much to do, else in this thread. The lane makes no difference to a
// run, because its random numbers come from its number.

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { CliIo } from '../io.ts';
import type { Outcome } from './run-result.ts';
import { type PlanQuestion, prepareSimulation, type Simulation } from './simulation.ts';

/** Outcomes of one batch, in the order of the runs' numbers. */
export type Lane = (from: number, to: number) => Promise<readonly Outcome[]>;

/** Some lanes and their end. */
export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly close: () => Promise<void>;
}

/** Runs that are asked for at once. */
export const BATCH = 10;
/** Until then everything is being compiled, and the pace says nothing of the rest. */
const WARM_UP_MS = 1_000;
/** Every thread has to compile all of it for itself, which takes one to two seconds of a processor: for less work than this they save no time worth that. */
const WORTH_WORKERS_MS = 20_000;

/** Opens workers once the pace shows that the remaining runs are worth it. Asked after every batch. */
export function openWhenWorth(
  question: PlanQuestion,
  { workers, spent }: Pick<CliIo, 'workers' | 'spent'>,
): (remaining: number) => Lanes | undefined {
  const startedMs = spent();
  let [batchFromMs, fastestMs] = [startedMs, Number.POSITIVE_INFINITY];
  return (remaining) => {
    const now = spent();
    fastestMs = Math.min(fastestMs, now - batchFromMs);
    batchFromMs = now;
    const isWorth = now - startedMs >= WARM_UP_MS && (remaining / BATCH) * fastestMs >= WORTH_WORKERS_MS;
    return isWorth && workers !== undefined && workers.count > 1 ? openWorkers(question, workers.entry, workers.count) : undefined;
  };
}

/** Simulates here. */
export function simulateBatch({ outcomeOf }: Simulation, from: number, to: number): readonly Outcome[] {
  return Array.from({ length: to - from }, (_, index) => outcomeOf(from + index));
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

function askWorker(worker: Worker, task: Task): Promise<readonly Outcome[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Outcome[]>();
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
  const simulation = prepareSimulation(question);
  parentPort?.on('message', ({ from, to }: Task) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    parentPort?.postMessage(simulateBatch(simulation, from, to));
  });
}
