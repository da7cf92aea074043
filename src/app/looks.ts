// Reads one look from Prometheus: which queries a release needs, and what their raw samples say. Judging is the core's.

import { parseDuration } from '../api/duration.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../api/release.ts';
import type { Bucket } from '../core/analysis/histogram.ts';
import { countIncrements, historyOf, newestSampleAt, scrapeIntervalOf, type History, type Span } from '../core/analysis/increments.ts';
import type { Evidence, LookReading, RequestCounts } from '../core/analysis/reading.ts';
import type { Series } from '../core/analysis/series.ts';
import { promDuration, renderQuery } from '../core/analysis/template.ts';
import { fromTime } from '../core/release/times.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../ports/metrics.ts';
import type { Outcome } from '../sources/codes.ts';
import type { BackendIdentity, MetricsSource } from '../sources/source.ts';

/** A counter's base is looked for this far before the span, so that a late scrape does not make an old series look new. */
const BASE_SLACK_MS = 120_000;
/** No look asks for more than this. */
const LONGEST_RANGE_MS = 3_600_000;

/** What a look is about. */
export interface LookQuestion {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly namespace: string;
  readonly name: string;
  readonly target: MetricsTarget;
  /** Absent where only own queries judge. */
  readonly source: MetricsSource | undefined;
  readonly canary: readonly BackendIdentity[];
  readonly serving: readonly BackendIdentity[];
}

/**
 * Asks everything that one look at `atMs` needs, at the same time, and reads the answers.
 * @param previousMs time of the look before, where that one is asked in the same go; default: the last folded one
 */
export async function readLook(reader: MetricsReader, question: LookQuestion, atMs: number, previousMs?: number): Promise<LookReading> {
  const { spec, status } = question;
  const weight = status.weight ?? 0;
  const windowMs = parseDuration(spec.analysis.window);
  const began = fromTime(status.release?.shiftedAt) ?? fromTime(status.release?.startedAt) ?? atMs;
  const span: Span = { fromMs: Math.max(atMs - windowMs, Math.min(began, atMs)), toMs: atMs };
  const before = previousMs ?? fromTime(status.release?.lookGridAt) ?? began;
  const since = Math.max(before, fromTime(status.release?.stageStartedAt) ?? began);
  const rangeMs = Math.min(LONGEST_RANGE_MS, atMs - Math.min(span.fromMs, since, before) + BASE_SLACK_MS);
  const [counts, timed, own] = await Promise.all([
    askCounts(reader, question, weight, rangeMs, atMs),
    weight > 0 && needsLatency(spec.analysis.checks) ? askLatency(reader, question, rangeMs, atMs) : undefined,
    weight > 0 ? askOwn(reader, question, atMs) : {},
  ]);
  const newest = newestSampleAt(counts.seen, atMs);
  const scrape = scrapeIntervalOf(counts.seen);
  return {
    atMs,
    ...(newest === undefined ? {} : { newestSampleMs: newest }),
    ...(scrape === undefined ? {} : { scrapeIntervalMs: scrape }),
    requests: countRequests(counts, question.source, span),
    newRequests: totalRequests(counts, question.source, { fromMs: Math.min(since, atMs), toMs: atMs }),
    ...(question.source === undefined
      ? {}
      : { newErrors: totalErrors(counts, question.source, { fromMs: Math.min(before, atMs), toMs: atMs }) }),
    ...(timed === undefined ? {} : { latency: readLatency(timed, span, counts.history) }),
    own,
  };
}

function needsLatency(checks: readonly Check[]): boolean {
  return checks.some((check) => check.metric === 'Latency');
}

interface Counts {
  readonly canary: readonly Series[];
  /** Series whose sample times tell when the gateway is scraped: the canary's, else the serving backend's. */
  readonly seen: readonly Series[];
  /** Lost: a series without a sample before the span is no new one, so its first value says nothing. */
  readonly history: History;
  readonly problem?: Exclude<Evidence<never>, { kind: 'facts' }>;
}

async function askCounts(reader: MetricsReader, question: LookQuestion, weight: number, rangeMs: number, atMs: number): Promise<Counts> {
  const { source, target } = question;
  if (source === undefined)
    return {
      canary: [],
      seen: [],
      history: 'whole',
      problem: { kind: 'unusable', message: 'no metrics source counts requests; own queries judge alone' },
    };
  const ask = (backends: readonly BackendIdentity[]) =>
    askAll(
      reader,
      target,
      backends.map((backend) => source.requests(backend, rangeMs)),
      atMs,
    );
  const canary = weight > 0 ? await ask(question.canary) : undefined;
  const series = canary?.series ?? [];
  if (canary?.problem !== undefined) return { canary: [], seen: [], history: 'whole', problem: canary.problem };
  const knownMs = fromTime(question.status.release?.sampleAt);
  const whole = historyOf(series, knownMs) === 'whole';
  if (whole && series.length > 0) return { canary: series, seen: series, history: 'whole' };
  // The canary may be new, or Prometheus may have lost what it had: the serving backend was there all the time.
  const serving = await ask(question.serving);
  const history = serving.series.length === 0 ? 'whole' : historyOf(serving.series, knownMs);
  if (series.length > 0) return { canary: series, seen: series, history };
  return { canary: [], seen: serving.series, history, ...(serving.problem === undefined ? {} : { problem: serving.problem }) };
}

