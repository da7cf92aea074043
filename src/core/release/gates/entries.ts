// Which gates stand before the next weight, and what the status says of each. A gate is known by its stage and its name; one that has
// passed stays passed for the whole release.

import { hash } from 'node:crypto';
import { parseDuration } from '../../../api/duration.ts';
import { MAX_GATES_REMEMBERED } from '../../../api/names.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, Gate, GateStatus } from '../../../api/release.ts';
import { isGoingHome, isPromotingAt, isRunning, placeOf, type StateName } from '../state.ts';

type Status = CanaryReleaseStatus;

/** A gate of the spec with the stage that it belongs to. */
export interface PlacedGate {
  readonly gate: Gate;
  /** Name or number of the stage; undefined for a gate of the promotion. */
  readonly stage: string | undefined;
  /** Position of the stage; one more than the last for the promotion. */
  readonly index: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;

/** How long a gate may take. */
export function timeoutOfGate({ timeout }: Gate): number {
  return timeout === undefined ? DEFAULT_TIMEOUT_MS : parseDuration(timeout);
}

/** All gates of a spec, in the order in which they come. */
export function listGates({ stages, promotion }: Pick<CanaryReleaseSpec, 'stages' | 'promotion'>): readonly PlacedGate[] {
  return [
    ...stages.flatMap(({ name, gates = [] }, index) => gates.map((gate) => ({ gate, stage: name ?? String(index + 1), index }))),
    ...(promotion.gates ?? []).map((gate) => ({ gate, stage: undefined, index: stages.length })),
  ];
}

/** What the status says of a gate. */
export function entryOf({ release }: Status, { gate, stage }: PlacedGate): GateStatus | undefined {
  return release?.gates?.find((entry) => entry.name === gate.name && entry.stage === stage);
}

/** The gate of the spec that an entry is about; undefined where it was removed. */
export function gateOf(spec: CanaryReleaseSpec, entry: GateStatus): PlacedGate | undefined {
  return listGates(spec).find(({ gate, stage }) => gate.name === entry.name && stage === entry.stage);
}

/** The position of the stage whose weight comes next; undefined where none is waited for. */
export function nextIndex({ release }: Status, state: StateName): number | undefined {
  const place = placeOf(state, release);
  if (place === 'preparing') return release?.stageIndex ?? 0;
  const waits = place === 'stage.analyzing' || place === 'stage.awaitingApproval' || place === 'stage.shifting';
  return waits ? (release?.stageIndex ?? 0) + 1 : undefined;
}

/** The gates that have to pass before the next weight, or the promotion, in their order. */
export function gatesAhead(spec: CanaryReleaseSpec, status: Status, state: StateName): readonly PlacedGate[] {
  const next = nextIndex(status, state);
  return listGates(spec).filter(({ gate, index }) => gate.during === undefined && index === next);
}

/** The gates that run beside the present stage. */
export function gatesBeside(spec: CanaryReleaseSpec, { release }: Status, state: StateName): readonly PlacedGate[] {
  const place = placeOf(state, release);
  if (place !== 'stage.analyzing' && place !== 'stage.awaitingApproval') return [];
  return listGates(spec).filter(({ gate, index }) => gate.during !== undefined && index === (release?.stageIndex ?? 0));
}

/** Nothing of it stands in the way any more. */
export function isOpen(entry: GateStatus | undefined): boolean {
  return entry?.state === 'Passed' || entry?.state === 'Skipped';
}

/** All gates before the next weight have passed, or a person continued without them. */
export function areGatesOpen(spec: CanaryReleaseSpec, status: Status, state: StateName): boolean {
  return gatesAhead(spec, status, state).every((placed) => isOpen(entryOf(status, placed)));
}

/** The same of every gate that is still to come. */
export function areAllGatesOpen(spec: CanaryReleaseSpec, status: Status, state: StateName): boolean {
  const next = nextIndex(status, state) ?? Number.POSITIVE_INFINITY;
  const left = listGates(spec).filter(({ gate, index }) => gate.during === undefined && index >= next);
  return left.every((placed) => isOpen(entryOf(status, placed)));
}

/** A gate that has failed, or whose result is not known, with its entry. */
export interface FailedGate {
  readonly placed: PlacedGate;
  readonly entry: GateStatus;
}

/** Gates that failed and matter at this moment: before the next weight, or beside the present stage. */
export function findFailed(spec: CanaryReleaseSpec, status: Status, state: StateName): readonly FailedGate[] {
  if (!isRunning(state) || isGoingHome(state)) return [];
  return [...gatesAhead(spec, status, state), ...gatesBeside(spec, status, state)].flatMap((placed) => {
    const entry = entryOf(status, placed);
    return entry?.state === 'Failed' || entry?.state === 'Unknown' ? [{ placed, entry }] : [];
  });
}

/** One that pauses the release: it says Hold, or its result is not known. */
export function findHeld(spec: CanaryReleaseSpec, status: Status, state: StateName): FailedGate | undefined {
  return findFailed(spec, status, state).find(({ placed: { gate }, entry }) => entry.state === 'Unknown' || gate.onFailure === 'Hold');
}

/** One that takes the release back. */
export function findFatal(spec: CanaryReleaseSpec, status: Status, state: StateName): FailedGate | undefined {
  return findFailed(spec, status, state).find(({ placed: { gate }, entry }) => entry.state === 'Failed' && gate.onFailure === 'Rollback');
}

/** A gate that is running before the next weight. */
export function findRunning(spec: CanaryReleaseSpec, status: Status, state: StateName): FailedGate | undefined {
  for (const placed of gatesAhead(spec, status, state)) {
    const entry = entryOf(status, placed);
    if (entry?.state === 'Running') return { placed, entry };
  }
  return undefined;
}

/** The release waits at a gate, whatever became of it: `advance` continues without it. */
export function isAtGate(spec: CanaryReleaseSpec, status: Status, state: StateName): boolean {
  const { pausedBy } = status.release ?? {};
  if (state === 'paused') return pausedBy === 'GateHeld' && findHeld(spec, status, state) !== undefined;
  return state === 'preparing' && findRunning(spec, status, state) !== undefined;
}

/** The release has left the place that a gate stands before, or beside. */
export function isBehind({ gate, index }: PlacedGate, { release }: Status, state: StateName): boolean {
  if (isPromotingAt(state, release)) return true;
  if (placeOf(state, release) === 'preparing') return false;
  const present = release?.stageIndex ?? 0;
  return gate.during === undefined ? index <= present : index !== present;
}

/** Replaces entries, and adds those that are new. The oldest of removed gates give way. */
export function putEntries(status: Status, entries: readonly GateStatus[]): Status {
  if (entries.length === 0 || status.release === undefined) return status;
  const isSame = (a: GateStatus, b: GateStatus) => a.name === b.name && a.stage === b.stage;
  const before = status.release.gates ?? [];
  const kept = before.map((entry) => entries.find((one) => isSame(one, entry)) ?? entry);
  const added = entries.filter((entry) => !before.some((one) => isSame(one, entry)));
  return { ...status, release: { ...status.release, gates: [...kept, ...added].slice(-MAX_GATES_REMEMBERED) } };
}

/** Changes every entry, where there are any; the same status where nothing changes. */
export function mapEntries(status: Status, change: (entry: GateStatus) => GateStatus): Status {
  const before = status.release?.gates ?? [];
  return putEntries(
    status,
    before.flatMap((entry) => {
      const after = change(entry);
      return after === entry ? [] : [after];
    }),
  );
}

/** Remembers Jobs that are still to be deleted. */
export function leaveJobs(status: Status, jobs: readonly (string | undefined)[]): Status {
  const names = jobs.filter((job) => job !== undefined);
  if (names.length === 0) return status;
  const leavingJobs = [...new Set([...(status.internal?.leavingJobs ?? []), ...names])].slice(-MAX_GATES_REMEMBERED);
  return { ...status, internal: { ...status.internal, leavingJobs } };
}

const HASH_DIGITS = 10;
/** Labels of pods hold the name of their Job, so it has no more than this. */
const MOST_NAME = 63;

/** The name of a Job: the same for each try to create it, and another one when a person lets the gate run again. */
export function nameJob(release: { readonly name: string; readonly uid: string; readonly id: string }, entry: GateStatus): string {
  const identity = JSON.stringify([release.uid, release.id, entry.stage ?? '', entry.name, entry.attempts]);
  const tail = `-${hash('sha256', identity).slice(0, HASH_DIGITS)}`;
  const words = `${release.name.replaceAll('.', '-')}-${entry.name}`.slice(0, MOST_NAME - tail.length).replace(/-+$/, '');
  return `${words}${tail}`;
}

/** What a request is known by in the process that sent it. */
export function keyOfCall(id: string, entry: GateStatus): string {
  return JSON.stringify([id, entry.stage ?? '', entry.name, entry.attempts, entry.sentAt ?? '']);
}

/** `gate smoke of stage half`. */
export function nameGate({ name, stage }: Pick<GateStatus, 'name' | 'stage'>): string {
  return stage === undefined ? `gate ${name} of the promotion` : `gate ${name} of stage ${stage}`;
}
