// Histograms of a large mesh: 200 client pods of Istio give more than 10 MiB of buckets, nearly all of it labels that are not read. Where
// such an answer is too large it is asked for again without them, and from then on at once.

import { formatDuration, parseDuration } from '../../api/duration.ts';
import { REPLICA_LABELS } from '../../core/analysis/origins.ts';
import { placeOf, type MetricsAnswer, type MetricsTarget } from '../../ports/metrics.ts';
import { WrappingReader } from './wrapping.ts';

/** Buckets as metrics sources ask for them. */
const BUCKETS = /^([a-zA-Z_:][\w:]*_bucket)(\{.*\})\[(\w+)\]$/s;
/** Labels of a matcher that fits several values. */
const SEVERAL = /([a-zA-Z_]\w*)=~"/g;
/** A sum over one target falls only when the target begins again, and then all of it does. */
const TARGET_LABELS = ['instance', 'pod', 'le'];
/** Distances of the values in the answer; the shortest that gives no more of them than `MOST_STEPS`. */
const STEPS_MS = [5_000, 10_000, 15_000, 30_000, 60_000];
const MOST_STEPS = 60;
/** A mesh may become smaller again. */
const REMEMBERED_MS = 3_600_000;
const MOST_REMEMBERED = 1_000;

/** Wraps a reader; asks for large histograms in a smaller form. */
export class NarrowingReader extends WrappingReader {
  /** Until when these histograms are known to be too large, by Prometheus, metric and matchers. */
  readonly #large = new Map<string, number>();

  async query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer> {
    const [, metric, matchers, range] = BUCKETS.exec(query) ?? [];
    if (target.asks === 'number' || metric === undefined || matchers === undefined || range === undefined)
      return this.reader.query(target, query, atMs);
    const selector = `${metric}${matchers}`;
    const narrow = narrowQuery(selector, parseDuration(range));
    const key = `${placeOf(target)} ${selector}`;
    if ((this.#large.get(key) ?? 0) > atMs) return this.reader.query(target, narrow, atMs);
    const answer = await this.reader.query(target, query, atMs);
    if (answer.ok || answer.kind !== 'tooLarge') return answer;
    this.#remember(key, atMs + REMEMBERED_MS);
    return this.reader.query(target, narrow, atMs);
  }

  #remember(key: string, untilMs: number): void {
    const [oldest] = this.#large.keys();
    if (this.#large.size >= MOST_REMEMBERED && oldest !== undefined) this.#large.delete(oldest);
    this.#large.set(key, untilMs);
  }
}

/** The values of each target at equal steps, with the labels that are read. */
function narrowQuery(selector: string, rangeMs: number): string {
  const stepMs = STEPS_MS.find((step) => rangeMs / step <= MOST_STEPS) ?? Math.ceil(rangeMs / MOST_STEPS / 1_000) * 1_000;
  const several = [...selector.matchAll(SEVERAL)].flatMap(([, label]) => label ?? []);
  const labels = [...new Set([...TARGET_LABELS, ...REPLICA_LABELS, ...several])].join(',');
  return `sum by (${labels}) (${selector})[${formatDuration(rangeMs)}:${formatDuration(stepMs)}]`;
}
