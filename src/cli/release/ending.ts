// When a watch is over, and how: decided on the release that runs or begins, or on that of a named revision, never on what
// the last release left behind.

import type { ReleaseStatus } from '../../api/release.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { type ExitCode, WATCH_EXIT } from '../io.ts';
import { failure } from '../usage.ts';

/** What is waited for. */
export interface WatchGoal {
  /** Only a release of this revision; absent: the one that runs, or else the next. */
  readonly revision?: string | undefined;
  /** True: ends when a person is needed. */
  readonly endsForPersons: boolean;
}

/** How a watch ended. */
export interface Ending {
  readonly code: ExitCode;
  readonly says: string;
}

/** Blocks mend by themselves while gateways and pods come up; one that stays so long needs somebody. */
const BLOCKED_MS = 30_000;

/** Follows versions of one object, in order. @returns undefined until it is over */
export type Tracker = (release: SeenRelease | undefined, now: number) => Ending | undefined;

export function trackRelease(goal: WatchGoal): Tracker {
  let target: string | undefined;
  let seenFirst: { readonly id: string | undefined } | undefined;
  let blockedSince: number | undefined;
  return (release, now) => {
    if (release === undefined) throw failure('the CanaryRelease was deleted; its traffic goes home by itself');
    const { status } = release;
    target ??= findTarget(release, goal, seenFirst);
    seenFirst ??= { id: status.release?.id };
    blockedSince = status.phase === 'Blocked' ? (blockedSince ?? now) : undefined;
    const ended = target === undefined ? findRejected(release, goal) : findEnd(release, target);
    if (ended !== undefined || !goal.endsForPersons) return ended;
    return findPerson(release, target, blockedSince !== undefined && now >= blockedSince + BLOCKED_MS);
  };
}

/** The release to follow, once it is there. */
function findTarget({ status }: SeenRelease, { revision }: WatchGoal, first: { readonly id: string | undefined } | undefined) {
  const { release } = status;
  if (release === undefined) return undefined;
  if (revision !== undefined) return isOf(release, revision) ? release.id : undefined;
  const state = parseState(status.state);
  const runs = state === undefined || isRunning(state);
  // One that came and went between two looks is another one than there was at first.
  return runs || (first !== undefined && first.id !== release.id) ? release.id : undefined;
}

function isOf({ revision, specRevision, templateHashes }: ReleaseStatus, wanted: string): boolean {
  return revision === wanted || specRevision === wanted || (templateHashes ?? []).includes(wanted);
}

/** A rejected revision is not released again by itself, so waiting for it would be in vain. */
function findRejected({ status, name }: SeenRelease, { revision }: WatchGoal): Ending | undefined {
  const state = parseState(status.state);
  if (revision === undefined || state === undefined || isRunning(state)) return undefined;
  const rejected = (status.rejected ?? []).find((entry) => entry.revision === revision || entry.specRevision === revision);
  if (rejected === undefined) return undefined;
  const says = `revision ${revision} was rolled back at ${rejected.at} (${rejected.reason}) and is not tried again by itself; kubectl canary retry ${name}`;
  return { code: WATCH_EXIT.rolledBack, says };
}

function findEnd({ status }: SeenRelease, target: string): Ending | undefined {
  const { release } = status;
  if (release?.id === target) {
    const state = parseState(status.state);
    if (state === 'promoted') return { code: WATCH_EXIT.promoted, says: status.message ?? 'promoted' };
    if (state === 'rolledBack') return sayRolledBack(release.reason, status.message ?? 'rolled back');
    return undefined;
  }
  const entry = (status.history ?? []).find(({ id }) => id === target);
  if (entry?.outcome === 'Promoted') return { code: WATCH_EXIT.promoted, says: `revision ${entry.revision} was promoted` };
  if (entry === undefined)
    return { code: WATCH_EXIT.superseded, says: `release ${target} is no longer there; ${release?.id ?? 'none'} is` };
  return sayRolledBack(entry.reason, `revision ${entry.revision} was rolled back: ${entry.reason ?? ''}`);
}

function sayRolledBack(reason: string | undefined, says: string): Ending {
  return { code: reason === 'Superseded' ? WATCH_EXIT.superseded : WATCH_EXIT.rolledBack, says };
}

/** Nothing goes on by itself. */
function findPerson({ status }: SeenRelease, target: string | undefined, blockedLong: boolean): Ending | undefined {
  const waits = target !== undefined && status.release?.id === target && (status.phase === 'AwaitingApproval' || status.phase === 'Paused');
  if (!waits && !blockedLong) return undefined;
  return { code: WATCH_EXIT.needsPerson, says: status.message ?? 'a person is needed' };
}
