// Whether the histogram of serving can show a slower canary at all: where one wide bucket holds it, that is worth knowing before a release.

import { isGlidepathError } from '../../api/errors.ts';
import { readLatency } from '../../core/analysis/assemble.ts';
import { LATENCY } from '../../core/analysis/comparison/settings.ts';
import { findWideBucket } from '../../core/analysis/comparison/wide-bucket.ts';
import { describeWideBucket } from '../../core/analysis/comparison/words.ts';
import type { LatencyQuery } from '../../sources/source.ts';
import { fine, type Finding } from '../finding.ts';
import { type Judged, servingBackends } from './gateways.ts';
import type { Asker } from './prometheus.ts';
import { nameOf } from './seen.ts';

/** So much of serving is looked at, milliseconds. */
const RANGE_MS = 30 * 60_000;
const EVERYTHING = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

/** What the buckets of serving hide, as a note: nothing is wrong, and the comparison of errors sees all. */
export async function describeHidden(judged: Judged, asker: Asker): Promise<readonly Finding[]> {
  const { mode, comparison } = judged.spec.analysis;
  if (mode === 'Off' || comparison.mode === 'Off') return [];
  const queries = writeQueries(judged);
  const answers = await Promise.all(queries.map(({ query }) => asker.ask(query)));
  const series = answers.flatMap((answer) => (answer.ok ? answer.series : []));
  const perSecond = queries[0]?.unit === 'ms' ? 1_000 : 1;
  // What a counter had before the first sample may be of any age.
  const read = readLatency({ kind: 'series', series, perSecond }, EVERYTHING, 'lost');
  if (read.kind !== 'facts' || (read.facts.at(-1)?.count ?? 0) < LATENCY.minPrior) return [];
  const [le, cumulative] = [read.facts.map(({ upper }) => upper), read.facts.map(({ count }) => count)];
  const wide = findWideBucket({ le, cumulative }, LATENCY);
  return wide === undefined ? [] : [fine(`latency of ${nameOf(judged.release)}`, describeWideBucket(wide))];
}

/** Queries that turn out equal are asked once; none where the source has no histogram, or does not know the backend. */
function writeQueries(judged: Judged): readonly LatencyQuery[] {
  const { source } = judged;
  try {
    const all = servingBackends(judged).flatMap((backend) => source.latency?.(backend, RANGE_MS) ?? []);
    return all.filter(({ query }, index) => all.findIndex((one) => one.query === query) === index);
  } catch (thrown) {
    if (isGlidepathError(thrown, 'GLIDEPATH_E_SOURCE')) return [];
    throw thrown;
  }
}
