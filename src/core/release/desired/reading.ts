// Whether a fresh read of all routes of the namespace would let the release continue: nothing else stands in the way of its end.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import { isRetained } from '../facts/retain.ts';
import { isWayBack } from '../facts/undo-plan.ts';
import { hasStopped } from '../facts/workload-facts.ts';
import type { StateName } from '../state.ts';
import { desireNoCanary } from './workload.ts';

/** Reads cost the API server something, so that they are asked for only when they decide. */
export function needsRoutesRead(status: CanaryReleaseStatus, state: StateName, facts: Facts): boolean {
  const { clearance, routesLeft, workload } = facts;
  if (state !== 'rollingBack.cleaning' && state !== 'promoting.restoring') return false;
  if (clearance.kind !== 'unread' || !routesLeft || isRetained(status, state) || isWayBack(status, state)) return false;
  if (workload === undefined) return true;
  if (!workload.drained) return false;
  return (workload.canaryGone && hasStopped(state, workload)) || desireNoCanary(facts).length > 0;
}
