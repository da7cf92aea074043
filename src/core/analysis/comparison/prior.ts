// What is known of serving alone, from the time before the release: how its errors are dispersed between its replicas, and how
// its latency is spread. Both are fixed before the canary is seen, so they cost no guarantee.

import { phiOverTime, phiPre } from '../sequential/dispersion.ts';
import type { Block } from '../sequential/numbers.ts';
import type { OutcomeOf } from '../outcome.ts';
import { type History, scrapeIntervalOf } from '../increments.ts';
import type { Series } from '../series.ts';
import { isCountable } from './blocks.ts';
import { type ArmSeries, bordersBetween, type Cell, type CellGrid, cutCells, replicaOf } from './cells.ts';
import { NO_PRIOR, type Prior } from './settings.ts';

/** So much time before the release is read, milliseconds. */
export const PRIOR_MS = 30 * 60_000;

/**
 * Measures serving before the release.
 * @param span what was read; `toMs` is the release's start
 * @returns how its errors are dispersed and how it is scraped, and one cell with everything, for the latency bounds
 */
export function measurePrior(
  serving: ArmSeries,
  span: { readonly fromMs: number; readonly toMs: number },
  grid: CellGrid,
  outcomeOf: OutcomeOf,
  history: History,
): { readonly prior: Prior; readonly cell: Cell | undefined } {
  const [cell] = cutCells({ canary: NO_SERIES, serving }, { fromMs: span.fromMs, borders: [span.toMs] }, outcomeOf, history);
  return { prior: { ...priorOf(serving.counts, { span, grid, outcomeOf, history }), ...trafficOf(serving, span, cell) }, cell };
}

/** Fewer requests in less time say nothing of a rate. */
const [ENOUGH_REQUESTS, ENOUGH_MS] = [100, 5 * 60_000];

/** How much there was, and of what there was nothing. */
function trafficOf(
  { counts }: ArmSeries,
  span: { readonly fromMs: number; readonly toMs: number },
  cell: Cell | undefined,
): Pick<Prior, 'perSecond' | 'unseen'> {
  // Prometheus may be younger than the span, and so may be the gateway.
  const firstMs = counts.reduce((first, { samples }) => Math.min(first, samples[0]?.atMs ?? first), Number.POSITIVE_INFINITY);
  const lastedMs = span.toMs - Math.max(span.fromMs, firstMs);
  if (cell === undefined || !(lastedMs > 0)) return { perSecond: undefined, unseen: [] };
  const { requests, clientErrors, buckets } = cell.serving;
  if (requests < ENOUGH_REQUESTS && lastedMs < ENOUGH_MS) return { perSecond: undefined, unseen: [] };
  return {
    perSecond: (requests * 1_000) / lastedMs,
    unseen: [...(clientErrors === 0 ? CLIENT_ERRORS : []), ...((buckets.at(-1)?.count ?? 0) === 0 ? LATENCY : [])],
  };
}

const CLIENT_ERRORS = ['clientErrors'] as const;
const LATENCY = ['p99', 'p90', 'p50'] as const;

const NO_SERIES: ArmSeries = { counts: [], latency: [], perSecond: 1 };

interface Past {
  readonly span: { readonly fromMs: number; readonly toMs: number };
  readonly grid: CellGrid;
  readonly outcomeOf: OutcomeOf;
  readonly history: History;
}

function priorOf(counts: readonly Series[], past: Past): Pick<Prior, 'phi' | 'replicas' | 'scrapeMs'> {
  if (counts.length === 0) return NO_PRIOR;
  const replicas = [...new Set(counts.map(({ labels }) => replicaOf(labels)))].sort();
  const between = replicas.length > 1 ? betweenReplicas(counts, replicas, past) : 1;
  return { phi: Math.max(between, overTime(counts, past)), replicas: replicas.length, scrapeMs: scrapeIntervalOf(counts) };
}

/** One half of the replicas against the other: what befell both at once is no burst. */
function betweenReplicas(counts: readonly Series[], replicas: readonly string[], past: Past): number {
  const half = (parity: number): ArmSeries => ({
    ...NO_SERIES,
    counts: counts.filter((one) => replicas.indexOf(replicaOf(one.labels)) % 2 === parity),
  });
  const cells = cutPast({ canary: half(0), serving: half(1) }, past);
  return phiPre(cells.map(toBlock).filter(({ nc, ns }) => nc > 0 && ns > 0));
}

/** Errors of one slice of time against those of all others: a burst that all replicas count alike, or the only one there is. */
function overTime(counts: readonly Series[], past: Past): number {
  const cells = cutPast({ canary: NO_SERIES, serving: { ...NO_SERIES, counts } }, past);
  return phiOverTime(cells.map(({ serving }) => ({ bad: serving.serverErrors, requests: serving.requests })));
}

function cutPast(
  arms: { readonly canary: ArmSeries; readonly serving: ArmSeries },
  { span, grid, outcomeOf, history }: Past,
): readonly Cell[] {
  const borders = bordersBetween(grid, span.fromMs, span.toMs);
  return cutCells(arms, { fromMs: span.fromMs, borders }, outcomeOf, history).filter(isCountable);
}

function toBlock({ canary, serving }: Cell): Block {
  return {
    xc: canary.serverErrors,
    xs: serving.serverErrors,
    nc: canary.requests,
    ns: serving.requests,
  };
}
