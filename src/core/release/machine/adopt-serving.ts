// Deployment mode, between releases: which template serves? Adopted at first contact, and again where something went past the
// hold; otherwise only a promotion changes it.

import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { DeploymentObject, PodTemplate, ReplicaSetObject } from '../../workload/objects.ts';
import { hashTemplate, nameTemplate } from '../../workload/template.ts';
import type { ReleaseEvent } from '../report/events.ts';
import type { Observation } from '../observation.ts';
import { isRunning, type StateName } from '../state.ts';
import { isProvenTemplate } from '../facts/workload-facts.ts';

export interface Adopted {
  readonly status: CanaryReleaseStatus;
  readonly events: readonly ReleaseEvent[];
}

/** Notes what serves. The same status when nothing is to be noted. */
export function adoptServing(status: CanaryReleaseStatus, state: StateName, { workload, release, driver }: Observation): Adopted {
  const service = release.spec.service?.name;
  if (service === undefined || isRunning(state) || workload?.known !== true || workload.deployment === undefined)
    return { status, events: [] };
  const { deployment, replicaSets } = workload;
  const known = knownServing(status, service);
  const serves = findServing(known, deployment, replicaSets);
  const hash = hashTemplate(serves);
  const serving = describeServing(service, serves, known, deployment, replicaSets);
  if (JSON.stringify(serving) === JSON.stringify(known)) return { status, events: [] };
  const changed = known?.template !== undefined && known.template !== hash;
  // What another release lets roll is its news (rule 8).
  const events = changed && driver.kind === 'us' ? [tellRolled(status, hash, deployment, serving.revision)] : [];
  return { status: { ...status, serving }, events };
}

/** What the status says of this Service, if it is about it. */
function knownServing({ serving }: CanaryReleaseStatus, service: string): Serving | undefined {
  return serving?.service === service ? serving : undefined;
}

/** A template that serves now without a canary: because it was promoted before, or because nothing held it. */
function tellRolled(status: CanaryReleaseStatus, hash: string, deployment: DeploymentObject, revision: string): ReleaseEvent {
  return isProvenTemplate(status, hash) ? tellProven(deployment, revision) : tellBypassed(deployment, revision);
}

type Serving = NonNullable<CanaryReleaseStatus['serving']>;

function describeServing(
  service: string,
  serves: PodTemplate,
  known: Serving | undefined,
  deployment: DeploymentObject,
  replicaSets: readonly ReplicaSetObject[],
): Serving & { readonly revision: string } {
  const hash = hashTemplate(serves);
  const same = known?.template === hash ? known : undefined;
  const replicaSet = replicaSets.find((one) => hashTemplate(one.spec.template) === hash)?.metadata.name ?? same?.replicaSet;
  return {
    service,
    revision: same?.revision ?? nameTemplate(serves),
    template: hash,
    ...(replicaSet === undefined ? {} : { replicaSet }),
    uid: deployment.metadata.uid ?? '',
  };
}

function findServing(known: Serving | undefined, deployment: DeploymentObject, replicaSets: readonly ReplicaSetObject[]): PodTemplate {
  const { template, paused } = deployment.spec;
  const isSame = known?.template !== undefined && known.uid === (deployment.metadata.uid ?? '');
  // What is not paused rolls, whoever let it; what was recreated has no old pods that could serve.
  if (paused !== true) return template;
  const recorded = isSame ? replicaSets.find((one) => hashTemplate(one.spec.template) === known.template) : undefined;
  if (recorded !== undefined) return recorded.spec.template;
  if (isSame && hashTemplate(template) === known.template) return template;
  // First contact with a held Deployment: its pods say what serves. Without any, nothing serves that could be protected.
  return findMostReady(replicaSets)?.spec.template ?? template;
}

/** The ReplicaSet with most ready pods; undefined where none has any. */
function findMostReady(replicaSets: readonly ReplicaSetObject[]): ReplicaSetObject | undefined {
  const readyOf = ({ status }: ReplicaSetObject) => status?.readyReplicas ?? 0;
  const [most] = replicaSets.filter((one) => readyOf(one) > 0).sort((a, b) => readyOf(b) - readyOf(a));
  return most;
}

function tellProven({ metadata }: DeploymentObject, revision: string): ReleaseEvent {
  return {
    reason: 'Promoted',
    message: `revision ${revision} was promoted before: Deployment ${metadata.name} rolls it at once, without a canary`,
  };
}

function tellBypassed({ metadata }: DeploymentObject, revision: string): ReleaseEvent {
  return {
    reason: 'HoldBypassed',
    message: `Deployment ${metadata.name} rolled revision ${revision} without a canary: it was recreated, or the hold was not in force; that revision serves now`,
    warning: true,
  };
}
