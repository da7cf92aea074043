// Pods as the kubelet reports them, in the states that a canary's pods can be in.

import type { ContainerStatus, PodCondition, PodObject } from '../../src/core/workload/pods.ts';

type Status = NonNullable<PodObject['status']>;

/** On a node since a moment, not ready. */
export const PLACED: PodCondition = { type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-03-01T12:00:00Z' };
export const READY: PodCondition = { type: 'Ready', status: 'True' };

/** Crashes with this exit code; with `restarts` behind it it waits for the next try. */
export function crashing(restarts: number, exitCode = 1, reason = 'Error', message = 'Error: no such setting'): ContainerStatus {
  const terminated = { exitCode, reason, message };
  return { name: 'app', restartCount: restarts, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } };
}

/** Waits for this reason. */
export function waiting(reason: string, message = 'not there'): ContainerStatus {
  return { name: 'app', restartCount: 0, state: { waiting: { reason, message } } };
}

/** Runs, after so many restarts. */
export function running(restarts = 0): ContainerStatus {
  const before = restarts === 0 ? {} : { lastState: { terminated: { exitCode: 1, reason: 'Error' } } };
  return { name: 'app', restartCount: restarts, state: { running: {} }, ...before };
}

/** A pod's status: on a node, of one container. */
export function statusWith(container: ContainerStatus, change: Partial<Status> = {}): Status {
  return { phase: 'Running', conditions: [PLACED], containerStatuses: [container], ...change };
}

export function aPod(name: string, status: Status, metadata: Partial<PodObject['metadata']> = {}): PodObject {
  return { metadata: { name, ...metadata }, status };
}

/** The scheduler finds no node since this time. */
export function homeless(since: string): Status {
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes: Insufficient cpu' };
  return { phase: 'Pending', conditions: [{ ...condition, lastTransitionTime: since }] };
}
