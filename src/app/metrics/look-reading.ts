// Reads one look from Prometheus: the queries that a release needs, and their raw samples. The core judges them.

import { withoutUndefined } from '../../api/absence.ts';
import { countRequests, type Problem, readLatency, readServing, totalErrors, totalRequests } from '../../core/analysis/assemble.ts';
import { newestSampleAt, scrapeIntervalOf, type Span } from '../../core/analysis/increments.ts';
import { type LookSpans, spansOfLook, windowWithSamples, withoutFormerTraffic } from '../../core/analysis/look-spans.ts';
import type { LookReading, SourceReading } from '../../core/analysis/reading.ts';
import { readSplit } from '../../core/analysis/read-split.ts';
import { type BothSides, reachOf, type SidesOfSource } from '../../core/analysis/sources-together.ts';
import { isGlance } from '../../core/release/evidence/look-grid.ts';
import { formerWeight } from '../../core/release/evidence/steady-spans.ts';
import { canaryGetsTraffic } from '../../core/release/traffic.ts';
import { fromTime } from '../../api/times.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import type { Series } from '../../core/analysis/series.ts';
import { askGatewayErrors, countGatewayErrors, isJustChanged } from './gateway-errors.ts';
import { askOwn } from './own-queries.ts';
import {
  type ArmsAsked,
  askSides,
  BASE_SLACK_MS,
  isCompared,
  isSilencedByCohort,
  type LookQuestion,
  outcomesOf,
  sourcesOf,
  toArms,
} from './queries.ts';

const RANGE_STEP_MS = 30_000;
/** The longest range of a look. */
const LONGEST_RANGE_MS = 3_600_000;

/** One look, and what the comparison needs of it; `arms` is absent where nothing is compared. */
export interface LookAnswer {
  readonly reading: LookReading;
  readonly arms?: ArmsAsked | Problem;
}

/** Times beside the look's own, Unix milliseconds. */
export interface LookTimes {
  /** The look before, if that one is read in the same batch; default: the last folded one. */
  readonly previousMs?: number | undefined;
  /** When the look is asked; absent for one of the past, whose samples have had time to arrive. */
  readonly askedAtMs?: number | undefined;
}

/** Asks everything that one look at `atMs` needs concurrently, and reads the answers. */
export async function askLook(
  reader: MetricsReader,
  question: LookQuestion,
  atMs: number,
  { previousMs, askedAtMs }: LookTimes = {},
): Promise<LookAnswer> {
  const asked = spansOfLook(question.spec.analysis.window, question.status.release, atMs, previousMs);
  const fromMs = Math.max(atMs - LONGEST_RANGE_MS + BASE_SLACK_MS, asked.askFromMs);
  const spans = { ...asked, askFromMs: fromMs };
  const glances = isGlance(question.spec, question.status.release, atMs);
  const raw = await askRaw(reader, question, { fromMs, atMs, glances });
  const reading = { ...readRaw(question, raw, spans, { atMs, askedAtMs }), ...(glances ? { glance: true as const } : {}) };
  return isCompared(question) ? { reading, arms: toArms(raw, fromMs) } : { reading };
}

/** What Prometheus said to one look; undefined is what the look does not need. */
interface RawLook extends BothSides {
  readonly own: LookReading['own'];
  readonly gatewayErrors: readonly Series[] | undefined;
}

async function askRaw(
  reader: MetricsReader,
  question: LookQuestion,
  { fromMs, atMs, glances }: { readonly fromMs: number; readonly atMs: number; readonly glances: boolean },
): Promise<RawLook> {
  const serves = canaryGetsTraffic(question.status);
  const times = serves && (isCompared(question) || checksLatency(question));
  // Rounded, so that releases ask the same question: more samples than are needed do no harm.
  const rangeMs = Math.ceil((atMs - fromMs + BASE_SLACK_MS) / RANGE_STEP_MS) * RANGE_STEP_MS;
  const [sides, own, gatewayErrors] = await Promise.all([
    askSides(reader, question, { fromMs, atMs, rangeMs, times }),
    serves && !glances ? askOwn(reader, question, atMs) : {},
    serves && isJustChanged(question.status, atMs) ? askGatewayErrors(reader, question, { atMs, rangeMs }) : undefined,
  ]);
  return { ...sides, own, gatewayErrors };
}

