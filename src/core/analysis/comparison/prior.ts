// What is known of serving alone, from the time before the release: how its errors are dispersed between its replicas, and how
// its latency is spread. Both are fixed before the canary is seen, so they cost no guarantee.

import { phiPre } from '../sequential/dispersion.ts';
import type { Block } from '../sequential/numbers.ts';
import type { OutcomeOf } from '../outcome.ts';
import type { History } from '../increments.ts';
import type { Series } from '../series.ts';
import { isCountable } from './blocks.ts';
import { type ArmSeries, bordersBetween, type Cell, type CellGrid, cutCells } from './cells.ts';
import type { Prior } from './settings.ts';

/** So much time before the release is read, milliseconds. */
export const PRIOR_MS = 30 * 60_000;

/** One replica alone has none to be compared with. */
const MIN_REPLICAS = 2;

/**
 * Measures serving before the release.
 * @param span what was read; `toMs` is the release's start
 * @returns the dispersion between two halves of the replicas, and one cell with everything, for the latency bounds
 */
export function measurePrior(
  serving: ArmSeries,
  span: { readonly fromMs: number; readonly toMs: number },
  grid: CellGrid,
  outcomeOf: OutcomeOf,
  history: History,
): { readonly prior: Prior; readonly cell: Cell | undefined } {
  const [cell] = cutCells({ canary: NO_SERIES, serving }, { fromMs: span.fromMs, borders: [span.toMs] }, outcomeOf, history);
  return { prior: { phi: measureDispersion(serving.counts, span, grid, outcomeOf, history) }, cell };
}

const NO_SERIES: ArmSeries = { counts: [], latency: [], perSecond: 1 };

function measureDispersion(
  counts: readonly Series[],
  span: { readonly fromMs: number; readonly toMs: number },
  grid: CellGrid,
  outcomeOf: OutcomeOf,
  history: History,
): number | undefined {
  const replicas = [...new Set(counts.map(replicaOf))].sort();
  if (replicas.length < MIN_REPLICAS) return undefined;
  const half = (parity: number): ArmSeries => ({
    ...NO_SERIES,
    counts: counts.filter((one) => replicas.indexOf(replicaOf(one)) % 2 === parity),
  });
  const borders = bordersBetween(grid, span.fromMs, span.toMs);
  const cells = cutCells({ canary: half(0), serving: half(1) }, { fromMs: span.fromMs, borders }, outcomeOf, history);
  return phiPre(
    cells
      .filter(isCountable)
      .map(toBlock)
      .filter(({ nc, ns }) => nc > 0 && ns > 0),
  );
}

/** Gateways and pods are distinguished by the target that Prometheus scraped. */
function replicaOf({ labels }: Series): string {
  return `${labels['instance'] ?? ''}/${labels['pod'] ?? ''}`;
}

function toBlock({ canary, serving }: Cell): Block {
  return {
    xc: canary.serverErrors,
    xs: serving.serverErrors,
    nc: canary.requests,
    ns: serving.requests,
  };
}
