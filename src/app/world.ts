// The ports that the operator works through, and its settings at start. `main` fills it in; tests fill in fakes.

import type { BackendStore } from '../ports/backends.ts';
import type { Clock } from '../ports/clock.ts';
import type { GateCaller, JobStore } from '../ports/gates.ts';
import type { GatewayReader } from '../ports/gateways.ts';
import type { MetricsReader } from '../ports/metrics.ts';
import type { EventSink, Notifier, Telemetry } from '../ports/outbox.ts';
import type { PolicyStore } from '../ports/policies.ts';
import type { ReleaseStore } from '../ports/releases.ts';
import type { RouteStore } from '../ports/routes.ts';
import type { WorkloadStore } from '../ports/workloads.ts';

export interface World {
  readonly clock: Clock;
  /** Name of this operator in the statuses that it writes, unique to the process. */
  readonly instance: string;
  readonly releases: ReleaseStore;
  readonly routes: RouteStore;
  readonly backends: BackendStore;
  readonly workloads: WorkloadStore;
  readonly policies: PolicyStore;
  /** Jobs of gates. */
  readonly jobs: JobStore;
  /** Requests of gates. */
  readonly gateCaller: GateCaller;
  readonly metrics: MetricsReader;
  /** The gateways' own counters; absent where the operator has no sentinel. */
  readonly gateways?: GatewayReader;
  readonly events: EventSink;
  readonly notifier: Notifier;
  readonly telemetry: Telemetry;
  /** True when the CRD's schema number is lower than this operator needs: releases are only taken home. */
  readonly oldSchema: () => boolean;
  /**
   * Runs `work` a moment later, when what arrives by then has been read. Answers come in bursts, because looks of many
   * releases lie behind the same scrape: reading them first lets their home writes go out side by side. Default: at once.
   */
  readonly afterArrivals?: (work: () => void) => void;
  /**
   * Undefined unless releases are being taken home somewhere in the operator, else a promise that resolves once they are.
   * Work that writes anything else waits for it (rule 1). Absent: nothing waits.
   */
  readonly untilQuiet?: () => Promise<void> | undefined;
}
