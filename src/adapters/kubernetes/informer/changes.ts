// What a cache tells its listeners: level-triggered hints. A listener enqueues a key and returns.

/** One object of a cache appeared, changed or went. */
export interface ChangeEvent {
  /** Kind of the object whose reconcile matters: `CanaryRelease`, a route kind, or `Service` (its EndpointSlices included). */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** As cached before; absent when it is new, or when only the endpoints of a Service changed. */
  readonly old?: unknown;
  /** As cached now; absent when it went, or when only the endpoints of a Service changed. */
  readonly new?: unknown;
}

/** Must not block. One that throws makes the watch list everything again. */
export type ChangeListener = (event: ChangeEvent) => void;

/** A list of listeners. */
export class Listeners {
  readonly #listeners = new Set<ChangeListener>();

  /** @returns takes the listener off again. */
  add(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(event: ChangeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
