// How long a canary that gets no new traffic is kept, so that what it was sent is answered: at least the drain time, and until its
// requests are seen to have stopped; but no longer than the longest drain, whatever Prometheus says. This is no verdict.

import { carriesConnections } from '../../api/names.ts';
import type { ReleaseStatus } from '../../api/release.ts';
import type { Silence } from '../analysis/silence.ts';
import { isAddedByUs, type RouteStanding } from '../routing/standing.ts';
import { isRunning, type StateName } from './state.ts';
import { hasGivenTraffic } from './traffic.ts';
import { clockOf, fromTime, toTime } from '../../api/times.ts';

/** What is known of the requests that still reach the canary. Absent: not asked or not answered yet. */
export type DrainReading =
  /** Requests are not counted for this release: the drain time alone decides. */
  | 'uncountable'
  /** Prometheus cannot say. */
  | 'unavailable'
  /** Rules keep users on the canary, whatever its weight, and the serving version can answer them: its pods have to go. */
  | 'sessionsStay'
  /** Neither version has requests: there is nothing to wait for, and it says nothing of where requests would go. */
  | 'idle'
  | Silence;

/** The least time that pods which got requests a moment ago have for their answers. */
export const DRAIN_MS = 10_000;
/** After this the time alone counts: Prometheus is away, scrapes seldom, or clients continue to call the canary directly. */
export const LONGEST_DRAIN_MS = 60_000;

/** When draining began: the routes had been written by then. Undefined before. */
export function drainBeganAt({ drainEndsAt }: Pick<ReleaseStatus, 'drainEndsAt'>): number | undefined {
  const ends = fromTime(drainEndsAt);
  return ends === undefined ? undefined : ends - DRAIN_MS;
}

/** When draining that begins now ends at the earliest. */
export function endOfDrain(now: number): string {
  return toTime(now + DRAIN_MS);
}

/** Nothing more is to be expected of the canary. A release that never gave it any has nothing to drain. */
export function isDrained(release: ReleaseStatus | undefined, reading: DrainReading | undefined, now: number): boolean {
  if (release === undefined || !hasGivenTraffic(release)) return true;
  const began = drainBeganAt(release);
  if (began === undefined || now < began + DRAIN_MS) return false;
  if (reading === 'uncountable' || reading === 'sessionsStay' || reading === 'silent') return true;
  return now >= began + LONGEST_DRAIN_MS;
}

/** Is our ref on a route that an edit removed still to stay, though it gives nothing any more? The drain time alone counts here. */
export function drainsYet(standing: RouteStanding, now: number): boolean {
  const ends = endOfEmptying(standing);
  return standing.rules.some(isAddedByUs) && (ends === undefined || now < ends);
}

/** When our ref on a route that an edit removed has had its time; undefined while that has not begun. */
export function endOfEmptying({ recorded }: RouteStanding): number | undefined {
  const emptied = fromTime(recorded.emptiedAt);
  return emptied === undefined ? undefined : emptied + DRAIN_MS;
}

/** The time at which Prometheus has to be asked since when requests have stopped; undefined while that is of no interest. */
export function findDrainQuestion(release: ReleaseStatus | undefined, state: StateName, now: number): number | undefined {
  if (release?.workload === undefined || !isRunning(state) || !hasGivenTraffic(release)) return undefined;
  const began = drainBeganAt(release);
  return began !== undefined && now >= began + DRAIN_MS ? began : undefined;
}

/** A route of the release carries connections, which outlive a change of weights. */
export function hasConnections({ routes = [] }: Pick<ReleaseStatus, 'routes'>): boolean {
  return routes.some(({ kind }) => carriesConnections(kind));
}

/** What the canary is still kept for; undefined when it is not. Times that hold from the first to the last moment of it. */
export function describeDrain(release: ReleaseStatus, reading: DrainReading | undefined, now: number): string | undefined {
  const began = drainBeganAt(release);
  if (began === undefined || isDrained(release, reading, now)) return undefined;
  if (reading === 'sessionsStay') return 'the pods of the canary end now, because sessions keep users on them whatever its weight is';
  const [least, longest] = [clockOf(began + DRAIN_MS), clockOf(began + LONGEST_DRAIN_MS)];
  if (hasConnections(release)) return `the canary is kept until ${least} at least; connections that are still open then end with its pods`;
  return `the canary is kept until its requests have stopped, from ${least} to ${longest} at the latest`;
}
