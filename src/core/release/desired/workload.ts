// What is to be written to the Deployment, its ReplicaSets and the canary, from the status alone. Routes come first, always.

import { HELD_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { DeploymentObject, ReplicaSetObject } from '../../workload/objects.ts';
import { type CanaryManifests, withReplicas } from '../../workload/canary-manifests.ts';
import { planTakeBack, type TakeBack } from '../../workload/take-back.ts';
import { hashTemplate } from '../../workload/template.ts';
import type { Facts } from '../assess.ts';
import { desireDisowned, isRetained } from '../facts/retain.ts';
import type { WorkloadIntent } from './intents.ts';
import { desireRest, restsPaused } from './rest.ts';
import { listRolled } from '../machine/rolled.ts';
import type { Observation } from '../observation.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';
import { findTemplateBack, isWayBack } from '../facts/undo-plan.ts';
import { isOurs, runsReleased, type WorkloadFacts } from '../facts/workload-facts.ts';

/** Wanted writes, none where everything is so already. */
export function desireWorkload(status: CanaryReleaseStatus, state: StateName, facts: Facts): readonly WorkloadIntent[] {
  const { workload } = facts;
  if (workload === undefined || !workload.known) return [];
  if (isRetained(status, state)) return desireRetained(facts);
  return [
    ...(isOfAnother(state, facts) ? [] : desireDeployment(status, state, facts, workload)),
    ...(mayHaveCanary(state, facts, workload) ? desireCanary(status, state, facts, workload) : desireNoCanary(facts)),
  ];
}

/** Between its own releases a release leaves a Deployment alone that another one drives (rule 8). */
function isOfAnother(state: StateName, { observation }: Facts): boolean {
  return observation.driver.kind === 'other' && !isRunning(state);
}

function desireDeployment(status: CanaryReleaseStatus, state: StateName, facts: Facts, workload: WorkloadFacts): readonly WorkloadIntent[] {
  // Pods of a promotion that is taken back serve until those before them do: the rollout sees to it.
  if (isWayBack(status, state)) return desireWayBack(status, workload);
  return [...desireRollout(status, state, facts, workload), ...desireServing(status, state, workload)];
}

/** A rollout that is under way continues: the Deployment is its owner's. */
function desireRetained({ observation, routesLeft }: Facts): readonly WorkloadIntent[] {
  const { canaryDeployment, canaryService } = observation.workload ?? {};
  if (!routesLeft) return [];
  const objects = [
    { object: 'Deployment', metadata: canaryDeployment?.metadata },
    { object: 'Service', metadata: canaryService?.metadata },
  ] as const;
  return desireDisowned(objects, observation.release.metadata.uid);
}

function mayHaveCanary(state: StateName, facts: Facts, workload: WorkloadFacts): boolean {
  if (!isRunning(state)) return false;
  if (state !== 'rollingBack.cleaning' && state !== 'promoting.restoring') return true;
  // As long as a rule of any route may name the canary, it answers.
  return !(facts.routesLeft && workload.drained && facts.clearance.kind === 'clear');
}

/** A promotion is taken back: the template that was proven before is written, and let go as soon as it is there. */
function desireWayBack(status: CanaryReleaseStatus, workload: WorkloadFacts): readonly WorkloadIntent[] {
  const { deployment, template, servingTemplate } = workload;
  if (deployment === undefined) return [];
  const { name } = deployment.metadata;
  const to = findTemplateBack(status, workload);
  if (to !== undefined) return [{ kind: 'writeTemplate', name, template: deployment.spec.template, to }];
  const held = isHeld(deployment);
  const waits = deployment.spec.paused === true && template === servingTemplate;
  return waits ? [{ kind: 'unpause', name, template: deployment.spec.template, held }] : [];
}

/** Paused or not: what is proven rolls, what is rolled back stops. */
function desireRollout(status: CanaryReleaseStatus, state: StateName, facts: Facts, workload: WorkloadFacts): readonly WorkloadIntent[] {
  const { deployment } = workload;
  if (deployment === undefined) return [];
  const { name } = deployment.metadata;
  const held = isHeld(deployment);
  const unpause = { kind: 'unpause' as const, name, template: deployment.spec.template, held };
  // Paused without its former ReplicaSet it would never have a pod.
  const stop = workload.hasWayBack ? [{ kind: 'pause' as const, name, template: deployment.spec.template }] : [];
  switch (findRollout(status, state, workload)) {
    case 'rolls':
      return mayRoll(facts, workload) ? [unpause] : [];
    case 'stands':
      return isUnderWay(workload) ? stop : [];
    case undefined:
      break;
  }
  if (restsPaused(status, facts, workload)) return desireRest(state, facts, workload);
  // A person's own pause of what serves anyway is theirs.
  if (deployment.spec.paused === true && held && mayServe(state, workload)) return [unpause];
  return isGoingHome(state) && workload.rollsUnproven ? stop : [];
}

/** Half of a rollout serves as the whole does, so it stands still in a pause: whoever pauses the release wants to look at it. */
function findRollout(status: CanaryReleaseStatus, state: StateName, workload: WorkloadFacts): 'rolls' | 'stands' | undefined {
  if (!isRollingOut(status, state, workload)) return undefined;
  if (state === 'promoting.rollingOut') return 'rolls';
  return state === 'paused' ? 'stands' : undefined;
}

function isHeld({ metadata }: DeploymentObject): boolean {
  return metadata.annotations?.[HELD_ANNOTATION] !== undefined;
}

/** It has the template that serves, or between releases one that was promoted before. */
function mayServe(state: StateName, { template, servingTemplate, proven }: WorkloadFacts): boolean {
  return template === servingTemplate || (proven && !isRunning(state));
}

function mayRoll({ spec }: Facts, { deployment, template, servingTemplate }: WorkloadFacts): boolean {
  return deployment?.spec.paused === true && !spec.paused && template !== servingTemplate;
}

function isUnderWay({ rollsUnproven, rolledOut }: WorkloadFacts): boolean {
  return rollsUnproven && !rolledOut;
}

/** What is proven rolls, or stands still in the middle of that: its pods serve beside the former ones. */
function isRollingOut({ release }: CanaryReleaseStatus, state: StateName, { bakes }: WorkloadFacts): boolean {
  const at = state === 'paused' || state === 'blocked' ? release?.returnTo : state;
  return !bakes && at?.startsWith('promoting.') === true;
}

/** While held no pods but those of the serving template stand behind the Service, whatever the Deployment controller starts. */
function desireServing(status: CanaryReleaseStatus, state: StateName, workload: WorkloadFacts): readonly WorkloadIntent[] {
  const { deployment, servingTemplate, replicaSets } = workload;
  if (deployment?.spec.paused !== true || servingTemplate === undefined) return [];
  if (isRollingOut(status, state, workload)) return [];
  const isServing = (one: (typeof replicaSets)[number]) => hashTemplate(one.spec.template) === servingTemplate;
  const wrong = replicaSets.filter((one) => (one.spec.replicas ?? 0) > 0 && !isServing(one));
  const serving = replicaSets.find(isServing);
  if (wrong.length === 0 || serving === undefined) return [];
  return desireInterrupted(status, deployment, serving, wrong) ?? desireServingAlone(deployment, serving, wrong);
}

/** A rollout that was interrupted is taken back as the strategy rolls; undefined where that is not it. */
function desireInterrupted(
  { release }: CanaryReleaseStatus,
  deployment: DeploymentObject,
  serving: ReplicaSetObject,
  [rolled, another]: readonly ReplicaSetObject[],
): readonly WorkloadIntent[] | undefined {
  if (rolled === undefined || another !== undefined) return undefined;
  if (!listRolled(release).includes(hashTemplate(rolled.spec.template))) return undefined;
  const step = planTakeBack(deployment, serving, rolled);
  return step === undefined ? undefined : desireTakeBack(deployment, serving, rolled, step);
}

/** Pods that were not let roll go at once, as soon as something else can answer. */
function desireServingAlone(
  deployment: DeploymentObject,
  serving: ReplicaSetObject,
  wrong: readonly ReplicaSetObject[],
): readonly WorkloadIntent[] {
  const why = `pods of another version than the serving one were started for the held Deployment ${deployment.metadata.name}`;
  const wanted = deployment.spec.replicas ?? 1;
  const up = (serving.spec.replicas ?? 0) === 0 && wanted > 0 ? [{ name: serving.metadata.name, replicas: oneOff(wanted) }] : [];
  const down = isAloneReady(wrong, serving, deployment) ? [] : wrong.map(({ metadata }) => ({ name: metadata.name, replicas: 0 }));
  return [...up, ...down].map((scale) => ({ kind: 'scaleReplicaSet', ...scale, why }));
}

/**
 * Between the two writes the Deployment controller adds what is missing to the larger ReplicaSet, or takes what is too many from it.
 * Down first, then, where that is the serving one: there is never a pod too many. Else up first, or it would start new pods again.
 */
function desireTakeBack(
  { metadata, spec }: DeploymentObject,
  serving: ReplicaSetObject,
  rolled: ReplicaSetObject,
  step: TakeBack,
): readonly WorkloadIntent[] {
  const before = serving.spec.replicas ?? 0;
  const last = step.rolled === 0;
  // What is left of the way is the Deployment controller's own.
  const target = last ? (before === 0 ? oneOff(spec.replicas ?? 1) : before) : step.serving;
  const why = `the rollout of Deployment ${metadata.name} is taken back`;
  const up = target === before || spec.replicas === 0 ? [] : [{ name: serving.metadata.name, replicas: target }];
  const down = step.rolled === rolled.spec.replicas ? [] : [{ name: rolled.metadata.name, replicas: step.rolled }];
  return (before > step.rolled ? [...down, ...up] : [...up, ...down]).map((scale) => ({ kind: 'scaleReplicaSet', ...scale, why }));
}

/**
 * One pod fewer or more than wanted: the last step is the Deployment controller's own. It notes on a ReplicaSet for which number it
 * scaled it, takes a note that is not up to date for a scaling that is not finished, and rolls nothing until it is.
 */
function oneOff(wanted: number): number {
  return wanted > 1 ? wanted - 1 : wanted + 1;
}

/** Nothing else could answer: what serves already continues until one pod of the right version can. */
function isAloneReady(wrong: readonly ReplicaSetObject[], serving: ReplicaSetObject, { spec }: DeploymentObject): boolean {
  const isReady = (one: ReplicaSetObject) => (one.status?.readyReplicas ?? 0) > 0;
  // Without a surge the Deployment controller would end the new pods again, and again.
  const surge = spec.strategy?.rollingUpdate?.maxSurge;
  const mayWait = (spec.replicas ?? 1) > 0 && surge !== 0 && surge !== '0%';
  return mayWait && !isReady(serving) && wrong.some(isReady);
}

function desireCanary(
  status: CanaryReleaseStatus,
  state: StateName,
  { observation, plan }: Facts,
  { deployment, replicas, drain, nameTaken }: WorkloadFacts,
): readonly WorkloadIntent[] {
  if (nameTaken !== undefined || deployment === undefined) return [];
  const { canaryDeployment } = observation.workload ?? {};
  const created = state === 'preparing' && plan?.kind === 'manifests' ? createCanary(observation, plan.manifests, replicas) : [];
  if (canaryDeployment === undefined || canaryDeployment.metadata.deletionTimestamp !== undefined) return created;
  return [...created, ...adjustCanary(status, state, canaryDeployment, { replicas, drain })];
}

/** What of the canary is not there yet. */
function createCanary({ workload }: Observation, manifests: CanaryManifests, replicas: number): readonly WorkloadIntent[] {
  const created: WorkloadIntent[] = [];
  if (workload?.canaryService === undefined) created.push({ kind: 'createService', manifest: manifests.service });
  if (workload?.canaryDeployment === undefined) created.push({ kind: 'createDeployment', manifest: withReplicas(manifests, replicas) });
  return created;
}

function adjustCanary(
  status: CanaryReleaseStatus,
  state: StateName,
  canary: DeploymentObject,
  { replicas, drain }: Pick<WorkloadFacts, 'replicas' | 'drain'>,
): readonly WorkloadIntent[] {
  const { name, uid = '' } = canary.metadata;
  if (!runsReleased(status, canary))
    // Left by another release; while it is going its pods must not be taken for ours.
    return state === 'preparing' ? [{ kind: 'deleteDeployment', name, uid }] : [];
  // The routes give it nothing any more, and users stay with its pods for as long as there are any.
  if (drain === 'sessionsStay' && status.release?.drainEndsAt !== undefined)
    return canary.spec.replicas === 0 ? [] : [{ kind: 'scaleDeployment', name, replicas: 0 }];
  // On its way out a canary keeps the pods that answer what is under way.
  const steady = !isGoingHome(state) && state !== 'promoting.restoring' && canary.spec.replicas !== replicas;
  return steady ? [{ kind: 'scaleDeployment', name, replicas }] : [];
}

/** The Deployment goes first: its pods answer what is on its way while the Service still lists them. */
export function desireNoCanary({ observation }: Facts): readonly WorkloadIntent[] {
  const { canaryDeployment, canaryService } = observation.workload ?? {};
  const gone = (object: typeof canaryDeployment | typeof canaryService) =>
    object === undefined || object.metadata.deletionTimestamp !== undefined || !isOurs(object, observation.release);
  if (canaryDeployment !== undefined && !gone(canaryDeployment))
    return [{ kind: 'deleteDeployment', name: canaryDeployment.metadata.name, uid: canaryDeployment.metadata.uid ?? '' }];
  if (canaryService !== undefined && !gone(canaryService))
    return [{ kind: 'deleteService', name: canaryService.metadata.name, uid: canaryService.metadata.uid ?? '' }];
  return [];
}
