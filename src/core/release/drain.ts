// How long a canary that gets no new traffic is kept, so that what it was sent is answered: at least the drain time, and until its
// requests are seen to have stopped; but no longer than the longest drain, whatever Prometheus says. This is no verdict.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import type { Silence } from '../analysis/silence.ts';
import { isRunning, type StateName } from './state.ts';
import { clockOf, fromTime, toTime } from './times.ts';

type Release = NonNullable<CanaryReleaseStatus['release']>;

/** What is known of the requests that still reach the canary. Absent: not asked or not answered yet. */
export type DrainReading =
  /** Nobody counts requests for this release: time alone decides. */
  { readonly kind: 'uncountable' } | { readonly kind: Silence } | { readonly kind: 'unavailable'; readonly message: string };

/** The least time that pods which got requests a moment ago have for their answers. */
export const DRAIN_MS = 10_000;
/** After this the time alone counts: Prometheus is away, scrapes seldom, or somebody goes on calling the canary directly. */
export const LONGEST_DRAIN_MS = 60_000;

/** When draining began: the routes had been written by then. Undefined before. */
export function drainBeganAt({ drainEndsAt }: Pick<Release, 'drainEndsAt'>): number | undefined {
  const ends = fromTime(drainEndsAt);
  return ends === undefined ? undefined : ends - DRAIN_MS;
}

/** When draining that begins now ends at the earliest. */
export function endOfDrain(now: number): string {
  return toTime(now + DRAIN_MS);
}

/** Nothing more is to be expected of the canary. A release that never had weight has nothing to drain. */
export function isDrained(release: Release | undefined, reading: DrainReading | undefined, now: number): boolean {
  if (release === undefined || (release.maxWeight ?? 0) === 0) return true;
  const began = drainBeganAt(release);
  if (began === undefined || now < began + DRAIN_MS) return false;
  if (reading?.kind === 'uncountable' || reading?.kind === 'silent') return true;
  return now >= began + LONGEST_DRAIN_MS;
}

/** The time at which Prometheus has to be asked since when requests have stopped; undefined while that is of no interest. */
export function findDrainQuestion(release: Release | undefined, state: StateName, now: number): number | undefined {
  if (release?.workload === undefined || !isRunning(state) || (release.maxWeight ?? 0) === 0) return undefined;
  const began = drainBeganAt(release);
  return began !== undefined && now >= began + DRAIN_MS ? began : undefined;
}

/** What the canary is still kept for; undefined when nothing is drained. */
export function describeDrain(release: Release, reading: DrainReading | undefined, now: number): string | undefined {
  const began = drainBeganAt(release);
  if (began === undefined || isDrained(release, reading, now)) return undefined;
  const latest = clockOf(began + LONGEST_DRAIN_MS);
  if (now < began + DRAIN_MS) return `the canary answers what it was sent until ${clockOf(began + DRAIN_MS)}`;
  switch (reading?.kind) {
    case 'busy':
      return `the canary still gets requests; it is kept until they stop, at most until ${latest}`;
    case 'unavailable':
      return `the canary is kept until ${latest}: Prometheus cannot say whether its requests have stopped (${reading.message})`;
    case 'unseen':
      return `the canary is kept until ${latest}: Prometheus has no newer sample of its requests`;
    default:
      return `the canary is kept until two scrapes show that its requests have stopped, at most until ${latest}`;
  }
}
