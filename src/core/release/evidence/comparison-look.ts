// What the comparison at one look means for the release: a verdict beside the checks, and which breach of a check may act.

import { withoutUndefined } from '../../../api/absence.ts';
import { parseDuration } from '../../../api/duration.ts';
import type { Verdict } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import type { CheckResult } from '../../analysis/checks.ts';
import type { Finding, Judgement, NextRaise } from '../../analysis/comparison/judgement.ts';
import { riskBudgetOf } from '../../analysis/comparison/settings.ts';
import {
  describeAllowed,
  describeComparison,
  describeFigures,
  describeMismatch,
  describeValue,
  requestsNeeded,
  roundPercent,
} from '../../analysis/comparison/words.ts';
import type { LookCounts, LookReading } from '../../analysis/reading.ts';

/** Name of the comparison in `status.checks`. */
export const COMPARISON = 'comparison';

/** What `status.checks` says of the comparison while a cohort silences it. */
export const SILENCED_BY_COHORT = 'not compared: requests of the cohort are counted with the others; the checks decide';

/** What counts as the next stage before everything is given, at least. */
const LEAST_BEFORE_ALL_MS = 10 * 60_000;

/** The next raise: to the next stage, or to everything. */
export function nextRaiseOf(spec: CanaryReleaseSpec, status: CanaryReleaseStatus): NextRaise {
  return raiseAfter(spec, status.release?.stageIndex ?? 0, status.weight ?? 0);
}

/** The raise after a stage. @param weight of the canary now; a raise is never to less */
export function raiseAfter({ stages }: Pick<CanaryReleaseSpec, 'stages'>, index: number, weight: number): NextRaise {
  const next = stages[index + 1];
  const lastsMs = parseDuration((next ?? stages.at(-1))?.duration ?? '0s');
  return {
    share: Math.max(next?.weight ?? 100, weight, 1) / 100,
    lastsMs: next === undefined || next.weight === 100 ? Math.max(LEAST_BEFORE_ALL_MS, lastsMs) : lastsMs,
  };
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
  const limit = `<= ${describeBudget(spec)}`;
  if (comparison?.kind !== 'facts') return { name: COMPARISON, verdict, limit, ...withoutUndefined({ message: comparison?.message }) };
  const said = describe(comparison.facts);
  const missing = comparison.facts.finding === 'earned' ? findMissingTraffic(look) : undefined;
  return { ...said, verdict, message: missing ?? said.message };
}

/** `0.5% of all traffic or 10 requests at risk`. */
function describeBudget(spec: CanaryReleaseSpec): string {
  const { ratio, requests } = riskBudgetOf(spec);
  return `${roundPercent(ratio)} of all traffic${requests === 0 ? '' : ` or ${requests} requests`} at risk`;
}

function describe(judgement: Judgement) {
  const said = describeComparison(judgement);
  return {
    name: COMPARISON,
    value: describeValue(judgement),
    limit: describeAllowed(judgement),
    requests: judgement.canary.requests,
    needed: requestsNeeded(judgement),
    figures: describeFigures(judgement),
    message: judgement.finding === 'mismatch' ? `${describeMismatch(judgement)}; ${said}` : said,
  };
}

/** Does the comparison act, or is it only reported? */
export function isComparisonEnforced(spec: CanaryReleaseSpec): boolean {
  return spec.analysis.comparison.mode === 'Enforce';
}

/** The next weight is earned by a number of requests that may fail: a share would have needed more of them than come. */
export function earnsByRequests(spec: CanaryReleaseSpec, { comparison }: LookCounts): boolean {
  return (
    isComparisonEnforced(spec) &&
    comparison?.kind === 'facts' &&
    comparison.facts.finding === 'earned' &&
    comparison.facts.budget === 'requests'
  );
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
