// Sums cells up until both arms have enough requests for a block. The rule looks at traffic and time only, never at errors.

import type { ArmCounts, Cell } from './cells.ts';

/** Counts of one arm in a block; `slow` is aligned with the latency borders of this time. */
export interface ArmBlock {
  readonly requests: number;
  readonly serverErrors: number;
  readonly clientErrors: number;
  readonly timed: number;
  readonly slow: readonly number[];
}

export interface OpenBlock {
  readonly ageMs: number;
  readonly canary: ArmBlock;
  readonly serving: ArmBlock;
}

const NOTHING: ArmBlock = { requests: 0, serverErrors: 0, clientErrors: 0, timed: 0, slow: [] };

/** A block that nothing went into yet. */
export const EMPTY_BLOCK: OpenBlock = { ageMs: 0, canary: NOTHING, serving: NOTHING };

/** More than this in one cell is a broken counter, not traffic. */
export const ABSURD = 1e12;

/**
 * Can this cell be counted at all? Counters that are read while they change can show more errors than requests; what is
 * absurd is left out as a whole, because skipping a cell costs time and counting a wrong one costs the guarantee.
 */
export function isCountable({ canary, serving }: Cell): boolean {
  return [canary, serving].every(
    ({ requests, serverErrors, clientErrors }) =>
      Number.isFinite(requests) &&
      requests >= 0 &&
      requests < ABSURD &&
      serverErrors >= 0 &&
      clientErrors >= 0 &&
      serverErrors + clientErrors <= requests,
  );
}

/** @param borders latency borders in seconds; absent: latency of this cell is not compared */
export function addCell(open: OpenBlock, cell: Cell, borders: readonly number[] | undefined): OpenBlock {
  return {
    ageMs: open.ageMs + (cell.toMs - cell.fromMs),
    canary: addArm(open.canary, cell.canary, borders),
    serving: addArm(open.serving, cell.serving, borders),
  };
}

/** Whole when both arms have their requests, or when it is old. */
export function isWhole(open: OpenBlock, rule: { readonly minPerArm: number; readonly maxAgeMs: number }): boolean {
  const enough = open.canary.requests >= rule.minPerArm && open.serving.requests >= rule.minPerArm;
  return enough || open.ageMs >= rule.maxAgeMs;
}

function addArm(before: ArmBlock, counts: ArmCounts, borders: readonly number[] | undefined): ArmBlock {
  const timed = borders === undefined ? 0 : (counts.buckets.at(-1)?.count ?? 0);
  return {
    requests: before.requests + counts.requests,
    serverErrors: before.serverErrors + counts.serverErrors,
    clientErrors: before.clientErrors + counts.clientErrors,
    timed: before.timed + timed,
    slow: (borders ?? before.slow).map(
      (border, index) => (before.slow[index] ?? 0) + (timed === 0 || borders === undefined ? 0 : timed - atMost(counts, border, timed)),
    ),
  };
}

/** Requests at or below a border, never more than there were: buckets of parallel scrapes can be ahead of their sum. */
function atMost({ buckets }: ArmCounts, border: number, timed: number): number {
  return Math.min(timed, buckets.find((bucket) => bucket.upper === border)?.count ?? 0);
}
