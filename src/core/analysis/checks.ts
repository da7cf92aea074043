// One check at one look: an absolute limit, judged by the look's own counts. It fails only when the 99% bound of those counts
// breaks the limit, it passes only when the value keeps the limit; between the two, and without evidence, it is Inconclusive.

import type { Verdict } from '../../api/names.ts';
import { oncePer } from '../../api/once.ts';
import { formatPercent, parseLimit, parseQuantile } from '../../api/quantity.ts';
import type { Check } from '../../api/release.ts';
import { provenAbove, provenBelow, rateProven } from './bounds.ts';
import { countSlower, estimateQuantile, findProblem, type Bucket } from './histogram.ts';
import type { Evidence, LookCounts, RequestCounts, ServingCounts, SourceReading } from './reading.ts';

/** What one check says at one look. `value` is rounded text for people. */
export interface CheckResult {
  readonly name: string;
  readonly verdict: Verdict;
  readonly value?: string;
  /** The same of the serving version in the same time, where it was read. */
  readonly serving?: string;
  readonly limit: string;
  readonly requests?: number;
  /** Requests that a Pass needs altogether, as it looks now. */
  readonly needed?: number;
  /** Why it is Inconclusive or Unavailable. */
  readonly message?: string;
  /** The numbers behind the message. */
  readonly figures?: string;
}

interface Limits {
  readonly max?: number;
  readonly min?: number;
}

/** What the numbers say of a limit: kept or not, and is it proven broken? */
interface Finding {
  readonly value: () => string;
  readonly kept: boolean;
  readonly broken: boolean;
  readonly requests?: number;
  /** The one of several sources whose value it is. */
  readonly source?: SourceReading;
}

/** A check that was judged. Its words are written where they are read: of many looks only the last one is read. */
export interface JudgedCheck {
  readonly verdict: Verdict;
  readonly tell: () => CheckResult;
}

/** Judges one check on one look. */
export function judgeCheck(check: Check, look: LookCounts): JudgedCheck {
  const evidence = findingOf(check, look);
  const verdict = verdictOf(evidence);
  return { verdict, tell: () => tellCheck(check, evidence, verdict, look.serving) };
}

function verdictOf(evidence: Evidence<Finding>): Verdict {
  if (evidence.kind === 'unavailable') return 'Unavailable';
  if (evidence.kind !== 'facts') return 'Inconclusive';
  const { kept, broken } = evidence.facts;
  return broken ? 'Fail' : kept ? 'Pass' : 'Inconclusive';
}

function tellCheck(check: Check, evidence: Evidence<Finding>, verdict: Verdict, all: ServingCounts | undefined): CheckResult {
  const said = { name: check.name, verdict, limit: describeLimit(check) };
  if (evidence.kind !== 'facts') return { ...said, message: evidence.message };
  const { requests, source } = evidence.facts;
  const value = evidence.facts.value();
  // Buckets of one source say nothing of another's.
  const counts = source === undefined ? all : source.serving;
  const serving = counts === undefined ? undefined : describeServing(check, counts);
  return {
    ...said,
    value,
    ...(serving === undefined ? {} : { serving }),
    ...(requests === undefined ? {} : { requests: Math.round(requests) }),
    ...(verdict === 'Inconclusive' ? { message: `${value} is outside ${said.limit}, but the counts do not prove it yet` } : {}),
  };
}

/** What the serving version did in the same time, as rounded text; undefined for an own query, and where its latencies cannot be read. */
function describeServing(check: Check, { requests: counts, latency }: ServingCounts): string | undefined {
  if (check.metric === undefined) return undefined;
  switch (check.metric) {
    case 'ErrorRatio':
      return counts.requests > 0 ? formatPercent(counts.serverErrors / counts.requests, 2) : undefined;
    case 'ClientErrorRatio':
      return counts.requests > 0 ? formatPercent(counts.clientErrors / counts.requests, 2) : undefined;
    case 'RequestRate':
      return judgeRate(counts, {}).value();
    case 'Latency':
      return describeServingLatency(latency, parseQuantile(check.quantile ?? '0.99'));
  }
}

function describeServingLatency(latency: readonly Bucket[] | undefined, quantile: number): string | undefined {
  const found = judgeLatency(latency === undefined ? undefined : { kind: 'facts', facts: latency }, quantile, {});
  return found.kind === 'facts' ? found.facts.value() : undefined;
}

/** The limit in words, `<= 1%`. */
export function describeLimit(check: Pick<Check, 'max' | 'min'>): string {
  const parts = [...(check.min === undefined ? [] : [`>= ${check.min}`]), ...(check.max === undefined ? [] : [`<= ${check.max}`])];
  return parts.join(' and ');
}

