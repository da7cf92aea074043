// What the canary's pods mean for the release: a version that cannot run goes home at once instead of at a deadline, one that
// lacks something gets a minute, and one that has no node is not to blame at all.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import { type DeploymentObject, findCondition, type WorkloadCondition } from '../../workload/objects.ts';
import type { PodsStanding } from '../../workload/pods.ts';
import type { Known } from '../facts/known.ts';
import type { Blocker, RollbackReason } from './types.ts';
import { fromTime, toSeconds } from '../../../api/times.ts';
import { placeOf } from '../state.ts';

/** An image, or a ConfigMap, may come a moment after the Deployment. */
const PATIENCE_MS = 60_000;
/** A cluster autoscaler gets this long before the release is blocked. */
const HOMELESS_MS = 30_000;
/** What the API server defaults `progressDeadlineSeconds` to. */
const PROGRESS_DEADLINE_SECONDS = 600;
/** `status.release.reasonMessage` takes so many characters. */
const MOST_MESSAGE = 1_000;

/** Whether the release has weight or not: what cannot run is never proven. */
export function theCanaryCannotRun({ pods, state, now }: Known, { release }: CanaryReleaseStatus): RollbackReason | undefined {
  const fault = pods?.fault;
  // While the last writes of a promotion are made the release has ended in all but name.
  if (fault === undefined || state === 'promoting.restoring') return undefined;
  const since = fromTime(release?.podsFailingSince);
  const lasted = since !== undefined && now >= since + PATIENCE_MS;
  if (!fault.certain && !lasted) return undefined;
  const message = `${SENTENCES[fault.reason]}: ${fault.message}`;
  return { reason: fault.reason, message: message.slice(0, MOST_MESSAGE) };
}

/** An exit longer ago than this is not why there is no ready endpoint now. */
const RECENT_MS = 60_000;

/** The words for a crash of every pod that is there, each down or just started again; undefined where one has another excuse. */
export function findCrash(pods: PodsStanding | undefined, now: number): string | undefined {
  const crashes = pods?.crashes ?? [];
  const isRecent = ({ endedMs }: PodsStanding['crashes'][number]) => endedMs === undefined || now - endedMs <= RECENT_MS;
  return crashes.every(isRecent) ? crashes[0]?.text : undefined;
}

const SENTENCES = {
  CanaryCrashLooping: 'the canary crashes again and again',
  ImageNotPulled: 'the image of the canary cannot be pulled',
  CanaryNotConfigured: 'the canary refers to configuration that is not there',
} as const;

/** The Deployment controller has given up on the canary's pods, and they had their time on a node. */
export function theCanaryNeverGotReady({ observation, pods, now }: Known): RollbackReason | undefined {
  const canary = observation.workload?.canaryDeployment;
  const stuck = canary === undefined ? undefined : findCondition(canary, 'Progressing', 'False');
  if (canary === undefined || stuck === undefined || arePodsRefused(canary, stuck)) return undefined;
  if (pods !== undefined && !hadTheirTime(pods, canary.spec['progressDeadlineSeconds'], now)) return undefined;
  const why = pods?.seen === undefined ? (stuck.message ?? stuck.reason ?? '') : pods.seen;
  const message = `the pods of Deployment ${canary.metadata.name} do not get ready: ${why}`;
  return { reason: 'CanaryNotReady', message: message.slice(0, MOST_MESSAGE) };
}

/** Pods that a quota keeps from being made say nothing of the revision: that is trouble, and `onBlocked` decides. */
function arePodsRefused(canary: DeploymentObject, stuck: WorkloadCondition): boolean {
  if (findCondition(canary, 'ReplicaFailure', 'True') !== undefined) return true;
  // The refusal is over, and the pods are about to be made.
  return stuck.reason === 'ProgressDeadlineExceeded' && (canary.status?.replicas ?? 0) < (canary.spec.replicas ?? 1);
}

/** A full cluster also runs the deadline down; pods that got their node late have all of it from then on. */
function hadTheirTime({ count, placedSinceMs }: PodsStanding, seconds: unknown, now: number): boolean {
  // Not even made, though no quota refuses them.
  if (count === 0) return true;
  const neededMs = (typeof seconds === 'number' ? seconds : PROGRESS_DEADLINE_SECONDS) * 1_000;
  return placedSinceMs !== undefined && now >= placedSinceMs + neededMs;
}

/** No node takes a pod: reported, and `onBlocked` decides; the version is not rejected for it. */
export function noNodeTakesAPod({ workload, state, now }: Known, { release }: CanaryReleaseStatus): Blocker | undefined {
  const homeless = workload?.pods?.homeless;
  // A rollout that is under way takes room itself; it ends without more pods of the canary.
  const promotes = state.startsWith('promoting.') || release?.returnTo?.startsWith('promoting.') === true;
  // What bakes first grows to full size, and rolls later.
  const rolls = promotes && workload?.bakes !== true;
  if (homeless === undefined || rolls || now < homeless.sinceMs + HOMELESS_MS) return undefined;
  return {
    reason: 'PodsUnschedulable',
    message: `no node takes the canary: ${homeless.message}; make room, or lower its requests or spec.canary.minReplicas`,
  };
}

/** A raise that waits for pods: reported, and `onBlocked` decides; the version is not rejected for it. */
export function thePodsAreNotReady(known: Known, { release }: CanaryReleaseStatus): Blocker | undefined {
  if (release === undefined || known.canaryReady || !known.podsMissingTooLong || !holdsUpRaise(known, release)) return undefined;
  return { reason: 'PodsNotReady', message: `${describeNotReady(known, release)}; the raise waits for ready pods` };
}

/** Does a raise want to come, or is it under way and without the pods that it needs? */
function holdsUpRaise({ state, stageProven, workload }: Known, release: ReleaseStatus): boolean {
  const place = placeOf(state, release);
  // Evidence may come and go while it is blocked.
  if (place === 'stage.analyzing' || place === 'stage.awaitingApproval') return stageProven || release.blockedReason === 'PodsNotReady';
  const raises = place === 'stage.shifting' || (place === 'promoting.rollingOut' && workload?.bakes === true);
  return raises && workload?.enoughPods === false;
}

const MOST_NAMES = 3;

/** `1 of 10 endpoints of Service store-canary is not ready since 12:00:04Z: pod store-canary-x, container app: exited with 1`. */
export function describeNotReady({ canaryEndpoints, pods, sides }: Known, release: ReleaseStatus): string {
  const service = `Service ${sides?.canary ?? release.canary.service}`;
  const since = release.podsWaitSince === undefined ? '' : ` since ${toSeconds(release.podsWaitSince)}`;
  if (canaryEndpoints.kind === 'unknown') return `the endpoints of ${service} are not known${since}`;
  if (!canaryEndpoints.current) return `the endpoints of ${service} are not known now, their watch fails${since}`;
  const { ready, unready, unreadyNames } = canaryEndpoints;
  const shown = unreadyNames.slice(0, MOST_NAMES).join(', ');
  const names = unreadyNames.length > MOST_NAMES ? `${shown} and ${unreadyNames.length - MOST_NAMES} more` : shown;
  const why = pods?.notReady ?? names;
  return `${countUnready(service, ready, unready)}${since}${why === '' ? '' : `: ${why}`}`;
}

function countUnready(service: string, ready: number, unready: number): string {
  // In Deployment mode the canary of an earlier release may still be going.
  if (unready === 0) return ready === 0 ? `${service} has no endpoint` : `${service} has endpoints of another revision`;
  return `${unready} of ${ready + unready} endpoints of ${service} ${unready === 1 ? 'is' : 'are'} not ready`;
}
