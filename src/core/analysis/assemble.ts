// Puts one look together from what Prometheus answered: counts, histograms and problems, with nothing judged yet. Pure, so that
// the operator, a backtest and a test read the same samples in the same way.

import type { ArmSeries } from './comparison/cells.ts';
import type { Bucket } from './histogram.ts';
import { countIncrements, type History, type Span } from './increments.ts';
import type { OutcomeOf } from './outcome.ts';
import type { Evidence, RequestCounts, ServingCounts } from './reading.ts';
import type { Series } from './series.ts';

/** Why an answer is no evidence. */
export type Problem = Exclude<Evidence<never>, { readonly kind: 'facts' }>;

/** Raw series of one question, or why there are none. */
export interface Answers {
  readonly series: readonly Series[];
  readonly problem?: Problem;
}

/** Raw buckets, or why there are none. `perSecond`: what one second is in their unit. */
export type Timed = { readonly kind: 'series'; readonly series: readonly Series[]; readonly perSecond: number } | Problem;

/** What a look knows of the requests. */
export interface Counts {
  readonly canary: readonly Series[];
  /** Those of the canary that are compared with serving's; absent: all of them. */
  readonly compared?: readonly Series[];
  readonly serving: readonly Series[];
  /** Series whose sample times show when the gateway is scraped: the canary's, else the serving backend's. */
  readonly seen: readonly Series[];
  /** Lost: a series without a sample before the span is no new one, so its first value says nothing. */
  readonly history: History;
  readonly problem?: Problem;
  /** Set where the series are of several clusters, which is a problem as well: what was found, and the setting that separates them. */
  readonly mixed?: string;
  /** The serving backend could not be read, which concerns the comparison only. */
  readonly servingProblem?: Problem;
}

/** Canary requests of a span by class. @param source name for the message */
export function countRequests(counts: Counts, outcomeOf: OutcomeOf, span: Span, source: string): Evidence<RequestCounts> {
  if (counts.problem !== undefined) return counts.problem;
  const sums = sumOutcomes(counts.canary, outcomeOf, span, counts.history);
  const requests = sums.success + sums.clientError + sums.serverError;
  if (requests <= 0)
    return counts.seen.length === 0
      ? { kind: 'noData', message: `Prometheus has no series of either backend (source ${source}); is the gateway scraped?` }
      : { kind: 'noTraffic', message: 'no canary request in the window' };
  return {
    kind: 'facts',
    facts: {
      requests: Math.round(requests),
      serverErrors: Math.round(sums.serverError),
      clientErrors: Math.round(sums.clientError),
      spanSeconds: (span.toMs - span.fromMs) / 1_000,
    },
  };
}

/** Requests of serving in a span by class and, where buckets are given, latency; undefined without any. */
export function readServing(
  serving: readonly Series[],
  timed: Timed | undefined,
  outcomeOf: OutcomeOf,
  { span, history }: { readonly span: Span; readonly history: History },
): ServingCounts | undefined {
  const sums = sumOutcomes(serving, outcomeOf, span, history);
  const requests = Math.round(sums.success + sums.clientError + sums.serverError);
  if (requests === 0) return undefined;
  const latency = timed?.kind === 'series' ? sumBuckets(timed.series, span, timed.perSecond, history) : [];
  return {
    requests: {
      requests,
      serverErrors: Math.round(sums.serverError),
      clientErrors: Math.round(sums.clientError),
      spanSeconds: (span.toMs - span.fromMs) / 1_000,
    },
    ...(latency.length === 0 ? {} : { latency }),
  };
}

/** All requests of some series in a span. */
export function totalRequests(series: readonly Series[], outcomeOf: OutcomeOf, span: Span, history: History): number {
  const sums = sumOutcomes(series, outcomeOf, span, history);
  return Math.round(sums.success + sums.clientError + sums.serverError);
}

/** Answers of 500 and above of some series in a span. */
export function totalErrors(series: readonly Series[], outcomeOf: OutcomeOf, span: Span, history: History): number {
  return Math.round(sumOutcomes(series, outcomeOf, span, history).serverError);
}

function sumOutcomes(series: readonly Series[], outcomeOf: OutcomeOf, span: Span, history: History): Record<ReturnType<OutcomeOf>, number> {
  const sums = { success: 0, clientError: 0, serverError: 0, ignore: 0 };
  for (const { labels, samples } of series) sums[outcomeOf(labels)] += countIncrements(samples, span, history);
  return sums;
}

/** Canary requests of a span by latency, seconds. */
export function readLatency(timed: Timed, span: Span, history: History): Evidence<readonly Bucket[]> {
  if (timed.kind !== 'series') return timed;
  const buckets = sumBuckets(timed.series, span, timed.perSecond, history);
  return buckets.length === 0
    ? { kind: 'noTraffic', message: 'no canary request was timed in the window' }
    : { kind: 'facts', facts: buckets };
}

function sumBuckets(series: readonly Series[], span: Span, perSecond: number, history: History): readonly Bucket[] {
  const sums = new Map<number, number>();
  for (const { labels, samples } of series) {
    const le = labels['le'];
    const upper = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le) / perSecond;
    if (le === undefined || Number.isNaN(upper)) continue;
    sums.set(upper, (sums.get(upper) ?? 0) + countIncrements(samples, span, history));
  }
  return [...sums].map(([upper, count]) => ({ upper, count })).sort((a, b) => a.upper - b.upper);
}

/** One arm for the comparison; without a histogram it is compared by its answers alone. */
export function toArm(counts: readonly Series[], timed: Timed | undefined): ArmSeries {
  return timed?.kind === 'series' ? { counts, latency: timed.series, perSecond: timed.perSecond } : { counts, latency: [], perSecond: 1 };
}

/** The one number of an own query. */
export function readScalar(series: readonly Series[], check: string): Evidence<number> {
  const [first, second] = series;
  if (first === undefined)
    return {
      kind: 'noData',
      message: `check ${check}: the query returned nothing; if that means that all is well, add "or vector(0)" to it`,
    };
  if (second !== undefined)
    return {
      kind: 'unusable',
      message: `check ${check}: the query returned ${series.length} series; aggregate it to one, for example with sum()`,
    };
  const value = first.samples.at(-1)?.value;
  if (value === undefined || !Number.isFinite(value)) return { kind: 'noData', message: `check ${check}: the query returned no number` };
  return { kind: 'facts', facts: value };
}
