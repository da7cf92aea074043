// Reads one look from Prometheus: which queries a release needs, and what their raw samples say. Judging is the core's.

import { parseDuration } from '../../api/duration.ts';
import type { Check } from '../../api/release.ts';
import {
  type Counts,
  countRequests,
  type Problem,
  readLatency,
  readScalar,
  totalErrors,
  totalRequests,
} from '../../core/analysis/assemble.ts';
import { newestSampleAt, scrapeIntervalOf, type Span } from '../../core/analysis/increments.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
import { promDuration, renderQuery } from '../../core/analysis/template.ts';
import { fromTime } from '../../api/times.ts';
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
/** No look asks for more than this. */
const LONGEST_RANGE_MS = 3_600_000;

/** One look, and what the comparison needs of it; `arms` is absent where nothing is compared. */
export interface LookAnswer {
  readonly reading: LookReading;
  readonly arms?: ArmsAsked | Problem;
}

/**
 * Asks everything that one look at `atMs` needs, at the same time, and reads the answers.
 * @param previousMs time of the look before, where that one is asked in the same go; default: the last folded one
 */
export async function askLook(reader: MetricsReader, question: LookQuestion, atMs: number, previousMs?: number): Promise<LookAnswer> {
  const { spec, status } = question;
  const serves = canaryGetsTraffic(spec, status);
  const { span, sinceMs, beforeMs, fromMs } = spansOf(question, atMs, previousMs);
  // Rounded, so that releases ask the same question: more samples than are needed do no harm.
  const rangeMs = Math.ceil((atMs - fromMs + BASE_SLACK_MS) / RANGE_STEP_MS) * RANGE_STEP_MS;
  const compares = isCompared(question);
  const checksLatency = spec.analysis.checks.some((check) => check.metric === 'Latency');
  const [counts, timed, servingTimed, own] = await Promise.all([
    askCounts(reader, question, rangeMs, atMs),
    serves && (compares || checksLatency) ? askLatency(reader, question, question.canary, rangeMs, atMs) : undefined,
    compares ? askLatency(reader, question, question.serving, rangeMs, atMs) : undefined,
    serves ? askOwn(reader, question, atMs) : {},
  ]);
  const outcomeOf = outcomesOf(question);
  const reading: LookReading = {
    atMs,
    ...readScrapes(counts, atMs),
    requests: countRequests(counts, outcomeOf, span, question.source?.name ?? 'none'),
    newRequests: totalRequests(counts.canary, outcomeOf, { fromMs: Math.min(sinceMs, atMs), toMs: atMs }, counts.history),
    ...(question.source === undefined
      ? {}
      : { newErrors: totalErrors(counts.canary, outcomeOf, { fromMs: Math.min(beforeMs, atMs), toMs: atMs }, counts.history) }),
    ...(timed === undefined || !checksLatency ? {} : { latency: readLatency(timed, span, counts.history) }),
    // What could not be read whole is unknown, not 0.
    ...(compares && counts.servingProblem === undefined
      ? { servingRequests: totalRequests(counts.serving, outcomeOf, span, counts.history) }
      : {}),
    own,
  };
  return compares ? { reading, arms: toArms(counts, timed, servingTimed, fromMs) } : { reading };
}

/** The window of the checks, since when requests are new, and since when samples are needed. */
function spansOf({ spec, status }: LookQuestion, atMs: number, previousMs: number | undefined) {
  const { release } = status;
  const began = fromTime(release?.shiftedAt) ?? fromTime(release?.startedAt) ?? atMs;
  const span: Span = { fromMs: Math.max(atMs - parseDuration(spec.analysis.window), Math.min(began, atMs)), toMs: atMs };
  const beforeMs = previousMs ?? fromTime(release?.lookGridAt) ?? began;
  // Where a scrape takes longer than the look's margin its sample comes too late for every look: what is new since the newest
  // sample that was seen is new, whenever it came.
  const seenMs = previousMs ?? Math.min(beforeMs, fromTime(release?.sampleAt) ?? beforeMs);
  const sinceMs = Math.max(seenMs, fromTime(release?.stageStartedAt) ?? began);
  const fromMs = Math.max(atMs - LONGEST_RANGE_MS + BASE_SLACK_MS, Math.min(span.fromMs, sinceMs, seenMs));
  return { span, sinceMs, beforeMs: seenMs, fromMs };
}

function readScrapes({ seen }: Counts, atMs: number): Pick<LookReading, 'newestSampleMs' | 'scrapeIntervalMs'> {
  const newest = newestSampleAt(seen, atMs);
  const scrape = scrapeIntervalOf(seen);
  return { ...(newest === undefined ? {} : { newestSampleMs: newest }), ...(scrape === undefined ? {} : { scrapeIntervalMs: scrape }) };
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
