// What is announced and not delivered yet, as a part of the status: it is committed with the step that it reports, so an operator that
// is killed after the commit leaves it to the next one, which announces it under the same id.

import { hash } from 'node:crypto';
import { MAX_ANNOUNCEMENTS } from '../../../api/names.ts';
import { toExactTime } from '../../../api/times.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Drift } from '../drift/drift.ts';
import type { ReleaseEvent } from './events.ts';

type Status = CanaryReleaseStatus;
type Internal = NonNullable<Status['internal']>;
/** An announcement as the status keeps it until it is delivered. */
export type PendingAnnouncement = NonNullable<Internal['announcements']>[number];

const MOST_MESSAGE = 1_024;
const ID_DIGITS = 32;

/** The events of a decision: somebody else's edits first, because the steps may answer them. */
export function eventsOf({ drifts, events }: { readonly drifts: readonly Drift[]; readonly events: readonly ReleaseEvent[] }) {
  return [...drifts.map(({ message }): ReleaseEvent => ({ reason: 'RouteDrift', message, warning: true })), ...events];
}

/** What waits to be delivered, oldest first. */
export function pendingIn({ internal }: Status): readonly PendingAnnouncement[] {
  return internal?.announcements ?? [];
}

/** Adds events. Where nothing can be delivered the oldest give way. @param uid of the CanaryRelease */
export function queueEvents(status: Status, events: readonly ReleaseEvent[], now: number, uid: string): Status {
  if (events.length === 0) return status;
  const at = toExactTime(now);
  const added = events.map(({ reason, message, warning, by }, index): PendingAnnouncement => {
    const identity = JSON.stringify([uid, status.release?.id ?? '', reason, message, at, index]);
    return {
      id: hash('sha256', identity).slice(0, ID_DIGITS),
      at,
      reason,
      message: message.slice(0, MOST_MESSAGE),
      ...(warning === true ? { warning } : {}),
      ...(by === undefined ? {} : { by }),
    };
  });
  return withPending(status, [...pendingIn(status), ...added].slice(-MAX_ANNOUNCEMENTS));
}

/** The status without what was delivered; the same one where nothing was. */
export function dropDelivered(status: Status, isDelivered: (id: string) => boolean): Status {
  const pending = pendingIn(status);
  const left = pending.filter(({ id }) => !isDelivered(id));
  return left.length === pending.length ? status : withPending(status, left);
}

/** Is there something in the status that may not be announced before it is committed? */
export function hasUncommitted(status: Status, committed: Status): boolean {
  const known = new Set(pendingIn(committed).map(({ id }) => id));
  return pendingIn(status).some(({ id }) => !known.has(id));
}

/** The status without announcements, for those who compare two of them. */
export function withoutPending(status: Status): Status {
  return pendingIn(status).length === 0 ? status : withPending(status, []);
}

function withPending(status: Status, announcements: readonly PendingAnnouncement[]): Status {
  const { announcements: _former, ...kept } = status.internal ?? {};
  const internal: Internal = { ...kept, ...(announcements.length === 0 ? {} : { announcements: [...announcements] }) };
  const { internal: _internal, ...rest } = status;
  return Object.keys(internal).length === 0 ? rest : { ...rest, internal };
}
