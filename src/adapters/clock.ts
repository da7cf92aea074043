// The system's clock behind the Clock port: wall clock time, and timers that are never early and may lie weeks ahead.
import type { Clock } from '../ports/clock.ts';

/** The longest delay setTimeout takes; a longer one would fire at once. */
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

/** What the clock stands on; tests give their own. */
export interface SystemTime {
  now(): number;
  /** Runs once after about `delayMs`; the returned function cancels it. */
  sleep(delayMs: number, run: () => void): () => void;
}

const NODE_TIME: SystemTime = {
  now: () => Date.now(),
  sleep: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * The system clock. A timer that wakes before its time (long delays are slept in parts, setTimeout rounds, the wall
 * clock may be set back) sleeps on, so `run` never sees a `now()` before its `atMs`.
 */
export function createSystemClock(time: SystemTime = NODE_TIME): Clock {
  return {
    now: () => time.now(),
    schedule(atMs, run) {
      let cancel = (): void => {};
      const sleepOn = (): void => {
        const delayMs = Math.min(Math.max(Math.ceil(atMs - time.now()), 0), LONGEST_SLEEP_MS);
        cancel = time.sleep(delayMs, () => (time.now() < atMs ? sleepOn() : run()));
      };
      sleepOn();
      return () => cancel();
    },
  };
}
