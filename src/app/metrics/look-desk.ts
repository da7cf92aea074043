// Looks are asked in the background and wait here until their release is visited again. One question at a time for a
// release, and a bounded number at a time in all: while Prometheus hangs nothing piles up, and nothing else waits for it.

import { asksForTraffic } from '../../core/release/traffic.ts';
import { messageOf } from '../../api/errors.ts';
import type { LookReading } from '../../core/analysis/reading.ts';
import { ComparisonDesk } from './comparison-desk.ts';
import type { LookQuestion } from './queries.ts';
import { askLook, type LookAnswer } from './look-reading.ts';
import { Semaphore } from './semaphore.ts';
import type { World } from '../world.ts';

interface Entry {
  readonly releaseId: string;
  /** Undefined while the question is under way. */
  readonly readings: readonly LookReading[] | undefined;
}

/** Looks that are under way at the same time. A restart beside a thousand releases has many to catch up with. */
export const MOST_LOOKS_AT_ONCE = 64;

/** Looks of one release that are asked side by side: more than go into the longest wait for an answer at the shortest interval. */
const LOOKS_OF_ONE = 10;

/** Longest time for which answers are gathered before their releases are visited. */
const MOST_GATHER_MS = 30;

export class LookDesk {
  readonly #world: World;
  readonly #comparisons: ComparisonDesk;
  readonly #onLook: (key: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #looks = new Semaphore(MOST_LOOKS_AT_ONCE);
  /** Releases whose answer was read and that were not told yet. */
  #answered: string[] = [];

  constructor(world: World, onLook: (key: string) => void) {
    this.#world = world;
    this.#comparisons = new ComparisonDesk(world.metrics);
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
    if (!asksForTraffic(question.spec, question.status)) this.#comparisons.prepare(key, question);
    void this.#readAll(key, question, times).then((readings) => {
      if (this.#entries.get(key) !== asked) return;
      this.#entries.set(key, { releaseId, readings });
      this.#tellSoon(key);
    });
  }

  discard(key: string): void {
    this.#entries.delete(key);
    this.#comparisons.forget(key);
  }

  /** At once when nothing else is under way; else together with the answers that come right behind it. */
  #tellSoon(key: string): void {
    this.#answered.push(key);
    if (this.#looks.taken === 0 || this.#world.afterArrivals === undefined) this.#tellAll();
    else if (this.#answered.length === 1) this.#gather(this.#world.clock.now(), 1);
  }

  /** Goes on as long as every moment brings more. Nobody waits for an answer here: this is about the order of reading and writing. */
  #gather(sinceMs: number, seen: number): void {
    this.#world.afterArrivals?.(() => {
      const read = this.#answered.length;
      const lastedMs = this.#world.clock.now() - sinceMs;
      // A clock that was set back ends it, too.
      const isBrief = lastedMs >= 0 && lastedMs < MOST_GATHER_MS;
      if (isBrief && this.#looks.taken > 0 && read > seen) this.#gather(sinceMs, read);
      else this.#tellAll();
    });
  }

  #tellAll(): void {
    const answered = this.#answered;
    this.#answered = [];
    for (const key of answered) this.#onLook(key);
  }

  /** Some at a time, so that a slow Prometheus is kept up with. While it is away only the last of the missed looks is of interest. */
  async #readAll(key: string, question: LookQuestion, times: readonly number[]): Promise<readonly LookReading[]> {
    const readings: LookReading[] = [];
    for (let from = 0; from < times.length; from += LOOKS_OF_ONE) {
      const isAway = readings.at(-1)?.requests.kind === 'unavailable';
      const first = isAway ? times.length - 1 : from;
      const due = times.slice(first, first + LOOKS_OF_ONE);
      const answers = await Promise.all(due.map((atMs, index) => this.#readOne(question, atMs, times[first + index - 1])));
      // In time order: the comparison is a fold.
      for (const answer of answers) readings.push(await this.#compare(key, question, answer));
      if (isAway) break;
    }
    return readings;
  }

  async #compare(key: string, question: LookQuestion, { reading, arms }: LookAnswer): Promise<LookReading> {
    if (arms === undefined) return reading;
    try {
      return { ...reading, comparison: await this.#comparisons.judge(key, question, reading.atMs, arms) };
    } catch (thrown) {
      return { ...reading, comparison: { kind: 'unavailable', message: messageOf(thrown) } };
    }
  }

  async #readOne(question: LookQuestion, atMs: number, previousMs: number | undefined): Promise<LookAnswer> {
    try {
      return await this.#looks.run(() => askLook(this.#world.metrics, question, atMs, previousMs));
    } catch (thrown) {
      return { reading: describeFault(atMs, thrown) };
    }
  }
}

/** A fault of our own while reading is the judge's outage, never the release's fault (rule 6). */
function describeFault(atMs: number, thrown: unknown): LookReading {
  const message = `the look could not be read: ${messageOf(thrown)}`;
  return { atMs, requests: { kind: 'unavailable', message }, newRequests: 0, own: {} };
}
