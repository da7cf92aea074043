// A connection whose other end is gone looks like one on which nothing happens. Who finds out that requests are not answered casts
// doubt on all watches: each that is open ends and begins again, from the last version that it has seen, over a new connection.

export class Doubt {
  readonly #open = new Set<() => void>();

  /** @param end ends a watch that is open. @returns takes it off */
  watch(end: () => void): () => void {
    this.#open.add(end);
    return () => this.#open.delete(end);
  }

  cast(): void {
    for (const end of this.#open) end();
  }
}
