// How requests split after a raise, from raw counters of both versions.

import { type Counts, totalRequests } from './assemble.ts';
import { firstSamplesAfter } from './increments.ts';
import type { OutcomeOf } from './outcome.ts';
import { SAYS_SO, type SeenSplit, seeSplit, type Shares } from './sequential/seen-split.ts';
import type { SplitSide } from './sequential/split.ts';

/** Unix milliseconds. */
interface SplitSpan {
  /** When the weight was said to be in effect. */
  readonly effectiveMs: number;
  /** What came before was counted by the look before. */
  readonly seenMs: number;
  readonly toMs: number;
}

/**
 * How the requests that a look is the first to see split, by scrapes that began after the weight was in effect: the first one counts
 * what was sent before.
 * @param side which deviation from the share says something about the gateway
 */
export function readSplit(
  { canary, compared = canary, serving, history, problem, servingProblem }: Counts,
  outcomeOf: OutcomeOf,
  { effectiveMs, seenMs, toMs }: SplitSpan,
  shares: Shares,
  side: SplitSide,
): SeenSplit | undefined {
  const firstMs = firstSamplesAfter(serving, effectiveMs);
  if ((problem ?? servingProblem) !== undefined || firstMs === undefined || shares.former >= shares.present) return undefined;
  const span = { fromMs: Math.max(seenMs, firstMs), toMs };
  const xc = totalRequests(compared, outcomeOf, span, history);
  const seen = seeSplit({ xc, n: xc + totalRequests(serving, outcomeOf, span, history) }, shares);
  return seen !== undefined && SAYS_SO[seen].includes(side) ? seen : undefined;
}
