// When a release is looked at: right behind the scrapes, as often as `spec.analysis.interval` says or as the gateway is scraped, and more
// often while it is young.

import { parseDuration } from '../../../api/duration.ts';
import type { CanaryReleaseSpec, ReleaseStatus } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import { cellLength } from '../../analysis/comparison/cells.ts';
import { type Grid, isOnGrid } from '../../analysis/grid.ts';

/** However seldom the gateway is scraped, so often it is asked whether Prometheus answers. */
const LONGEST_INTERVAL_MS = 60_000;
/** Scrape intervals are whole seconds; what is measured of them jitters. */
const SECOND_MS = 1_000;

/** The grid of the looks: between two scrapes there is nothing new to see. */
export function gridOf(spec: CanaryReleaseSpec, release: ReleaseStatus): Grid {
  return {
    startMs: fromTime(release.startedAt) ?? 0,
    phaseMs: release.lookPhaseMs ?? 0,
    intervalMs: intervalOf(spec, release.scrapeIntervalMs),
  };
}

function intervalOf({ analysis }: CanaryReleaseSpec, scrapeMs: number | undefined): number {
  const asked = parseDuration(analysis.interval);
  if (scrapeMs === undefined || scrapeMs < 1.05 * asked) return asked;
  const seconds = Math.round(scrapeMs / SECOND_MS) * SECOND_MS;
  // Looks that are further apart than the window would miss requests.
  const most = Math.min(LONGEST_INTERVAL_MS, parseDuration(analysis.window));
  return Math.max(asked, seconds / Math.ceil(seconds / most));
}

/**
 * The grid on which looks fall due. Before the first Pass of a stage, and where scrapes are close, there is a glance at the end of every
 * cell: a version that plainly fails is seen before the next look.
 */
export function dueGridOf(spec: CanaryReleaseSpec, release: ReleaseStatus): Grid {
  const grid = gridOf(spec, release);
  const cellMs = cellLength(grid.intervalMs, 'caller');
  const isClose = release.scrapeIntervalMs !== undefined && release.scrapeIntervalMs <= 1.05 * cellMs;
  const isYoung = release.passInStage !== true && spec.analysis.comparison.mode === 'Enforce' && spec.analysis.mode === 'Enforce';
  return isClose && isYoung ? { ...grid, intervalMs: cellMs } : grid;
}

/** Is this a glance between two looks? The first look of a release is a whole one, whenever it comes. */
export function isGlance(spec: CanaryReleaseSpec, release: ReleaseStatus | undefined, atMs: number): boolean {
  if (release?.lookGridAt === undefined) return false;
  const grid = gridOf(spec, release);
  return dueGridOf(spec, release).intervalMs < grid.intervalMs && !isOnGrid(grid, atMs);
}
