// When to look: on a fixed grid from the release's start, its phase set right behind the scrape. A restart finds the same grid.

/** Samples are stored a moment after the scrape's own time; a look comes this much later. */
export const SCRAPE_MARGIN_MS = 120;
/** Scrape times jitter by some milliseconds. */
const JITTER_MS = 15;
/** Looks come at such times of the clock, so that releases of one scrape ask for the same instant, in one question. */
const INSTANT_MS = 50;
/** A restart re-reads at most so many missed looks; older ones add nothing to a window. */
export const MAX_MISSED_LOOKS = 60;

export interface Grid {
  readonly startMs: number;
  readonly phaseMs: number;
  readonly intervalMs: number;
}

/** The first grid time after `afterMs`. */
export function nextLookAfter(grid: Grid, afterMs: number): number {
  // An edit may have made the interval shorter than the phase that was found for the former one.
  const first = grid.startMs + modulo(grid.phaseMs, grid.intervalMs);
  if (afterMs < first) return first;
  return first + (Math.floor((afterMs - first) / grid.intervalMs) + 1) * grid.intervalMs;
}

/** Is this a time of the grid? Times of a part of the grid may be a fraction of a millisecond off. */
export function isOnGrid({ startMs, phaseMs, intervalMs }: Grid, atMs: number): boolean {
  const behind = modulo(atMs - startMs - phaseMs, intervalMs);
  return Math.min(behind, intervalMs - behind) < 1;
}

/** Grid times that are due: after the last folded one, up to now; the newest `MAX_MISSED_LOOKS`. */
export function dueLooks(grid: Grid, lastFoldedMs: number, nowMs: number): readonly number[] {
  const due: number[] = [];
  let at = nextLookAfter(grid, Math.max(lastFoldedMs, nowMs - MAX_MISSED_LOOKS * grid.intervalMs));
  for (; at <= nowMs; at += grid.intervalMs) due.push(at);
  return due;
}

/**
 * The phase right behind the scrape whose sample has been seen, or the present one when it is right already or when the
 * scrape does not go into the interval (then no phase is better than another).
 */
export function alignPhase(grid: Grid, sampleMs: number, scrapeIntervalMs: number | undefined): number {
  if (scrapeIntervalMs === undefined || scrapeIntervalMs <= 0) return grid.phaseMs;
  const scrapes = grid.intervalMs / scrapeIntervalMs;
  if (scrapes < 0.95 || Math.abs(scrapes - Math.round(scrapes)) > 0.05) return grid.phaseMs;
  const earliestMs = sampleMs + SCRAPE_MARGIN_MS;
  const present = modulo(grid.phaseMs, grid.intervalMs);
  // With several scrapes in an interval every one of them will do: keep the nearest.
  const behind = modulo(present - (earliestMs - grid.startMs), scrapeIntervalMs);
  if (behind <= INSTANT_MS + JITTER_MS || behind >= scrapeIntervalMs - JITTER_MS) return grid.phaseMs;
  const instant = Math.ceil(earliestMs / INSTANT_MS) * INSTANT_MS;
  return modulo(instant - grid.startMs, grid.intervalMs);
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
