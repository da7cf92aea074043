// What the canary's own pods say, and whose fault it is that they do not run. A healthy version is never punished: one restart, one
// failed pull, a pod that is drained, evicted or has no node says nothing against it. Pure.

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

export interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

export interface ContainerState {
  readonly running?: object;
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: ContainerEnd;
}

export interface ContainerEnd {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
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
  /** The most telling thing of any pod, for messages: `pod store-canary-x: container app exited with 1 (Error), 1 restart`. */
  readonly seen: string | undefined;
  /** Since when the pods that are not ready have had a node, the first of them; undefined without any. */
  readonly placedSinceMs: number | undefined;
  /** Containers that exited with an error, one of each pod; empty where a pod is ready, or not ready for another reason. */
  readonly crashes: readonly Crash[];
}

/** A container that exited with an error. */
export interface Crash {
  readonly text: string;
  /** When it exited, where it has started again since; undefined while it is down. */
  readonly endedMs: number | undefined;
}

/** Crashes of one container that are a loop, whatever the other pods do: the second restart did not help either. */
const REPEATED_RESTARTS = 2;
/** The kubelet forgets earlier crashes of a container that ran for so long: restarts of other days are no loop. */
const LONG_RUN_MS = 600_000;
const NOT_PULLED = ['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError'];
const NOT_CONFIGURED = ['CreateContainerConfigError'];
/** A container that went with its node: nobody knows how it ended. */
const NOBODY_KNOWS = ['ContainerStatusUnknown', 'Unknown'];
const STARTING = ['ContainerCreating', 'PodInitializing'];

/** One container that does not run, and how bad that is. */
interface Trouble {
  readonly kind: 'crashes' | 'loops' | 'notPulled' | 'badName' | 'notConfigured';
  readonly text: string;
}

interface JudgedPod {
  readonly ready: boolean;
  readonly placedMs: number | undefined;
  readonly homelessSinceMs: number | undefined;
  readonly homelessMessage: string;
  readonly trouble: Trouble | undefined;
  readonly seen: string | undefined;
  readonly crash: Crash | undefined;
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
    crashes: judged.every(({ ready, crash }) => !ready && crash !== undefined)
      ? judged.map(({ crash }) => crash).filter((crash) => crash !== undefined)
      : [],
  };
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
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const troubles = containers.map((one) => findTrouble(metadata.name, one)).filter((trouble) => trouble !== undefined);
  const trouble = troubles.find(({ kind }) => kind === 'loops') ?? troubles[0];
  const scheduled = findPodCondition(status, 'PodScheduled');
  const isHomeless = scheduled?.status === 'False' && scheduled.reason === 'Unschedulable';
  return {
    ready: findPodCondition(status, 'Ready')?.status === 'True',
    placedMs: scheduled?.status === 'True' ? timeOf(scheduled) : undefined,
    homelessSinceMs: isHomeless ? timeOf(scheduled) : undefined,
    homelessMessage: isHomeless ? `pod ${metadata.name}: ${toOneLine(scheduled.message ?? 'no node takes it')}` : '',
    trouble,
    crash: containers.map((one) => findCrash(metadata.name, one)).find((crash) => crash !== undefined),
    seen: trouble?.text ?? containers.map((one) => describeOddity(metadata.name, one)).find((text) => text !== undefined),
  };
}

function findPodCondition(status: PodObject['status'], type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function timeOf({ lastTransitionTime = '' }: PodCondition): number {
  const ms = Date.parse(lastTransitionTime);
  return Number.isNaN(ms) ? 0 : ms;
}

function findTrouble(pod: string, container: ContainerStatus): Trouble | undefined {
  const { state, restartCount = 0 } = container;
  const reason = state?.waiting?.reason ?? '';
  const text = describeContainer(pod, container);
  if (NOT_PULLED.includes(reason)) return { kind: reason === 'InvalidImageName' ? 'badName' : 'notPulled', text };
  if (NOT_CONFIGURED.includes(reason)) return { kind: 'notConfigured', text };
  if (!isDown(container)) return undefined;
  if (restartCount >= REPEATED_RESTARTS && !ranLong(container)) return { kind: 'loops', text };
  return reason === 'CrashLoopBackOff' ? { kind: 'crashes', text } : undefined;
}

function ranLong({ state, lastState }: ContainerStatus): boolean {
  const { startedAt = '', finishedAt = '' } = state?.terminated ?? lastState?.terminated ?? {};
  const ms = Date.parse(finishedAt) - Date.parse(startedAt);
  return !Number.isNaN(ms) && ms >= LONG_RUN_MS;
}

/** Ended by itself and waits for its next try. An init container that has done its work ended well. */
function isDown({ state, lastState }: ContainerStatus): boolean {
  const ended = state?.terminated ?? lastState?.terminated;
  if (NOBODY_KNOWS.includes(ended?.reason ?? '')) return false;
  if (state?.waiting?.reason === 'CrashLoopBackOff') return true;
  return state?.terminated !== undefined && (state.terminated.exitCode ?? 0) !== 0;
}

/** Down with an error now, or started again after one. Nobody knows how a container ended that went with its node. */
function findCrash(pod: string, container: ContainerStatus): Crash | undefined {
  if (isDown(container)) return { text: describeContainer(pod, container), endedMs: undefined };
  const ended = container.lastState?.terminated;
  const endedMs = Date.parse(ended?.finishedAt ?? '');
  if (Number.isNaN(endedMs) || (ended?.exitCode ?? 0) === 0 || NOBODY_KNOWS.includes(ended?.reason ?? '')) return undefined;
  return { text: describeContainer(pod, container), endedMs };
}

/** What is worth a word and proves nothing: a restart, a crash, a wait with a reason. */
function describeOddity(pod: string, container: ContainerStatus): string | undefined {
  const { state, lastState, restartCount = 0 } = container;
  const waits = state?.waiting?.reason !== undefined && !STARTING.includes(state.waiting.reason);
  const ended = (state?.terminated?.exitCode ?? 0) !== 0 || (restartCount > 0 && lastState?.terminated !== undefined);
  return waits || ended ? describeContainer(pod, container) : undefined;
}

function describeContainer(pod: string, container: ContainerStatus): string {
  const waiting = container.state?.waiting;
  const isStuck = waiting?.reason !== undefined && waiting.reason !== 'CrashLoopBackOff';
  const what = isStuck ? withWords(waiting.reason, waiting.message) : describeEnd(container);
  return `pod ${pod}, container ${container.name}: ${what}`;
}

/** `CrashLoopBackOff, exited with 1 (Error), 2 restarts: no database`. */
function describeEnd({ state, lastState, restartCount = 0 }: ContainerStatus): string {
  const ended = state?.terminated ?? lastState?.terminated;
  const reason = ended?.reason === undefined ? '' : ` (${ended.reason})`;
  const parts = [
    state?.waiting?.reason,
    ended === undefined ? undefined : `exited with ${ended.exitCode ?? '?'}${reason}`,
    restartCount === 0 ? undefined : `${restartCount} ${restartCount === 1 ? 'restart' : 'restarts'}`,
  ];
  return withWords(parts.filter((part) => part !== undefined).join(', '), ended?.message);
}

function withWords(what: string, message = ''): string {
  const said = toOneLine(message);
  return said === '' ? what : `${what}: ${said}`;
}
