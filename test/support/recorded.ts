// Recorded metric text of the gateways, asked with the queries of the metrics sources.
import { readFileSync } from 'node:fs';
import type { Outcome } from '../../src/sources/codes.ts';
import type { BackendIdentity, MetricsSource } from '../../src/sources/source.ts';
import { parseExposition } from './exposition.ts';
import type { RecordedSample } from './exposition.ts';
import { parseSelector, selects } from './promql-selector.ts';

/** Samples of `test/support/metrics/<name>.txt`. */
export function readRecorded(name: string): readonly RecordedSample[] {
  return parseExposition(readFileSync(new URL(`metrics/${name}.txt`, import.meta.url), 'utf8'));
}

/** The samples that a query picks. @throws Error when the query is no selector. */
export function pick(samples: readonly RecordedSample[], query: string): readonly RecordedSample[] {
  const selector = parseSelector(query);
  if (selector === undefined) throw new Error(`not a selector: ${query}`);
  return samples.filter(({ labels }) => selects(selector, labels));
}

/** Requests of a backend by outcome, as the source would count them from its recorded text; absent outcomes are 0. */
export function countRecorded(recording: string, source: MetricsSource, backend: BackendIdentity): Readonly<Record<Outcome, number>> {
  const counts = { success: 0, clientError: 0, serverError: 0, ignore: 0 };
  for (const { labels, value } of pick(readRecorded(recording), source.requests(backend, 60_000))) {
    counts[source.classify(labels)] += value;
  }
  return counts;
}
