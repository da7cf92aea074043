// Listeners to the changes of a cache.

import type { Change, ChangeListener } from '../../../ports/cluster.ts';

/** A list of listeners. */
export class Listeners {
  readonly #listeners = new Set<ChangeListener>();

  /** @returns a function that removes the listener. */
  add(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(event: Change): void {
    for (const listener of this.#listeners) listener(event);
  }
}
