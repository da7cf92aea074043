// Deployment mode: what the watches say of a release's Deployment, and whether a change of it is held. A hold is proven at
// start, every ten minutes, and before each release.

import type { CanaryRelease, CanaryReleaseStatus } from '../api/release.ts';
import { isRunning, parseState } from '../core/release/state.ts';
import type { HoldStanding, ObservedWorkload } from '../core/workload/observed.ts';
import type { World } from './world.ts';

const PROOF_MS = 600_000;
/** A held template may be released at once: the proof has to be fresh. */
const PROOF_BEFORE_RELEASE_MS = 60_000;

/** Undefined in Services mode. */
export async function observeWorkload(
  world: World,
  release: CanaryRelease,
  status: CanaryReleaseStatus,
): Promise<ObservedWorkload | undefined> {
  const { targetRef, service } = release.spec;
  if (targetRef === undefined || service === undefined) return undefined;
  const { namespace, name } = release.metadata;
  const seen = world.workloads.observe({ namespace, release: name, deployment: targetRef.name, service: service.name });
  const hold: HoldStanding =
    seen.known && seen.deployment !== undefined
      ? await world.workloads.proveHold(namespace, targetRef.name, proofAge(status, seen.deployment.spec.paused === true))
      : { kind: 'unknown', message: 'the Deployment was not seen yet' };
  return { ...seen, hold };
}

/** In mid-release nothing waits for a proof, but for the very first one. */
function proofAge(status: CanaryReleaseStatus, held: boolean): number {
  if (isRunning(parseState(status.state) ?? 'blocked')) return Number.POSITIVE_INFINITY;
  return held ? PROOF_BEFORE_RELEASE_MS : PROOF_MS;
}
