// What is written down of a state that was reached: nothing here decides, and none needs another.

import { IRREVERSIBLE_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { withoutUndefined } from '../../../api/absence.ts';
import { toTime } from '../../../api/times.ts';
import { hashTemplate } from '../../workload/template.ts';
import type { DeploymentObject } from '../../workload/objects.ts';
import { endOfDrain } from '../drain.ts';
import type { Known } from '../facts/known.ts';
import { isWayBack } from '../facts/undo-plan.ts';
import type { Observation } from '../observation.ts';
import { isRolledOut } from '../facts/workload-facts.ts';
import { isJudged, isRunning, type StateName } from '../state.ts';
import { asksForTraffic, hasGivenTraffic } from '../traffic.ts';
import { edit } from './change.ts';

type Status = CanaryReleaseStatus;

/**
 * The canary gets nothing any more from here on: notes until when it is left to answer. Who gives it a share again meanwhile gives it
 * requests to answer, so that it begins again.
 */
export function noteDrain(status: Status, known: Known, state: StateName): Status {
  const { release } = status;
  if (release?.workload === undefined || !mayDrain(status, state)) return status;
  const { withdrawn } = known;
  if (withdrawn === (release.drainEndsAt !== undefined)) return status;
  return withdrawn ? edit(status, { drainEndsAt: endOfDrain(known.now) }) : edit(status, {}, ['drainEndsAt']);
}

function mayDrain(status: Status, state: StateName): boolean {
  if (state === 'rollingBack.draining' || state === 'promoting.restoring') return true;
  // Where nothing was sent to it, there is nothing to wait for.
  return state === 'rollingBack.cleaning' && hasGivenTraffic(status.release) && !isWayBack(status, state);
}

/** Notes since when something that may still come keeps the pods from starting. */
export function notePods(status: CanaryReleaseStatus, { pods, now }: Known): CanaryReleaseStatus {
  const { release } = status;
  if (release === undefined) return status;
  const waits = pods?.fault?.certain === false;
  if (waits === (release.podsFailingSince !== undefined)) return status;
  const { podsFailingSince: _since, ...rest } = release;
  return { ...status, release: waits ? { ...rest, podsFailingSince: toTime(now) } : rest };
}

/** Notes since when a gateway has not taken the last change of a route; each write of ours begins such a wait, mostly a short one. */
export function noteGatewayWait(status: Status, { acceptanceWait, now }: Known, state: StateName): Status {
  const { release } = status;
  if (release === undefined) return status;
  const waits = acceptanceWait !== undefined && isJudged(state);
  if (waits === (release.gatewayWaitSince !== undefined)) return status;
  return waits ? edit(status, { gatewayWaitSince: toTime(now) }) : edit(status, {}, ['gatewayWaitSince']);
}

/** Notes since when not all endpoints of the canary are ready. */
export function noteMissingPods(status: Status, { canaryReady, now }: Known, state: StateName): Status {
  const { release } = status;
  if (release === undefined) return status;
  const waits = !canaryReady && isJudged(state);
  if (waits === (release.podsWaitSince !== undefined)) return status;
  return waits ? edit(status, { podsWaitSince: toTime(now) }) : edit(status, {}, ['podsWaitSince']);
}

/** Notes that pods of both versions are gone while the canary has a share. */
export function noteBothEmpty(status: Status, { servingEmpty, canaryEmpty, now }: Known, state: StateName): Status {
  const isBoth = servingEmpty !== undefined && canaryEmpty && isJudged(state) && asksForTraffic(status);
  return isBoth && status.release?.bothEmptyAt === undefined ? edit(status, { bothEmptyAt: toTime(now) }) : status;
}

/** Notes that requests to what served before have stopped: the gateway has taken the last weight, whatever it says itself. */
export function noteLastAnswers(status: Status, { observation: { lastAnswers } }: Known): Status {
  const isSeen = lastAnswers === 'silent' && status.weight === 100 && status.release?.seenSplit !== 'Present';
  return isSeen ? edit(status, { seenSplit: 'Present' }) : status;
}

/** Notes what the author of the revision says of going back: on the template, which is the revision's own, or on the Deployment. */
export function noteIrreversible(status: Status, { workload: observed }: Observation): Status {
  const { release } = status;
  const deployment = observed?.deployment;
  if (release?.workload === undefined || deployment === undefined) return status;
  if (hashTemplate(deployment.spec.template) !== release.workload.template) return status;
  const { irreversible: noted, ...workload } = release.workload;
  const told = readIrreversible(deployment);
  if (told === noted) return status;
  return { ...status, release: { ...release, workload: { ...workload, ...(told === undefined ? {} : { irreversible: told }) } } };
}

function readIrreversible({ metadata, spec }: DeploymentObject): string | undefined {
  const told = spec.template.metadata?.annotations?.[IRREVERSIBLE_ANNOTATION] ?? metadata.annotations?.[IRREVERSIBLE_ANNOTATION];
  const text = told?.trim().slice(0, 256) ?? '';
  return text === '' || text === 'false' ? undefined : text;
}

type ServingMemory = NonNullable<NonNullable<Status['internal']>['serving']>;

/** Notes since when the serving Service has had no ready endpoint, which template was ever ready, and which one rolls out because nothing served. */
export function noteServing(status: Status, facts: Known, state: StateName): Status {
  const before = status.internal?.serving ?? {};
  const after = withoutUndefined({
    emptySince: isServingMissed(facts, state) ? (before.emptySince ?? toTime(facts.now)) : undefined,
    ready: readTemplate(status, facts) ?? before.ready,
    rolls: isRolling(before, facts) ? before.rolls : undefined,
  });
  if (FIELDS.every((field) => before[field] === after[field])) return status;
  const { serving: _former, ...internal } = status.internal ?? {};
  return { ...status, internal: { ...internal, ...(Object.keys(after).length === 0 ? {} : { serving: after }) } };
}

const FIELDS = ['emptySince', 'ready', 'rolls'] as const satisfies readonly (keyof ServingMemory)[];

/** Between releases it matters only to a revision that waits. */
function isServingMissed({ servingEmpty, candidate, nextAttempt }: Known, state: StateName): boolean {
  return servingEmpty !== undefined && (isRunning(state) || candidate !== undefined || nextAttempt !== undefined);
}

/** Deployment mode: what serves now, where a pod of it is ready. */
function readTemplate({ serving, release }: Status, { servingEndpoints, state }: Known): string | undefined {
  const rolls = isRunning(state) && release?.workload?.rolls === true;
  return servingEndpoints.kind === 'seen' && servingEndpoints.ready > 0 && !rolls ? serving?.template : undefined;
}

/** Until it has rolled out, or another template is there. */
function isRolling({ rolls }: ServingMemory, { workload }: Known): boolean {
  const { deployment, template } = workload ?? {};
  return rolls !== undefined && deployment !== undefined && template === rolls && !isRolledOut(deployment);
}
