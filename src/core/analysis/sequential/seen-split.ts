// By which of two weights requests are split, by what was counted: after a raise a gateway sends by the former one until it has taken the
// change, and its status says so too early, or never.

import { requirePart } from './numbers.ts';
import type { SplitSide } from './split.ts';

/** `former`: requests still split as before the raise. `present`: they split as asked. */
export type SeenSplit = 'former' | 'present';

/** Likelihood ratio that decides, as for a share that is not the one that was asked for. */
const DECIDES = Math.log(1_000);
/** A share of 0 sends some requests all the same: one that is still on its way, a connection that is kept. */
const LEAST_SHARE = 0.001;

/** Shares of the canary before the raise and since, 0 to 1. */
export interface Shares {
  readonly former: number;
  readonly present: number;
}

/** Where requests reach the canary or serving on other ways as well, one of the two says nothing of the gateway. */
export const SAYS_SO: Readonly<Record<SeenSplit, readonly SplitSide[]>> = {
  former: ['both', 'tooLittle'],
  present: ['both', 'tooMuch'],
};

/**
 * @param counts requests of the canary, and of both versions
 * @returns undefined where too few were counted to distinguish them, or where they are equal
 */
export function seeSplit({ xc, n }: { readonly xc: number; readonly n: number }, shares: Shares): SeenSplit | undefined {
  const forPresent = evidenceForPresent({ xc, n }, shares);
  if (forPresent >= DECIDES) return 'present';
  return forPresent <= -DECIDES ? 'former' : undefined;
}

/** Log likelihood ratio for the present share against the former one, nats. @throws RangeError for numbers that are no counts */
export function evidenceForPresent({ xc, n }: { readonly xc: number; readonly n: number }, shares: Shares): number {
  requirePart('xc', xc, 'n', n);
  const [former, present] = [inside(shares.former), inside(shares.present)];
  return xc * Math.log(present / former) + (n - xc) * Math.log((1 - present) / (1 - former));
}

function inside(share: number): number {
  return Math.min(1 - LEAST_SHARE, Math.max(LEAST_SHARE, share));
}