function findingOf(check: Check, look: LookCounts): Evidence<Finding> {
  const limits = limitsOf(check);
  if (check.metric === undefined) return mapFacts(look.own[check.name] ?? missing(check), (value) => judgeValue(value, limits));
  switch (check.metric) {
    case 'ErrorRatio':
      return mapFacts(requestsOf(look), (counts) => judgeRatio(counts.serverErrors, counts.requests, limits));
    case 'ClientErrorRatio':
      return mapFacts(requestsOf(look), (counts) => judgeRatio(counts.clientErrors, counts.requests, limits));
    case 'RequestRate':
      return mapFacts(requestsOf(look), (counts) => judgeRate(counts, limits));
    case 'Latency':
      return latencyOf(check, look, limits);
  }
}

/** Of several sources each is judged by its own buckets, and the worst decides; one that timed nothing has no say. */
function latencyOf(check: Check, { latency, sources }: LookCounts, limits: Limits): Evidence<Finding> {
  const quantile = parseQuantile(check.quantile ?? '0.99');
  if (sources === undefined) return judgeLatency(latency, quantile, limits);
  const all = sources.map((source) => ({ source, evidence: judgeLatency(source.latency, quantile, limits) }));
  const heard = all.filter(({ evidence }) => evidence.kind !== 'noTraffic');
  const [worst] = heard.toSorted((one, other) => gravityOf(other.evidence) - gravityOf(one.evidence));
  if (worst === undefined) return { kind: 'noTraffic', message: 'no canary request was timed in the window' };
  return mapFacts(worst.evidence, (finding) => ({
    ...finding,
    value: () => `${finding.value()} at ${worst.source.source}`,
    source: worst.source,
  }));
}

/** The graver verdict of two decides. */
export const GRAVITY: Readonly<Record<Verdict, number>> = { Pass: 0, Inconclusive: 1, Unavailable: 2, Fail: 3 };

function gravityOf(evidence: Evidence<Finding>): number {
  return GRAVITY[verdictOf(evidence)];
}

/** How serving stands to a limit, judged by the same bound in the same time. `unsure`: neither is proven. */
export type ServingVerdict = 'keeps' | 'breaks' | 'unsure';

/** Judges serving by the limit of a check. */
export function judgeServing(check: Check, { requests, latency }: ServingCounts): ServingVerdict {
  if (check.metric === undefined) return 'unsure';
  const limits = limitsOf(check);
  switch (check.metric) {
    case 'RequestRate':
      return 'unsure';
    case 'ErrorRatio':
      return standing(limits, requests.serverErrors, requests.requests);
    case 'ClientErrorRatio':
      return standing(limits, requests.clientErrors, requests.requests);
    case 'Latency':
      return latency === undefined ? 'unsure' : standingOfLatency(limits, latency, parseQuantile(check.quantile ?? '0.99'));
  }
}

/** The same for latencies of several sources: it counts how serving stands where the canary breaks the limit. */
export function judgeServingApart(check: Check, sources: readonly SourceReading[]): ServingVerdict {
  const limits = limitsOf(check);
  const broken = sources.filter(
    ({ latency }) => gravityOf(judgeLatency(latency, parseQuantile(check.quantile ?? '0.99'), limits)) === GRAVITY.Fail,
  );
  const verdicts = broken.map(({ serving }) => (serving === undefined ? 'unsure' : judgeServing(check, serving)));
  if (verdicts.includes('keeps')) return 'keeps';
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'breaks') ? 'breaks' : 'unsure';
}

function standing(limits: Limits, hits: number, requests: number): ServingVerdict {
  return verdictBetween(limits, {
    below: (limit) => provenBelow(hits, requests, limit),
    above: (limit) => provenAbove(hits, requests, limit),
  });
}

/** A quantile keeps a limit when the share of slower requests does. */
function standingOfLatency(limits: Limits, buckets: readonly Bucket[], quantile: number): ServingVerdict {
  if (findProblem(buckets) !== undefined) return 'unsure';
  const trials = Math.round(buckets.at(-1)?.count ?? 0);
  // Above the largest bound nothing is known.
  if (Math.max(limits.max ?? 0, limits.min ?? 0) > (buckets.at(-2)?.upper ?? 0)) return 'unsure';
  return verdictBetween(limits, {
    below: (limit) => provenBelow(Math.ceil(countSlower(buckets, limit)), trials, 1 - quantile),
    above: (limit) => provenAbove(Math.floor(countSlower(buckets, limit)), trials, 1 - quantile),
  });
}

interface Bounds {
  readonly below: (limit: number) => boolean;
  readonly above: (limit: number) => boolean;
}

function verdictBetween(limits: Limits, { below, above }: Bounds): ServingVerdict {
  if (isBroken(limits, { above, below })) return 'breaks';
  const { max, min } = limits;
  return (max === undefined || below(max)) && (min === undefined || above(min)) ? 'keeps' : 'unsure';
}

