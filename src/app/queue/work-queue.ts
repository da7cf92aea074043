// Decides which release is worked on next. Keys only, as in client-go: a key that is added twice is processed once, a
// key is never processed twice at the same time, and one that is added while it is processed comes again afterwards.
import type { Clock } from '../../ports/clock.ts';
import { Scheduler } from './scheduler.ts';

/** `urgent` goes first: lost endpoints, due verdicts, everything that may roll a release back. */
export type Priority = 'urgent' | 'normal';

/** What a queue reports about itself, for metrics. Must not throw. */
export interface QueueObserver {
  /** A key became ready; not called again for a key that was ready already. */
  added(priority: Priority): void;
  /** Number of ready keys that wait for a worker. */
  depth(keys: number): void;
  /** Number of keys that are processed. */
  running(keys: number): void;
  /** Seconds a key waited from ready to started. */
  waited(seconds: number): void;
  /** Seconds one processing took. */
  worked(seconds: number): void;
  /** A processing failed and will be repeated. */
  retried(): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Most keys processed at the same time. */
  readonly maxConcurrent: number;
  /** Most of them that began as `normal`: what waits for home writes must not delay what is urgent. Default: all. */
  readonly mostNormal?: number;
  /** Undefined, or a promise until which nothing `normal` is begun. */
  readonly holdNormal?: () => Promise<void> | undefined;
  /** Works on one key. A rejection is repeated after a growing delay; resolving resets that delay. */
  readonly process: (key: string) => Promise<void>;
  /** Called with every rejection and the time of the retry. Must not throw. */
  readonly onFailure?: (key: string, error: unknown, retryAtMs: number) => void;
  /** Most milliseconds that `key` waits after a failure, jitter apart. Undefined: 5 minutes. */
  readonly longestBackoffMs?: (key: string) => number | undefined;
  readonly observer?: QueueObserver;
  /** 0 <= x < 1, for the jitter. */
  readonly random?: () => number;
}

const FIRST_BACKOFF_MS = 5;
const LONGEST_BACKOFF_MS = 300_000;
/** The jitter adds up to this share, so that releases that failed together are not retried together. */
const JITTER = 0.25;

/** Milliseconds to wait after the `failures`th failure in a row (1 is the first): 5 ms doubling to the longest, plus up to a quarter. */
export function backoffMs(failures: number, random: () => number, longestMs = LONGEST_BACKOFF_MS): number {
  const base = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), longestMs);
  return Math.ceil(base * (1 + JITTER * random()));
}

