// What was seen of running gates becomes their result: passed, failed, or not known. A gate that was under way when an operator ended
// is never run a second time unless it says `idempotent`.

import type { CanaryReleaseSpec, CanaryReleaseStatus, Gate, GateStatus } from '../../../api/release.ts';
import { fromTime, toExactTime, toTime } from '../../../api/times.ts';
import { isGoingHome, isRunning, type StateName } from '../state.ts';
import { gateOf, keyOfCall, leaveJobs, mapEntries, timeoutOfGate } from './entries.ts';
import type { ObservedCall, ObservedGates, ObservedJob } from './observed.ts';

type Status = CanaryReleaseStatus;

const MOST_MESSAGE = 512;
const MOST_LOG = 1_024;
/** A Job that runs has the gate's timeout as its own deadline; one that does not end by it is ended here. */
const JOB_GRACE_MS = 30_000;
/** Pause before a request is repeated: doubled each time up to the longest. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

/** Folds what was seen into the status. @param now Unix milliseconds */
export function foldGates(
  spec: CanaryReleaseSpec,
  status: Status,
  state: StateName,
  observed: ObservedGates | undefined,
  now: number,
): Status {
  if (observed === undefined) return status;
  const known = forgetGone(status, observed.gone);
  const { release } = known;
  if (release?.gates === undefined || !isRunning(state) || isGoingHome(state)) return known;
  const ended: string[] = [];
  const folded = mapEntries(known, (entry) => {
    const gate = entry.state === 'Running' ? gateOf(spec, entry)?.gate : undefined;
    if (gate === undefined) return entry;
    if (entry.kind === 'HTTP') return foldCall(entry, gate, observed.calls[keyOfCall(release.id, entry)], now);
    const seen = observed.jobs[entry.job ?? ''];
    const after = seen === undefined ? entry : foldJob(entry, gate, seen, now);
    // A Job that may still run.
    if (after.state === 'Failed' && seen?.kind !== 'failed' && entry.job !== undefined) ended.push(entry.job);
    return after;
  });
  return leaveJobs(folded, ended);
}

function forgetGone(status: Status, gone: readonly string[]): Status {
  const leaving = status.internal?.leavingJobs;
  if (leaving === undefined || !leaving.some((job) => gone.includes(job))) return status;
  const { leavingJobs: _former, ...internal } = status.internal ?? {};
  const left = leaving.filter((job) => !gone.includes(job));
  return { ...status, internal: { ...internal, ...(left.length === 0 ? {} : { leavingJobs: left }) } };
}

function foldJob(entry: GateStatus, gate: Gate, seen: ObservedJob, now: number): GateStatus {
  switch (seen.kind) {
    case 'absent':
      return foldAbsent(entry, gate, now);
    case 'refused':
      return isOver(entry, gate, now) ? timeOut(entry, gate, now, seen.message) : say(entry, seen.message);
    case 'active': {
      const known = entry.jobUid === seen.uid ? entry : { ...entry, jobUid: seen.uid };
      return isOver(entry, gate, now - JOB_GRACE_MS) ? timeOut(known, gate, now, `Job ${entry.job ?? ''} did not end`) : known;
    }
    case 'succeeded':
      return { ...end(entry, 'Passed', now, `Job ${entry.job ?? ''} completed`), jobUid: seen.uid, ...logOf(seen.log) };
    case 'failed': {
      const timedOut = seen.timedOut ? { timedOut: true } : {};
      return { ...end(entry, 'Failed', now, seen.message), ...timedOut, jobUid: seen.uid, ...logOf(seen.log) };
    }
  }
}

/** A Job that was seen and is gone was deleted by somebody before its end was read. One that was not seen is still to be created. */
function foldAbsent(entry: GateStatus, gate: Gate, now: number): GateStatus {
  if (entry.jobUid !== undefined) {
    const message = `Job ${entry.job ?? ''} was deleted before it ended`;
    return gate.idempotent ? again(entry, message) : end(entry, 'Unknown', now, message);
  }
  return isOver(entry, gate, now) ? timeOut(entry, gate, now, `Job ${entry.job ?? ''} could not be created`) : entry;
}

/** The same gate from its beginning; its time limit runs on. */
function again(entry: GateStatus, message: string): GateStatus {
  const { job: _job, jobUid: _uid, ...rest } = entry;
  return { ...rest, state: 'Pending', message: message.slice(0, MOST_MESSAGE) };
}

function foldCall(entry: GateStatus, gate: Gate, seen: ObservedCall | undefined, now: number): GateStatus {
  if (entry.sentAt === undefined) return isOver(entry, gate, now) ? timeOut(entry, gate, now, entry.message) : entry;
  switch (seen?.kind) {
    case undefined: {
      const message = `an operator ended after the request of ${entry.sentAt} was sent and before its answer came`;
      return gate.idempotent ? repeat(entry, message, now) : end(entry, 'Unknown', now, message);
    }
    case 'unsent':
    case 'underWay':
      return entry;
    case 'answered':
      return foldAnswer(entry, gate, seen, now);
    case 'unanswered':
      return isOver(entry, gate, now) ? timeOut(entry, gate, now, seen.message) : repeat(entry, seen.message, now);
  }
}

function foldAnswer(entry: GateStatus, gate: Gate, seen: Extract<ObservedCall, { kind: 'answered' }>, now: number): GateStatus {
  const message = `answered ${seen.status}${seen.message === undefined ? '' : `: ${seen.message}`}`;
  if (seen.status >= 200 && seen.status < 300) return end(entry, 'Passed', now, message);
  if (seen.status >= 400 && seen.status < 500) return end(entry, 'Failed', now, message);
  return isOver(entry, gate, now) ? timeOut(entry, gate, now, message) : repeat(entry, message, now);
}

/** The request is sent again after a pause. */
function repeat(entry: GateStatus, message: string, now: number): GateStatus {
  const { sentAt: _sent, ...rest } = entry;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(entry.attempts - 1, 10));
  return { ...rest, message: message.slice(0, MOST_MESSAGE), nextAt: toExactTime(now + pauseMs) };
}

/** What runs during a stage has no limit but the stage. */
function isOver(entry: GateStatus, gate: Gate, now: number): boolean {
  const started = fromTime(entry.startedAt);
  return gate.during === undefined && started !== undefined && now >= started + timeoutOfGate(gate);
}

function timeOut(entry: GateStatus, gate: Gate, now: number, message: string | undefined): GateStatus {
  const what = message === undefined || message === '' ? '' : `: ${message}`;
  return { ...end(entry, 'Failed', now, `did not pass within ${gate.timeout ?? '10m'}${what}`), timedOut: true };
}

/** The entry with its result. */
function end(entry: GateStatus, state: GateStatus['state'], now: number, message: string): GateStatus {
  const { sentAt: _sent, nextAt: _next, ...rest } = entry;
  return { ...rest, state, finishedAt: toTime(now), message: message.slice(0, MOST_MESSAGE) };
}

function say(entry: GateStatus, message: string): GateStatus {
  const text = message.slice(0, MOST_MESSAGE);
  return entry.message === text ? entry : { ...entry, message: text };
}

/** The end of a log says most. */
function logOf(log: string | undefined): Pick<GateStatus, 'log'> {
  return log === undefined || log === '' ? {} : { log: log.slice(-MOST_LOG) };
}
