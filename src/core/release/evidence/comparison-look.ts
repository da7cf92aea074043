// What the comparison at one look means for the release: a verdict beside the checks, and which breach of a check may act.

import type { CheckMetric } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../../../api/release.ts';
import type { CheckResult } from '../../analysis/checks.ts';
import type { Judgement } from '../../analysis/comparison/judgement.ts';
import { describeAllowed, describeComparison, describeMismatch, describeUpper, requestsNeeded } from '../../analysis/comparison/words.ts';
import type { LookReading } from '../../analysis/reading.ts';

/** Name of the comparison in `status.checks`. */
export const COMPARISON = 'comparison';

/** Share of the canary after the next raise, 0..1: the next stage's, or everything. */
export function nextShareOf(spec: CanaryReleaseSpec, status: CanaryReleaseStatus): number {
  const next = spec.stages[(status.release?.stageIndex ?? 0) + 1];
  return Math.max(next?.weight ?? 100, status.weight ?? 0, 1) / 100;
}

/** The comparison as one more check; undefined where nothing is compared. */
export function compareAtLook(spec: CanaryReleaseSpec, look: LookReading): CheckResult | undefined {
  const { comparison } = look;
  if (comparison === undefined || spec.analysis.comparison.mode === 'Off') return undefined;
  const limit = `<= ${spec.analysis.comparison.riskBudget} of all traffic at risk`;
  if (comparison.kind === 'unavailable') return { name: COMPARISON, verdict: 'Unavailable', limit, message: comparison.message };
  if (comparison.kind !== 'facts') return { name: COMPARISON, verdict: 'Inconclusive', limit, message: comparison.message };
  return withoutTraffic(describe(comparison.facts), look);
}

/** What was earned earlier says nothing of a version that answers nobody now: that proves nothing, so it raises nothing (rule 6). */
function withoutTraffic(result: CheckResult, { requests, servingRequests }: LookReading): CheckResult {
  if (result.verdict !== 'Pass' || (requests.kind === 'facts' && servingRequests !== 0)) return result;
  const message = requests.kind === 'facts' ? 'no request of the serving version in the window' : requests.message;
  return { ...result, verdict: 'Inconclusive', message };
}

function describe(judgement: Judgement): CheckResult {
  const { canary } = judgement;
  return {
    name: COMPARISON,
    verdict: verdictOf(judgement),
    value: describeUpper(judgement),
    limit: describeAllowed(judgement),
    requests: canary.requests,
    needed: requestsNeeded(judgement),
    message:
      judgement.finding === 'mismatch' ? `${describeMismatch(judgement)}; ${describeComparison(judgement)}` : describeComparison(judgement),
  };
}

function verdictOf({ finding }: Judgement): CheckResult['verdict'] {
  switch (finding) {
    case 'worse':
      return 'Fail';
    case 'earned':
      return 'Pass';
    case 'mismatch':
    case 'unproven':
      return 'Inconclusive';
  }
}

/** Does the comparison act, or is it only told? */
export function isComparisonEnforced(spec: CanaryReleaseSpec): boolean {
  return spec.analysis.comparison.mode === 'Enforce';
}

/** Whether the comparison speaks about the same thing as a check of this metric. */
const COMPARABLE: Readonly<Record<CheckMetric, boolean>> = { ErrorRatio: true, ClientErrorRatio: true, Latency: true, RequestRate: false };

/**
 * What a breach does at this look. `Auto`: what breaks a limit while serving has traffic may be an incident of both, and the
 * comparison, which tells the two apart, decides; where nothing is compared the limit is the only judge.
 */
export function breachOf(check: Check, spec: CanaryReleaseSpec, look: LookReading): 'Rollback' | 'Hold' | 'Observe' {
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

/** Does the gateway split the traffic otherwise than asked? Undefined where this look cannot tell. */
export function findMismatch(look: LookReading): boolean | undefined {
  return look.comparison?.kind === 'facts' ? look.comparison.facts.finding === 'mismatch' : undefined;
}