/** The work queue. Nothing is processed before `start()`, and never inside the caller's own turn. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #scheduler: Scheduler;
  /** Ready keys in order of arrival, with the time they became ready. */
  readonly #ready: Readonly<Record<Priority, Map<string, number>>> = { urgent: new Map(), normal: new Map() };
  /** Keys that are processed; the value says with which priority to come again, if at all. */
  readonly #processing = new Map<string, { readonly priority: Priority; again?: Priority }>();
  readonly #failures = new Map<string, number>();
  readonly #drained: (() => void)[] = [];
  #normals = 0;
  #holding = false;
  #state: 'waiting' | 'started' | 'stopped' = 'waiting';
  #pumping = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#scheduler = new Scheduler(options.clock, (key, urgent) => this.add(key, urgent ? 'urgent' : 'normal'));
  }

  /** Ready keys that wait for a worker. */
  get depth(): number {
    return this.#ready.urgent.size + this.#ready.normal.size;
  }

  /** Keys that are processed at this moment. */
  get running(): number {
    return this.#processing.size;
  }

  /** Failures in a row of `key`. */
  failuresOf(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Lets processing begin; what was added before is kept. */
  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'started';
    this.#pumpSoon();
  }

  /** Makes `key` ready, or lets it come again if it is processed now. A ready key may become urgent, never less so. */
  add(key: string, priority: Priority = 'normal'): void {
    if (this.#state === 'stopped') return;
    const current = this.#processing.get(key);
    if (current !== undefined) {
      current.again = current.again === 'urgent' ? 'urgent' : priority;
      return;
    }
    this.#makeReady(key, priority);
    this.#pumpSoon();
  }

  /**
   * Adds `key` at `atMs`. Of several times of a key the earliest is kept, so `process` must name its next time again
   * whenever it runs. A time that has come (or is no number) adds at once.
   */
  addAt(key: string, atMs: number, priority: Priority = 'normal'): void {
    if (this.#state === 'stopped') return;
    if (atMs > this.#options.clock.now()) this.#scheduler.set(key, atMs, priority === 'urgent');
    else this.add(key, priority);
  }

  /** Forgets the failures of `key`: its next one waits as briefly as a first one. A planned time stays. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Forgets the failures and the planned time of a key whose object is gone. A ready key is still processed. */
  discard(key: string): void {
    this.#failures.delete(key);
    this.#scheduler.cancel(key);
  }

  /** Starts nothing more and resolves when what is running has finished. Later adds are ignored; the status knows what is due. */
  async drain(): Promise<void> {
    this.#state = 'stopped';
    this.#scheduler.close();
    this.#ready.urgent.clear();
    this.#ready.normal.clear();
    this.#options.observer?.depth(0);
    if (this.running === 0) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #makeReady(key: string, priority: Priority): void {
    const { urgent, normal } = this.#ready;
    if (urgent.has(key)) return;
    const sinceMs = normal.get(key);
    if (sinceMs !== undefined && priority === 'normal') return;
    normal.delete(key);
    this.#ready[priority].set(key, sinceMs ?? this.#options.clock.now());
    if (sinceMs !== undefined) return;
    this.#options.observer?.added(priority);
    this.#options.observer?.depth(this.depth);
  }

  /** Workers start in a turn of their own: a watch handler only enqueues, and urgent keys of one burst overtake. */
  #pumpSoon(): void {
    if (this.#pumping || this.#state !== 'started') return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      while (this.#state === 'started' && this.#mayStart()) this.#startNext();
    });
  }

  #mayStart(): boolean {
    const { maxConcurrent, mostNormal = maxConcurrent } = this.#options;
    if (this.running >= maxConcurrent) return false;
    if (this.#ready.urgent.size > 0) return true;
    return this.#ready.normal.size > 0 && this.#normals < mostNormal && !this.#holdsNormal();
  }

  #holdsNormal(): boolean {
    const hold = this.#holding ? undefined : this.#options.holdNormal?.();
    if (hold !== undefined) {
      this.#holding = true;
      void hold.then(() => {
        this.#holding = false;
        this.#pumpSoon();
      });
    }
    return this.#holding;
  }

  #startNext(): void {
    const priority: Priority = this.#ready.urgent.size > 0 ? 'urgent' : 'normal';
    const [first] = this.#ready[priority];
    if (first === undefined) return;
    const [key, sinceMs] = first;
    this.#ready[priority].delete(key);
    this.#processing.set(key, { priority });
    if (priority === 'normal') this.#normals += 1;
    const { observer, clock } = this.#options;
    observer?.depth(this.depth);
    observer?.running(this.running);
    observer?.waited(secondsBetween(sinceMs, clock.now()));
    void this.#work(key, priority);
  }

  async #work(key: string, priority: Priority): Promise<void> {
    const startedMs = this.#options.clock.now();
    try {
      await this.#options.process(key);
      this.#failures.delete(key);
    } catch (error) {
      this.#planRetry(key, priority, error);
    }
    this.#finish(key, startedMs);
  }

  /** What was urgent stays urgent: a release whose rollback failed must not queue behind idle ones. */
  #planRetry(key: string, priority: Priority, error: unknown): void {
    const { clock, random = Math.random, observer, onFailure, longestBackoffMs } = this.#options;
    const failures = this.failuresOf(key) + 1;
    this.#failures.set(key, failures);
    const retryAtMs = clock.now() + backoffMs(failures, random, longestBackoffMs?.(key));
    this.addAt(key, retryAtMs, priority);
    observer?.retried();
    onFailure?.(key, error, retryAtMs);
  }

  #finish(key: string, startedMs: number): void {
    const { priority, again } = this.#processing.get(key) ?? {};
    this.#processing.delete(key);
    if (priority === 'normal') this.#normals -= 1;
    this.#options.observer?.worked(secondsBetween(startedMs, this.#options.clock.now()));
    this.#options.observer?.running(this.running);
    if (again !== undefined) this.add(key, again);
    if (this.running === 0) for (const resolve of this.#drained.splice(0)) resolve();
    this.#pumpSoon();
  }
}

/** Seconds between two wall clock times; a clock that was set back gives 0. */
function secondsBetween(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1_000;
}
