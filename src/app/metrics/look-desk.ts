// Looks are read in the background and kept here until their release is reconciled. One question at a time for a release, and a
// bounded number at a time in all: while Prometheus hangs no questions pile up, and nothing else waits for it.

import { asksForTraffic } from '../../core/release/traffic.ts';
import { SENTINEL_SHARE, wantsSentinel } from '../../core/release/evidence/sentinel.ts';
import { messageOf } from '../../api/errors.ts';
import type { LookReading } from '../../core/analysis/reading.ts';
import { ComparisonDesk } from './comparison-desk.ts';
import type { LookQuestion } from './queries.ts';
import { askLook, type LookAnswer, type LookTimes } from './look-reading.ts';
import { LookPlaces } from './look-places.ts';
import type { World } from '../world.ts';

interface Entry {
  readonly releaseId: string;
  /** Undefined while the question is under way. */
  readonly readings: readonly LookReading[] | undefined;
}

/** Looks of one release that are read concurrently: more than fit into the longest wait for an answer at the shortest interval. */
const LOOKS_OF_ONE = 10;

/** Longest time for which answers are collected before their releases are reconciled. */
const MOST_GATHER_MS = 30;

export class LookDesk {
  readonly #world: World;
  readonly #comparisons: ComparisonDesk;
  readonly #onLook: (key: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #looks = new LookPlaces();
  /** Releases with an answer that were not queued yet. */
  #answered: string[] = [];

  constructor(world: World, onLook: (key: string) => void) {
    this.#world = world;
    const isWatched = ({ spec, parts }: LookQuestion) =>
      world.gateways !== undefined && parts.some(({ source }) => source.sentinel !== undefined) && wantsSentinel(spec);
    this.#comparisons = new ComparisonDesk(world.metrics, (question) => (isWatched(question) ? 1 - SENTINEL_SHARE : 1));
    this.#onLook = onLook;
  }

  /** Answered looks of this release, each once. Those of another release of the same object are dropped. */
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
    const before = asksForTraffic(question.status) ? undefined : this.#comparisons.prepare(key, question);
    void this.#readAll(key, question, times).then(async (readings) => {
      const rateBefore = await before;
      if (this.#entries.get(key) !== asked) return;
      const whole = rateBefore === undefined ? readings : readings.map((reading) => ({ ...reading, rateBefore }));
      this.#entries.set(key, { releaseId, readings: whole });
      this.#tellSoon(key);
    });
  }

  /** Dispersion of serving's errors before the release; undefined while the comparison has not measured it. */
  phiOf(key: string): number | undefined {
    return this.#comparisons.phiOf(key);
  }

  discard(key: string): void {
    this.#entries.delete(key);
    this.#comparisons.forget(key);
  }

  /** At once when no other look is under way; else together with the answers that follow directly. */
  #tellSoon(key: string): void {
    this.#answered.push(key);
    if (this.#looks.taken === 0 || this.#world.afterArrivals === undefined) this.#tellAll();
    else if (this.#answered.length === 1) this.#gather(this.#world.clock.now(), 1);
  }

  /** Continues while more answers arrive. It waits for no answer: this is about the order of reading and writing. */
  #gather(sinceMs: number, seen: number): void {
    this.#world.afterArrivals?.(() => {
      const read = this.#answered.length;
      const lastedMs = this.#world.clock.now() - sinceMs;
      // A clock that was set back ends it as well.
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

  /** Some at a time, to keep up with a slow Prometheus. During an outage only the last of the missed looks matters. */
  async #readAll(key: string, question: LookQuestion, times: readonly number[]): Promise<readonly LookReading[]> {
    const readings: LookReading[] = [];
    for (let from = 0; from < times.length; from += LOOKS_OF_ONE) {
      const isAway = readings.at(-1)?.requests.kind === 'unavailable';
      const first = isAway ? times.length - 1 : from;
      const due = times.slice(first, first + LOOKS_OF_ONE);
      const answers = await Promise.all(
        due.map((atMs, index) => {
          // Only the newest of them is asked at its time.
          const askedAtMs = atMs === times.at(-1) ? this.#world.clock.now() : undefined;
          return this.#readOne(question, atMs, { previousMs: times[first + index - 1], askedAtMs });
        }),
      );
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

  async #readOne(question: LookQuestion, atMs: number, beside: LookTimes): Promise<LookAnswer> {
    try {
      return await this.#looks.run(question, () => askLook(this.#world.metrics, question, atMs, beside));
    } catch (thrown) {
      return { reading: describeFault(atMs, thrown) };
    }
  }
}

/** An error of our own while reading counts as an outage of the judge, never as a failure of the release (rule 6). */
function describeFault(atMs: number, thrown: unknown): LookReading {
  const message = `the evaluation failed: ${messageOf(thrown)}`;
  return { atMs, requests: { kind: 'unavailable', message }, newRequests: 0, own: {} };
}
