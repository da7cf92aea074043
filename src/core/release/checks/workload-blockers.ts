// What stands in the way of a release in Deployment mode, beside what can stand in the way of any.

import { findCondition } from '../../workload/objects.ts';
import type { Known } from '../facts/known.ts';
import type { Blocker, BlockerCheck } from './types.ts';
import { noNodeTakesAPod } from './canary-pods.ts';
import { thePoliciesDiffer } from './policy-parity.ts';

/** Whatever the state. */
export const WORKLOAD_ALWAYS: readonly BlockerCheck[] = [theWorkloadCannotBeWatched];

export const WORKLOAD_BEFORE: readonly BlockerCheck[] = [
  theDeploymentIsMissing,
  theHoldIsNotThere,
  theStrategyLeavesNothingRunning,
  noHistoryIsKept,
  theNameIsTaken,
  noCanaryCanBeBuilt,
  thePoliciesDiffer,
];

export const WORKLOAD_LATER: readonly BlockerCheck[] = [noPodsMayBeMade, noNodeTakesAPod, theRolloutIsStuck];

/** Of a hold that was not found out yet. */
export const BEING_ASKED = 'the API server is being asked';

/** The commands that install what holds a Deployment. */
export const INSTALL_HOLD =
  'kubectl apply --server-side -k config/deployment-mode, or below Kubernetes 1.36 the webhook: kubectl apply --server-side -k config/webhook';

function theWorkloadCannotBeWatched({ spec, observation }: Known): Blocker | undefined {
  const { workload, release } = observation;
  if (spec.targetRef === undefined || workload?.problem === undefined || workload.known) return undefined;
  const { namespace } = release.metadata;
  return {
    reason: 'Forbidden',
    message: `Deployments of namespace ${namespace} cannot be watched (${workload.problem}); let the operator: kubectl create rolebinding glidepath-deployment-mode -n ${namespace} --clusterrole=glidepath-deployment-mode --serviceaccount=glidepath-system:glidepath`,
  };
}

function theDeploymentIsMissing({ spec, observation }: Known): Blocker | undefined {
  const { workload } = observation;
  if (spec.targetRef === undefined || workload?.known !== true || workload.deployment !== undefined) return undefined;
  return {
    reason: 'WorkloadNotFound',
    missing: true,
    message: `Deployment ${spec.targetRef.name} is not there; create it or correct spec.targetRef`,
  };
}

function theHoldIsNotThere({ spec, observation }: Known): Blocker | undefined {
  const { workload } = observation;
  if (spec.targetRef === undefined || workload?.known !== true || workload.deployment === undefined) return undefined;
  const { hold } = workload;
  if (hold.kind === 'proven' || hold.kind === 'awaited') return undefined;
  return hold.kind === 'unknown' || hold.kind === 'asked'
    ? {
        reason: 'HoldUnknown',
        ...(hold.kind === 'asked' ? { missing: true as const } : {}),
        message: `whether a change of Deployment ${spec.targetRef.name} is held could not be found out: ${hold.kind === 'asked' ? BEING_ASKED : hold.message}`,
      }
    : {
        reason: 'HoldUnavailable',
        message: `nothing holds a change of Deployment ${spec.targetRef.name}, so it would roll without a canary; install the policy (API server 1.36, or MutatingAdmissionPolicy switched on): ${INSTALL_HOLD}`,
      };
}

/** Recreate ends all old pods before it starts new ones: only a canary that takes everything can bridge that. */
function theStrategyLeavesNothingRunning({ spec, observation }: Known): Blocker | undefined {
  if (observation.workload?.deployment?.spec.strategy?.type !== 'Recreate' || spec.stages.at(-1)?.weight === 100) return undefined;
  return {
    reason: 'NotSupported',
    message: `Deployment ${spec.targetRef?.name} has strategy Recreate, so nothing would serve while it rolls; end spec.stages with weight 100, or use RollingUpdate`,
  };
}

/** While it is held and scaled to 0, the Deployment controller deletes what it need not keep: the version that is to come back. */
function noHistoryIsKept({ spec, observation }: Known): Blocker | undefined {
  if (observation.workload?.deployment?.spec['revisionHistoryLimit'] !== 0) return undefined;
  return {
    reason: 'NotSupported',
    message: `Deployment ${spec.targetRef?.name} has revisionHistoryLimit 0, so the version that serves would be deleted when it is scaled to 0 while held; set it to 1 or more`,
  };
}

function theNameIsTaken({ workload }: Known): Blocker | undefined {
  if (workload?.nameTaken === undefined) return undefined;
  return {
    reason: 'NameTaken',
    about: workload.nameTaken,
    message: `${workload.nameTaken} is not ours, and the canary needs its name; rename or remove it`,
  };
}

function noCanaryCanBeBuilt({ plan }: Known): Blocker | undefined {
  return plan?.kind === 'impossible' ? { reason: 'NotSupported', message: plan.message } : undefined;
}

function noPodsMayBeMade({ observation }: Known): Blocker | undefined {
  const canary = observation.workload?.canaryDeployment;
  const failure = canary === undefined ? undefined : findCondition(canary, 'ReplicaFailure', 'True');
  if (failure === undefined) return undefined;
  return {
    reason: 'PodsRefused',
    message: `pods of Deployment ${canary?.metadata.name} cannot be made: ${failure.message ?? failure.reason ?? ''}; raise the quota or lower spec.canary.minReplicas`,
  };
}

function theRolloutIsStuck({ workload, state }: Known): Blocker | undefined {
  const deployment = workload?.deployment;
  const isPromoting = state === 'promoting.rollingOut' || state === 'blocked';
  if (!isPromoting || deployment === undefined || deployment.spec.paused === true) return undefined;
  const stuck = findCondition(deployment, 'Progressing', 'False');
  if (stuck === undefined) return undefined;
  return {
    reason: 'PromotionStuck',
    message: `the rollout of Deployment ${deployment.metadata.name} makes no progress (${stuck.message ?? stuck.reason ?? ''}); the canary keeps its share: fix the rollout, or abort the release`,
  };
}
