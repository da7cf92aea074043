// Evidence of several metrics sources as one: what gateways of different kinds counted of the same two versions. Each is settled apart, by
// its own targets, clusters and history; then their counters lie side by side, and who counted is in a label of ours.

import type { Counts, Problem, Timed } from './assemble.ts';
import { newestSampleAt, scrapeIntervalOf } from './increments.ts';
import type { Series } from './series.ts';

/** What was read of both sides. */
export interface BothSides {
  readonly counts: Counts;
  readonly timed: Timed | undefined;
  /** Of the canary without a cohort; absent where that is the same, and where several sources count. */
  readonly comparedTimed?: Timed;
  readonly servingTimed: Timed | undefined;
  /** The same by source, each as it would be alone; absent where one source counts. */
  readonly apart?: readonly SidesOfSource[];
}

/** Of one source among several. */
export interface SidesOfSource extends Omit<BothSides, 'apart'> {
  readonly source: string;
}

/** The label that names the source. No exporter may use it: Prometheus keeps names that begin so for itself. */
export const SOURCE_LABEL = '__glidepath_source__';

/**
 * All of them together. A problem of one is a problem of all, because its requests are missing.
 * @param fromMs no span that is counted begins earlier, Unix milliseconds
 */
export function joinSides(all: readonly [SidesOfSource, ...SidesOfSource[]], fromMs: number): BothSides {
  const [first, ...others] = all;
  if (others.length === 0) return first;
  const canary = all.flatMap((one) => ofSource(one.counts.canary, one, fromMs));
  const problem = all.map(({ counts }) => counts.problem).find(isThere);
  const mixed = all.map(({ counts }) => counts.mixed).find(isThere);
  const servingProblem = all.map(({ counts }) => counts.servingProblem).find(isThere);
  const counts: Counts = {
    canary,
    serving: all.flatMap((one) => ofSource(one.counts.serving, one, fromMs)),
    seen: all.flatMap(({ counts: { seen } }) => seen),
    // Those of a source that has lost its past have bases of their own.
    history: 'whole',
    ...(problem === undefined ? {} : { problem }),
    ...(mixed === undefined ? {} : { mixed }),
    ...(servingProblem === undefined ? {} : { servingProblem }),
  };
  const [timed, servingTimed] = joinTimed(all, fromMs);
  return { counts, timed, servingTimed, apart: all };
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function ofSource(series: readonly Series[], { source, counts: { history } }: SidesOfSource, fromMs: number): readonly Series[] {
  return series.map((one) => {
    const [first] = one.samples;
    const labels = { ...one.labels, [SOURCE_LABEL]: source };
    const isCut = history === 'lost' && first !== undefined && first.atMs > fromMs;
    return { labels, samples: isCut ? [{ atMs: fromMs, value: first.value }, ...one.samples] : one.samples };
  });
}

/**
 * The histograms of both sides on the bounds that those of all sources have: what lies at or below such a bound is known exactly, and
 * between two bounds of one source nothing is known of another's. Both sides need the same bounds to be compared.
 */
function joinTimed(all: readonly SidesOfSource[], fromMs: number): readonly [Timed | undefined, Timed | undefined] {
  const sides = [all.map(({ timed }) => timed), all.map(({ servingTimed }) => servingTimed)] as const;
  const bounds = commonBounds(sides.flat());
  const join = (timed: readonly (Timed | undefined)[]): Timed | undefined => {
    const asked = timed.filter(isThere);
    if (asked.length === 0) return undefined;
    const problem = asked.find((one): one is Problem => one.kind !== 'series');
    if (problem !== undefined) return problem;
    if (bounds.size < 2)
      return {
        kind: 'unusable',
        message: `the latency histograms of ${all.map(({ source }) => source).join(' and ')} have no bound in common`,
      };
    return { kind: 'series', series: all.flatMap((one, index) => onBounds(timed[index], bounds, one, fromMs)), perSecond: 1 };
  };
  return [join(sides[0]), join(sides[1])];
}

function onBounds(timed: Timed | undefined, bounds: ReadonlySet<string>, one: SidesOfSource, fromMs: number): readonly Series[] {
  if (timed?.kind !== 'series') return [];
  return ofSource(timed.series, one, fromMs).flatMap(({ labels, samples }) => {
    const le = boundOf(labels['le'], timed.perSecond);
    return le !== undefined && bounds.has(le) ? [{ labels: { ...labels, le }, samples }] : [];
  });
}

/** Histograms without any series have no say: nothing was timed there. */
function commonBounds(all: readonly (Timed | undefined)[]): ReadonlySet<string> {
  const sets = all.flatMap((timed) => {
    if (timed?.kind !== 'series' || timed.series.length === 0) return [];
    return [new Set(timed.series.flatMap(({ labels }) => boundOf(labels['le'], timed.perSecond) ?? []))];
  });
  const [first, ...others] = sets;
  return new Set([...(first ?? ['+Inf', 'none'])].filter((bound) => others.every((set) => set.has(bound))));
}

/** A bound in seconds as text; rounded, because 250 ms and 0.25 s are the same. */
function boundOf(le: string | undefined, perSecond: number): string | undefined {
  if (le === undefined || le === '+Inf') return le;
  const seconds = Number(le) / perSecond;
  return Number.isNaN(seconds) ? undefined : String(Number(seconds.toPrecision(9)));
}

/** A source that is behind the newest by more than this, and by several scrapes of its own, has stopped. */
const STOPPED_MS = 60_000;
const STOPPED_SCRAPES = 3;

/** How far the samples of several sources reach. */
export interface Reach {
  /** The newest sample of the slowest source that still gets some, Unix milliseconds; undefined without any. */
  readonly newestMs: number | undefined;
  /** Distance of the samples of the slowest source. */
  readonly scrapeMs: number | undefined;
  /** Sources that still get samples. */
  readonly live: readonly string[];
}

/** How far all sources reach at `toMs`: the slowest of them decides, and one that has stopped no longer. */
export function reachOf(apart: readonly Pick<SidesOfSource, 'source' | 'counts'>[], toMs: number): Reach {
  const seen = apart.flatMap(({ source, counts: { seen: own, serving } }) => {
    const newestMs = newestSampleAt([...own, ...serving], toMs);
    return newestMs === undefined ? [] : [{ source, newestMs, scrapeMs: scrapeIntervalOf(own) ?? scrapeIntervalOf(serving) }];
  });
  const newest = Math.max(...seen.map(({ newestMs }) => newestMs));
  const isLive = ({ newestMs, scrapeMs = 0 }: (typeof seen)[number]) =>
    newest - newestMs <= Math.max(STOPPED_MS, STOPPED_SCRAPES * scrapeMs);
  const live = seen.filter(isLive);
  const scrapes = live.flatMap(({ scrapeMs }) => scrapeMs ?? []);
  return {
    newestMs: live.length === 0 ? undefined : Math.min(...live.map(({ newestMs }) => newestMs)),
    scrapeMs: scrapes.length === 0 ? undefined : Math.max(...scrapes),
    live: live.map(({ source }) => source),
  };
}
