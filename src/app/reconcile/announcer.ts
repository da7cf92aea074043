// Announces what a reconcile did: one event and one notification for each happening, at least once also across a crash, and one log
// line for each transition.

import type { EventReason } from '../../api/names.ts';
import type { CanaryRelease } from '../../api/release.ts';
import { type PendingAnnouncement, pendingIn } from '../../core/release/report/announcements.ts';
import type { Announcement } from '../../ports/outbox.ts';
import type { ReleaseKey } from '../../ports/releases.ts';
import type { Memory } from './memory.ts';
import { nameOf } from './memory-store.ts';
import type { World } from '../world.ts';

/** Events say what the operator did in one word. */
const ACTIONS: Readonly<Record<EventReason, string>> = {
  ReleaseStarted: 'Start',
  StageStarted: 'Analyze',
  WeightShifted: 'Shift',
  ApprovalNeeded: 'Wait',
  Approved: 'Approve',
  Paused: 'Pause',
  Resumed: 'Resume',
  Promoted: 'Promote',
  RollbackStarted: 'RollBack',
  CanaryEmpty: 'RollBack',
  CanaryNotReady: 'Hold',
  ServingEmpty: 'Hold',
  RolledBack: 'RollBack',
  Completed: 'Complete',
  RouteDrift: 'Repair',
  RouteContested: 'Hold',
  MetricsUnavailable: 'Hold',
  NoTraffic: 'Hold',
  CommandRefused: 'Refuse',
  Blocked: 'Hold',
  WrongVersionServing: 'Repair',
  VerdictFailed: 'Analyze',
  RouteNotAccepted: 'Hold',
  TrafficSplitMismatch: 'Hold',
  GatewayErrors: 'Observe',
  HoldBypassed: 'Observe',
  HoldUnavailable: 'Observe',
  GitOpsManaged: 'Observe',
  LittleTraffic: 'Observe',
  PolicyParity: 'Observe',
  OtherCanaryRules: 'Observe',
  GateStarted: 'Wait',
  GatePassed: 'Pass',
  GateFailed: 'Fail',
  GateInterrupted: 'Hold',
  GateSkipped: 'Skip',
};

/** Delivers what a committed status announces, each once while this operator lives, and remembers what is delivered. */
export class Announcer {
  readonly #world: World;
  readonly #onDelivered: (key: string) => void;
  /** Announcements by release: under way, or delivered already? */
  readonly #known = new Map<string, Map<string, 'underWay' | 'delivered'>>();
  /** Releases that wait for their deliveries. */
  readonly #awaited = new Set<string>();

  /** @param onDelivered everything that a release waits for is delivered */
  constructor(world: World, onDelivered: (key: string) => void) {
    this.#world = world;
    this.#onDelivered = onDelivered;
  }

  /** Begins to deliver what is pending in a status that is committed. */
  announce(release: CanaryRelease): void {
    const key = nameOf(release.metadata);
    const pending = release.status === undefined ? [] : pendingIn(release.status);
    const former = this.#known.get(key);
    if (pending.length === 0 && former === undefined) return;
    // Of what the stored status does not have any more nothing has to be remembered.
    const known = new Map([...(former ?? [])].filter(([id]) => pending.some((one) => one.id === id)));
    if (pending.length === 0) this.#known.delete(key);
    else this.#known.set(key, known);
    for (const one of pending) if (!known.has(one.id)) this.#deliver(known, release, one);
  }

  isDelivered(key: ReleaseKey, id: string): boolean {
    return this.#known.get(nameOf(key))?.get(id) === 'delivered';
  }

  /** Is anything of it still to be delivered? Then the release is visited when it is. */
  awaits(key: ReleaseKey): boolean {
    const isUnderWay = this.#isUnderWay(nameOf(key));
    if (isUnderWay) this.#awaited.add(nameOf(key));
    return isUnderWay;
  }

  forget(key: ReleaseKey): void {
    this.#known.delete(nameOf(key));
    this.#awaited.delete(nameOf(key));
  }

  #isUnderWay(key: string): boolean {
    return [...(this.#known.get(key)?.values() ?? [])].includes('underWay');
  }

  #deliver(known: Map<string, 'underWay' | 'delivered'>, release: CanaryRelease, pending: PendingAnnouncement): void {
    const { events, notifier } = this.#world;
    const announcement = toAnnouncement(pending);
    const key = nameOf(release.metadata);
    known.set(pending.id, 'underWay');
    void Promise.all([events.publish(release, announcement), notifier.notify(release, announcement)]).then(() => {
      const now = this.#known.get(key);
      if (now?.has(pending.id) === true) now.set(pending.id, 'delivered');
      if (this.#awaited.has(key) && !this.#isUnderWay(key)) {
        this.#awaited.delete(key);
        this.#onDelivered(key);
      }
    });
  }
}

/** Logs and counts what a reconcile did. */
export function log(world: World, release: CanaryRelease, { transitions, drifts }: Memory): void {
  for (const { from, to, reason, message } of transitions) world.telemetry.transition(release, from, to, reason, message);
  for (let drift = 0; drift < drifts.length; drift += 1) world.telemetry.drift(release);
  world.telemetry.release(release);
}

function toAnnouncement({ id, at, reason, message, warning, by }: PendingAnnouncement): Announcement {
  return {
    id,
    at,
    reason,
    type: warning === true ? 'Warning' : 'Normal',
    note: message,
    // A status of another version may have a reason that this one does not know.
    action: isEventReason(reason) ? ACTIONS[reason] : 'Observe',
    ...(by === undefined ? {} : { by }),
  };
}

function isEventReason(text: string): text is EventReason {
  return Object.hasOwn(ACTIONS, text);
}
