// Put-backs upwards, counted: whoever keeps undoing our raises contests the route, and then nothing is raised any more (rule 7).

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { fromTime, toTime } from '../../../api/times.ts';

type Release = NonNullable<CanaryReleaseStatus['release']>;

/** So many times by one manager in a release, or by anybody in a minute. */
const CONTESTED_BY_ONE = 3;
const CONTESTED_IN_A_MINUTE = 5;
/** `status.release.putBacks` is short. */
const MOST_MANAGERS = 8;

/** Counts that a raise is due again which somebody undid; the time that is one too many contests the route instead. */
export function countPutBack(release: Release, now: number): Release {
  const manager = release.driftBy ?? 'unknown';
  const counts = release.putBacks ?? [];
  const count = (counts.find((entry) => entry.manager === manager)?.count ?? 0) + 1;
  const times = [...(release.putBackTimes ?? []).filter((time) => now - (fromTime(time) ?? 0) < 60_000), toTime(now)];
  const contested = count >= CONTESTED_BY_ONE || times.length >= CONTESTED_IN_A_MINUTE;
  const putBacks = [...counts.filter((entry) => entry.manager !== manager), { manager, count }].slice(-MOST_MANAGERS);
  return { ...release, putBacks, putBackTimes: times.slice(-CONTESTED_IN_A_MINUTE), ...(contested ? { contestedBy: manager } : {}) };
}
