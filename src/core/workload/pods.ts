// What the canary's own pods say, and whose fault it is that they do not run. A healthy version is never punished: one restart, one
// failed pull, a pod that is drained, evicted or has no node says nothing against it. Pure.

import { type ContainerStatus, type Crash, describeOddity, findCrash, findTrouble, type Trouble } from './containers.ts';
import type { WorkloadMetadata } from './objects.ts';
import { toOneLine } from './one-line.ts';

/** The parts of a Pod that Deployment mode reads. */
export interface PodObject {
  readonly metadata: WorkloadMetadata;
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly PodCondition[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** Why the version itself cannot run. */
export interface PodFault {
  readonly reason: 'CanaryCrashLooping' | 'ImageNotPulled' | 'CanaryNotConfigured';
  readonly message: string;
  /** True: certain now. False: only where it stays so, because what is missing may just come late. */
  readonly certain: boolean;
}

export interface PodsStanding {
  /** Pods that are not on their way out. */
  readonly count: number;
  readonly fault: PodFault | undefined;
  /** Pods that the scheduler finds no node for: the cluster's trouble, not the version's. */
  readonly homeless: { readonly message: string; readonly sinceMs: number } | undefined;
  /** The most useful thing that any pod says, for messages: `pod store-canary-x: container app exited with 1 (Error), 1 restart`. */
  readonly seen: string | undefined;
  /** Since when the pods that are not ready have had a node, the first of them; undefined without any. */
  readonly placedSinceMs: number | undefined;
  /** What the pods that are not ready say, the first of them; undefined without any. */
  readonly notReady: string | undefined;
  /** Containers that exited with an error, one of each pod; empty where a pod is ready, or not ready for another reason. */
  readonly crashes: readonly Crash[];
}

interface JudgedPod {
  readonly ready: boolean;
  readonly placedMs: number | undefined;
  readonly homelessSinceMs: number | undefined;
  readonly homelessMessage: string;
  readonly trouble: Trouble | undefined;
  readonly seen: string | undefined;
  readonly crash: Crash | undefined;
  /** Why it is not ready; undefined where it is. */
  readonly notReady: string | undefined;
}

/** Judges all pods of one canary together. */
export function judgePods(pods: readonly PodObject[]): PodsStanding {
  const judged = pods.filter((pod) => !isLeaving(pod)).map(judgePod);
  const homeless = judged.filter((pod) => pod.homelessSinceMs !== undefined);
  const placed = judged.filter((pod) => !homeless.includes(pod));
  const since = Math.min(...homeless.map(({ homelessSinceMs }) => homelessSinceMs ?? Number.POSITIVE_INFINITY));
  const waiting = placed.flatMap(({ ready, placedMs }) => (ready || placedMs === undefined ? [] : [placedMs]));
  return {
    count: judged.length,
    fault: findFault(placed),
    homeless: homeless[0] === undefined ? undefined : { message: homeless[0].homelessMessage, sinceMs: since },
    seen: (judged.find(({ trouble }) => trouble !== undefined) ?? judged.find(({ seen }) => seen !== undefined))?.seen,
    placedSinceMs: waiting.length === 0 ? undefined : Math.min(...waiting),
    notReady: describeNotReady(judged),
    crashes: judged.every(({ ready, crash }) => !ready && crash !== undefined)
      ? judged.map(({ crash }) => crash).filter((crash) => crash !== undefined)
      : [],
  };
}

const MOST_PODS = 3;

function describeNotReady(pods: readonly JudgedPod[]): string | undefined {
  const words = pods.map(({ notReady }) => notReady).filter((text) => text !== undefined);
  return words.length === 0 ? undefined : words.slice(0, MOST_PODS).join('; ');
}

/** In this order: what one pod alone proves, then what all of them say. */
function findFault(pods: readonly JudgedPod[]): PodFault | undefined {
  const loops = pods.find(({ trouble }) => trouble?.kind === 'loops')?.trouble;
  if (loops !== undefined) return { reason: 'CanaryCrashLooping', message: loops.text, certain: true };
  const [first, ...others] = pods.map(({ trouble }) => trouble);
  if (first === undefined || others.includes(undefined)) return undefined;
  const all = [first, ...others.filter((trouble) => trouble !== undefined)];
  // Two crashes of a single pod may be a wait for something that starts beside it; of every pod of several they are the version.
  if (all.every(({ kind }) => kind === 'crashes'))
    return others.length === 0
      ? undefined
      : { reason: 'CanaryCrashLooping', message: `all ${all.length} pods: ${first.text}`, certain: true };
  const still = all.find(({ kind }) => kind !== 'crashes') ?? first;
  return {
    reason: still.kind === 'notConfigured' ? 'CanaryNotConfigured' : 'ImageNotPulled',
    message: still.text,
    certain: all.every(({ kind }) => kind === 'badName'),
  };
}

/** Deleted, drained, evicted, preempted, or at its end: whatever its containers say is no word about the version. */
function isLeaving({ metadata, status }: PodObject): boolean {
  if (metadata.deletionTimestamp !== undefined || status?.phase === 'Failed' || status?.phase === 'Succeeded') return true;
  return findPodCondition(status, 'DisruptionTarget')?.status === 'True';
}

function judgePod({ metadata, status }: PodObject): JudgedPod {
  const { name } = metadata;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const troubles = containers.map((one) => findTrouble(name, one)).filter((trouble) => trouble !== undefined);
  const trouble = troubles.find(({ kind }) => kind === 'loops') ?? troubles[0];
  const readiness = findPodCondition(status, 'Ready');
  const ready = readiness?.status === 'True';
  const place = findPlace(name, findPodCondition(status, 'PodScheduled'));
  const seen = trouble?.text ?? containers.map((one) => describeOddity(name, one)).find((text) => text !== undefined);
  return {
    ready,
    notReady: ready ? undefined : (seen ?? describeUnready(name, place.homelessMessage, readiness)),
    ...place,
    trouble,
    crash: containers.map((one) => findCrash(name, one)).find((crash) => crash !== undefined),
    seen,
  };
}

/** Where no container says why. */
function describeUnready(pod: string, homelessMessage: string, readiness: PodCondition | undefined): string {
  return homelessMessage === '' ? `pod ${pod}: ${toOneLine(readiness?.message ?? 'not ready')}` : homelessMessage;
}

/** Since when the pod has a node, or since when the scheduler finds none for it. */
function findPlace(pod: string, scheduled: PodCondition | undefined): Pick<JudgedPod, 'placedMs' | 'homelessSinceMs' | 'homelessMessage'> {
  const nowhere = { placedMs: undefined, homelessSinceMs: undefined, homelessMessage: '' };
  if (scheduled?.status === 'True') return { ...nowhere, placedMs: timeOf(scheduled) };
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return nowhere;
  const homelessMessage = `pod ${pod}: ${toOneLine(scheduled.message ?? 'no node takes it')}`;
  return { ...nowhere, homelessSinceMs: timeOf(scheduled), homelessMessage };
}

function findPodCondition(status: PodObject['status'], type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function timeOf({ lastTransitionTime = '' }: PodCondition): number {
  const ms = Date.parse(lastTransitionTime);
  return Number.isNaN(ms) ? 0 : ms;
}
