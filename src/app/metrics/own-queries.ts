// The release's own queries at one look: filled with what is known of the two versions, and asked.

import { formatDuration, parseDuration } from '../../api/duration.ts';
import { parseLimit } from '../../api/quantity.ts';
import { fromTime } from '../../api/times.ts';
import { SCRAPE_MARGIN_MS } from '../../core/analysis/grid.ts';
import type { Check } from '../../api/release.ts';
import { readScalar } from '../../core/analysis/assemble.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
import { promDuration, renderQuery, type TemplateValues } from '../../core/analysis/template.ts';
import { lateByMs } from '../../core/release/evidence/lateness.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import { podRegex } from '../../sources/pods.ts';
import { type LookQuestion, problemOf } from './queries.ts';

/** The number that each query of the release's own has at `atMs`, by the name of its check. */
export async function askOwn(reader: MetricsReader, question: LookQuestion, atMs: number): Promise<LookReading['own']> {
  const checks = question.spec.analysis.checks.filter((check) => check.query !== undefined);
  const entries = await Promise.all(checks.map(async (check) => [check.name, await askOne(reader, question, check, atMs)] as const));
  return Object.fromEntries(entries);
}

async function askOne(reader: MetricsReader, question: LookQuestion, check: Check, atMs: number): Promise<Evidence<number>> {
  const window = windowAt(question, atMs);
  const rendered = renderQuery(check.query ?? '', valuesOf(question, window.ms));
  if (!rendered.ok) return { kind: 'unusable', message: `check ${check.name}: ${rendered.message}` };
  const ask = async (at: number): Promise<Evidence<number>> => {
    const answer = await reader.query({ ...question.target, asks: 'number' }, rendered.query, at);
    return problemOf(answer) ?? readScalar(answer.ok ? answer.series : [], check.name);
  };
  const value = await ask(atMs);
  const lateMs = lateByMs(question.status.release);
  // A range up to now may end before the newest sample that has arrived; whether this query's samples are late is not known beforehand.
  const known = value.kind === 'noData' && lateMs > 0 ? await ask(atMs - lateMs) : value;
  return window.isFilled ? known : withoutTooLittle(known, check, window.ms);
}

/** Of a rate over a time most of which was before the first traffic: too much is too much, and too little says nothing yet. */
function withoutTooLittle(value: Evidence<number>, { name, min }: Check, leastMs: number): Evidence<number> {
  if (value.kind !== 'facts' || min === undefined || value.facts >= parseLimit(min).value) return value;
  const since = formatDuration(leastMs);
  return { kind: 'noData', message: `check ${name}: a value below the minimum counts from ${since} after the first traffic on` };
}

const upToSecond = (ms: number) => 1_000 * Math.ceil(ms / 1_000);

/** How far a query looks back, milliseconds. `isFilled`: samples may be expected of all of it. */
interface QueryWindow {
  readonly ms: number;
  readonly isFilled: boolean;
}

/** A window reaches back to the first traffic at most: before it nothing was there to be counted. */
function windowAt({ spec, status: { release } }: LookQuestion, atMs: number): QueryWindow {
  const wholeMs = parseDuration(spec.analysis.window);
  const begun = fromTime((release?.stageIndex ?? 0) === 0 ? release?.shiftedAt : release?.startedAt);
  const sinceMs = begun === undefined ? wholeMs : atMs - begun;
  if (sinceMs >= wholeMs) return { ms: wholeMs, isFilled: true };
  const scrapeMs = release?.scrapeIntervalMs;
  // A rate needs two samples. Where it is not known how far they are apart, the window was chosen by somebody who knows.
  const leastMs = Math.min(wholeMs, upToSecond(scrapeMs === undefined ? wholeMs / 2 : 2 * scrapeMs + SCRAPE_MARGIN_MS));
  return { ms: Math.max(upToSecond(sinceMs), leastMs), isFilled: sinceMs >= leastMs };
}

function valuesOf({ status: { release }, namespace, name, canary, serving }: LookQuestion, windowMs: number): TemplateValues {
  const [ofCanary] = canary;
  const [ofServing] = serving;
  return {
    namespace,
    release: name,
    canary: release?.canary.service ?? '',
    serving: release?.serving.service ?? '',
    revision: release?.revision ?? '',
    canaryWorkload: ofCanary?.workload?.name,
    servingWorkload: ofServing?.workload?.name,
    canaryPods: ofCanary === undefined ? undefined : podRegex(ofCanary),
    window: promDuration(windowMs),
  };
}
