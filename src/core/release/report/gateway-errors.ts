// What is said of the errors that gateways answered themselves.

import { roundCount } from '../../analysis/comparison/words.ts';
import type { ReleaseStatus } from '../../../api/release.ts';

/** `the gateway answered 7 requests itself, with an error, ...`; undefined where there were none. */
export function describeGatewayErrors(release: Pick<ReleaseStatus, 'gatewayErrors'> | undefined): string | undefined {
  const errors = release?.gatewayErrors ?? 0;
  if (errors === 0) return undefined;
  const requests = errors === 1 ? '1 request' : `${roundCount(errors)} requests`;
  return `gateways of the release answered ${requests} with an error of their own soon after a weight was set, because a backend was not there yet; of all their routes, and not counted against the canary`;
}
