// Looks are asked in the background and wait here until their release is visited again. One question at a time for a
// release: while Prometheus hangs nothing piles up, and nothing else of the release waits for it.

import type { LookReading } from '../core/analysis/reading.ts';
import { readLook, type LookQuestion } from './looks.ts';
import type { World } from './world.ts';

interface Entry {
  readonly releaseId: string;
  /** Undefined while the question is under way. */
  readonly readings: readonly LookReading[] | undefined;
}

export class LookDesk {
  readonly #world: World;
  readonly #onLook: (key: string) => void;
  readonly #entries = new Map<string, Entry>();

  constructor(world: World, onLook: (key: string) => void) {
    this.#world = world;
    this.#onLook = onLook;
  }

  /** Answered looks of this release, each once. Those of another release of the same object are thrown away. */
  take(key: string, releaseId: string | undefined): readonly LookReading[] {
    const entry = this.#entries.get(key);
    if (entry?.readings === undefined) return [];
    this.#entries.delete(key);
    return entry.releaseId === releaseId ? entry.readings : [];
  }

  /** Asks the looks of these times unless a question is under way already. */
  ask(key: string, releaseId: string, question: LookQuestion, times: readonly number[]): void {
    if (this.#entries.has(key)) return;
    const asked: Entry = { releaseId, readings: undefined };
    this.#entries.set(key, asked);
    void Promise.all(times.map((atMs, index) => readLook(this.#world.metrics, question, atMs, times[index - 1])))
      .catch((thrown: unknown): readonly LookReading[] => times.map((atMs) => describeFault(atMs, thrown)))
      .then((readings) => {
        if (this.#entries.get(key) !== asked) return;
        this.#entries.set(key, { releaseId, readings });
        this.#onLook(key);
      });
  }

  discard(key: string): void {
    this.#entries.delete(key);
  }
}

/** A fault of our own while reading is the judge's outage, never the release's fault (rule 6). */
function describeFault(atMs: number, thrown: unknown): LookReading {
  const message = `the look could not be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  return { atMs, requests: { kind: 'unavailable', message }, newRequests: 0, own: {} };
}
