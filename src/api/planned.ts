// The spec that a release follows: where no stages are written, the default ones for the traffic before it, as its status has it.

import { parseLimit } from './quantity.ts';
import type { ReleaseStatus } from './release-status.ts';
import { type CanaryReleaseSpec, withStagesFor } from './spec.ts';
import type { CanaryReleaseStatus } from './status.ts';

/** Requests of the serving version a second in the half hour before the release; undefined where that is not known. */
export function rateBefore(release: Pick<ReleaseStatus, 'requestRate'> | undefined): number | undefined {
  return release?.requestRate === undefined ? undefined : parseLimit(release.requestRate).value;
}

/** The spec as the release of this status follows it. */
export function planFor(spec: CanaryReleaseSpec, status: Pick<CanaryReleaseStatus, 'release'> | undefined): CanaryReleaseSpec {
  return withStagesFor(spec, rateBefore(status?.release));
}
