// A bounded number of tasks at a time; further ones wait for a place in the order in which they came.

/** Places for tasks. A free place goes to the task that has waited longest. */
export class Semaphore {
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** Tasks that run. */
  get taken(): number {
    return this.#taken;
  }

  /** True where the next task has to wait. */
  get isFull(): boolean {
    return this.#taken >= this.#places;
  }

  /** Runs the task, at once where there is a place. The place becomes free also when the task fails. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#taken += 1;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
