// The queries of looks and of the comparison: raw samples of one side, of both, or why there are none.

import { withoutUndefined } from '../../api/absence.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import { type Answers, type Counts, type Problem, type Timed, toArm } from '../../core/analysis/assemble.ts';
import type { ArmSeries } from '../../core/analysis/comparison/cells.ts';
import { historyOf, type History, type Span } from '../../core/analysis/increments.ts';
import type { OutcomeOf } from '../../core/analysis/outcome.ts';
import type { Series } from '../../core/analysis/series.ts';
import type { SplitSide } from '../../core/analysis/sequential/split.ts';
import { fromTime } from '../../api/times.ts';
import { asksForTraffic, canaryGetsTraffic } from '../../core/release/traffic.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../ports/metrics.ts';
import type { BackendIdentity, MetricsSource } from '../../sources/source.ts';

/** A counter's base is searched this far before the span, so that a late scrape does not make an old series appear new. */
export const BASE_SLACK_MS = 120_000;
/** The subject of a look. */
export interface LookQuestion {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly namespace: string;
  readonly name: string;
  readonly target: MetricsTarget;
  /** Absent where only the release's own queries are evaluated. */
  readonly source: MetricsSource | undefined;
  readonly canary: readonly BackendIdentity[];
  readonly serving: readonly BackendIdentity[];
  /** Which deviation from the share that was asked for says something about the gateway. */
  readonly splitSide: SplitSide;
}

/** Raw samples of both sides for the comparison, back to `fromMs`. */
export interface ArmsAsked {
  readonly kind: 'arms';
  readonly canary: ArmSeries;
  readonly serving: ArmSeries;
  readonly history: History;
  /** Samples from here on were asked for, Unix milliseconds. */
  readonly fromMs: number;
}

/** Whether the release compares and can: enabled, both sides with a share, a metrics source that counts. */
export function isCompared({ spec, status, source }: LookQuestion): boolean {
  const share = asksForTraffic(spec, status) && (status.weight ?? 0) < 100;
  return spec.analysis.comparison.mode !== 'Off' && source !== undefined && share;
}

/** How this question's source reads labels; without one nothing counts as a request. */
export function outcomesOf({ source }: LookQuestion): OutcomeOf {
  return (labels) => source?.classify(labels) ?? 'ignore';
}

/** Both sides count or none: a missing or incomplete histogram only leaves out the latency. */
export function toArms(counts: Counts, timed: Timed | undefined, servingTimed: Timed | undefined, fromMs: number): ArmsAsked | Problem {
  const problem = counts.problem ?? counts.servingProblem;
  if (problem !== undefined) return problem;
  const both = timed?.kind === 'series' && servingTimed?.kind === 'series';
  return {
    kind: 'arms',
    canary: toArm(counts.canary, both ? timed : undefined),
    serving: toArm(counts.serving, both ? servingTimed : undefined),
    history: counts.history,
    fromMs,
  };
}

/**
 * Raw samples of both sides between two times, for a comparison that starts again after a restart or has a gap.
 * `weight` does not matter: the canary may have had one then.
 */
export async function askArms(reader: MetricsReader, question: LookQuestion, span: Span): Promise<ArmsAsked | Problem> {
  const rangeMs = span.toMs - span.fromMs + BASE_SLACK_MS;
  const { source } = question;
  if (source === undefined) return { kind: 'unusable', message: 'no metrics source counts requests' };
  const [canary, serving, timed, servingTimed] = await Promise.all([
    askRequests(reader, question, source, question.canary, rangeMs, span.toMs),
    askRequests(reader, question, source, question.serving, rangeMs, span.toMs),
    // Serving alone, as before the release: then no buckets are missing.
    question.canary.length === 0 ? NO_BUCKETS : askLatency(reader, question, question.canary, rangeMs, span.toMs),
    askLatency(reader, question, question.serving, rangeMs, span.toMs),
  ]);
  const problem = canary.problem ?? serving.problem;
  const counts: Counts = {
    canary: canary.series,
    serving: serving.series,
    seen: canary.series,
    // A gap of all series before the span means lost data; a canary without samples there is new.
    history: serving.series.length === 0 ? 'whole' : historyOf(serving.series, span.fromMs),
    ...(problem === undefined ? {} : { problem }),
  };
  return toArms(counts, timed, servingTimed, span.fromMs);
}

