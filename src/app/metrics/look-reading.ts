// Reads one look from Prometheus: the queries that a release needs, and their raw samples. The core judges them.

import { withoutUndefined } from '../../api/absence.ts';
import { parseDuration } from '../../api/duration.ts';
import type { Check } from '../../api/release.ts';
import {
  type Counts,
  countRequests,
  type Problem,
  readLatency,
  readScalar,
  type Timed,
  totalErrors,
  totalRequests,
} from '../../core/analysis/assemble.ts';
import { newestSampleAt, scrapeIntervalOf, type Span } from '../../core/analysis/increments.ts';
import { type LookSpans, spansOfLook } from '../../core/analysis/look-spans.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
import { promDuration, renderQuery } from '../../core/analysis/template.ts';
import { canaryGetsTraffic } from '../../core/release/traffic.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import {
  type ArmsAsked,
  askCounts,
  askLatency,
  BASE_SLACK_MS,
  isCompared,
  type LookQuestion,
  outcomesOf,
  problemOf,
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

/**
 * Asks everything that one look at `atMs` needs concurrently, and reads the answers.
 * @param previousMs time of the look before, if that one is read in the same batch; default: the last folded one
 */
export async function askLook(reader: MetricsReader, question: LookQuestion, atMs: number, previousMs?: number): Promise<LookAnswer> {
  const spans = spansOfLook(question.spec.analysis.window, question.status.release, atMs, previousMs);
  const earliestMs = Math.min(spans.window.fromMs, spans.sinceMs, spans.seenMs);
  const fromMs = Math.max(atMs - LONGEST_RANGE_MS + BASE_SLACK_MS, earliestMs);
  const raw = await askRaw(reader, question, fromMs, atMs);
  const reading = readRaw(question, raw, spans, atMs);
  return isCompared(question) ? { reading, arms: toArms(raw.counts, raw.timed, raw.servingTimed, fromMs) } : { reading };
}

/** What Prometheus said to one look; undefined is what the look does not need. */
interface RawLook {
  readonly counts: Counts;
  readonly timed: Timed | undefined;
  readonly servingTimed: Timed | undefined;
  readonly own: LookReading['own'];
}

async function askRaw(reader: MetricsReader, question: LookQuestion, fromMs: number, atMs: number): Promise<RawLook> {
  const serves = canaryGetsTraffic(question.spec, question.status);
  const compares = isCompared(question);
  const times = serves && (compares || checksLatency(question));
  // Rounded, so that releases ask the same question: more samples than are needed do no harm.
  const rangeMs = Math.ceil((atMs - fromMs + BASE_SLACK_MS) / RANGE_STEP_MS) * RANGE_STEP_MS;
  const [counts, timed, servingTimed, own] = await Promise.all([
    askCounts(reader, question, rangeMs, atMs),
    times ? askLatency(reader, question, question.canary, rangeMs, atMs) : undefined,
    compares ? askLatency(reader, question, question.serving, rangeMs, atMs) : undefined,
    serves ? askOwn(reader, question, atMs) : {},
  ]);
  return { counts, timed, servingTimed, own };
}

function readRaw(question: LookQuestion, { counts, timed, own }: RawLook, spans: LookSpans, atMs: number): LookReading {
  const { canary, serving, seen, history, servingProblem } = counts;
  const { source } = question;
  const outcomeOf = outcomesOf(question);
  const upToNow = (fromMs: number): Span => ({ fromMs: Math.min(fromMs, atMs), toMs: atMs });
  const readsLatency = timed !== undefined && checksLatency(question);
  // An incomplete answer is unknown, not 0.
  const readsServing = isCompared(question) && servingProblem === undefined;
  return {
    atMs,
    requests: countRequests(counts, outcomeOf, spans.window, source?.name ?? 'none'),
    newRequests: totalRequests(canary, outcomeOf, upToNow(spans.sinceMs), history),
    ...withoutUndefined({
      newestSampleMs: newestSampleAt(seen, atMs),
      scrapeIntervalMs: scrapeIntervalOf(seen),
      newErrors: source === undefined ? undefined : totalErrors(canary, outcomeOf, upToNow(spans.seenMs), history),
      latency: readsLatency ? readLatency(timed, spans.window, history) : undefined,
      servingRequests: readsServing ? totalRequests(serving, outcomeOf, spans.window, history) : undefined,
    }),
    own,
  };
}

function checksLatency({ spec }: LookQuestion): boolean {
  return spec.analysis.checks.some(({ metric }) => metric === 'Latency');
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
