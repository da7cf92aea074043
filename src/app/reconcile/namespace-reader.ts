// Reads all routes of a namespace from the API server. Releases that ask at the same time share an answer, because many may end at
// once; but none gets one that was asked for before it asked, which could be older than its own last write.

import type { Route } from '../../api/routes.ts';
import type { RouteStore } from '../../ports/routes.ts';

interface Reading {
  /** Under way. */
  readonly running: Promise<readonly Route[]>;
  /** Begins when that is over, for those who asked meanwhile. */
  readonly next: Promise<readonly Route[]> | undefined;
}

export class NamespaceReader {
  readonly #routes: RouteStore;
  readonly #readings = new Map<string, Reading>();

  constructor(routes: RouteStore) {
    this.#routes = routes;
  }

  /** All routes as they are at a moment after this call. @throws GlidepathError as the API server answers */
  read(namespace: string): Promise<readonly Route[]> {
    const reading = this.#readings.get(namespace);
    if (reading === undefined) return this.#begin(namespace);
    const next = reading.next ?? reading.running.catch(() => undefined).then(() => this.#begin(namespace));
    this.#readings.set(namespace, { ...reading, next });
    return next;
  }

  #begin(namespace: string): Promise<readonly Route[]> {
    const running = this.#routes.readAll(namespace);
    this.#readings.set(namespace, { running, next: undefined });
    const end = () => {
      const reading = this.#readings.get(namespace);
      if (reading?.running === running && reading.next === undefined) this.#readings.delete(namespace);
    };
    running.then(end, end);
    return running;
  }
}
