// Deployment mode: the Deployment that is released, its ReplicaSets, its Services and its canary. Watched only in namespaces
// where a release asks for it.

import type { WorkloadIntent } from '../core/release/desired/intents.ts';
import type { HoldStanding, ObservedWorkload } from '../core/workload/observed.ts';

/** What one release needs to know. */
export interface WorkloadKey {
  readonly namespace: string;
  /** Name of the CanaryRelease. */
  readonly release: string;
  readonly deployment: string;
  readonly service: string;
}

export interface WorkloadStore {
  /** From the watch caches of the namespace, which the first call starts. */
  observe(key: WorkloadKey): Omit<ObservedWorkload, 'hold'>;
  /**
   * Changes the template of a Deployment in a server-side dry-run and checks whether the answer is paused. Never throws.
   * @param maxAgeMs an earlier proof that is not older will do
   */
  proveHold(namespace: string, deployment: string, maxAgeMs: number): Promise<HoldStanding>;
  /**
   * Sends one write. An object that already has the value, or was deleted meanwhile, is no error.
   * @throws GlidepathError `GLIDEPATH_E_GUARD` when the Deployment is another by now, `GLIDEPATH_E_FORBIDDEN`, `GLIDEPATH_E_INVALID`,
   * or a retryable transport error
   */
  write(namespace: string, intent: WorkloadIntent): Promise<void>;
  /** Points a canary Service at other pods: the way home where a route cannot be written (rule 1). */
  redirect(namespace: string, service: string, selector: Readonly<Record<string, string>>): Promise<void>;
  /** A release was deleted or needs no workload any more: watches without a user end. */
  forget(namespace: string, release: string): void;
}
