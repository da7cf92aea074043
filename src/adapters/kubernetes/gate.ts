// Home first, over the whole operator (rule 1): while home writes are under way every other write waits here, but never
// for ever, so that an endless stream of home writes cannot silence status and events.

/** Counts home writes and lets the others wait for a quiet moment. */
export class HomeGate {
  readonly #mostWaitMs: number;
  readonly #waiting = new Set<() => void>();
  #underWay = 0;

  constructor(mostWaitMs = 5_000) {
    this.#mostWaitMs = mostWaitMs;
  }

  /** Home writes under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Runs a home write; others wait meanwhile. */
  async hold<T>(write: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await write();
    } finally {
      this.#underWay -= 1;
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

  #open(): void {
    for (const leave of this.#waiting) leave();
  }
}
