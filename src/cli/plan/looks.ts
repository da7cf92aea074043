// One look of a simulated release: what the operator would read from Prometheus, from the simulated counters.

import { parseDuration } from '../../api/duration.ts';
import { parseLimit } from '../../api/quantity.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../../api/release.ts';
import type { Judgement } from '../../core/analysis/comparison/judgement.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
import { fromTime } from '../../api/times.ts';
import { cumulate } from './latency.ts';
import type { Counters } from './traffic.ts';

/** Queries of the release's own are not simulated: they are assumed to stay within their limits. */
export function assumeOwnQueries({ analysis }: CanaryReleaseSpec): LookReading['own'] {
  const own = analysis.checks.filter(({ query }) => query !== undefined);
  return Object.fromEntries(own.map((check) => [check.name, { kind: 'facts' as const, facts: goodValue(check) }]));
}

function goodValue({ max, min }: Check): number {
  return parseLimit(max ?? min ?? '0').value;
}

/** Whether the comparison runs at this weight. */
export function isCompared({ analysis }: CanaryReleaseSpec, { weight = 0 }: CanaryReleaseStatus): boolean {
  return analysis.comparison.mode !== 'Off' && weight > 0 && weight < 100;
}

/** What a look is put together from. */
export interface LookParts {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly counters: Counters;
  readonly scrapeMs: number;
  readonly own: LookReading['own'];
  readonly judgement: Judgement | undefined;
}

/** Reads the look at `atMs`. */
export function readLook({ spec, status, counters, scrapeMs, own, judgement }: LookParts, atMs: number): LookReading {
  const { release } = status;
  const began = fromTime(release?.shiftedAt) ?? fromTime(release?.startedAt) ?? atMs;
  const fromMs = Math.max(atMs - parseDuration(spec.analysis.window), Math.min(began, atMs));
  const before = fromTime(release?.lookGridAt) ?? began;
  const since = Math.max(before, fromTime(release?.stageStartedAt) ?? began);
  const [from, to] = [indexAt(counters, scrapeMs, fromMs), counters.atMs.length - 1];
  const newest = counters.atMs[to];
  const over = (values: readonly number[], start: number) => (values[to] ?? 0) - (values[start] ?? 0);
  const canary = over(counters.canary, from);
  const times = spec.analysis.checks.some(({ metric }) => metric === 'Latency');
  return {
    atMs,
    ...(newest === undefined ? {} : { newestSampleMs: newest }),
    scrapeIntervalMs: scrapeMs,
    requests: countRequests(canary, over(counters.canaryErrors, from), (atMs - fromMs) / 1_000),
    newRequests: over(counters.canary, indexAt(counters, scrapeMs, since)),
    newErrors: over(counters.canaryErrors, indexAt(counters, scrapeMs, before)),
    ...(times ? { latency: readLatency(counters, from, to, canary) } : {}),
    ...(isCompared(spec, status) ? { servingRequests: over(counters.serving, from) } : {}),
    ...(judgement === undefined ? {} : { comparison: { kind: 'facts', facts: judgement } }),
    own: (status.weight ?? 0) > 0 ? own : {},
  };
}

/** The last scrape at or before a time; -1 before the first. */
function indexAt({ atMs }: Counters, scrapeMs: number, ms: number): number {
  const [first] = atMs;
  return first === undefined || ms < first ? -1 : Math.min(atMs.length - 1, Math.floor((ms - first) / scrapeMs));
}

function countRequests(requests: number, serverErrors: number, spanSeconds: number): LookReading['requests'] {
  if (requests === 0) return { kind: 'noTraffic', message: 'no canary request in the window' };
  return { kind: 'facts', facts: { requests, serverErrors, clientErrors: 0, spanSeconds } };
}

function readLatency({ canaryBuckets }: Counters, from: number, to: number, requests: number): Evidence<ReturnType<typeof cumulate>> {
  if (requests === 0) return { kind: 'noTraffic', message: 'no canary request was timed in the window' };
  const before = canaryBuckets[from];
  return { kind: 'facts', facts: cumulate((canaryBuckets[to] ?? []).map((count, index) => count - (before?.[index] ?? 0))) };
}
