// The memories of all releases: opened when a release is first seen, changed by what a pass did, dropped when it went.

import type { CanaryRelease } from '../../api/release.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ReleaseKey } from '../../ports/releases.ts';
import type { Memory } from './memory.ts';

/** `shop/store`: the key of a release in every map and queue. */
export function nameOf({ namespace, name }: ReleaseKey): string {
  return `${namespace}/${name}`;
}

export class MemoryStore {
  readonly #clock: Clock;
  readonly #memories = new Map<string, Memory>();
  /** Objects whose status this process has written, by uid: that is known longer than the rest. */
  readonly #written = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: ReleaseKey): Memory | undefined {
    return this.#memories.get(nameOf(key));
  }

  /** What is known of this object. Of another one of its name (another uid) nothing is: it begins with the status that it has. */
  open({ metadata, status = { observedGeneration: -1 } }: CanaryRelease): Memory {
    const uid = metadata.uid ?? '';
    const known = this.get(metadata);
    if (known?.uid === uid) return known;
    const memory: Memory = {
      uid,
      status,
      committed: status,
      resourceVersion: undefined,
      committedAtMs: this.#clock.now(),
      writeProblems: [],
      failingSince: new Map(),
      transitions: [],
      drifts: [],
      failedAtMs: undefined,
      lastWordsUntilMs: undefined,
    };
    this.#memories.set(nameOf(metadata), memory);
    return memory;
  }

  /** Changes what is known; of a release that nothing is known of it stays so. */
  update(key: ReleaseKey, change: (memory: Memory) => Partial<Memory>): void {
    const memory = this.get(key);
    if (memory !== undefined) this.#memories.set(nameOf(key), { ...memory, ...change(memory) });
  }

  noteWritten({ uid }: Memory): void {
    this.#written.add(uid);
  }

  hasWritten({ uid }: Memory): boolean {
    return this.#written.has(uid);
  }

  /** The object is gone. */
  forget(key: ReleaseKey): boolean {
    this.#written.delete(this.get(key)?.uid ?? '');
    return this.drop(key);
  }

  /** @returns true when something was known */
  drop(key: ReleaseKey): boolean {
    return this.#memories.delete(nameOf(key));
  }
}
