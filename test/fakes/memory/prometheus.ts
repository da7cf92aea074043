// Prometheus in memory: answers the range selectors that the Contour source writes from the virtual traffic's samples, and
// own queries from functions. Can be down, hang, be slow, warn, or refuse a query.

import type { BlockReason } from '../../../src/api/reasons.ts';
import { parseSelector, selects } from '../prometheus/promql-selector.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../../src/ports/metrics.ts';
import type { MemoryTraffic } from './traffic.ts';

/** A sample is there this long after its scrape. */
const INGEST_MS = 50;

export type PrometheusMode = 'up' | 'down' | 'hangs' | 'warns' | 'badQuery';

export class MemoryPrometheus implements MetricsReader {
  mode: PrometheusMode = 'up';
  latencyMs = 0;
  /** Answers of own queries: the first entry whose text the query holds. `undefined`: no series. */
  readonly own = new Map<string, (atMs: number) => number | undefined>();
  refused: { readonly reason: BlockReason; readonly message: string } | undefined;
  /** Time of the last query that was answered with data. */
  answeredAt = Number.NEGATIVE_INFINITY;
  readonly #clock: Clock;
  readonly #traffic: MemoryTraffic;
  #asked = 0;

  constructor(clock: Clock, traffic: MemoryTraffic) {
    this.#clock = clock;
    this.#traffic = traffic;
  }

  /** Number of queries so far. */
  get asked(): number {
    return this.#asked;
  }

  async query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer> {
    this.#asked += 1;
    const hangs = this.mode === 'hangs';
    const wait = hangs ? target.timeoutMs : this.latencyMs;
    if (wait > 0) await new Promise<void>((resolve) => this.#clock.schedule(this.#clock.now() + wait, resolve));
    if (hangs || this.mode === 'down') return { ok: false, kind: 'unavailable', message: 'connection refused by the test' };
    if (this.mode === 'badQuery') return { ok: false, kind: 'badQuery', message: 'parse error of the test' };
    this.answeredAt = this.#clock.now();
    const warnings = this.mode === 'warns' ? ['partial response'] : [];
    return { ok: true, series: this.#evaluate(query, Math.min(atMs, this.#clock.now() - INGEST_MS)), warnings };
  }

  refusal(): { readonly reason: BlockReason; readonly message: string } | undefined {
    return this.refused;
  }

  #evaluate(query: string, atMs: number) {
    for (const [text, answer] of this.own) {
      if (!query.includes(text)) continue;
      const value = answer(atMs);
      return value === undefined ? [] : [{ labels: {}, samples: [{ atMs, value }] }];
    }
    const selector = parseSelector(query);
    if (selector?.rangeMs === undefined) throw new Error(`the test's Prometheus cannot evaluate ${query}`);
    this.#traffic.advanceTo(this.#clock.now());
    return this.#traffic.select((labels) => selects(selector, labels), atMs - selector.rangeMs, atMs);
  }
}