/** How far the samples reach that a look goes by. */
interface Samples {
  /** Of those that say when the gateway is scraped. */
  readonly seenMs: number | undefined;
  /** Of either side. */
  readonly newestMs: number | undefined;
  readonly scrapeMs: number | undefined;
  /** Of several sources: those with samples, and those that have none any more. */
  readonly heardSources?: readonly string[];
  readonly silentSource?: string | undefined;
}

/** With several sources the slowest decides. @param known sources that had samples before */
function samplesOf({ counts, apart }: RawLook, atMs: number, known: readonly string[]): Samples {
  const { seen, serving } = counts;
  if (apart === undefined)
    return { seenMs: newestSampleAt(seen, atMs), newestMs: newestSampleAt([...seen, ...serving], atMs), scrapeMs: scrapeIntervalOf(seen) };
  const { newestMs, scrapeMs, live } = reachOf(apart, atMs);
  const silent = apart.map(({ source }) => source).filter((source) => known.includes(source) && !live.includes(source));
  const silentSource = silent.length === 0 || live.length === 0 ? undefined : silent.join(' and ');
  return { seenMs: newestMs, newestMs, scrapeMs, heardSources: live, silentSource };
}

function readRaw(
  question: LookQuestion,
  raw: RawLook,
  spans: LookSpans,
  { atMs, askedAtMs }: { readonly atMs: number; readonly askedAtMs: number | undefined },
): LookReading {
  const { canary, history } = raw.counts;
  const outcomeOf = outcomesOf(question);
  const { seenMs, newestMs, scrapeMs, ...heard } = samplesOf(raw, atMs, question.status.release?.heardSources ?? []);
  // What a faster source counted after that is new at the next look.
  const untilMs = raw.apart === undefined ? atMs : (newestMs ?? atMs);
  const upToNow = (fromMs: number): Span => ({ fromMs: Math.min(fromMs, untilMs), toMs: untilMs });
  const window = windowOf(question, raw, spans, windowWithSamples(spans, newestMs, scrapeMs));
  return {
    atMs,
    ...(window === undefined ? nothingArrived(atMs - (newestMs ?? atMs)) : readWindow(question, raw, window, spans)),
    newRequests: totalRequests(canary, outcomeOf, upToNow(spans.sinceMs), history),
    ...withoutUndefined({
      ...heard,
      newestSampleMs: seenMs,
      scrapeIntervalMs: scrapeMs,
      mixed: raw.counts.mixed,
      gatewayErrors: raw.gatewayErrors && countGatewayErrors(raw.gatewayErrors, raw.counts, upToNow(Math.max(spans.seenMs, spans.beganMs))),
      split: seeSplitOf(question, raw, spans, untilMs),
      sampleAgeMs: askedAtMs === undefined || newestMs === undefined ? undefined : Math.max(0, askedAtMs - newestMs),
      newErrors: question.parts.length === 0 ? undefined : totalErrors(canary, outcomeOf, upToNow(spans.seenMs), history),
    }),
    ...(isSilencedByCohort(question) ? { silenced: 'cohort' as const } : {}),
    own: raw.own,
  };
}

function windowOf({ status }: LookQuestion, { counts }: RawLook, { beganMs }: LookSpans, window: Span | undefined): Span | undefined {
  const isFirstWeight = status.release?.shiftedAt !== undefined && (status.release.stageIndex ?? 0) === 0;
  return window !== undefined && isFirstWeight ? withoutFormerTraffic(window, counts.canary, beganMs) : window;
}

