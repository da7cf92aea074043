// Adds the namespace's policies to an observation when a release is about to begin, and now and then while it waits to begin.

import type { CanaryReleaseStatus } from '../../api/release.ts';
import type { Observation } from '../../core/release/observation.ts';
import { asksForPolicies } from '../../core/release/policy-question.ts';
import type { World } from '../world.ts';

/** As old as a reading may be at the start of a release, and the least pace of a release that waits: less than its visits are apart. */
const FRESH_MS = 10_000;

/** Returns the same observation unless policies are needed. A canary with weight never waits here: policies are read between releases only. */
export async function observePolicies(world: World, status: CanaryReleaseStatus, observation: Observation): Promise<Observation> {
  const { workload, release } = observation;
  if (workload === undefined || !asksForPolicies(status, observation, world.clock.now())) return observation;
  const policies = await world.policies.read(release.metadata.namespace, FRESH_MS);
  return { ...observation, workload: { ...workload, policies } };
}