/** Counts of 0 requests are no traffic, whoever made them: a ratio of them is no number. */
function requestsOf({ requests }: LookCounts): Evidence<RequestCounts> {
  if (requests.kind !== 'facts' || requests.facts.requests > 0) return requests;
  return { kind: 'noTraffic', message: 'no canary request in the window' };
}

function missing(check: Check): Evidence<never> {
  return { kind: 'noData', message: `the query of check ${check.name} was not asked at this evaluation` };
}

const limitsOf = oncePer(
  ({ max, min }: Check): Limits => ({
    ...(max === undefined ? {} : { max: parseLimit(max).value }),
    ...(min === undefined ? {} : { min: parseLimit(min).value }),
  }),
);

function mapFacts<From, To>(evidence: Evidence<From>, map: (facts: From) => To): Evidence<To> {
  return evidence.kind === 'facts' ? { kind: 'facts', facts: map(evidence.facts) } : evidence;
}

function within(value: number, limits: Limits): boolean {
  return value <= (limits.max ?? Number.POSITIVE_INFINITY) && value >= (limits.min ?? Number.NEGATIVE_INFINITY);
}

/** Do the counts prove that the value lies beyond a limit? */
function isBroken(
  { max, min }: Limits,
  proven: { readonly above: (max: number) => boolean; readonly below: (min: number) => boolean },
): boolean {
  return (max !== undefined && proven.above(max)) || (min !== undefined && proven.below(min));
}

function judgeRatio(hits: number, requests: number, limits: Limits): Finding {
  const ratio = hits / requests;
  return {
    value: () => formatPercent(ratio, 2),
    kept: within(ratio, limits),
    broken: isBroken(limits, {
      above: (max) => provenAbove(hits, requests, max),
      below: (min) => provenBelow(hits, requests, min),
    }),
    requests,
  };
}

function judgeRate(counts: RequestCounts, limits: Limits): Finding {
  const { requests, spanSeconds } = counts;
  const rate = spanSeconds > 0 ? requests / spanSeconds : 0;
  return {
    value: () => `${roundShort(rate)}/s`,
    kept: within(rate, limits),
    broken: isBroken(limits, {
      above: (max) => rateProven('above', requests, max * spanSeconds),
      below: (min) => rateProven('below', requests, min * spanSeconds),
    }),
    requests,
  };
}

function judgeLatency(evidence: Evidence<readonly Bucket[]> | undefined, quantile: number, limits: Limits): Evidence<Finding> {
  if (evidence === undefined) return { kind: 'unusable', message: 'the metrics source has no latency histogram; use an own query' };
  if (evidence.kind !== 'facts') return evidence;
  const buckets = evidence.facts;
  const problem = findProblem(buckets);
  if (problem === 'noRequests') return { kind: 'noTraffic', message: 'no canary request was timed in the window' };
  if (problem !== undefined)
    return { kind: 'unusable', message: `the latency buckets cannot be read (${problem}); see the gateway's histogram settings` };
  return judgeQuantile(buckets, quantile, limits);
}

function judgeQuantile(buckets: readonly Bucket[], quantile: number, limits: Limits): Evidence<Finding> {
  const { max, min } = limits;
  const total = buckets.at(-1)?.count ?? 0;
  const value = estimateQuantile(buckets, quantile);
  const { upper: finite, count: below } = buckets.at(-2) ?? { upper: 0, count: 0 };
  const beyond = value >= finite && quantile * total > below;
  if (beyond && Math.max(max ?? 0, min ?? 0) > finite)
    return {
      kind: 'unusable',
      message: `the quantile lies beyond the last bucket (${formatSeconds(finite)}), so the limit cannot be judged; add buckets`,
    };
  // Above the last bound nothing is known: for a lower limit there every request of the last bucket may be slower.
  const mayBeSlower = (limit: number) => (limit > finite ? total - below : countSlower(buckets, limit));
  const [trials, allowed] = [Math.round(total), 1 - quantile];
  return {
    kind: 'facts',
    facts: {
      value: () => `${beyond ? 'over ' : ''}${formatSeconds(value)}`,
      kept: within(value, limits) && !(beyond && max !== undefined),
      broken: isBroken(limits, {
        above: (limit) => provenAbove(Math.floor(countSlower(buckets, limit)), trials, allowed),
        below: (limit) => provenBelow(Math.ceil(mayBeSlower(limit)), trials, allowed),
      }),
      requests: total,
    },
  };
}

/** An own query has no counts: its value alone decides, and `consecutive` is its guard against noise. */
function judgeValue(value: number, limits: Limits): Finding {
  const kept = within(value, limits);
  return { value: () => roundShort(value), kept, broken: !kept };
}

function roundShort(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${roundShort(seconds * 1_000)}ms` : `${roundShort(seconds)}s`;
}
