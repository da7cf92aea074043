// What a broken limit does at one look: the canary's own fault goes home, what serving breaks as well is an incident of both.

import { parseDuration } from '../../../api/duration.ts';
import type { CheckMetric } from '../../../api/names.ts';
import type { CanaryReleaseSpec, Check, ReleaseStatus } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import { judgeServing, judgeServingApart, type ServingVerdict } from '../../analysis/checks.ts';
import type { LookCounts } from '../../analysis/reading.ts';
import { isComparisonEnforced } from './comparison-look.ts';

/** What follows, and why it is no more than a hold. */
export type Breach =
  | { readonly kind: 'Rollback' | 'Observe' }
  /** The weight does not rise while it lasts. */
  | { readonly kind: 'Hold'; readonly why: HoldReason };

/** `written`: the spec says so. `unsure`: too few requests of serving to say whether it keeps the limit. `cold`: new pods may be slow. */
export type HoldReason = 'written' | 'servingBreaks' | 'unsure' | 'cold';

/** Whether serving can break the same limit. */
const COMPARABLE: Readonly<Record<CheckMetric, boolean>> = { ErrorRatio: true, ClientErrorRatio: true, Latency: true, RequestRate: false };

/**
 * What a breach does at this look. `Auto`: a limit that serving keeps, judged by the same bound in the same time, is the canary's fault; one that
 * serving breaks, too, is an incident of both; where nothing is compared the limit is the only judge.
 */
export function breachOf(check: Check, spec: CanaryReleaseSpec, look: LookCounts, coldUntilMs?: number): Breach {
  switch (check.onBreach) {
    case 'Hold':
      return { kind: 'Hold', why: 'written' };
    case 'Rollback':
    case 'Observe':
      return { kind: check.onBreach };
    case 'Auto':
      return isCompared(check, spec, look) ? besideServing(check, look, coldUntilMs) : { kind: 'Rollback' };
  }
}

function isCompared({ metric }: Check, spec: CanaryReleaseSpec, { comparison, servingRequests }: LookCounts): boolean {
  // A comparison that is reading its past, or whose answer is not whole, will speak: until then the limit alone does not decide.
  const speaks = comparison?.kind === 'facts' || comparison?.kind === 'partial';
  return isComparisonEnforced(spec) && speaks && servingRequests !== 0 && metric !== undefined && COMPARABLE[metric];
}

function besideServing(check: Check, look: LookCounts, coldUntilMs: number | undefined): Breach {
  const { atMs } = look;
  const verdict = servingVerdict(check, look);
  if (verdict !== 'keeps') return { kind: 'Hold', why: verdict === 'breaks' ? 'servingBreaks' : 'unsure' };
  const isCold = check.metric === 'Latency' && coldUntilMs !== undefined && atMs < coldUntilMs;
  return isCold ? { kind: 'Hold', why: 'cold' } : { kind: 'Rollback' };
}

function servingVerdict(check: Check, { serving, sources }: LookCounts): ServingVerdict {
  if (check.metric === 'Latency' && sources !== undefined) return judgeServingApart(check, sources);
  return serving === undefined ? 'unsure' : judgeServing(check, serving);
}

/** New pods are slow for so long. */
const WARMUP_MS = 60_000;

/** Until when the window of a check has requests from the canary's first minute, Unix milliseconds. */
export function coldUntil({ analysis }: CanaryReleaseSpec, { served }: Pick<ReleaseStatus, 'served'>): number | undefined {
  const since = fromTime(served?.[0]?.from);
  return since === undefined ? undefined : since + WARMUP_MS + Math.min(WARMUP_MS, parseDuration(analysis.window));
}

const WHY: Readonly<Record<HoldReason, string>> = {
  written: 'onBreach of the check is Hold: the weight does not rise while this lasts',
  servingBreaks: 'held, because serving breaks the limit, too: a rollback would not help',
  unsure: 'held: serving has too few requests in the window to show that it keeps the limit, so the comparison decides',
  cold: 'held: pods of the canary are new, and their latency decides after two minutes of traffic',
};

/** Why a broken limit holds, and what that means. */
export function describeHold(why: HoldReason): string {
  return WHY[why];
}
