// Adds the namespace's policies to an observation when a release is about to begin, and now and then while it waits to begin; those on
// rules of routes also while a release with a cohort runs.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import type { Observation } from '../../core/release/observation.ts';
import { asksForPolicies, asksForRoutePolicies, wantsSessionPolicies } from '../../core/release/policy-question.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import { hasGivenTraffic } from '../../core/release/traffic.ts';
import type { PolicyReading } from '../../core/workload/policy-kinds.ts';
import type { World } from '../world.ts';

/** As old as a reading may be at the start of a release, and the least pace of a release that waits: less than its visits are apart. */
const FRESH_MS = 10_000;

/** The least time between two readings of policies on rules for one release that waits to begin or to give its first traffic. */
const AGAIN_MS = 1_000;

/** While the canary has traffic, policies on rules are read again at least this often. */
const STALE_MS = 30_000;

/** Returns the same observation unless policies are needed. A canary with weight never waits here: policies are read between releases only. */
export async function observePolicies(world: World, status: CanaryReleaseStatus, observation: Observation): Promise<Observation> {
  const { workload, release } = observation;
  if (workload === undefined || !asksForPolicies(status, observation, world.clock.now())) return observation;
  const policies = await world.policies.read(release.metadata.namespace, FRESH_MS);
  return { ...observation, workload: { ...workload, policies } };
}

/** The same of policies that keep sessions. */
export async function observeSessionPolicies(world: World, status: CanaryReleaseStatus, observation: Observation): Promise<Observation> {
  const sessionPolicies = await findSessionPolicies(world, status, observation);
  return sessionPolicies === undefined ? observation : { ...observation, sessionPolicies };
}

async function findSessionPolicies(
  { clock, policies }: World,
  status: CanaryReleaseStatus,
  observation: Observation,
): Promise<PolicyReading | undefined> {
  const { namespace } = observation.release.metadata;
  const now = clock.now();
  switch (wantsSessionPolicies(status, observation, now)) {
    case 'read':
      return policies.readOfSessions(namespace, mostAgeOfSessions(status, now));
    case 'latest':
      return policies.latestOfSessions(namespace);
    case 'nothing':
      return undefined;
  }
}

/** A reading from before the release says nothing of what came together with it; one that prepares for long is not asked about each second. */
function mostAgeOfSessions({ state, release }: CanaryReleaseStatus, now: number): number {
  const startedMs = isRunning(parseState(state) ?? 'blocked') ? (fromTime(release?.startedAt) ?? now) : now;
  return Math.min(FRESH_MS, Math.max(AGAIN_MS, now - startedMs));
}

/** The same of policies that hold for one rule of a route. Once the canary has traffic, nothing waits for them: the last answer counts. */
export async function observeRoutePolicies(world: World, status: CanaryReleaseStatus, observation: Observation): Promise<Observation> {
  if (!asksForRoutePolicies(status, observation, world.clock.now())) return observation;
  const { namespace, name, generation = 0 } = observation.release.metadata;
  const mayWait = !isRunning(parseState(status.state) ?? 'blocked') || !hasGivenTraffic(status.release);
  const routePolicies = mayWait
    ? await world.policies.readOfRoutes(namespace, `${name}/${generation}`, AGAIN_MS)
    : world.policies.latestOfRoutes(namespace, STALE_MS);
  return routePolicies === undefined ? observation : { ...observation, routePolicies };
}
