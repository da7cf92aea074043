// What operators did and said, with the time of each: calls, events, transitions, drift.

import type { CanaryRelease } from '../../../src/api/release.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Announcement, Telemetry } from '../../../src/ports/outbox.ts';
import type { Call, LoggedCall } from './calls.ts';

export interface LoggedEvent extends Announcement {
  readonly atMs: number;
  readonly release: string;
}

export interface LoggedTransition {
  readonly atMs: number;
  readonly release: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly message: string;
}

export class Journal {
  readonly calls: LoggedCall[] = [];
  /** Each once, however often it was written: an event is called after its announcement. */
  readonly events: LoggedEvent[] = [];
  /** Each as often as it was sent. */
  readonly notifications: { readonly id: string; readonly release: string }[] = [];
  readonly transitions: LoggedTransition[] = [];
  /** When an operator saw that another one had written a status, Unix milliseconds. */
  readonly foreignStatuses: number[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  call(operator: string, call: Call, outcome: string): void {
    this.calls.push({ ...call, operator, outcome, atMs: this.#clock.now() });
  }

  event(release: CanaryRelease, told: Announcement): void {
    if (this.events.some(({ id }) => id === told.id)) return;
    this.events.push({ ...told, release: release.metadata.name, atMs: this.#clock.now() });
  }

  /** Writes that were carried out, to routes only. */
  routeWrites(): readonly LoggedCall[] {
    return this.calls.filter(({ verb, outcome }) => (verb === 'patch' || verb === 'annotate') && outcome === 'ok');
  }

  telemetry(isDead: () => boolean): Telemetry {
    const nothing = () => undefined;
    return {
      transition: (release, from, to, reason, message) => {
        if (!isDead()) this.transitions.push({ atMs: this.#clock.now(), release: release.metadata.name, from, to, reason, message });
      },
      verdict: nothing,
      look: nothing,
      querySeconds: nothing,
      rollback: nothing,
      rollbackSeconds: nothing,
      routeWrite: nothing,
      drift: nothing,
      reconcileSeconds: nothing,
      foreignStatus: () => void this.foreignStatuses.push(this.#clock.now()),
      release: nothing,
      forget: nothing,
    };
  }
}
