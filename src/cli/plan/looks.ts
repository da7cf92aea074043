// One look of a simulated release: what the operator would read from Prometheus, from the simulated counters.

import { parseLimit } from '../../api/quantity.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Check } from '../../api/release.ts';
import { spansOfLook } from '../../core/analysis/look-spans.ts';
import type { Evidence, LookReading } from '../../core/analysis/reading.ts';
import { asksForTraffic } from '../../core/release/traffic.ts';
import type { Bucket } from '../../core/analysis/histogram.ts';
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

/** Whether the comparison runs at this weight. The gateway is taken to count requests of a cohort with the others, as most do. */
export function isCompared({ analysis }: CanaryReleaseSpec, { weight = 0, release }: CanaryReleaseStatus): boolean {
  return analysis.comparison.mode !== 'Off' && weight > 0 && weight < 100 && release?.cohort === undefined;
}

/** The comparison is switched on, and says nothing for the cohort's sake. */
function isSilenced({ analysis }: CanaryReleaseSpec, { weight = 0, release }: CanaryReleaseStatus): boolean {
  return analysis.comparison.mode !== 'Off' && weight < 100 && release?.cohort !== undefined;
}

/** What a look is put together from. */
export interface LookParts {
  readonly spec: CanaryReleaseSpec;
  readonly status: CanaryReleaseStatus;
  readonly counters: Counters;
  readonly scrapeMs: number;
  /** Upper bounds of the latency buckets, seconds. */
  readonly uppers: readonly number[];
  readonly own: LookReading['own'];
  /** Requests a second, which are known from before the release. */
  readonly rps: number;
}

/** Reads the look at `atMs`, but for its comparison. */
export function readCounts(
  { spec, status, counters, scrapeMs, uppers, own, rps }: LookParts,
  atMs: number,
): Omit<LookReading, 'comparison'> {
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
    ...(isTimed(spec) ? { latency: readLatency({ counters, uppers }, from, to, canary) } : {}),
    ...(isCompared(spec, status) ? readServing({ spec, counters, uppers }, from, to, (atMs - window.fromMs) / 1_000) : {}),
    ...(isSilenced(spec, status) ? { silenced: 'cohort' as const } : {}),
    ...(asksForTraffic(status) ? { own } : { own: {}, rateBefore: rps }),
  };
}

function readServing(
  { spec, counters, uppers }: Pick<LookParts, 'spec' | 'counters' | 'uppers'>,
  from: number,
  to: number,
  spanSeconds: number,
): Pick<LookReading, 'serving' | 'servingRequests'> {
  const over = (values: readonly number[]) => (values[to] ?? 0) - (values[from] ?? 0);
  const requests = over(counters.serving);
  if (requests === 0) return { servingRequests: 0 };
  const counts = { requests, serverErrors: over(counters.servingErrors), clientErrors: 0, spanSeconds };
  const latency = isTimed(spec) ? { latency: cumulate(differ(counters.servingBuckets, from, to), uppers) } : {};
  return { servingRequests: requests, serving: { requests: counts, ...latency } };
}

function differ(rows: readonly (readonly number[])[], from: number, to: number): readonly number[] {
  const before = rows[from];
  return (rows[to] ?? []).map((count, index) => count - (before?.[index] ?? 0));
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

function readLatency(
  { counters: { canaryBuckets }, uppers }: Pick<LookParts, 'counters' | 'uppers'>,
  from: number,
  to: number,
  requests: number,
): Evidence<readonly Bucket[]> {
  if (requests === 0) return { kind: 'noTraffic', message: 'no canary request was timed in the window' };
  return { kind: 'facts', facts: cumulate(differ(canaryBuckets, from, to), uppers) };
}