/** How requests split after a raise, where both sides count all that is sent by the weights. */
function seeSplitOf(question: LookQuestion, { counts }: RawLook, { seenMs, beganMs }: LookSpans, toMs: number): LookReading['split'] {
  const { weight = 0, release } = question.status;
  if (release === undefined || !isCompared(question)) return undefined;
  const span = { effectiveMs: fromTime(release.stageStartedAt) ?? beganMs, seenMs, toMs };
  const shares = { former: formerWeight(release) / 100, present: weight / 100 };
  return readSplit(counts, outcomesOf(question), span, shares, question.splitSide);
}

type Windowed = Pick<LookReading, 'requests' | 'latency' | 'serving' | 'servingRequests' | 'sources'>;

/** What is counted in the window. Of several sources each has buckets of its own, so latencies are read by source. */
function readWindow(question: LookQuestion, { counts, timed, servingTimed, apart }: RawLook, window: Span, spans: LookSpans): Windowed {
  const { serving, history, servingProblem } = counts;
  const outcomeOf = outcomesOf(question);
  const readsLatency = timed !== undefined && checksLatency(question) && apart === undefined;
  // An incomplete answer is unknown, not 0.
  const readsServing = isCompared(question) && servingProblem === undefined;
  return {
    requests: countRequests(counts, outcomeOf, window, sourcesOf(question)),
    ...withoutUndefined({
      latency: readsLatency ? readLatency(timed, timedWindow(question, window, spans), history) : undefined,
      servingRequests: readsServing ? totalRequests(serving, outcomeOf, window, history) : undefined,
      serving: readsServing
        ? readServing(serving, readsLatency ? servingTimed : undefined, outcomeOf, { span: window, history })
        : undefined,
      sources: apart?.map((one) => readSource(question, one, window, spans)),
    }),
  };
}

/** What one of several sources counted in the window. */
function readSource(
  question: LookQuestion,
  { source, counts, timed, servingTimed }: SidesOfSource,
  window: Span,
  spans: LookSpans,
): SourceReading {
  const parts = question.parts.filter((part) => part.source.name === source);
  const outcomeOf = outcomesOf({ parts });
  const { canary, serving, history, servingProblem } = counts;
  const readsLatency = timed !== undefined && checksLatency(question);
  const readsServing = isCompared(question) && servingProblem === undefined;
  const beside = readsServing
    ? readServing(serving, readsLatency ? servingTimed : undefined, outcomeOf, { span: window, history })
    : undefined;
  return {
    source,
    requests: totalRequests(canary, outcomeOf, window, history),
    serverErrors: totalErrors(canary, outcomeOf, window, history),
    ...withoutUndefined({
      latency: readsLatency ? readLatency(timed, timedWindow({ ...question, parts }, window, spans), history) : undefined,
      serving: beside,
    }),
  };
}

/** The window without the time after a raise in which latencies of the weight before still arrive. Before the first weight there were none. */
function timedWindow({ parts, status }: Pick<LookQuestion, 'parts' | 'status'>, window: Span, { beganMs }: LookSpans): Span {
  const lagMs = Math.max(0, ...parts.map(({ source }) => source.latencyLagMs ?? 0));
  const hadWeight = status.release !== undefined && formerWeight(status.release) > 0;
  return hadWeight ? { fromMs: Math.min(window.toMs, Math.max(window.fromMs, beganMs + lagMs)), toMs: window.toMs } : window;
}

/** What has not arrived is unknown, not 0. @param ageMs age of the newest sample */
function nothingArrived(ageMs: number): Windowed {
  const message = `no sample since the present weight was set: the newest one is ${Math.round(ageMs / 1_000)} s old`;
  return { requests: { kind: 'partial', message }, latency: { kind: 'partial', message } };
}

function checksLatency({ spec }: LookQuestion): boolean {
  return spec.analysis.checks.some(({ metric }) => metric === 'Latency');
}
