// Services and their endpoints.

import type { ObservedBackend } from '../core/release/observation.ts';

export type { ObservedBackend };

export interface BackendStore {
  /**
   * Resolves pod template hashes by a pod list only when the endpoints changed since the last call.
   * @param withPods while endpoints are not ready, also the container states of their pods; no caller waits for them
   */
  observe(namespace: string, service: string, withPods?: boolean): Promise<ObservedBackend>;
}