interface Answers {
  readonly series: readonly Series[];
  readonly problem?: Exclude<Evidence<never>, { kind: 'facts' }>;
}

async function askAll(reader: MetricsReader, target: MetricsTarget, queries: readonly string[], atMs: number): Promise<Answers> {
  const answers = await Promise.all([...new Set(queries)].map((query) => reader.query(target, query, atMs)));
  for (const answer of answers) {
    const problem = problemOf(answer);
    if (problem !== undefined) return { series: [], problem };
  }
  return { series: answers.flatMap((answer) => (answer.ok ? answer.series : [])) };
}

function problemOf(answer: MetricsAnswer): Answers['problem'] {
  if (!answer.ok) {
    return answer.kind === 'unavailable' ? { kind: 'unavailable', message: answer.message } : { kind: 'unusable', message: answer.message };
  }
  const warning = answer.warnings[0];
  return warning === undefined ? undefined : { kind: 'partial', message: `Prometheus warns that the answer is not whole: ${warning}` };
}

function countRequests(counts: Counts, source: MetricsSource | undefined, span: Span): Evidence<RequestCounts> {
  if (counts.problem !== undefined) return counts.problem;
  if (source === undefined) return { kind: 'unusable', message: 'no metrics source' };
  const sums = { success: 0, clientError: 0, serverError: 0, ignore: 0 };
  for (const { labels, samples } of counts.canary) sums[source.classify(labels)] += countIncrements(samples, span, counts.history);
  const requests = sums.success + sums.clientError + sums.serverError;
  if (requests <= 0)
    return counts.seen.length === 0
      ? { kind: 'noData', message: `Prometheus has no series of either backend (source ${source.name}); is the gateway scraped?` }
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

function totalRequests(counts: Counts, source: MetricsSource | undefined, span: Span): number {
  return totalOf(counts, source, span, (outcome) => outcome !== 'ignore');
}

function totalErrors(counts: Counts, source: MetricsSource | undefined, span: Span): number {
  return totalOf(counts, source, span, (outcome) => outcome === 'serverError');
}

function totalOf(
  { canary, history }: Counts,
  source: MetricsSource | undefined,
  span: Span,
  counted: (outcome: Outcome) => boolean,
): number {
  if (source === undefined) return 0;
  let total = 0;
  for (const { labels, samples } of canary) if (counted(source.classify(labels))) total += countIncrements(samples, span, history);
  return Math.round(total);
}

/** Raw buckets, or why there are none. */
type Timed =
  | { readonly kind: 'series'; readonly series: readonly Series[]; readonly perSecond: number }
  | Exclude<Evidence<never>, { kind: 'facts' }>;

async function askLatency(reader: MetricsReader, question: LookQuestion, rangeMs: number, atMs: number): Promise<Timed> {
  const { source, target, canary } = question;
  const asked = canary.flatMap((backend) => source?.latency?.(backend, rangeMs) ?? []);
  const unit = asked[0]?.unit;
  if (unit === undefined)
    return { kind: 'unusable', message: `metrics source ${source?.name ?? 'none'} has no latency histogram; use an own query` };
  const answers = await askAll(
    reader,
    target,
    asked.map(({ query }) => query),
    atMs,
  );
  return answers.problem ?? { kind: 'series', series: answers.series, perSecond: unit === 'ms' ? 1_000 : 1 };
}

function readLatency(timed: Timed, span: Span, history: History): Evidence<readonly Bucket[]> {
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

async function askOwn(reader: MetricsReader, question: LookQuestion, atMs: number): Promise<Readonly<Record<string, Evidence<number>>>> {
  const checks = question.spec.analysis.checks.filter((check) => check.query !== undefined);
  const entries = await Promise.all(checks.map(async (check) => [check.name, await askOne(reader, question, check, atMs)] as const));
  return Object.fromEntries(entries);
}

async function askOne(reader: MetricsReader, question: LookQuestion, check: Check, atMs: number): Promise<Evidence<number>> {
  const { spec, status, namespace, name, target } = question;
  const rendered = renderQuery(check.query ?? '', {
    namespace,
    release: name,
    canary: status.release?.canary.service ?? '',
    serving: status.release?.serving.service ?? '',
    revision: status.release?.revision ?? '',
    window: promDuration(parseDuration(spec.analysis.window)),
  });
  if (!rendered.ok) return { kind: 'unusable', message: `check ${check.name}: ${rendered.message}` };
  const answer = await reader.query(target, rendered.query, atMs);
  const problem = problemOf(answer);
  if (problem !== undefined) return problem;
  return readScalar(answer.ok ? answer.series : [], check.name);
}

function readScalar(series: readonly Series[], check: string): Evidence<number> {
  const [first, second] = series;
  if (first === undefined) return { kind: 'noData', message: `check ${check}: the query returned nothing` };
  if (second !== undefined)
    return {
      kind: 'unusable',
      message: `check ${check}: the query returned ${series.length} series; aggregate it to one, for example with sum()`,
    };
  const value = first.samples.at(-1)?.value;
  if (value === undefined || !Number.isFinite(value)) return { kind: 'noData', message: `check ${check}: the query returned no number` };
  return { kind: 'facts', facts: value };
}
