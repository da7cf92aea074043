// The content of a notification and its signature: a JSON body of version 1, and an HMAC over the time and that body.
import { createHmac } from 'node:crypto';
import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import type { Announcement } from '../../ports/outbox.ts';

/** The JSON body of a notification. Fields are only ever added; a receiver ignores what it does not know. */
export interface Notification {
  readonly version: 1;
  /** Equal for every attempt of one announcement, also after a crash, and different for others: a receiver can drop repetitions. */
  readonly id: string;
  readonly release: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly revision: string | null;
  readonly reason: string;
  readonly message: string;
  /** Who gave the command that made it happen; null without a command or a name. */
  readonly by: string | null;
  readonly phase: string | null;
  /** The canary's share in percent. */
  readonly weight: number | null;
  readonly stage: string | null;
  /** When it was decided, RFC 3339 in UTC. */
  readonly at: string;
}

/** One receiver of a release: `spec.notifications[]`. */
export interface NotificationReceiver {
  readonly name: string;
  readonly url: string;
  /** Secret of the release's namespace whose key `hmac` signs. */
  readonly secretRef?: { readonly name: string };
}

const SIGNATURE_HEADER = 'x-glidepath-signature';
const TIMESTAMP_HEADER = 'x-glidepath-timestamp';

/** The notification of an announcement, as things stand in the release at this moment. */
export function describeNotification(release: CanaryRelease, announcement: Announcement): Notification {
  const { namespace, name, uid } = release.metadata;
  const { id, at, reason, note, by = null } = announcement;
  const { release: attempt, phase, weight }: Partial<CanaryReleaseStatus> = release.status ?? {};
  return {
    version: 1,
    id,
    release: { namespace, name, uid },
    revision: attempt?.revision ?? null,
    reason,
    message: note,
    by,
    phase: phase ?? null,
    weight: weight ?? null,
    stage: attempt?.stage ?? null,
    at,
  };
}

/**
 * Headers that prove who sent a body and when: `sha256=` and the hex HMAC-SHA256 of `<timestamp>.<body>`, where the
 * timestamp is in whole Unix seconds. A receiver refuses old timestamps. Without a key there is no signature.
 */
export function signBody(body: string, atMs: number, key: string | undefined): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(atMs / 1_000));
  if (key === undefined) return { [TIMESTAMP_HEADER]: timestamp };
  const digest = createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex');
  return { [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: `sha256=${digest}` };
}
