// Deployment mode: what the Deployment, its ReplicaSets and the canary say, as facts. Serving is the template that was recorded
// when it served, never the ReplicaSet with the highest revision number.

import { TEMPLATE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryRelease, CanaryReleaseSpec, CanaryReleaseStatus } from '../../../api/release.ts';
import { nameCanary } from '../../workload/canary-names.ts';
import { keepsPods } from '../../workload/keeps-pods.ts';
import { type DeploymentObject, isOwnedBy, type ReplicaSetObject } from '../../workload/objects.ts';
import type { ObservedWorkload } from '../../workload/observed.ts';
import type { PodsStanding } from '../../workload/pods.ts';
import { countCanaryReplicas } from '../../workload/replicas.ts';
import { hashTemplate } from '../../workload/template.ts';
import { type DrainReading, isDrained } from '../drain.ts';
import type { ObservedBackend, Observation } from '../observation.ts';
import { areNoneReady, readEndpoints } from './endpoints.ts';
import type { Gathered } from './gather.ts';
import { isPreparing, isRunning, type StateName } from '../state.ts';

export interface WorkloadFacts {
  readonly known: boolean;
  /** Why nothing can be known, if the watches fail. */
  readonly problem: string | undefined;
  readonly deployment: DeploymentObject | undefined;
  /** Hash of the Deployment's template now. */
  readonly template: string | undefined;
  /** Hash of the template that serves, or served when the release began. */
  readonly servingTemplate: string | undefined;
  readonly replicaSets: readonly ReplicaSetObject[];
  /** The Deployment's template was promoted before, or served before the first release, and was not rejected since. */
  readonly proven: boolean;
  /** The canary takes, or is to take, everything before the Deployment may roll. */
  readonly bakes: boolean;
  /** The Deployment has rolled out what is released, and nothing else of it is left. */
  readonly rolledOut: boolean;
  /** The Deployment rolls out what is released, though it must not. */
  readonly rollsUnproven: boolean;
  /** It has a ReplicaSet of the template that serves: one that was deleted and created again has none to go back to. */
  readonly hasWayBack: boolean;
  readonly replicas: number;
  /** As many ready canary pods as the wanted weight needs. */
  readonly enoughPods: boolean;
  /** Nothing of ours is left beside the Deployment. */
  readonly canaryGone: boolean;
  /** An object that bears the canary's name and is not ours, such as `Deployment store-api-canary`. */
  readonly nameTaken: string | undefined;
  readonly drained: boolean;
  /** What is known of the requests that still reach the canary. */
  readonly drain: DrainReading | undefined;
  /** A rollout that was interrupted has left no ready pod behind the serving Service that stays, and the canary has some. */
  readonly homeIsEmpty: boolean;
  /** The canary's own pods; undefined where they are not watched, or the canary is another release's. */
  readonly pods: PodsStanding | undefined;
}

/** The Deployment rolls out nothing that was rolled back, or there is nothing to stop it for. */
export function hasStopped(state: StateName, { rollsUnproven, hasWayBack }: WorkloadFacts): boolean {
  return state === 'promoting.restoring' || !rollsUnproven || !hasWayBack;
}

/** Undefined in Services mode. @param weight the canary's share that needs pods */
export function gatherWorkloadFacts(
  gathered: Gathered,
  status: CanaryReleaseStatus,
  state: StateName,
  { weight, drain }: { readonly weight: number; readonly drain: DrainReading | undefined },
): WorkloadFacts | undefined {
  const { spec, observation, now, template } = gathered;
  const { workload, release } = observation;
  if (spec.targetRef === undefined || workload === undefined) return undefined;
  const { deployment } = workload;
  const running = isRunning(state) ? status.release : undefined;
  const recorded = running?.workload;
  const servingTemplate = servingTemplateOf(status, running);
  const [serving, ofCanary] = [servingOf(spec, observation), backendOf(spec, observation)];
  const replicas = countWanted(spec, status, state, deployment, weight);
  return {
    known: workload.known,
    problem: workload.problem,
    deployment,
    template,
    servingTemplate,
    replicaSets: workload.replicaSets,
    proven: template !== undefined && isProvenTemplate(status, template),
    bakes: recorded?.bakes === true,
    hasWayBack: workload.replicaSets.some((one) => hashTemplate(one.spec.template) === servingTemplate),
    ...gatherRollout(recorded?.template, template, workload, serving),
    replicas,
    enoughPods: readyOf(ofCanary) >= replicas,
    canaryGone: isCanaryGone(workload, release),
    nameTaken: findTaken(observation),
    drain,
    drained: isDrained(running, drain, now),
    homeIsEmpty: recorded?.rolls === true && isHomeEmpty(workload, serving, ofCanary),
    // Pods of an earlier release's canary say nothing of this one.
    pods: running !== undefined && runsReleased(status, workload.canaryDeployment) ? gathered.canaryPods : undefined,
  };
}

/** What served when the release began, or serves between releases. */
function servingTemplateOf({ serving }: CanaryReleaseStatus, running: CanaryReleaseStatus['release']): string | undefined {
  return running?.workload?.servingTemplate ?? serving?.template;
}

function isCanaryGone({ known, canaryDeployment, canaryService }: ObservedWorkload, release: CanaryRelease): boolean {
  return known && [canaryDeployment, canaryService].every((object) => object === undefined || !isOurs(object, release));
}

/** What stands behind the canary Service. */
export function backendOf({ service }: CanaryReleaseSpec, { backends }: Observation): ObservedBackend | undefined {
  return service === undefined ? undefined : backends[nameCanary(service.name)];
}

