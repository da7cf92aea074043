// Errors that gateways answer themselves when a route has changed, because the backend that it names is not there yet: no backend counts
// them, so no check sees them, and only the gateway has made them.

import { replicaOf } from '../../core/analysis/comparison/cells.ts';
import { countIncrements, type Span } from '../../core/analysis/increments.ts';
import type { Counts } from '../../core/analysis/assemble.ts';
import type { Series } from '../../core/analysis/series.ts';
import type { CanaryReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import { askAll, type LookQuestion } from './queries.ts';

/** Gateways have everything that a change of a route brought within seconds; the rest is for the scrape that counts them. */
const AFTER_A_CHANGE_MS = 45_000;

/** Do looks of now ask for them? At other times errors of a gateway have other causes. */
export function isJustChanged({ release }: Pick<CanaryReleaseStatus, 'release'>, atMs: number): boolean {
  const changedMs = fromTime(release?.shiftedAt);
  return changedMs !== undefined && atMs - changedMs <= AFTER_A_CHANGE_MS;
}

/** Counters of such errors, of all gateways that the source knows; undefined where it has none, or Prometheus cannot say. */
export async function askGatewayErrors(
  reader: MetricsReader,
  { parts, target }: LookQuestion,
  { atMs, rangeMs }: { readonly atMs: number; readonly rangeMs: number },
): Promise<readonly Series[] | undefined> {
  const queries = parts.flatMap(({ source }) => source.ownErrors?.(rangeMs) ?? []);
  if (queries.length === 0) return undefined;
  const { series, problem } = await askAll(reader, target, queries, atMs);
  return problem === undefined ? series : undefined;
}

/** How many there were, of all routes of the gateways that count the backends of the release; undefined where nothing is known of them. */
export function countGatewayErrors(errors: readonly Series[], { seen, serving, history }: Counts, span: Span): number | undefined {
  const gateways = new Set([...seen, ...serving].map(({ labels }) => replicaOf(labels)));
  const theirs = errors.filter(({ labels }) => gateways.has(replicaOf(labels)));
  if (theirs.length === 0) return undefined;
  return Math.round(theirs.reduce((sum, { samples }) => sum + countIncrements(samples, span, history), 0));
}
