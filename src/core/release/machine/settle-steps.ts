// How a release ends: what is remembered of it, and what may come again.

import { MAX_HISTORY, MAX_PROVEN, MAX_REJECTED } from '../../../api/names.ts';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { toTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import { findPause } from '../facts/next-attempt.ts';
import { type CandidateKey, isSameRevision, keyOf, keyOfRelease } from '../facts/revision.ts';
import { nameApprovers } from './approval-record.ts';

type Status = CanaryReleaseStatus;
/** Ends a promotion: the roles have swapped. */
export function settlePromoted(status: Status, facts: Facts): Status {
  const release = status.release;
  if (release === undefined) return status;
  const old = keyOf(release.serving.service, facts.spec.revision, facts.observation.backends[release.serving.service]);
  const { verdict: _verdict, ...rest } = clearRejection(status, release);
  const { workload } = release;
  return {
    ...rest,
    weight: 0,
    checks: [],
    ...(workload === undefined
      ? { serving: { service: release.canary.service, revision: release.revision }, settled: settledFrom(old) }
      : { serving: { service: release.serving.service, revision: release.revision, template: workload.template, uid: workload.uid } }),
    proven: addProven(status, release, toTime(facts.now)),
    history: remember(status, release, 'Promoted', facts.now),
    release: { ...release, finishedAt: toTime(facts.now) },
  };
}

/** The last promoted revisions; in Deployment mode what served before the first of them as well: production proved it. */
function addProven(status: Status, release: ReleaseStatus, at: string): NonNullable<Status['proven']> {
  const { workload } = release;
  const promoted = { revision: release.revision, at, ...(workload === undefined ? {} : { templateHashes: [workload.template] }) };
  const others = (status.proven ?? []).filter((entry) => entry.revision !== release.revision);
  const former = workload?.servingTemplate;
  const known = former === undefined || others.some((entry) => entry.templateHashes?.includes(former) === true);
  const before = known ? [] : [{ revision: status.serving?.revision ?? former, at: release.startedAt, templateHashes: [former] }];
  return [promoted, ...before, ...others].slice(0, MAX_PROVEN);
}

/** Ends a rollback. A rejected revision waits for the command `retry`; one that was not to blame has its next attempt noted. */
export function settleRolledBack(status: Status, facts: Facts): Status {
  const release = status.release;
  if (release === undefined) return status;
  const key = keyOfRelease(release);
  const pauseMs = findPause(release);
  const superseded = release.reason === 'Superseded';
  const rejected = {
    revision: release.revision,
    reason: release.reason ?? 'Unknown',
    at: toTime(facts.now),
    ...settledFrom(key),
  };
  return {
    ...status,
    weight: 0,
    ...(superseded
      ? {}
      : { settled: settledFrom({ ...key, templateHashes: [...key.templateHashes, ...findLeaving(status, facts, key)] }) }),
    ...(release.rejects === true ? { rejected: [rejected, ...(status.rejected ?? [])].slice(0, MAX_REJECTED) } : {}),
    history: remember(status, release, release.reason === 'Completed' ? 'Completed' : 'RolledBack', facts.now),
    release: {
      ...release,
      finishedAt: toTime(facts.now),
      ...(pauseMs === undefined ? {} : { retryAt: toTime(facts.now + pauseMs) }),
    },
  };
}

/** Pods of the former revision that a rolling update has not replaced yet: they were no news before, and are none now. */
function findLeaving({ settled }: Status, { canaryKey }: Facts, key: CandidateKey): readonly string[] {
  if (settled?.service !== key.service) return [];
  const there = canaryKey?.templateHashes ?? [];
  return settled.templateHashes.filter((hash) => there.includes(hash) && !key.templateHashes.includes(hash));
}

function settledFrom(key: CandidateKey): NonNullable<Status['settled']> {
  return {
    service: key.service,
    ...(key.specRevision === undefined ? {} : { specRevision: key.specRevision }),
    templateHashes: [...key.templateHashes],
  };
}

type Outcome = 'Promoted' | 'RolledBack' | 'Completed';

function remember(status: Status, release: ReleaseStatus, outcome: Outcome, now: number): NonNullable<Status['history']> {
  const entry = {
    id: release.id,
    revision: release.revision,
    outcome,
    ...(outcome !== 'Promoted' ? { reason: release.reason ?? 'Unknown' } : {}),
    startedAt: release.startedAt,
    finishedAt: toTime(now),
    maxWeight: release.maxWeight ?? 0,
    ...(release.failedRequests === undefined ? {} : { failedRequests: release.failedRequests }),
    ...nameApprovers(release),
  };
  return [entry, ...(status.history ?? [])].slice(0, MAX_HISTORY);
}

/** The status without what stood against the promoted revision, or for another one that had to wait. */
export function clearRejection(status: CanaryReleaseStatus, release: ReleaseStatus): CanaryReleaseStatus {
  const promoted = keyOfRelease(release);
  const { rejected, settled, ...rest } = status;
  // Without either, any revision of the Service would be the same.
  const known = promoted.templateHashes.length > 0 || release.specRevision !== undefined;
  const kept = (rejected ?? []).filter((entry) => !known || !isSameRevision(promoted, candidateOf(entry)));
  return {
    ...rest,
    ...(rejected === undefined ? {} : { rejected: kept }),
    // In Deployment mode nothing stands behind the canary between releases: what went home without blame may come again.
    ...(settled === undefined || release.workload !== undefined ? {} : { settled }),
  };
}

interface Entry {
  readonly service?: string;
  readonly specRevision?: string;
  readonly templateHashes?: readonly string[];
}

function candidateOf({ service = '', specRevision, templateHashes = [] }: Entry): CandidateKey {
  return { service, templateHashes, ...(specRevision === undefined ? {} : { specRevision }) };
}
