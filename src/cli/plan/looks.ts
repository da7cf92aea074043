// One look of a simulated release: what the operator would read from Prometheus, from the simulated counters.

import { parseLimit } from '../../api/quantity.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../../api/release.ts';
import { spansOfLook } from '../../core/analysis/look-spans.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
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
}

/** Reads the look at `atMs`, but for its comparison. */
export function readCounts({ spec, status, counters, scrapeMs, own }: LookParts, atMs: number): Omit<LookReading, 'comparison'> {
  const { window, sinceMs, seenMs } = spansOfLook(spec.analysis.window, status.release, atMs);
  const [from, to] = [indexAt(counters, scrapeMs, window.fromMs), counters.atMs.length - 1];
  const over = (values: readonly number[], start: number) => (values[to] ?? 0) - (values[start] ?? 0);
  const canary = over(counters.canary, from);
  const newest = counters.atMs[to];
  return {
    atMs,
    scrapeIntervalMs: scrapeMs,
    requests: countRequests(canary, over(counters.canaryErrors, from), (atMs - window.fromMs) / 1_000),
    newRequests: over(counters.canary, indexAt(counters, scrapeMs, sinceMs)),
    newErrors: over(counters.canaryErrors, indexAt(counters, scrapeMs, seenMs)),
    ...(newest === undefined ? {} : { newestSampleMs: newest }),
    ...(isTimed(spec) ? { latency: readLatency(counters, from, to, canary) } : {}),
    ...(isCompared(spec, status) ? { servingRequests: over(counters.serving, from) } : {}),
    own: (status.weight ?? 0) > 0 ? own : {},
  };
}

function isTimed({ analysis }: CanaryReleaseSpec): boolean {
  return analysis.checks.some(({ metric }) => metric === 'Latency');
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
