// The clock as a port: the core gets `now` as data, everything else asks here, so that tests move time themselves.

/** Wall clock and timers. Times are milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
  /** Calls `run` once at or after `atMs`; the returned function cancels it. */
  schedule(atMs: number, run: () => void): () => void;
}
