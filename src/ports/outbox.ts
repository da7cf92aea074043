// Output for people: Kubernetes events, notifications, own metrics, log lines. None of them may stop a reconcile.

import type { CanaryRelease } from '../api/release.ts';

export interface Announcement {
  /** The same for every try, also by another operator after a crash, and for no other announcement. */
  readonly id: string;
  /** When it was decided, RFC 3339 in UTC. */
  readonly at: string;
  /** One of the event reasons of names.ts. */
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly note: string;
  /** What the operator did, one UpperCamelCase word (events.k8s.io `action`). */
  readonly action: string;
  /** The person whose command made it happen, where the command says. */
  readonly by?: string;
}

export interface EventSink {
  /** Resolves when it is written, or given up. Never rejects; repeated equal announcements are folded into a series. */
  publish(release: CanaryRelease, announcement: Announcement): Promise<void>;
}

export interface Notifier {
  /** Sends signed JSON webhooks where the release asks for them. Resolves when each is sent, or given up. Never rejects. */
  notify(release: CanaryRelease, announcement: Announcement): Promise<void>;
}

/** Own metrics and log lines of one reconcile. */
export interface Telemetry {
  transition(release: CanaryRelease, from: string, to: string, reason: string, message: string): void;
  verdict(release: CanaryRelease, check: string, verdict: string): void;
  look(release: CanaryRelease): void;
  querySeconds(seconds: number): void;
  rollback(release: CanaryRelease, reason: string): void;
  rollbackSeconds(seconds: number): void;
  routeWrite(result: 'ok' | 'guard' | 'forbidden' | 'invalid' | 'error'): void;
  drift(release: CanaryRelease): void;
  /** Somebody else wrote the status, which only the operator writes. */
  foreignStatus(release: CanaryRelease): void;
  reconcileSeconds(seconds: number): void;
  release(release: CanaryRelease): void;
  forget(namespace: string, name: string): void;
}
