// When a weight is in effect: a gateway's status says that it was accepted, mostly a moment before requests split by it, sometimes long
// before. Where both versions are counted, the clock of a stage starts again for as long as requests split as before the raise.

import type { ReleaseStatus } from '../../../api/release.ts';
import { fromTime, toTime } from '../../../api/times.ts';
import type { LookCounts } from '../../analysis/reading.ts';
import { moveEnds } from './lateness.ts';
import { formerWeight } from './steady-spans.ts';

/** The release with what this look says of the split. Once requests split as asked, the comparison says whether they still do. */
export function noteSeenSplit(release: ReleaseStatus, look: LookCounts): ReleaseStatus {
  const { seenSplit } = release;
  if (look.split === 'present') return seenSplit === 'Present' ? release : { ...release, seenSplit: 'Present' };
  if (seenSplit === 'Present') return release;
  if (look.split === 'former') return restartStage({ ...release, seenSplit: 'Former' }, look.atMs);
  // Too few requests: time alone counts from here.
  if (seenSplit === undefined) return release;
  const { seenSplit: _former, ...rest } = release;
  return rest;
}

/** Requests split as before the raise, by the last look: nothing of the present weight is proven. */
export function isSplitAsBefore({ seenSplit }: Pick<ReleaseStatus, 'seenSplit'>): boolean {
  return seenSplit === 'Former';
}

/** Requests were seen to split by the present weight. */
export function isSplitAsAsked(release: Pick<ReleaseStatus, 'seenSplit'> | undefined): boolean {
  return release?.seenSplit === 'Present';
}

/** `requests still split as before the raise to 50%, by weight 10%`; undefined where they do not. */
export function describeSplitBefore(release: ReleaseStatus, weight: number): string | undefined {
  if (!isSplitAsBefore(release)) return undefined;
  return `requests still split as before the raise to ${weight}%, by weight ${formerWeight(release)}%: the gateway has not taken it`;
}

/** The time limit of the stage stays: a gateway that never takes the weight is a matter of onInconclusive. */
function restartStage(release: ReleaseStatus, atMs: number): ReleaseStatus {
  const startedMs = fromTime(release.stageStartedAt);
  if (startedMs === undefined || startedMs >= atMs) return release;
  const at = toTime(atMs);
  const { passInStage: _pass, passAt: _at, ...rest } = moveEnds(release, atMs - startedMs);
  return { ...rest, stageStartedAt: at, cleanSince: at, stageRequests: 0 };
}
