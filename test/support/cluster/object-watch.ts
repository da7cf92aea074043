// Every version that an object of one kind ever had while the test watched, with the time it was seen: "the weight never rose
// again" is a sentence about all versions, and waiting for something is waiting for the version that shows it.

import type { KubeObject } from './api.ts';
import { type Cluster, type Kind, pathOfList } from './cluster.ts';

/** One version of an object. */
export interface Version<T> {
  readonly atMs: number;
  readonly object: T;
  /** True for the last one: the object went away. */
  readonly deleted: boolean;
}

interface Waiter {
  check(): void;
  reject(error: Error): void;
}

const PATIENCE_MS = 45_000;

/** Follows all objects of one kind in one namespace. */
export class ObjectWatch<T extends KubeObject<unknown, unknown>> {
  readonly #versions = new Map<string, Version<T>[]>();
  readonly #waiters = new Set<Waiter>();
  readonly #stop = new AbortController();
  #failure: Error | undefined;

  private constructor() {}

  static async open<T extends KubeObject<unknown, unknown>>(cluster: Cluster, kind: Kind, namespace: string): Promise<ObjectWatch<T>> {
    const watch = new ObjectWatch<T>();
    const path = pathOfList(kind, namespace);
    const { version } = await cluster.api.list(path);
    void watch.#follow(cluster, path, version);
    return watch;
  }

  /** Names of all objects that were ever seen. */
  get names(): readonly string[] {
    return [...this.#versions.keys()];
  }

  /** All versions of the object, oldest first. */
  history(name: string): readonly Version<T>[] {
    return this.#versions.get(name) ?? [];
  }

  /** The object as it is now; undefined before it is there and after it is gone. */
  last(name: string): T | undefined {
    const version = this.history(name).at(-1);
    return version === undefined || version.deleted ? undefined : version.object;
  }

  /**
   * Resolves with what `find` says of the object as soon as that is neither false nor undefined.
   * @throws Error with what was waited for and what was seen last
   */
  until<R>(name: string, what: string, find: (object: T) => R | false | undefined, ms = PATIENCE_MS): Promise<R> {
    return this.#wait(`${name}: ${what}`, ms, name, () => {
      const object = this.last(name);
      return object === undefined ? undefined : find(object);
    });
  }

  /** Resolves when the object is gone. */
  async untilGone(name: string, ms = PATIENCE_MS): Promise<void> {
    await this.#wait(`${name} to be gone`, ms, name, () => this.history(name).at(-1)?.deleted === true);
  }

  /** Ends all waiting, now and later, with this error. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  close(): void {
    this.#stop.abort();
  }

  #wait<R>(what: string, ms: number, name: string, probe: () => R | false | undefined): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = this.last(name);
        end(() => reject(new Error(`waited ${ms / 1000} s for ${what}; last seen: ${seen === undefined ? 'nothing' : describe(seen)}`)));
      }, ms);
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        settle();
      };
      const check = () => {
        try {
          const found = probe();
          if (found !== false && found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const waiter: Waiter = { check, reject: (error) => end(() => reject(error)) };
      this.#waiters.add(waiter);
      if (this.#failure === undefined) check();
      else waiter.reject(this.#failure);
    });
  }

  async #follow(cluster: Cluster, path: string, version: string): Promise<void> {
    try {
      for await (const { type, object } of cluster.api.watch(path, version, this.#stop.signal)) {
        this.#note({ atMs: Date.now(), object: object as unknown as T, deleted: type === 'DELETED' });
      }
      if (!this.#stop.signal.aborted) throw new Error(`the watch of ${path} ended`);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #note(version: Version<T>): void {
    const { name } = version.object.metadata;
    const versions = this.#versions.get(name) ?? [];
    versions.push(version);
    this.#versions.set(name, versions);
    for (const waiter of this.#waiters) waiter.check();
  }
}

/** Short enough for a terminal, without what only machines read. */
function describe(object: KubeObject<unknown, unknown>): string {
  const { annotations } = object.metadata;
  return JSON.stringify({ annotations, spec: object.spec, status: object.status }).slice(0, 3_000);
}
