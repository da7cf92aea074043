// Places for looks. A Prometheus that hangs, or a namespace whose queries are slow, fills its own places and no others.

import { placeOf } from '../../ports/metrics.ts';
import { Semaphore } from './semaphore.ts';
import type { LookQuestion } from './queries.ts';

/** Looks that are under way at the same time at one Prometheus. After a restart with a thousand releases there are many to catch up with. */
export const MOST_LOOKS_AT_ONCE = 64;
/** The same of one namespace there. */
export const MOST_LOOKS_OF_ONE = 16;

export class LookPlaces {
  readonly #bounded = new Map<string, Semaphore>();
  #taken = 0;

  /** Looks that run or wait. */
  get taken(): number {
    return this.#taken;
  }

  /** Runs the task when there is a place, for its namespace and at its Prometheus. */
  async run<T>({ target }: Pick<LookQuestion, 'target'>, task: () => Promise<T>): Promise<T> {
    const place = placeOf(target);
    this.#taken += 1;
    try {
      return await this.#within(`${place} ${target.namespace}`, MOST_LOOKS_OF_ONE, () => this.#within(place, MOST_LOOKS_AT_ONCE, task));
    } finally {
      this.#taken -= 1;
    }
  }

  async #within<T>(key: string, places: number, task: () => Promise<T>): Promise<T> {
    const semaphore = this.#bounded.get(key) ?? new Semaphore(places);
    this.#bounded.set(key, semaphore);
    try {
      return await semaphore.run(task);
    } finally {
      if (semaphore.taken === 0) this.#bounded.delete(key);
    }
  }
}
