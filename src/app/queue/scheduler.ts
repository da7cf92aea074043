// Keys with due times: a heap that keeps the earliest time of each key, and one timer for the earliest of all. Nothing
// polls; 1,000 waiting keys cost one timer.
import type { Clock } from '../../ports/clock.ts';

interface Entry {
  readonly key: string;
  atMs: number;
  urgent: boolean;
  /** Place in the heap, kept current by `#place`. */
  index: number;
}

/** Called for each key whose time has come; the key is forgotten before the call, so it may be set again inside. */
export type OnDue = (key: string, urgent: boolean) => void;

/** Due times of keys over one timer of the clock. */
export class Scheduler {
  readonly #clock: Clock;
  readonly #onDue: OnDue;
  readonly #entries = new Map<string, Entry>();
  readonly #heap: Entry[] = [];
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #closed = false;

  constructor(clock: Clock, onDue: OnDue) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Number of keys that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** The earliest due time, or undefined when nothing waits. */
  get nextAtMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  /** When `key` is due, or undefined when it does not wait. */
  dueAtMs(key: string): number | undefined {
    return this.#entries.get(key)?.atMs;
  }

  /** Calls `onDue` for `key` at `atMs`. Of two times of one key the earlier is kept, and it is urgent if either was. */
  set(key: string, atMs: number, urgent: boolean): void {
    if (this.#closed) return;
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry: Entry = { key, atMs, urgent, index: this.#heap.length };
      this.#entries.set(key, entry);
      this.#heap.push(entry);
      this.#siftUp(entry);
    } else {
      known.urgent ||= urgent;
      if (atMs >= known.atMs) return;
      known.atMs = atMs;
      this.#siftUp(known);
    }
    this.#arm();
  }

  /** Forgets the due time of `key`. */
  cancel(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
    this.#arm();
  }

  /** Forgets everything and cancels the timer; later calls do nothing. */
  close(): void {
    this.#closed = true;
    this.#entries.clear();
    this.#heap.length = 0;
    this.#arm();
  }

  #arm(): void {
    const atMs = this.nextAtMs;
    if (this.#timer?.atMs === atMs) return;
    this.#timer?.cancel();
    this.#timer = atMs === undefined ? undefined : { atMs, cancel: this.#clock.schedule(atMs, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    try {
      for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
        this.#remove(first);
        this.#onDue(first.key, first.urgent);
      }
    } finally {
      this.#arm();
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#place(last, entry.index);
    this.#siftUp(last);
    this.#siftDown(last);
  }

  #place(entry: Entry, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #siftUp(entry: Entry): void {
    while (entry.index > 0) {
      const at = entry.index;
      const parent = this.#heap[(at - 1) >> 1];
      if (parent === undefined || parent.atMs <= entry.atMs) return;
      this.#place(entry, parent.index);
      this.#place(parent, at);
    }
  }

  #siftDown(entry: Entry): void {
    for (;;) {
      const at = entry.index;
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const child = left !== undefined && right !== undefined && right.atMs < left.atMs ? right : left;
      if (child === undefined || child.atMs >= entry.atMs) return;
      this.#place(entry, child.index);
      this.#place(child, at);
    }
  }
}
