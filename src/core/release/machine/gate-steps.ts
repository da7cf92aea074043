// How gates begin and end with the release: one after the other before a weight, beside a stage from its weight on, and not at all any
// more once the release has moved on.

import { toExactTime, toTime } from '../../../api/times.ts';
import type { CanaryReleaseSpec, CanaryReleaseStatus, GateStatus } from '../../../api/release.ts';
import type { Facts, Moment } from '../assess.ts';
import {
  entryOf,
  findHeld,
  gateOf,
  gatesAhead,
  gatesBeside,
  isBehind,
  isOpen,
  leaveJobs,
  mapEntries,
  nameJob,
  type PlacedGate,
  putEntries,
} from '../gates/entries.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';
import { isReadyForGates } from './guards.ts';

type Status = CanaryReleaseStatus;

/** Begins what is next: written into the status before a Job is created or a request leaves. */
export function beginGates(status: Status, state: StateName, facts: Facts): Status {
  if (status.release === undefined || !isRunning(state) || isGoingHome(state) || facts.rollback !== undefined) return status;
  const repeated = mapEntries(status, (entry) => sendAgain(entry, facts.now));
  const beside = gatesBeside(facts.spec, repeated, state).flatMap((placed) => {
    const entry = entryOf(repeated, placed);
    return entry === undefined || entry.state === 'Pending' || entry.state === 'Stopped'
      ? [startAgain(placed, entry, repeated.release?.id ?? '', facts)]
      : [];
  });
  return beginAhead({ status: putEntries(repeated, beside), facts });
}

/** The first gate that has not passed, once nothing but the gates holds the weight. */
function beginAhead(at: Moment): Status {
  const { status, facts } = at;
  const ahead = gatesAhead(facts.spec, status, facts.state);
  if (ahead.length === 0 || !isReadyForGates(at)) return status;
  const listed = ahead.filter((placed) => entryOf(status, placed) === undefined).map(toPending);
  const next = ahead.find((placed) => !isOpen(entryOf(status, placed)));
  const entry = next === undefined ? undefined : (entryOf(status, next) ?? toPending(next));
  const begins = next !== undefined && (entry?.state === 'Pending' || entry?.state === 'Stopped');
  return putEntries(putEntries(status, listed), begins ? [start(next, entry, status.release?.id ?? '', facts)] : []);
}

function toPending({ gate, stage }: PlacedGate): GateStatus {
  return {
    name: gate.name,
    ...(stage === undefined ? {} : { stage }),
    kind: gate.job === undefined ? 'HTTP' : 'Job',
    ...(gate.during === undefined ? {} : { during: gate.during }),
    state: 'Pending',
    attempts: 0,
  };
}

/** A stage that was left and is entered again has its Job again. */
function startAgain(placed: PlacedGate, entry: GateStatus | undefined, id: string, facts: Facts): GateStatus {
  const fresh = entry?.state === 'Stopped' ? { ...toPending(placed), attempts: entry.attempts } : entry;
  return start(placed, fresh ?? toPending(placed), id, facts);
}

function start(placed: PlacedGate, { message: _said, finishedAt: _ended, ...entry }: GateStatus, id: string, facts: Facts): GateStatus {
  const { now, observation } = facts;
  const begun = {
    ...entry,
    ...kindOf(placed),
    state: 'Running' as const,
    attempts: entry.attempts + 1,
    startedAt: entry.startedAt ?? toTime(now),
  };
  if (begun.kind === 'HTTP') return { ...begun, sentAt: toExactTime(now) };
  const { name, uid } = observation.release.metadata;
  return { ...begun, job: nameJob({ name, uid, id }, begun) };
}

function kindOf({ gate }: PlacedGate): Pick<GateStatus, 'kind'> {
  return { kind: gate.job === undefined ? 'HTTP' : 'Job' };
}

/** A request whose pause is over. */
function sendAgain(entry: GateStatus, now: number): GateStatus {
  if (entry.state !== 'Running' || entry.nextAt === undefined || Date.parse(entry.nextAt) > now) return entry;
  const { nextAt: _next, ...rest } = entry;
  return { ...rest, attempts: entry.attempts + 1, sentAt: toExactTime(now) };
}

/** Ends what the release has left behind: a Job that may still run is deleted. @param by who made the release move on */
export function settleGates(status: Status, state: StateName, spec: CanaryReleaseSpec, now: number, by: string | undefined): Status {
  const ended: (string | undefined)[] = [];
  const settled = mapEntries(status, (entry) => {
    if (entry.state !== 'Running' && entry.state !== 'Pending') return entry;
    const placed = gateOf(spec, entry);
    const isOver = !isRunning(state) || isGoingHome(state) || placed === undefined;
    if (!isOver && !isBehind(placed, status, state)) return entry;
    if (entry.state === 'Running') ended.push(entry.job);
    return isOver || placed.gate.during !== undefined ? close(entry, 'Stopped', now) : close(entry, 'Skipped', now, by);
  });
  return leaveJobs(settled, ended);
}

function close({ sentAt: _sent, nextAt: _next, ...entry }: GateStatus, state: 'Stopped' | 'Skipped', now: number, by?: string): GateStatus {
  return { ...entry, state, finishedAt: toTime(now), ...(by === undefined ? {} : { by }) };
}

/** A person lets the gates that hold the release run again. */
export function renewHeld(status: Status, { spec, state }: Pick<Facts, 'spec' | 'state'>): Status {
  const held = findHeld(spec, status, state);
  if (held === undefined) return status;
  const renewed = putEntries(status, [{ ...toPending(held.placed), attempts: held.entry.attempts }]);
  return renewHeld(renewed, { spec, state });
}

/** A person continues without the gates that the release waits at. */
export function skipGates(status: Status, { spec, state, now }: Pick<Facts, 'spec' | 'state' | 'now'>, by: string | undefined): Status {
  const ahead = gatesAhead(spec, status, state).filter((placed) => !isOpen(entryOf(status, placed)));
  const beside = gatesBeside(spec, status, state).filter((placed) => ['Failed', 'Unknown'].includes(entryOf(status, placed)?.state ?? ''));
  const entries = [...ahead, ...beside].map((placed) => entryOf(status, placed) ?? toPending(placed));
  const skipped = putEntries(
    status,
    entries.map((entry) => close(entry, 'Skipped', now, by)),
  );
  return leaveJobs(
    skipped,
    entries.map(({ state: was, job }) => (was === 'Running' ? job : undefined)),
  );
}
