// Before a promotion says that the version that served is out of use: until its last requests are seen to be past, and no longer than a
// canary is left to drain. A gateway's status says only that the change was accepted.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { clockOf, fromTime } from '../../api/times.ts';
import { type DrainReading, LONGEST_DRAIN_MS } from './drain.ts';
import type { StateName } from './state.ts';

type Status = Pick<CanaryReleaseStatus, 'weight' | 'release'>;

/** Scrapes from before the promotion count where the canary had everything already, but no older ones. */
const LONGEST_BEFORE_MS = 120_000;

/** Since when requests to the version that served are to have stopped, Unix milliseconds; undefined where they need not. */
export function lastAnswersSince(status: Status, state: StateName): number | undefined {
  const { release } = status;
  const askedMs = fromTime(release?.shiftedAt);
  if (!givesAll(status, state) || askedMs === undefined) return undefined;
  const span = release?.served?.at(-1);
  const sinceMs = span?.weight === 100 ? Date.parse(span.from) : askedMs;
  return Math.min(askedMs, Math.max(sinceMs, askedMs - LONGEST_BEFORE_MS));
}

/** Everything is asked for the canary, and what served before is to be out of use at the end of it. */
export function givesAll({ weight }: Status, state: StateName): boolean {
  return weight === 100 && (state === 'promoting.rollingOut' || state === 'promoting.baking');
}

const MAY_CONTINUE: readonly (DrainReading | undefined)[] = ['silent', 'idle', 'uncountable'];

/** When the promotion continues although requests to the version that served have not stopped; undefined where they have, or need not. */
export function endOfLastAnswers(status: Status, state: StateName, reading: DrainReading | undefined): number | undefined {
  if (lastAnswersSince(status, state) === undefined || MAY_CONTINUE.includes(reading)) return undefined;
  // Of this release no request was ever counted, so none will be.
  if (reading === 'unseen' && status.release?.sampleAt === undefined) return undefined;
  const askedMs = fromTime(status.release?.shiftedAt);
  return askedMs === undefined ? undefined : askedMs + LONGEST_DRAIN_MS;
}

/** `waits until the last requests to Service store-v1 are past, until 12:00:30Z at the latest`; undefined where it does not. */
export function describeLastAnswers(status: Status, state: StateName, reading: DrainReading | undefined, now: number): string | undefined {
  const ends = endOfLastAnswers(status, state, reading);
  if (ends === undefined || now >= ends) return undefined;
  return `waits until requests to Service ${status.release?.serving.service ?? ''} have stopped, until ${clockOf(ends)} at the latest`;
}
