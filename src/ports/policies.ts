// Policies of a namespace that may cover pods or Services. Read now and then, never watched.

import type { PolicyReading } from '../core/workload/policy-kinds.ts';

export interface PolicyStore {
  /**
   * Everything of `POLICY_KINDS` in the namespace. Never throws: a kind that cannot be read is named in the answer, and one that the
   * API server does not serve is left out.
   * @param maxAgeMs an earlier reading that is not older will do
   */
  read(namespace: string, maxAgeMs: number): Promise<PolicyReading>;
}
