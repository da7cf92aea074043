// The queries of looks and of the comparison: raw samples of one side, of both, or why there are none.

import { withoutUndefined } from '../../api/absence.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import { type Answers, type Counts, type Problem, type Timed, toArm } from '../../core/analysis/assemble.ts';
import type { ArmSeries } from '../../core/analysis/comparison/cells.ts';
import { findReturned, withBases } from '../../core/analysis/births.ts';
import { historyOf, type History, type Span } from '../../core/analysis/increments.ts';
import { describeMixture, dropReplicas, findMixture } from '../../core/analysis/origins.ts';
import type { OutcomeOf } from '../../core/analysis/outcome.ts';
import type { Series } from '../../core/analysis/series.ts';
import { type BothSides, joinSides, type SidesOfSource, SOURCE_LABEL } from '../../core/analysis/sources-together.ts';
import type { SplitSide } from '../../core/analysis/sequential/split.ts';
import { fromTime } from '../../api/times.ts';
import { asksForTraffic, canaryGetsTraffic } from '../../core/release/traffic.ts';
import type { MetricsAnswer, MetricsReader, MetricsTarget } from '../../ports/metrics.ts';
import type { BackendIdentity, MetricsSource } from '../../sources/source.ts';

/** A counter's base is searched this far before the span, so that a late scrape does not make an old series appear new. */
export const BASE_SLACK_MS = 120_000;

/** A metrics source, and the backends that are asked of it. */
export interface SourcePart {
  readonly source: MetricsSource;
  readonly canary: readonly BackendIdentity[];
  /** The canary as rules for a cohort name it; absent where there are none. */
  readonly cohort?: readonly BackendIdentity[];
  readonly serving: readonly BackendIdentity[];
}

/** The subject of a look. */
export interface LookQuestion {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly namespace: string;
  readonly name: string;
  readonly target: MetricsTarget;
  /** Who counts the requests, one for each kind of gateway; empty where only the release's own queries are evaluated. */
  readonly parts: readonly SourcePart[];
  /** All backends of the release, whoever counts them. */
  readonly canary: readonly BackendIdentity[];
  readonly serving: readonly BackendIdentity[];
  /** Which deviation from the share that was asked for says something about the gateway. */
  readonly splitSide: SplitSide;
}

/** The question to one source. */
type PartQuestion = Pick<LookQuestion, 'spec' | 'status' | 'target'> & SourcePart;

/** Raw samples of both sides for the comparison, back to `fromMs`. */
export interface ArmsAsked {
  readonly kind: 'arms';
  readonly canary: ArmSeries;
  readonly serving: ArmSeries;
  readonly history: History;
  /** Samples from here on were asked for, Unix milliseconds. */
  readonly fromMs: number;
  /** The counters by source; absent where one source counts. */
  readonly apart?: readonly SidesOfSource[];
}

/** Whether the release compares and can: enabled, both sides with a share, a metrics source that counts them apart from a cohort. */
export function isCompared(question: LookQuestion): boolean {
  const { spec, status, parts } = question;
  const share = asksForTraffic(status) && (status.weight ?? 0) < 100;
  return spec.analysis.comparison.mode !== 'Off' && parts.length > 0 && share && !isSilencedByCohort(question);
}

/**
 * The canary's requests cannot be compared with serving's: those of the cohort are other people's, and they are counted with the others,
 * or are all that there are.
 */
export function isSilencedByCohort({
  spec,
  status: { weight = 0, release },
  parts,
}: Pick<LookQuestion, 'spec' | 'status' | 'parts'>): boolean {
  if (release?.cohort === undefined || spec.analysis.comparison.mode === 'Off' || parts.length === 0 || weight >= 100) return false;
  return weight === 0 || !countsCohortsApart(parts.map(({ source }) => source));
}

/** Do requests of a cohort have series of their own? */
export function countsCohortsApart(sources: readonly MetricsSource[]): boolean {
  return sources.length === 1 && sources.every(({ scope }) => scope === 'routeRule');
}

/** All of the canary's requests, which checks judge. */
export function canaryOf({ canary, cohort = [] }: Pick<SourcePart, 'canary' | 'cohort'>): readonly BackendIdentity[] {
  return [...canary, ...cohort];
}

/** How this question's sources read labels, each its own; without one nothing counts as a request. */
export function outcomesOf({ parts }: Pick<LookQuestion, 'parts'>): OutcomeOf {
  const [only, ...others] = parts;
  if (only === undefined) return () => 'ignore';
  if (others.length === 0) return (labels) => only.source.classify(labels);
  const byName = new Map(parts.map(({ source }) => [source.name, source]));
  return (labels) => byName.get(labels[SOURCE_LABEL] ?? '')?.classify(labels) ?? 'ignore';
}

