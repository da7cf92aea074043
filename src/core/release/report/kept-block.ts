// What blocked a release that is paused or waits for another try, in words: the trouble of now, or the one that it remembers.

import type { ReleaseStatus } from '../../../api/release.ts';
import { type Blocker, describeBlocker } from '../checks/types.ts';

/** `RouteNotAccepted: HTTPRoute store: ...`; undefined where nothing blocked it. */
export function describeKeptBlock(release: ReleaseStatus | undefined, blocker: Blocker | undefined): string | undefined {
  if (release?.blockedReason === undefined) return undefined;
  if (blocker !== undefined) return describeBlocker(blocker);
  const { blockedReason: reason, blockedMessage: message } = release;
  return message === undefined ? reason : `${reason}: ${message}`;
}
