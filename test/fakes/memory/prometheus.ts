// Prometheus in memory: answers the range selectors that the Contour source writes from the virtual traffic's samples, and
// own queries from functions. Can be down, hang, be slow, warn, or refuse a query.

import type { BlockReason } from '../../../src/api/reasons.ts';
import { parseSelector, selects } from '../prometheus/promql-selector.ts';
import type { Sample, Series } from '../../../src/core/analysis/series.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../../src/ports/metrics.ts';
import type { MemoryTraffic } from './traffic.ts';

/** A sample is there this long after its scrape. */
const INGEST_MS = 50;
/** The series beside the traffic's are scraped when those are by default. */
const OTHERS_MS = 5_000;
const OTHERS_PHASE_MS = 1_300;

export type PrometheusMode = 'up' | 'down' | 'hangs' | 'warns' | 'badQuery';

export class MemoryPrometheus implements MetricsReader {
  mode: PrometheusMode = 'up';
  latencyMs = 0;
  /** Samples arrive this much later than they were scraped, as with remote write. */
  delayMs = 0;
  /** Answers of own queries: the first entry whose text the query holds. `undefined`: no series. */
  readonly own = new Map<string, (atMs: number) => number | undefined>();
  refused: { readonly reason: BlockReason; readonly message: string } | undefined;
  /** Time of the last query that was answered with data. */
  answeredAt = Number.NEGATIVE_INFINITY;
  /** Series beside those of the virtual traffic, by what they have counted at a scrape; undefined: not scraped then. */
  readonly others: { readonly labels: Readonly<Record<string, string>>; readonly valueAt: (atMs: number) => number | undefined }[] = [];
  /** Replicas that scrape everything and are not deduplicated: every series is there once for each, with its name in a label. */
  replicas: readonly string[] = [];
  readonly #clock: Clock;
  readonly #traffic: readonly MemoryTraffic[];
  #asked = 0;

  constructor(clock: Clock, traffic: readonly MemoryTraffic[]) {
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
    return { ok: true, series: this.#evaluate(query, atMs, Math.min(atMs, this.#clock.now() - INGEST_MS - this.delayMs)), warnings };
  }

  refusal(): { readonly reason: BlockReason; readonly message: string } | undefined {
    return this.refused;
  }

  /** @param arrivedMs samples up to here have arrived */
  #evaluate(query: string, atMs: number, arrivedMs: number) {
    for (const [text, answer] of this.own) {
      if (!query.includes(text)) continue;
      const value = answer(arrivedMs);
      return value === undefined ? [] : [{ labels: {}, samples: [{ atMs: arrivedMs, value }] }];
    }
    const selector = parseSelector(query);
    if (selector?.rangeMs === undefined) throw new Error(`the test's Prometheus cannot evaluate ${query}`);
    for (const one of this.#traffic) one.advanceTo(this.#clock.now());
    const fits = (labels: Readonly<Record<string, string>>) => selects(selector, labels);
    const fromMs = atMs - selector.rangeMs;
    const others = this.others.filter(({ labels }) => fits(labels)).map((other) => this.#scrape(other, fromMs, arrivedMs));
    const found = [
      ...this.#traffic.flatMap((one) => one.select(fits, fromMs, arrivedMs)),
      ...others.filter(({ samples }) => samples.length > 0),
    ];
    if (this.replicas.length === 0) return found;
    return this.replicas.flatMap((name) => found.map((one) => ({ ...one, labels: { ...one.labels, prometheus_replica: name } })));
  }

  #scrape({ labels, valueAt }: MemoryPrometheus['others'][number], fromMs: number, toMs: number): Series {
    const samples: Sample[] = [];
    for (let atMs = Math.floor(fromMs / OTHERS_MS) * OTHERS_MS + OTHERS_PHASE_MS; atMs <= toMs; atMs += OTHERS_MS) {
      const value = atMs > fromMs ? valueAt(atMs) : undefined;
      if (value !== undefined) samples.push({ atMs, value });
    }
    return { labels, samples };
  }
}