const NO_ANSWERS: Answers = { series: [] };
const NO_BUCKETS: Timed = { kind: 'series', series: [], perSecond: 1 };
const NOTHING: Counts = { canary: [], serving: [], seen: [], history: 'whole' };
const NO_COUNTER: Problem = {
  kind: 'unusable',
  message: 'no metrics source counts requests; only the queries in spec.analysis.checks are evaluated',
};

/** Counters of the canary, and of serving where they are compared or say when the gateway is scraped. */
export async function askCounts(reader: MetricsReader, question: LookQuestion, rangeMs: number, atMs: number): Promise<Counts> {
  const { source, spec, status } = question;
  if (source === undefined) return { ...NOTHING, problem: NO_COUNTER };
  const ask = (backends: readonly BackendIdentity[]) => askRequests(reader, question, source, backends, rangeMs, atMs);
  const [{ series, problem }, compared] = await Promise.all([
    canaryGetsTraffic(spec, status) ? ask(question.canary) : NO_ANSWERS,
    isCompared(question) ? ask(question.serving) : undefined,
  ]);
  if (problem !== undefined) return { ...NOTHING, problem };
  const knownMs = fromTime(status.release?.sampleAt);
  if (series.length > 0 && historyOf(series, knownMs) === 'whole')
    return { canary: series, seen: series, history: 'whole', ...servingOf(compared ?? NO_ANSWERS) };
  return countBeside(compared ?? (await ask(question.serving)), series, knownMs);
}

/** The canary may be new, or Prometheus may have lost what it had: the serving backend shows which, because it existed all the time. */
function countBeside(serving: Answers, canary: readonly Series[], knownMs: number | undefined): Counts {
  const history = serving.series.length === 0 ? 'whole' : historyOf(serving.series, knownMs);
  if (canary.length > 0) return { canary, seen: canary, history, ...servingOf(serving) };
  return { canary, serving: serving.series, seen: serving.series, history, ...withoutUndefined({ problem: serving.problem }) };
}

function servingOf({ series, problem }: Answers): Pick<Counts, 'serving' | 'servingProblem'> {
  return problem === undefined ? { serving: series } : { serving: [], servingProblem: problem };
}

/** Request counters of these backends. */
async function askRequests(
  reader: MetricsReader,
  { target }: LookQuestion,
  source: MetricsSource,
  backends: readonly BackendIdentity[],
  rangeMs: number,
  atMs: number,
): Promise<Answers> {
  const queries = backends.map((backend) => source.requests(backend, rangeMs));
  return askAll(reader, target, queries, atMs);
}

/** The series of all these queries together; equal ones are asked once. */
export async function askAll(reader: MetricsReader, target: MetricsTarget, queries: readonly string[], atMs: number): Promise<Answers> {
  const answers = await Promise.all([...new Set(queries)].map((query) => reader.query(target, query, atMs)));
  for (const answer of answers) {
    const problem = problemOf(answer);
    if (problem !== undefined) return { series: [], problem };
  }
  return { series: answers.flatMap((answer) => (answer.ok ? answer.series : [])) };
}

/** Why an answer is no evidence. */
export function problemOf(answer: MetricsAnswer): Problem | undefined {
  if (!answer.ok) {
    return answer.kind === 'unavailable' ? { kind: 'unavailable', message: answer.message } : { kind: 'unusable', message: answer.message };
  }
  const warning = answer.warnings[0];
  return warning === undefined ? undefined : { kind: 'partial', message: `Prometheus warns that the answer is incomplete: ${warning}` };
}

/** Latency buckets of one arm. */
export async function askLatency(
  reader: MetricsReader,
  { source, target }: LookQuestion,
  backends: readonly BackendIdentity[],
  rangeMs: number,
  atMs: number,
): Promise<Timed> {
  const asked = backends.flatMap((backend) => source?.latency?.(backend, rangeMs) ?? []);
  const unit = asked[0]?.unit;
  if (unit === undefined)
    return {
      kind: 'unusable',
      message: `metrics source ${source?.name ?? 'none'} has no latency histogram; use a check with a query of your own`,
    };
  const answers = await askAll(
    reader,
    target,
    asked.map(({ query }) => query),
    atMs,
  );
  return answers.problem ?? { kind: 'series', series: answers.series, perSecond: unit === 'ms' ? 1_000 : 1 };
}