function servingOf({ service }: CanaryReleaseSpec, { backends }: Observation): ObservedBackend | undefined {
  return service === undefined ? undefined : backends[service.name];
}

function gatherRollout(
  released: string | undefined,
  template: string | undefined,
  { deployment, replicaSets }: ObservedWorkload,
  serving: ObservedBackend | undefined,
): Pick<WorkloadFacts, 'rolledOut' | 'rollsUnproven'> {
  const isReleased = deployment !== undefined && released !== undefined && template === released;
  const wanted = deployment?.spec.replicas ?? 1;
  return {
    rolledOut: isReleased && isRolledOut(deployment) && areBehindService(replicaSets, released, wanted, serving?.readyPods),
    rollsUnproven: isReleased && deployment.spec.paused !== true,
  };
}

/**
 * Gateways go by the Service's endpoints, which lag behind what the status of the Deployment says: the pods of the released template have
 * to be among them, and no former one any more. @param ready names of ready pods; undefined, or none of this Deployment's: not known
 */
function areBehindService(
  replicaSets: readonly ReplicaSetObject[],
  released: string,
  wanted: number,
  ready: readonly string[] | undefined,
): boolean {
  const sets = replicaSets.map((one) => ({ prefix: podPrefixOf(one), isNew: hashTemplate(one.spec.template) === released }));
  const own = (ready ?? []).flatMap((pod) => sets.filter(({ prefix }) => pod.slice(0, -POD_SUFFIX) === prefix));
  if (ready === undefined || (own.length === 0 && ready.length > 0)) return true;
  return own.every(({ isNew }) => isNew) && own.length >= wanted;
}

/** Strategy Recreate ends all pods before it starts others: in the middle of that nothing but the canary answers. */
function isHomeEmpty(
  { deployment, replicaSets }: ObservedWorkload,
  serving: ObservedBackend | undefined,
  canary: ObservedBackend | undefined,
): boolean {
  if (deployment === undefined || deployment.spec.replicas === 0 || serving === undefined || readyOf(canary) === 0) return false;
  return areNoneReady(readEndpoints(serving)) || !keepsPods(deployment, replicaSets);
}

function readyOf(backend: ObservedBackend | undefined): number {
  return backend?.readyEndpoints ?? 0;
}

/** The API server adds so many characters to a generated name, and cuts what is in front of them. */
const POD_SUFFIX = 5;
const MOST_NAME = 63;

function podPrefixOf({ metadata }: ReplicaSetObject): string {
  return `${metadata.name}-`.slice(0, MOST_NAME - POD_SUFFIX);
}

/** Of `status.proven`, unless it was rejected later. */
export function isProvenTemplate({ proven, rejected }: CanaryReleaseStatus, template: string): boolean {
  const names = (entry: { readonly templateHashes?: readonly string[] }) => entry.templateHashes?.includes(template) === true;
  return (proven ?? []).some(names) && !(rejected ?? []).some(names);
}

export function isOurs(object: Parameters<typeof isOwnedBy>[0], release: CanaryRelease): boolean {
  return isOwnedBy(object, release.metadata.uid);
}

/** What comes to a canary that is still being made. */
function weighFirst({ stages: [first] }: CanaryReleaseSpec, { release }: CanaryReleaseStatus, state: StateName): number {
  return isPreparing(state, release) ? Math.max(first?.weight ?? 0, first?.mirror?.percent ?? 0) : 0;
}

/** Copies have to be answered as requests have. */
function countCopies({ release }: CanaryReleaseStatus): number {
  return release?.cohort?.mirrorPercent ?? 0;
}

function countWanted(
  spec: CanaryReleaseSpec,
  status: CanaryReleaseStatus,
  state: StateName,
  deployment: DeploymentObject | undefined,
  weight: number,
): number {
  const present = deployment?.spec.replicas ?? 1;
  // An autoscaler sees no load where the canary takes it: what it takes away there, the canary needs. Switched off is switched off.
  const count = present === 0 ? 0 : Math.max(present, isRunning(state) ? (status.release?.workload?.replicas ?? 0) : 0);
  return countCanaryReplicas(count, Math.max(weight, countCopies(status), weighFirst(spec, status, state)), spec.canary?.minReplicas);
}

/** All pods are of the newest template, available, and no other is left. */
export function isRolledOut({ metadata, spec, status }: DeploymentObject): boolean {
  const wanted = spec.replicas ?? 1;
  const { observedGeneration = -1, updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = status ?? {};
  if (spec.paused === true || observedGeneration < (metadata.generation ?? 0)) return false;
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
}

function findTaken({ workload, release }: Observation): string | undefined {
  const { canaryDeployment, canaryService } = workload ?? {};
  if (canaryDeployment !== undefined && !isOurs(canaryDeployment, release)) return `Deployment ${canaryDeployment.metadata.name}`;
  return canaryService !== undefined && !isOurs(canaryService, release) ? `Service ${canaryService.metadata.name}` : undefined;
}

/** The canary Deployment runs what is being released: an older release's canary may still be going. */
export function runsReleased({ release }: CanaryReleaseStatus, canary: DeploymentObject | undefined): boolean {
  const template = canary?.metadata.annotations?.[TEMPLATE_ANNOTATION];
  if (canary === undefined || release?.workload === undefined) return false;
  return template === release.workload.template || (template !== undefined && template === release.workload.formerTemplate);
}
