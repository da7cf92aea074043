// CanaryRelease objects as the reconciler reads and writes them.

import type { CanaryRelease } from '../api/release.ts';

/** Namespace and name of one release. */
export interface ReleaseKey {
  readonly namespace: string;
  readonly name: string;
}

export interface ReleaseStore {
  /** From the watch cache; `undefined` when the object does not exist. The caller parses; what was parsed before costs nothing. */
  cached(key: ReleaseKey): unknown;
  /** Straight from the API server. */
  read(key: ReleaseKey): Promise<unknown>;
  /**
   * Replaces the status subresource with the object's resourceVersion.
   * @returns the object as stored. @throws GlidepathError `GLIDEPATH_E_CONFLICT` when the object moved on,
   * `GLIDEPATH_E_PRUNED` when the server warned that it dropped a field of ours.
   */
  replaceStatus(release: CanaryRelease): Promise<unknown>;
  /** Adds or removes the operator's finalizer by a guarded patch; a deleted release is no error. */
  setFinalizer(key: ReleaseKey, present: boolean): Promise<void>;
}
