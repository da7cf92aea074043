// A promotion says that a revision is good, whatever was said of it before: a retry that was promoted is no rejected one any more.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { type CandidateKey, isSameRevision } from '../facts/revision.ts';

/** The status without what stood against the promoted revision, or for another one that had to wait. */
export function clearRejection(status: CanaryReleaseStatus, release: ReleaseStatus): CanaryReleaseStatus {
  const promoted = keyOf({ ...release, service: release.canary.service });
  const { rejected, settled, ...rest } = status;
  // Without either, any revision of the Service would be the same.
  const known = promoted.templateHashes.length > 0 || release.specRevision !== undefined;
  const kept = (rejected ?? []).filter((entry) => !known || !isSameRevision(promoted, keyOf(entry)));
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

function keyOf({ service = '', specRevision, templateHashes = [] }: Entry): CandidateKey {
  return { service, templateHashes, ...(specRevision === undefined ? {} : { specRevision }) };
}
