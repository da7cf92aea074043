// Deployment mode: what the watches say of a release's Deployment, and whether a change of it is held. A hold is probed at
// start, every ten minutes, and before each release. Also while one is running, but then nothing waits for the answer or is stopped by it.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import { canaryGetsTraffic } from '../../core/release/traffic.ts';
import { isGoingHome, isRunning, parseState } from '../../core/release/state.ts';
import type { HoldStanding, ObservedWorkload } from '../../core/workload/observed.ts';
import type { World } from '../world.ts';

const PROOF_MS = 600_000;
/** A held template may be released at once, so the probe has to be fresh. */
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
  if (!seen.known || seen.deployment === undefined) return { ...seen, hold: NOT_SEEN };
  // The operator keeps it paused, so there is nothing to ask the API server.
  if (targetRef.hold === 'PausedAtRest') return { ...seen, hold: { kind: seen.deployment.spec.paused === true ? 'proven' : 'awaited' } };
  const asked = world.workloads.proveHold(namespace, targetRef.name, proofAge(status, seen.deployment.spec.paused === true));
  // A canary with weight may have to be rolled back in this very pass, which must not wait for an answer (rule 1); the last known probe is used.
  const hold = mayGoHome(status) ? await Promise.race([asked, Promise.resolve(BEING_ASKED)]) : await asked;
  return { ...seen, hold };
}

const NOT_SEEN: HoldStanding = { kind: 'unknown', message: 'the Deployment was not seen yet' };
const BEING_ASKED: HoldStanding = { kind: 'asked' };

/** Traffic is, or may be, on the canary. */
function mayGoHome(status: CanaryReleaseStatus): boolean {
  const state = parseState(status.state) ?? 'blocked';
  return isRunning(state) && (canaryGetsTraffic(status) || isGoingHome(state));
}

/** A held template that is about to be released needs a fresh probe. */
function proofAge(status: CanaryReleaseStatus, held: boolean): number {
  return held && !isRunning(parseState(status.state) ?? 'blocked') ? PROOF_BEFORE_RELEASE_MS : PROOF_MS;
}
