// One question for many releases. Selectors that differ in one label's value only, asked for the same instant of the same
// Prometheus, are sent as one, and the answer is split again by that label. Nothing waits for a batch to fill: a question is
// sent at once unless one of its kind is under way, so batches grow only when Prometheus or this process is busy.

import { placeOf, type MetricsAnswer, type MetricsTarget, type Series } from '../../ports/metrics.ts';
import { WrappingReader } from './wrapping.ts';

/** `metric{label="value"}[range]`, as metrics sources write it, perhaps with more matchers behind. Anything else is asked alone. */
const SELECTOR = /^([a-zA-Z_:][\w:]*)\{([a-zA-Z_]\w*)="([A-Za-z0-9_@.:/-]+)"((?:,[a-zA-Z_]\w*="(?:[^"\\]|\\.)*")*)\}\[(\w+)\]$/;
/** Values in one question: what keeps an answer small and a regular expression quick. */
const MOST_VALUES = 64;
/** Questions of one kind that are under way at the same time before others wait for them. */
const MOST_UNDER_WAY = 2;

interface Selector {
  readonly metric: string;
  readonly label: string;
  readonly value: string;
  /** The matchers behind it, which are the same for all that are asked together. */
  readonly others: string;
  readonly range: string;
}

interface Waiting {
  readonly selector: Selector;
  readonly query: string;
  readonly resolve: (answer: MetricsAnswer) => void;
}

/** Questions that can be asked as one. */
interface Kind {
  readonly target: MetricsTarget;
  readonly atMs: number;
  readonly waiting: Waiting[];
  underWay: number;
}

/** Wraps a reader, and sends it as few questions as possible. */
export class BatchingReader extends WrappingReader {
  readonly #kinds = new Map<string, Kind>();

  query(target: MetricsTarget, query: string, atMs: number): Promise<MetricsAnswer> {
    const selector = target.asks === 'number' ? undefined : readSelector(query);
    if (selector === undefined) return this.reader.query(target, query, atMs);
    const key = keyOf(target, selector, atMs);
    const kind = this.#kinds.get(key) ?? { target, atMs, waiting: [], underWay: 0 };
    this.#kinds.set(key, kind);
    return new Promise((resolve) => {
      kind.waiting.push({ selector, query, resolve });
      // Others of this turn of the event loop may join.
      setImmediate(() => this.#send(key, kind));
    });
  }

  #send(key: string, kind: Kind): void {
    if (kind.waiting.length === 0 || kind.underWay >= MOST_UNDER_WAY) return;
    const batch = kind.waiting.splice(0, MOST_VALUES);
    kind.underWay += 1;
    void this.#ask(kind, batch).finally(() => {
      kind.underWay -= 1;
      if (kind.waiting.length > 0) this.#send(key, kind);
      else if (kind.underWay === 0) this.#kinds.delete(key);
    });
  }

  async #ask({ target, atMs }: Kind, batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const values = new Set(batch.map(({ selector }) => selector.value));
    const answer = await this.reader.query(target, values.size === 1 ? first.query : joinQueries(first.selector, values), atMs);
    if (values.size > 1 && !answer.ok && answer.kind !== 'unavailable') {
      // Too large together, or one of them is rejected: each is asked alone, and gets its own answer.
      await Promise.all(batch.map(async ({ query, resolve }) => resolve(await this.reader.query(target, query, atMs))));
      return;
    }
    const parts = answer.ok && values.size > 1 ? partition(answer.series, first.selector.label) : undefined;
    for (const { selector, resolve } of batch)
      resolve(answer.ok && parts !== undefined ? { ...answer, series: parts.get(selector.value) ?? [] } : answer);
  }
}

function readSelector(query: string): Selector | undefined {
  const [, metric, label, value, others = '', range] = SELECTOR.exec(query) ?? [];
  if (metric === undefined || label === undefined || value === undefined || range === undefined) return undefined;
  return { metric, label, value, others, range };
}

function keyOf(target: MetricsTarget, { metric, label, others, range }: Selector, atMs: number): string {
  return [placeOf(target), target.timeoutMs, metric, label, others, range, atMs].join(' ');
}

/** Of the characters that a value may have only the dot means something in a regular expression; `\\` is a backslash in PromQL. */
function joinQueries({ metric, label, others, range }: Selector, values: ReadonlySet<string>): string {
  const alternatives = [...values].map((value) => value.replaceAll('.', String.raw`\\.`)).join('|');
  return `${metric}{${label}=~"${alternatives}"${others}}[${range}]`;
}

function partition(series: readonly Series[], label: string): ReadonlyMap<string, readonly Series[]> {
  const parts = new Map<string, Series[]>();
  for (const one of series) {
    const value = one.labels[label] ?? '';
    const part = parts.get(value);
    if (part === undefined) parts.set(value, [one]);
    else part.push(one);
  }
  return parts;
}
