// Policies of a namespace that may cover pods, Services or rules of routes, or keep sessions. Read now and then, never watched.

import type { PolicyReading, RoutePolicyReading } from '../core/workload/policy-kinds.ts';

export interface PolicyStore {
  /**
   * Everything of `POLICY_KINDS` in the namespace. Never throws: a kind that cannot be read is named in the answer, and one that the
   * API server does not serve is left out.
   * @param maxAgeMs an earlier reading that is not older will do
   */
  read(namespace: string, maxAgeMs: number): Promise<PolicyReading>;
  /**
   * The same of `ROUTE_POLICY_KINDS`, and what gateways say that they can do. A reading that began for another asker will not do: a policy
   * that was applied together with this one may have come after it.
   */
  readOfRoutes(namespace: string, asker: string, maxAgeMs: number): Promise<RoutePolicyReading>;
  /** The same of `SESSION_POLICY_KINDS`. @param maxAgeMs an earlier reading that is not older will do */
  readOfSessions(namespace: string, maxAgeMs: number): Promise<PolicyReading>;
  /** The last answer of `readOfSessions`, without waiting and without asking. */
  latestOfSessions(namespace: string): PolicyReading | undefined;
  /** The last answer of `readOfRoutes` to anybody, without waiting. Where there is none, or an older one, the next one is read meanwhile. */
  latestOfRoutes(namespace: string, maxAgeMs: number): RoutePolicyReading | undefined;
}
