// What the status wants of the world for its gates. It follows from the status alone, so an operator that was restarted does the same.

import { hash } from 'node:crypto';
import { parseDuration } from '../../../api/duration.ts';
import type { CanaryRelease, CanaryReleaseStatus, Gate, GateStatus, ReleaseStatus } from '../../../api/release.ts';
import { buildGateJob } from '../../workload/gate-job.ts';
import type { Json } from '../../workload/objects.ts';
import type { Facts } from '../assess.ts';
import { gateOf, keyOfCall, listGates, nameGate, nameJob, type PlacedGate, timeoutOfGate } from '../gates/entries.ts';
import type { GateIntent, GateQuestion } from '../gates/intents.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';

type Status = CanaryReleaseStatus;

const ID_DIGITS = 32;

/** Jobs that are left over are deleted in every state; nothing else is done on the way back or between releases. */
export function desireGates(status: Status, state: StateName, facts: Facts): readonly GateIntent[] {
  const leaving = (status.internal?.leavingJobs ?? []).map((name): GateIntent => ({ kind: 'deleteJob', name }));
  const { release } = status;
  if (release?.gates === undefined || !isRunning(state) || isGoingHome(state)) return leaving;
  const running = release.gates.flatMap((entry): readonly GateIntent[] => {
    const placed = entry.state === 'Running' ? gateOf(facts.spec, entry) : undefined;
    return placed === undefined ? [] : desireGate(placed, entry, { ...status, release }, facts);
  });
  return [...leaving, ...running];
}

type Running = Status & { readonly release: ReleaseStatus };

function desireGate(placed: PlacedGate, entry: GateStatus, status: Running, facts: Facts): readonly GateIntent[] {
  const { job, http } = placed.gate;
  if (job !== undefined && entry.job !== undefined) {
    const manifest = entry.jobUid === undefined ? { manifest: buildJob(placed, job, entry.job, status, facts) } : {};
    return [{ kind: 'runJob', name: entry.job, ...manifest }];
  }
  if (http === undefined || entry.sentAt === undefined) return [];
  const request = {
    url: http.url,
    ...(http.secretRef === undefined ? {} : { secretName: http.secretRef.name }),
    timeoutMs: parseDuration(http.responseTimeout),
    body: ask(placed, entry, entry.sentAt, status, facts),
  };
  return [{ kind: 'call', key: keyOfCall(status.release.id, entry), request }];
}

function buildJob(placed: PlacedGate, template: NonNullable<Gate['job']>, name: string, status: Running, facts: Facts) {
  const { gate, stage } = placed;
  const { metadata } = facts.observation.release;
  const { release, weight = 0 } = status;
  return buildGateJob({
    name,
    gate: gate.name,
    owner: { name: metadata.name, uid: metadata.uid },
    template,
    timeoutMs: gate.during === undefined ? timeoutOfGate(gate) : undefined,
    env: {
      GLIDEPATH_NAMESPACE: metadata.namespace,
      GLIDEPATH_RELEASE: metadata.name,
      GLIDEPATH_RELEASE_ID: release.id,
      GLIDEPATH_REVISION: release.revision,
      GLIDEPATH_CANARY_SERVICE: release.canary.service,
      GLIDEPATH_SERVING_SERVICE: release.serving.service,
      GLIDEPATH_STAGE: stage ?? 'promotion',
      GLIDEPATH_WEIGHT: String(weight),
      GLIDEPATH_NEXT_WEIGHT: String(nextWeight(placed, facts) ?? 100),
    },
  });
}

/** The weight that the gate is about; undefined for the promotion. */
function nextWeight({ index }: PlacedGate, { spec }: Facts): number | undefined {
  return spec.stages[index]?.weight;
}

function ask(placed: PlacedGate, entry: GateStatus, at: string, status: Running, facts: Facts): GateQuestion {
  const { namespace, name, uid } = facts.observation.release.metadata;
  const { release, weight = 0 } = status;
  // The start is the same for every request of one run.
  const identity = JSON.stringify([uid, release.id, entry.stage ?? '', entry.name, entry.startedAt]);
  return {
    version: 1,
    id: hash('sha256', identity).slice(0, ID_DIGITS),
    gate: entry.name,
    stage: entry.stage ?? null,
    attempt: entry.attempts,
    release: { namespace, name, uid, id: release.id },
    revision: release.revision,
    canary: { service: release.canary.service },
    serving: { service: release.serving.service },
    weight,
    nextWeight: nextWeight(placed, facts) ?? null,
    at,
  };
}

/** A Job of the spec as it would be created, before anything else is known of it. */
export interface TrialJob {
  /** Such as `gate smoke of stage half`. */
  readonly what: string;
  readonly manifest: Json;
}

/** One for each gate that is a Job: to find out before the first write whether they may be created. */
export function listTrialJobs({ spec, metadata }: CanaryRelease): readonly TrialJob[] {
  const { name, namespace, uid } = metadata;
  return listGates(spec).flatMap(({ gate, stage }) => {
    if (gate.job === undefined) return [];
    const entry = {
      name: gate.name,
      ...(stage === undefined ? {} : { stage }),
      kind: 'Job' as const,
      state: 'Pending' as const,
      attempts: 0,
    };
    const manifest = buildGateJob({
      name: nameJob({ name, uid, id: '' }, entry),
      gate: gate.name,
      owner: { name, uid },
      template: gate.job,
      timeoutMs: timeoutOfGate(gate),
      env: { GLIDEPATH_NAMESPACE: namespace, GLIDEPATH_RELEASE: name },
    });
    return [{ what: nameGate(entry), manifest }];
  });
}
