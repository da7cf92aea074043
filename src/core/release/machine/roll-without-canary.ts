// Deployment mode, between releases: where no pod serves there is nothing to protect and nothing to compare with, so a new template
// rolls out at once, without a canary.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { nameTemplate } from '../../workload/template.ts';
import type { Facts } from '../assess.ts';
import { isServingGone } from '../facts/serving-facts.ts';
import { describeServingEmpty } from '../report/serving.ts';
import { isRunning } from '../state.ts';
import type { Adopted } from './adopt-serving.ts';

/** The held template serves from here on, where nothing else does. The same status where something serves, or where that is not known. */
export function rollWithoutCanary(status: CanaryReleaseStatus, facts: Facts): Adopted {
  const { workload, observation } = facts;
  const { deployment, template } = workload ?? {};
  if (deployment === undefined || template === undefined || status.serving === undefined || !isLetRoll(status, facts))
    return { status, events: [] };
  const { replicaSet: _former, ...serving } = status.serving;
  const revision = nameTemplate(deployment.spec.template);
  const message = `${describeServingEmpty(status, facts) ?? `Deployment ${deployment.metadata.name} has no ready pod`}: revision ${revision} rolls out at once, without a canary`;
  return {
    status: {
      ...status,
      serving: { ...serving, revision, template, uid: deployment.metadata.uid ?? '' },
      internal: { ...status.internal, serving: { ...status.internal?.serving, rolls: template } },
    },
    events: observation.driver.kind === 'us' ? [{ reason: 'ServingEmpty', message, warning: true }] : [],
  };
}

/** Only what was neither rejected nor held by a person. */
function isLetRoll(status: CanaryReleaseStatus, facts: Facts): boolean {
  const { state, nothingServes, candidate, nextAttempt, observation, deleting, spec } = facts;
  if (isRunning(state) || deleting || spec.paused || observation.driver.kind !== 'us') return false;
  return nothingServes && (candidate !== undefined || nextAttempt !== undefined) && mayRollNow(status, facts);
}

/** Pods that were ready before get a moment to come back. */
function mayRollNow(status: CanaryReleaseStatus, { workload, now }: Facts): boolean {
  const { ready } = status.internal?.serving ?? {};
  const wasReady = ready !== undefined && ready === status.serving?.template;
  return !wasReady || workload?.deployment?.spec.replicas === 0 || isServingGone(status, now);
}