/** The names of the sources, for messages. */
export function sourcesOf({ parts }: Pick<LookQuestion, 'parts'>): string {
  return parts.length === 0 ? 'none' : parts.map(({ source }) => source.name).join(' and ');
}

/** Both sides count or none: a missing or incomplete histogram only leaves out the latency. */
export function toArms(
  { counts, timed: all, comparedTimed: timed = all, servingTimed, apart }: BothSides,
  fromMs: number,
): ArmsAsked | Problem {
  const problem = counts.problem ?? counts.servingProblem;
  if (problem !== undefined) return problem;
  const both = timed?.kind === 'series' && servingTimed?.kind === 'series';
  return {
    kind: 'arms',
    canary: toArm(counts.compared ?? counts.canary, both ? timed : undefined),
    serving: toArm(counts.serving, both ? servingTimed : undefined),
    history: counts.history,
    fromMs,
    ...(apart === undefined ? {} : { apart }),
  };
}

/** Asks every source, and puts together what they say. @param fromMs no span that is counted begins earlier */
async function askParts(question: LookQuestion, fromMs: number, ask: (part: PartQuestion) => Promise<BothSides>): Promise<BothSides> {
  const { spec, status, target } = question;
  const asked = question.parts.map(async (part): Promise<SidesOfSource> => {
    const sides = settleReturns(await ask({ spec, status, target, ...part }), fromMs);
    return { ...sides, source: part.source.name };
  });
  const [first, ...others] = await Promise.all(asked);
  if (first !== undefined) return joinSides([first, ...others], fromMs);
  return { counts: { ...NOTHING, problem: NO_COUNTER }, timed: NO_COUNTER, servingTimed: undefined };
}

/**
 * Raw samples of both sides between two times, for a comparison that starts again after a restart or has a gap.
 * `weight` does not matter: the canary may have had one then.
 */
export async function askArms(reader: MetricsReader, question: LookQuestion, span: Span): Promise<ArmsAsked | Problem> {
  return toArms(await askParts(question, span.fromMs, (part) => askPast(reader, part, span)), span.fromMs);
}

