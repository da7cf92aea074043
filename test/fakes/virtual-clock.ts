// A clock that stands still until a test moves it. Timers run in the order of their times, equal ones in the order in
// which they were set, so every run of a test is the same run.
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/ports/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Timers that may run without time moving before the clock says that somebody is going round in circles. */
const MOST_TIMERS_AT_ONE_INSTANT = 100_000;

/** The Clock port for tests. Nothing runs inside `schedule`, not even a timer that is already due. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #timers = new Set<Timer>();

  /** Stands at `startMs`, by default 2030-01-01T00:00:00Z: code that asks the real clock instead is off by years. */
  constructor(startMs: number = Date.UTC(2030, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  schedule(atMs: number, run: () => void): () => void {
    const timer: Timer = { atMs, run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Number of timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Time of the next timer, or undefined when none is set. */
  get nextAtMs(): number | undefined {
    return this.#earliest()?.atMs;
  }

  /** Moves to `ms`, running every timer due until then, also those that timers set. Promises do not settle on the way. */
  advanceTo(ms: number): void {
    this.#refuseBackwards(ms);
    let atOneInstant = 0;
    for (let timer = this.#takeDue(ms); timer !== undefined; timer = this.#takeDue(ms)) {
      atOneInstant = this.#moveTo(timer.atMs) ? 0 : atOneInstant + 1;
      if (atOneInstant > MOST_TIMERS_AT_ONE_INSTANT) throw new Error(`timers keep setting timers for ${this.#now}`);
      timer.run();
    }
    this.#moveTo(ms);
  }

  /** `advanceTo` by a span. */
  advanceBy(ms: number): void {
    this.advanceTo(this.#now + ms);
  }

  /** Like `advanceTo`, but all promises that can settle do so before the first, between any two, and after the last timer. */
  async runTo(ms: number): Promise<void> {
    this.#refuseBackwards(ms);
    await setImmediate();
    for (let timer = this.#takeDue(ms); timer !== undefined; timer = this.#takeDue(ms)) {
      this.#moveTo(timer.atMs);
      timer.run();
      await setImmediate();
    }
    this.#moveTo(ms);
  }

  /** `runTo` by a span; `runBy(0)` runs what is due now and lets promises settle. */
  async runBy(ms: number): Promise<void> {
    await this.runTo(this.#now + ms);
  }

  #refuseBackwards(ms: number): void {
    if (!(ms >= this.#now)) throw new Error(`the virtual clock stands at ${this.#now}, it cannot move to ${ms}`);
  }

  /** @returns true when time moved. */
  #moveTo(ms: number): boolean {
    const moved = ms > this.#now;
    if (moved) this.#now = ms;
    return moved;
  }

  #takeDue(untilMs: number): Timer | undefined {
    const timer = this.#earliest();
    if (timer === undefined || timer.atMs > untilMs) return undefined;
    this.#timers.delete(timer);
    return timer;
  }

  #earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.atMs < first.atMs) first = timer;
    }
    return first;
  }
}
