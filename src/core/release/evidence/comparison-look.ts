// What the comparison at one look means for the release: a verdict beside the checks, and which breach of a check may act.

import { withoutUndefined } from '../../../api/absence.ts';
import type { CheckMetric, Verdict } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../../../api/release.ts';
import type { CheckResult } from '../../analysis/checks.ts';
import type { Finding, Judgement } from '../../analysis/comparison/judgement.ts';
import { describeAllowed, describeComparison, describeMismatch, describeUpper, requestsNeeded } from '../../analysis/comparison/words.ts';
import type { LookCounts, LookReading } from '../../analysis/reading.ts';

/** Name of the comparison in `status.checks`. */
export const COMPARISON = 'comparison';

/** Share of the canary after the next raise, 0..1: the next stage's, or everything. */
export function nextShareOf(spec: CanaryReleaseSpec, status: CanaryReleaseStatus): number {
  const next = spec.stages[(status.release?.stageIndex ?? 0) + 1];
  return Math.max(next?.weight ?? 100, status.weight ?? 0, 1) / 100;
}

/** The comparison as one more check; undefined where nothing is compared. What it says takes more than its verdict: all that was read. */
export function compareAtLook(
  spec: CanaryReleaseSpec,
  look: LookCounts,
): { readonly verdict: Verdict; readonly tell: (whole: LookReading) => CheckResult } | undefined {
  if (look.comparison === undefined || spec.analysis.comparison.mode === 'Off') return undefined;
  const verdict = verdictOf(look.comparison, look);
  return { verdict, tell: (whole) => tellComparison(spec, whole, verdict) };
}

function verdictOf(comparison: NonNullable<LookCounts['comparison']>, look: LookCounts): Verdict {
  if (comparison.kind === 'unavailable') return 'Unavailable';
  if (comparison.kind !== 'facts') return 'Inconclusive';
  const verdict = VERDICTS[comparison.facts.finding];
  return verdict === 'Pass' && findMissingTraffic(look) !== undefined ? 'Inconclusive' : verdict;
}

const VERDICTS: Readonly<Record<Finding, Verdict>> = { worse: 'Fail', earned: 'Pass', mismatch: 'Inconclusive', unproven: 'Inconclusive' };

/** What was earned earlier says nothing of a version that answers no request now: that proves nothing, so it raises nothing (rule 6). */
function findMissingTraffic({ requests, servingRequests }: LookCounts): string | undefined {
  if (requests.kind !== 'facts') return requests.message;
  return servingRequests === 0 ? 'no request of the serving version in the window' : undefined;
}

function tellComparison(spec: CanaryReleaseSpec, look: LookReading, verdict: Verdict): CheckResult {
  const { comparison } = look;
  const limit = `<= ${spec.analysis.comparison.riskBudget} of all traffic at risk`;
  if (comparison?.kind !== 'facts') return { name: COMPARISON, verdict, limit, ...withoutUndefined({ message: comparison?.message }) };
  const said = describe(comparison.facts);
  const missing = comparison.facts.finding === 'earned' ? findMissingTraffic(look) : undefined;
  return { ...said, verdict, message: missing ?? said.message };
}

function describe(judgement: Judgement) {
  const said = describeComparison(judgement);
  return {
    name: COMPARISON,
    value: describeUpper(judgement),
    limit: describeAllowed(judgement),
    requests: judgement.canary.requests,
    needed: requestsNeeded(judgement),
    message: judgement.finding === 'mismatch' ? `${describeMismatch(judgement)}; ${said}` : said,
  };
}

/** Does the comparison act, or is it only reported? */
export function isComparisonEnforced(spec: CanaryReleaseSpec): boolean {
  return spec.analysis.comparison.mode === 'Enforce';
}

/** Whether the comparison speaks about the same thing as a check of this metric. */
const COMPARABLE: Readonly<Record<CheckMetric, boolean>> = { ErrorRatio: true, ClientErrorRatio: true, Latency: true, RequestRate: false };

/**
 * What a breach does at this look. `Auto`: what breaks a limit while serving has traffic may be an incident of both, and the
 * comparison, which distinguishes the two, decides; where nothing is compared the limit is the only judge.
 */
export function breachOf(check: Check, spec: CanaryReleaseSpec, look: LookCounts): 'Rollback' | 'Hold' | 'Observe' {
  if (check.onBreach !== 'Auto') return check.onBreach;
  const kind = look.comparison?.kind;
  // A comparison that is reading its past, or whose answer is not whole, will speak: until then the limit alone does not decide.
  const speaks = kind === 'facts' || kind === 'partial';
  const compared = isComparisonEnforced(spec) && speaks && look.servingRequests !== 0;
  return compared && check.metric !== undefined && COMPARABLE[check.metric] ? 'Hold' : 'Rollback';
}

/** The word under which a failed comparison is remembered: the metric that convicted. */
export function reasonOf(look: LookReading): 'ErrorRatio' | 'ClientErrorRatio' | 'Latency' {
  const strongest = look.comparison?.kind === 'facts' ? look.comparison.facts.strongest : 'errors';
  if (strongest === 'errors') return 'ErrorRatio';
  return strongest === 'clientErrors' ? 'ClientErrorRatio' : 'Latency';
}

/** Does the gateway split the traffic differently from the weights? Undefined where this look cannot show it. */
export function findMismatch(look: LookCounts): boolean | undefined {
  return look.comparison?.kind === 'facts' ? look.comparison.facts.finding === 'mismatch' : undefined;
}
