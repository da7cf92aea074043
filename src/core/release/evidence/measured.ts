// The share that the canary got, by what the gateways counted. It judges nothing: the comparison does, over all looks.

import { withoutUndefined } from '../../../api/absence.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { roundPercent } from '../../analysis/comparison/words.ts';
import type { LookReading } from '../../analysis/reading.ts';
import { fromTime, toTime } from '../../../api/times.ts';

/** The status with what this look counted; without where it read one side only, or saw no request at all. */
export function withMeasured(status: CanaryReleaseStatus, { requests, servingRequests, sources, atMs }: LookReading): CanaryReleaseStatus {
  const { measured: _former, ...rest } = status;
  const canaryRequests = requests.kind === 'facts' ? requests.facts.requests : requests.kind === 'noTraffic' ? 0 : undefined;
  if (canaryRequests === undefined || servingRequests === undefined || canaryRequests + servingRequests === 0) return rest;
  const share = roundPercent(canaryRequests / (canaryRequests + servingRequests));
  const apart = sources?.map((one) => ({
    source: one.source,
    canaryRequests: one.requests,
    canaryErrors: one.serverErrors,
    servingRequests: one.serving?.requests.requests ?? 0,
    servingErrors: one.serving?.requests.serverErrors ?? 0,
  }));
  return { ...rest, measured: { share, canaryRequests, servingRequests, ...withoutUndefined({ sources: apart }), at: toTime(atMs) } };
}

/** Was it counted before the present weight was asked for? */
export function isOfFormerWeight({ at }: NonNullable<CanaryReleaseStatus['measured']>, release: CanaryReleaseStatus['release']): boolean {
  return (fromTime(at) ?? 0) <= (fromTime(release?.shiftedAt) ?? 0);
}