async function askPast(reader: MetricsReader, part: PartQuestion, span: Span): Promise<BothSides> {
  const rangeMs = span.toMs - span.fromMs + BASE_SLACK_MS;
  const [canary, serving, timed, servingTimed] = await Promise.all([
    askRequests(reader, part, part.canary, rangeMs, span.toMs),
    askRequests(reader, part, part.serving, rangeMs, span.toMs),
    // Serving alone, as before the release: then no buckets are missing.
    part.canary.length === 0 ? NO_BUCKETS : askLatency(reader, part, part.canary, rangeMs, span.toMs),
    askLatency(reader, part, part.serving, rangeMs, span.toMs),
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
  return { counts: ofOneCluster(counts, []), timed, servingTimed };
}

/** What one look needs of the sources. */
export interface LookNeeds {
  /** No span that is counted begins earlier, Unix milliseconds. */
  readonly fromMs: number;
  readonly atMs: number;
  readonly rangeMs: number;
  /** Latency of the canary. */
  readonly times: boolean;
}

/** Counters and latencies of one look. */
export function askSides(reader: MetricsReader, question: LookQuestion, { fromMs, atMs, rangeMs, times }: LookNeeds): Promise<BothSides> {
  const compares = isCompared(question);
  return askParts(question, fromMs, async (part) => {
    const [counts, timed, comparedTimed, servingTimed] = await Promise.all([
      askCounts(reader, part, compares, rangeMs, atMs),
      times ? askLatency(reader, part, canaryOf(part), rangeMs, atMs) : undefined,
      times && compares && hasCohort(part) ? askLatency(reader, part, part.canary, rangeMs, atMs) : undefined,
      compares ? askLatency(reader, part, part.serving, rangeMs, atMs) : undefined,
    ]);
    return { counts, timed, servingTimed, ...withoutUndefined({ comparedTimed }) };
  });
}

function hasCohort({ cohort = [] }: SourcePart): boolean {
  return cohort.length > 0;
}

/** First samples of one target are at most so far apart where a histogram was asked for in steps. */
const STEP_SLACK_MS = 60_000;

/** Targets that come back after a gap are no new ones. @param fromMs no span that is counted begins earlier */
function settleReturns({ counts, timed, comparedTimed, servingTimed }: BothSides, fromMs: number): BothSides {
  const returned = findReturned([...counts.canary, ...counts.serving], fromMs - BASE_SLACK_MS);
  const settleTimed = (one: Timed | undefined): Timed | undefined =>
    one?.kind === 'series' ? { ...one, series: withBases(one.series, returned, fromMs, STEP_SLACK_MS) } : one;
  return {
    counts: {
      ...counts,
      canary: withBases(counts.canary, returned, fromMs),
      ...(counts.compared === undefined ? {} : { compared: withBases(counts.compared, returned, fromMs) }),
      serving: withBases(counts.serving, returned, fromMs),
    },
    timed: settleTimed(timed),
    ...withoutUndefined({ comparedTimed: settleTimed(comparedTimed) }),
    servingTimed: settleTimed(servingTimed),
  };
}

/** Counts of several clusters are none of this one. @param idle series of a canary that has no traffic yet */
function ofOneCluster(counts: Counts, idle: readonly Series[]): Counts {
  const mixture = findMixture([...counts.canary, ...counts.serving, ...idle]);
  if (mixture === undefined) return counts;
  const mixed = describeMixture(mixture);
  const { compared: _compared, ...others } = counts;
  return { ...others, canary: [], serving: [], mixed, problem: { kind: 'unusable', message: mixed } };
}

const NO_ANSWERS: Answers = { series: [] };
const NO_BUCKETS: Timed = { kind: 'series', series: [], perSecond: 1 };
const NOTHING: Counts = { canary: [], serving: [], seen: [], history: 'whole' };
const NO_COUNTER: Problem = {
  kind: 'unusable',
  message: 'no metrics source counts requests; only the queries in spec.analysis.checks are evaluated',
};

/** Counters of the canary, and of serving where they are compared or say when the gateway is scraped. */
async function askCounts(reader: MetricsReader, part: PartQuestion, compares: boolean, rangeMs: number, atMs: number): Promise<Counts> {
  const { status } = part;
  const ask = (backends: readonly BackendIdentity[]) => askRequests(reader, part, backends, rangeMs, atMs);
  const serves = canaryGetsTraffic(status);
  // Before it has traffic only the labels matter: series of the same name may be another cluster's.
  const [canary, compared, weighted] = await Promise.all([ask(canaryOf(part)), ...(compares ? askCompared(part, ask) : [])]);
  const { series, problem = weighted?.problem } = serves ? canary : NO_ANSWERS;
  if (problem !== undefined) return { ...NOTHING, problem };
  const idle = serves ? [] : canary.series;
  const knownMs = fromTime(status.release?.sampleAt);
  if (series.length > 0 && historyOf(series, knownMs) === 'whole')
    return ofOneCluster(
      { canary: series, seen: series, history: 'whole', ...servingOf(compared ?? NO_ANSWERS), ...apartOf(weighted) },
      idle,
    );
  return ofOneCluster({ ...countBeside(compared ?? (await ask(part.serving)), series, knownMs), ...apartOf(weighted) }, idle);
}

/** Serving's requests, and the canary's without those of a cohort where these have series of their own. */
function askCompared(
  part: PartQuestion,
  ask: (backends: readonly BackendIdentity[]) => Promise<Answers>,
): readonly [Promise<Answers>, Promise<Answers> | undefined] {
  return [ask(part.serving), hasCohort(part) ? ask(part.canary) : undefined];
}

/** The canary's requests without those of a cohort, where these have series of their own. */
function apartOf(weighted: Answers | undefined): Pick<Counts, 'compared'> {
  return weighted === undefined ? {} : { compared: weighted.series };
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
  { target, source }: PartQuestion,
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
  return { series: dropReplicas(answers.flatMap((answer) => (answer.ok ? answer.series : []))) };
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
async function askLatency(
  reader: MetricsReader,
  { source, target }: PartQuestion,
  backends: readonly BackendIdentity[],
  rangeMs: number,
  atMs: number,
): Promise<Timed> {
  const asked = backends.flatMap((backend) => source.latency?.(backend, rangeMs) ?? []);
  const unit = asked[0]?.unit;
  if (unit === undefined)
    return {
      kind: 'unusable',
      message: `metrics source ${source.name} has no latency histogram; use a check with a query of your own`,
    };
  const queries = asked.map(({ query }) => query);
  const answers = await askAll(reader, target, queries, atMs);
  return answers.problem ?? { kind: 'series', series: answers.series, perSecond: unit === 'ms' ? 1_000 : 1 };
}
