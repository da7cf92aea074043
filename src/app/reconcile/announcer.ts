// Announces what a reconcile did: one event and notification for each happening, one log line for each transition.

import type { EventReason } from '../../api/names.ts';
import type { CanaryRelease } from '../../api/release.ts';
import type { ReleaseEvent } from '../../core/release/report/events.ts';
import type { Announcement } from '../../ports/outbox.ts';
import type { Memory } from './memory.ts';
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
  RolledBack: 'RollBack',
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
  HoldBypassed: 'Observe',
  HoldUnavailable: 'Observe',
  GitOpsManaged: 'Observe',
  PolicyParity: 'Observe',
  OtherCanaryRules: 'Observe',
};

/** Publishes what the memory holds. Nothing here can stop a reconcile: sinks never throw. */
export function announce(world: World, release: CanaryRelease, memory: Memory): void {
  for (const { from, to, reason, message } of memory.transitions) world.telemetry.transition(release, from, to, reason, message);
  for (const drift of memory.drifts) {
    world.telemetry.drift(release);
    publish(world, release, { reason: 'RouteDrift', message: drift.message, warning: true });
  }
  for (const event of memory.events) publish(world, release, event);
  world.telemetry.release(release);
}

function publish(world: World, release: CanaryRelease, { reason, message, warning, by }: ReleaseEvent): void {
  const announcement: Announcement = {
    reason,
    type: warning === true ? 'Warning' : 'Normal',
    note: message,
    action: ACTIONS[reason],
    ...(by === undefined ? {} : { by }),
  };
  world.events.publish(release, announcement);
  world.notifier.notify(release, announcement);
}
