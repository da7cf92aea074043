// How late samples reach Prometheus: remote write, a querier that lags behind, or a clock of our own that is ahead. A constant delay
// moves everything that needs proof; it is no outage, and it never makes a Fail less true (rule 6).

import { fromTime, toTime } from '../../../api/times.ts';
import { withoutUndefined } from '../../../api/absence.ts';
import type { CanaryReleaseSpec, ReleaseStatus } from '../../../api/release.ts';
import type { LookCounts } from '../../analysis/reading.ts';
import { MOST_DELAY_MS } from '../../analysis/look-spans.ts';

/** A sample that arrives at once is at most this many scrapes old at a look: one for the grid of the looks, one for a slow scrape. */
const LATE_SCRAPES = 2;
/** The scrape interval that is assumed where it is not known. */
const UNKNOWN_SCRAPE_MS = 60_000;

/** By how much samples come late, milliseconds; 0 where they come at once. */
export function lateByMs(release: ReleaseStatus | undefined): number {
  return release?.sampleDelayMs ?? 0;
}

/** Distance of the samples, as far as it is known. */
export function scrapeMsOf({ scrapeIntervalMs }: Pick<LookCounts, 'scrapeIntervalMs'>, release: ReleaseStatus): number {
  return scrapeIntervalMs ?? release.scrapeIntervalMs ?? UNKNOWN_SCRAPE_MS;
}

/**
 * The release with the delay as this look shows it: the age of the newest sample when a new one has come, the smallest of recent looks.
 * Looks that fall between two scrapes see different ages, so a larger one counts only where scrapes do not explain it. While no new
 * sample comes nothing is measured: a gateway that is not scraped any more is not late.
 */
export function noteDelay(spec: CanaryReleaseSpec, release: ReleaseStatus, look: LookCounts, isNew: boolean): ReleaseStatus {
  if (!isNew || look.sampleAgeMs === undefined) return release;
  const delayMs = nextDelay(release.sampleDelayMs, look.sampleAgeMs, scrapeMsOf(look, release));
  if (delayMs === release.sampleDelayMs) return release;
  const { sampleDelayMs: _former, ...rest } = release;
  const noted = { ...rest, ...withoutUndefined({ sampleDelayMs: delayMs }) };
  return moveEnds(noted, waitForSamples(spec, noted) - waitForSamples(spec, release));
}

/** How much longer than its duration a stage lasts, so that a Pass has the samples of all of it, milliseconds. */
export function waitForSamples({ analysis }: CanaryReleaseSpec, release: ReleaseStatus | undefined): number {
  // Where the judge does not act, time alone counts.
  return analysis.mode === 'Enforce' ? lateByMs(release) : 0;
}

function nextDelay(former: number | undefined, ageMs: number, scrapeMs: number): number | undefined {
  const rounded = Math.ceil(ageMs / 1_000) * 1_000;
  if (former === undefined) return ageMs > LATE_SCRAPES * scrapeMs ? rounded : undefined;
  if (ageMs <= scrapeMs) return undefined;
  return ageMs > former + LATE_SCRAPES * scrapeMs ? rounded : Math.min(former, rounded);
}

/** The release with the ends of its stage and its bake moved. */
export function moveEnds(release: ReleaseStatus, byMs: number): ReleaseStatus {
  const { stageEndsAt, bakeEndsAt } = release;
  return {
    ...release,
    ...(stageEndsAt === undefined ? {} : { stageEndsAt: toTime((fromTime(stageEndsAt) ?? 0) + byMs) }),
    ...(bakeEndsAt === undefined ? {} : { bakeEndsAt: toTime((fromTime(bakeEndsAt) ?? 0) + byMs) }),
  };
}

/** The time that the evidence of a look ends with: its own, or that of its newest sample where samples are late. Unix milliseconds. */
export function toldTime({ atMs, newestSampleMs }: LookCounts, release: ReleaseStatus): number {
  return newestSampleMs === undefined || lateByMs(release) === 0 ? atMs : Math.min(atMs, newestSampleMs);
}

/** Samples that are so late prove nothing of a stage that is to be left; undefined where they are not. */
export function findTooLate({ atMs, newestSampleMs, ...look }: LookCounts, release: ReleaseStatus): string | undefined {
  const ageMs = atMs - (newestSampleMs ?? atMs);
  if (ageMs <= MOST_DELAY_MS + scrapeMsOf(look, release)) return undefined;
  return `samples arrive ${describeSeconds(ageMs)} late, and a Pass takes ${describeSeconds(MOST_DELAY_MS)} at most: find out what delays them`;
}

/** `samples arrive 32 s late`; undefined where they come at once. */
export function describeLateness(release: ReleaseStatus | undefined): string | undefined {
  const ms = lateByMs(release);
  return ms === 0 ? undefined : `samples arrive ${describeSeconds(ms)} late`;
}

function describeSeconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
