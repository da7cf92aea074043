// When the canary had which weight: what a slice of time is compared under. It comes from the status, so that a restart and a
// backtest see the same.

import { oncePer } from '../../../api/once.ts';
import type { ReleaseStatus } from '../../../api/release.ts';

/** A span of one steady weight: every gateway had it, and it was not being changed. Unix milliseconds. */
export interface WeightSpan {
  readonly weight: number;
  readonly fromMs: number;
  /** Infinity while it lasts. */
  readonly toMs: number;
}

/** What holds for one cell. */
export interface CellContext {
  /** Share of the canary that was asked for, 0..1; undefined where it was changing, or is not known. */
  readonly share: number | undefined;
  /** The same at the end of the cell, though its first samples may cover time from before; undefined where it was changing. */
  readonly present: number | undefined;
  /** A stage began in this cell or the weight left it: blocks end here. */
  readonly isBorder: boolean;
  /** Share before the present one was set, while a gateway may still send by it; absent later. */
  readonly former?: number;
  /** Latencies of the weight before may still arrive. */
  readonly isTimedLate?: true;
  /** A stage began in this cell: evidence may begin again. */
  readonly isStart: boolean;
}

/** A gateway that has said that it accepted a weight sends by it after this long; later its split is none that was asked for. */
const MOST_LAG_MS = 60_000;

/** The steady spans of a release, as its status has them. */
export function spansOf({ served }: Pick<ReleaseStatus, 'served'>): readonly WeightSpan[] {
  return served === undefined ? [] : readSpans(served);
}

const readSpans = oncePer((served: NonNullable<ReleaseStatus['served']>): readonly WeightSpan[] =>
  served.map(({ weight, from, to }) => ({
    weight,
    fromMs: Date.parse(from),
    toMs: to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to),
  })),
);

/**
 * What holds between `fromMs` (excluded) and `toMs` (included).
 * @param scrapeMs distance of the samples: the first one in the cell covers as much time before it
 * @param latencyLagMs latencies arrive so much later than their requests are counted
 */
export function contextOf(
  spans: readonly WeightSpan[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  { scrapeMs = 0, latencyLagMs = 0 }: { readonly scrapeMs?: number; readonly latencyLagMs?: number } = {},
): CellContext {
  const inside = (atMs: number) => atMs > fromMs && atMs <= toMs;
  const whole = spans.find((span) => span.fromMs <= fromMs - scrapeMs && span.toMs >= toMs);
  const last = spans.findLast((span) => span.fromMs < toMs && span.toMs >= toMs);
  return {
    ...afterRaise(spans, fromMs, latencyLagMs),
    ...(whole === undefined || fromMs >= whole.fromMs + MOST_LAG_MS ? {} : { former: shareBefore(spans, whole) }),
    share: whole === undefined ? undefined : whole.weight / 100,
    present: last === undefined ? undefined : last.weight / 100,
    isBorder: spans.some((span) => inside(span.fromMs) || inside(span.toMs)),
    isStart: spans.some((span) => inside(span.fromMs)),
  };
}

function shareBefore(spans: readonly WeightSpan[], span: WeightSpan): number {
  return (spans[spans.indexOf(span) - 1]?.weight ?? 0) / 100;
}

/** Before the first weight no request of the canary was timed. */
function afterRaise(spans: readonly WeightSpan[], fromMs: number, latencyLagMs: number): Pick<CellContext, 'isTimedLate'> {
  const raised = spans.findLast((span, index) => index > 0 && span.fromMs <= fromMs);
  return raised !== undefined && fromMs < raised.fromMs + latencyLagMs ? { isTimedLate: true } : {};
}
