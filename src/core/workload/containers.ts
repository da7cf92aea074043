// What one container of a pod says: whether it runs, why it does not, and whether that is the version. Pure.

import { toOneLine } from './one-line.ts';

/** The parts of a container's status that Deployment mode reads. */
export interface ContainerStatus {
  readonly name: string;
  readonly restartCount?: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly running?: object;
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: ContainerEnd;
}

interface ContainerEnd {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

/** A container that exited with an error. */
export interface Crash {
  readonly text: string;
  /** When it exited, where it has started again since; undefined while it is down. */
  readonly endedMs: number | undefined;
}

/** One container that does not run, and how bad that is. */
export interface Trouble {
  readonly kind: 'crashes' | 'loops' | 'notPulled' | 'badName' | 'notConfigured';
  readonly text: string;
}

/** Crashes of one container that are a loop, whatever the other pods do: the second restart did not help either. */
const REPEATED_RESTARTS = 2;
/** The kubelet forgets earlier crashes of a container that ran for so long: restarts of other days are no loop. */
const LONG_RUN_MS = 600_000;
/** It ended, and the kubelet waits before it starts it again. */
const CRASHED = 'CrashLoopBackOff';
const NOT_PULLED = ['ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError'];
const NOT_CONFIGURED = ['CreateContainerConfigError'];
/** A container that went with its node: how it ended is not known. */
const UNKNOWN_ENDS = ['ContainerStatusUnknown', 'Unknown'];
const STARTING = ['ContainerCreating', 'PodInitializing'];

/** What is wrong with a container that does not run; undefined where nothing speaks against the version. */
export function findTrouble(pod: string, container: ContainerStatus): Trouble | undefined {
  const reason = waitingFor(container) ?? '';
  const text = describeContainer(pod, container);
  if (NOT_PULLED.includes(reason)) return { kind: reason === 'InvalidImageName' ? 'badName' : 'notPulled', text };
  if (NOT_CONFIGURED.includes(reason)) return { kind: 'notConfigured', text };
  if (!isDown(container)) return undefined;
  if (restartsOf(container) >= REPEATED_RESTARTS && !ranLong(lastEndOf(container))) return { kind: 'loops', text };
  return reason === CRASHED ? { kind: 'crashes', text } : undefined;
}

/** Down with an error now, or started again after one. */
export function findCrash(pod: string, container: ContainerStatus): Crash | undefined {
  if (isDown(container)) return { text: describeContainer(pod, container), endedMs: undefined };
  const ended = container.lastState?.terminated;
  const endedMs = Date.parse(ended?.finishedAt ?? '');
  if (Number.isNaN(endedMs) || !hasFailed(ended) || isUnknown(ended)) return undefined;
  return { text: describeContainer(pod, container), endedMs };
}

/** What is worth a word and proves nothing: a restart, a crash, a wait with a reason. */
export function describeOddity(pod: string, container: ContainerStatus): string | undefined {
  const { state, lastState } = container;
  const reason = waitingFor(container);
  const waits = reason !== undefined && !STARTING.includes(reason);
  const ended = hasFailed(state?.terminated) || (restartsOf(container) > 0 && lastState?.terminated !== undefined);
  return waits || ended ? describeContainer(pod, container) : undefined;
}

function waitingFor({ state }: ContainerStatus): string | undefined {
  return state?.waiting?.reason;
}

/** How it ended now, or before it was started again. */
function lastEndOf({ state, lastState }: ContainerStatus): ContainerEnd | undefined {
  return state?.terminated ?? lastState?.terminated;
}

function restartsOf({ restartCount = 0 }: ContainerStatus): number {
  return restartCount;
}

function hasFailed(ended: ContainerEnd | undefined): boolean {
  return ended?.exitCode !== undefined && ended.exitCode !== 0;
}

/** It went with its node. */
function isUnknown(ended: ContainerEnd | undefined): boolean {
  return UNKNOWN_ENDS.includes(ended?.reason ?? '');
}

function ranLong({ startedAt = '', finishedAt = '' }: ContainerEnd = {}): boolean {
  const ms = Date.parse(finishedAt) - Date.parse(startedAt);
  return !Number.isNaN(ms) && ms >= LONG_RUN_MS;
}

/** Ended, and waits for its next try. An init container that has done its work ended well. */
function isDown(container: ContainerStatus): boolean {
  if (isUnknown(lastEndOf(container))) return false;
  return waitingFor(container) === CRASHED || hasFailed(container.state?.terminated);
}

function describeContainer(pod: string, container: ContainerStatus): string {
  const reason = waitingFor(container);
  const isStuck = reason !== undefined && reason !== CRASHED;
  const what = isStuck ? withWords(reason, container.state?.waiting?.message) : describeEnd(container);
  return `pod ${pod}, container ${container.name}: ${what}`;
}

/** `CrashLoopBackOff, exited with 1 (Error), 2 restarts: no database`. */
function describeEnd(container: ContainerStatus): string {
  const ended = lastEndOf(container);
  const restarts = restartsOf(container);
  const parts = [
    waitingFor(container),
    ended === undefined ? undefined : describeExit(ended),
    restarts === 0 ? undefined : `${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`,
  ];
  return withWords(parts.filter((part) => part !== undefined).join(', '), ended?.message);
}

function describeExit({ exitCode, reason }: ContainerEnd): string {
  return `exited with ${exitCode ?? '?'}${reason === undefined ? '' : ` (${reason})`}`;
}

function withWords(what: string, message = ''): string {
  const said = toOneLine(message);
  return said === '' ? what : `${what}: ${said}`;
}
