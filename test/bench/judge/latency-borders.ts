// The simulated releases that show which slow canaries a histogram can tell from serving: five shapes of latency over the buckets of
// three sources, among them services that fill one bucket.

import { NO_PRIOR } from '../../../src/core/analysis/comparison/settings.ts';
import { startGlidepathLatency } from './glidepath.ts';
import { drawLatencies, normalCdf } from './latency.ts';
import type { Random } from './random.ts';

/** Finite upper bounds that gateways and clients have by default, seconds. */
export const LAYOUTS = {
  envoy: [0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1_800, 3_600],
  traefik: [0.1, 0.3, 1.2, 5],
  client: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
} as const satisfies Readonly<Record<string, readonly number[]>>;
export type LayoutName = keyof typeof LAYOUTS;

/** Share of the requests that take at most so many seconds. */
type Distribution = (seconds: number) => number;

/** Part of the requests, median in seconds, spread of the logarithm. */
type Part = readonly [weight: number, medianSeconds: number, sigma: number];

const mix =
  (...parts: readonly Part[]): Distribution =>
  (seconds) =>
    parts.reduce((sum, [weight, median, sigma]) => sum + weight * normalCdf(Math.log(seconds / median) / sigma), 0);

const SHAPES: Readonly<Record<string, Distribution>> = {
  'one bucket (21 ms)': mix([1, 0.021, 0.03]),
  'two buckets (70% 8 ms, 30% 18 ms)': mix([0.7, 0.008, 0.03], [0.3, 0.018, 0.03]),
  'cache (85% 3 ms, 15% 180 ms)': mix([0.85, 0.003, 0.3], [0.15, 0.18, 0.4]),
  'lognormal (80 ms, 0.8)': mix([1, 0.08, 0.8]),
  'heavy tail (Pareto 1.5 from 20 ms)': (seconds) => (seconds <= 0.02 ? 0 : 1 - (0.02 / seconds) ** 1.5),
};

/** How a release goes: the canary's factor, and serving's beside what it was before the release. */
interface Change {
  readonly canary: number;
  /** Serving became slower by this factor between the half hour that is known and the release, and the canary with it. */
  readonly drift?: number;
  /** Both arms are slower by this factor for two minutes. */
  readonly incident?: number;
}

const CHANGES = {
  healthy: { canary: 1 },
  'both x3 for 2 min': { canary: 1, incident: 3 },
  'x1.5': { canary: 1.5 },
  x3: { canary: 3 },
  x60: { canary: 60 },
  'drift x3; healthy': { canary: 1, drift: 3 },
  'drift x3; canary x3': { canary: 3, drift: 3 },
} as const satisfies Readonly<Record<string, Change>>;
export type ChangeName = keyof typeof CHANGES;

/** One kind of release that only the judge's choice of borders decides. */
export interface BorderCell {
  readonly kind: 'borders';
  readonly section: 'latency-borders';
  readonly scenario: string;
  readonly layout: LayoutName;
  readonly shape: string;
  readonly change: ChangeName;
  readonly requestsPerSecond: number;
  readonly weightPercent: number;
  readonly lookSeconds: number;
  readonly isHealthy: boolean;
  /** Whether the buckets show a difference at all. */
  readonly isVisible: boolean;
  /** Shares of the buckets, 0 to 1. */
  readonly before: readonly number[];
  readonly canary: readonly number[];
  readonly stable: readonly number[];
  /** Of both arms while an incident lasts. */
  readonly incident: readonly number[] | undefined;
}

function bucketShares(layout: LayoutName, below: Distribution, factor: number): readonly number[] {
  const cumulative = [...LAYOUTS[layout].map((upper) => below(upper / factor)), 1];
  return cumulative.map((share, index) => Math.max(0, share - (cumulative[index - 1] ?? 0)));
}

/** Half of what the shares differ by, all together. */
function distanceOf(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, share, index) => sum + Math.abs(share - (other[index] ?? 0)), 0) / 2;
}

const VISIBLE = 0.01;

function planCell(requestsPerSecond: number, layout: LayoutName, shape: string, below: Distribution, change: ChangeName): BorderCell {
  const { canary, drift = 1, incident }: Change = CHANGES[change];
  const [ofCanary, ofStable] = [bucketShares(layout, below, drift * canary), bucketShares(layout, below, drift)];
  return {
    kind: 'borders',
    section: 'latency-borders',
    scenario: `${layout}; ${shape.replaceAll(',', ';')}; ${change}`,
    layout,
    shape,
    change,
    requestsPerSecond,
    weightPercent: 5,
    lookSeconds: 15,
    isHealthy: canary === 1,
    isVisible: distanceOf(ofCanary, ofStable) >= VISIBLE,
    before: bucketShares(layout, below, 1),
    canary: ofCanary,
    stable: ofStable,
    incident: incident === undefined ? undefined : bucketShares(layout, below, incident),
  };
}

/** 5 % for 30 minutes at two rates, one gateway replica that is scraped every 15 s. */
export function planBorders(): readonly BorderCell[] {
  return [50, 5].flatMap((rps) =>
    Object.keys(LAYOUTS).flatMap((layout) =>
      Object.entries(SHAPES).flatMap(([shape, below]) =>
        Object.keys(CHANGES).map((change) => planCell(rps, layout as LayoutName, shape, below, change as ChangeName)),
      ),
    ),
  );
}

const BEFORE_SECONDS = 1_800;
const RELEASE_SECONDS = 1_800;
const INCIDENT = { from: 600, to: 720 } as const;

/** @returns when the release was rolled back, seconds since its canary is warm; undefined where it was not */
export function runBorderRelease(cell: BorderCell, random: Random): number | undefined {
  const { requestsPerSecond, lookSeconds, weightPercent } = cell;
  const weight = weightPercent / 100;
  const uppers = [...LAYOUTS[cell.layout], Number.POSITIVE_INFINITY];
  const before = drawLatencies(random, requestsPerSecond * BEFORE_SECONDS, cell.before);
  const rule = startGlidepathLatency(before, { uppers, prior: { ...NO_PRIOR, phi: 1, replicas: 1, scrapeMs: lookSeconds * 1_000 } });
  const mean = requestsPerSecond * lookSeconds;
  for (let atSeconds = lookSeconds; atSeconds <= RELEASE_SECONDS; atSeconds += lookSeconds) {
    const isIncident = cell.incident !== undefined && atSeconds > INCIDENT.from && atSeconds <= INCIDENT.to;
    const [ofCanary, ofStable] = isIncident ? [cell.incident ?? [], cell.incident ?? []] : [cell.canary, cell.stable];
    const canary = drawLatencies(random, mean * weight, ofCanary);
    const stable = drawLatencies(random, mean * (1 - weight), ofStable);
    if (rule({ atSeconds, seconds: lookSeconds, weight, canary, stable })) return atSeconds;
  }
  return undefined;
}
