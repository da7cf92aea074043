// Which announcements become events: equal ones are counted in a series, and a release with too many is limited, so that the events
// of the others stay readable.

import type { Announcement } from '../../../ports/outbox.ts';

/** The object that an event is about. */
export interface Regarding {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** One event object, written or to be written. */
export interface EventEntry {
  readonly regarding: Regarding;
  readonly announcement: Announcement;
  readonly firstAtMs: number;
  lastAtMs: number;
  count: number;
  /** Count that the API server has; 0 before the event is created. */
  written: number;
  /** Name of the event object, set when it is created. */
  name: string | undefined;
  /** Who waits until the API server has so many, or until they are given up. */
  readonly waiting: { readonly count: number; readonly done: () => void }[];
}

const FOLD_MS = 10 * 60_000;
const BURST = 25;
const REFILL_MS = 5_000;
const PRUNE_ABOVE = 1_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class EventSeries {
  readonly #entries = new Map<string, EventEntry>();
  readonly #buckets = new Map<string, Bucket>();

  /** @returns the entry to write, or undefined when this release has too many events. */
  record(regarding: Regarding, announcement: Announcement, nowMs: number): EventEntry | undefined {
    const { type, reason, action, note } = announcement;
    const key = [regarding.uid, regarding.namespace, regarding.name, type, reason, action, note].join('\0');
    const known = this.#entries.get(key);
    if (known !== undefined && nowMs - known.lastAtMs < FOLD_MS) {
      known.count += 1;
      known.lastAtMs = nowMs;
      return known;
    }
    if (!this.#takeToken(`${regarding.uid}/${regarding.namespace}/${regarding.name}`, nowMs)) return undefined;
    const entry: EventEntry = {
      regarding,
      announcement,
      firstAtMs: nowMs,
      lastAtMs: nowMs,
      count: 1,
      written: 0,
      name: undefined,
      waiting: [],
    };
    this.#entries.set(key, entry);
    this.#prune(nowMs);
    return entry;
  }

  #takeToken(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? { tokens: BURST, atMs: nowMs };
    const gained = Math.max(0, Math.floor((nowMs - bucket.atMs) / REFILL_MS));
    const tokens = Math.min(BURST, bucket.tokens + gained);
    const atMs = tokens === BURST ? nowMs : bucket.atMs + gained * REFILL_MS;
    this.#buckets.set(key, { tokens: Math.max(0, tokens - 1), atMs });
    return tokens > 0;
  }

  #prune(nowMs: number): void {
    if (this.#entries.size > PRUNE_ABOVE) {
      for (const [key, entry] of this.#entries) if (nowMs - entry.lastAtMs >= FOLD_MS) this.#entries.delete(key);
    }
    if (this.#buckets.size > PRUNE_ABOVE) {
      for (const [key, bucket] of this.#buckets) if (nowMs - bucket.atMs >= BURST * REFILL_MS) this.#buckets.delete(key);
    }
  }
}
