// Home first, over the whole operator (rule 1): while home writes are under way every other write waits here, for a limited time,
// so that an endless stream of home writes cannot stop status and events.

/** One cause takes many releases home: their verdicts come in a moment apart, and that is one burst. */
const BURST_GAP_MS = 100;
const QUIET_POLL_MS = 20;

/** Counts home writes and makes the others wait until there are none. */
export class HomeGate {
  readonly #mostWaitMs: number;
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  #burstSinceMs = Number.NEGATIVE_INFINITY;
  #lastEndMs = Number.NEGATIVE_INFINITY;
  #quiet: Promise<void> | undefined;

  constructor(mostWaitMs = 5_000) {
    this.#mostWaitMs = mostWaitMs;
  }

  /** Home writes under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Runs a home write; others wait meanwhile. */
  async hold<T>(write: () => Promise<T>): Promise<T> {
    if (!this.#isBurst()) this.#burstSinceMs = performance.now();
    this.#underWay += 1;
    try {
      return await write();
    } finally {
      this.#underWay -= 1;
      this.#lastEndMs = performance.now();
      if (this.#underWay === 0) this.#open();
    }
  }

  /** Resolves when no home write is under way, when the longest wait is over, or when `signal` fires. */
  pass(signal?: AbortSignal): Promise<void> {
    if (this.#underWay === 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        this.#waiting.delete(leave);
        resolve();
      };
      const timer = setTimeout(leave, this.#mostWaitMs);
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(leave);
    });
  }

  /**
   * For callers that can do something else meanwhile: undefined unless home writes are under way, else a promise that resolves
   * once they are done, or after the longest wait of a write.
   */
  untilQuiet(): Promise<void> | undefined {
    if (!this.#isBusy()) return undefined;
    this.#quiet ??= this.#waitForQuiet();
    return this.#quiet;
  }

  async #waitForQuiet(): Promise<void> {
    while (this.#isBusy()) await new Promise((resolve) => setTimeout(resolve, QUIET_POLL_MS));
    this.#quiet = undefined;
  }

  #isBurst(): boolean {
    return this.#underWay > 0 || performance.now() - this.#lastEndMs < BURST_GAP_MS;
  }

  #isBusy(): boolean {
    return this.#isBurst() && performance.now() - this.#burstSinceMs < this.#mostWaitMs;
  }

  #open(): void {
    for (const leave of this.#waiting) leave();
  }
}
