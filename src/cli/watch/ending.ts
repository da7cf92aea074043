// When a watch ends, and how: decided by the running or next release, or by that of a named revision or template, never by what an
// earlier release left in the status.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../api/release.ts';
import { isRunning, parseState } from '../../core/release/state.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { WATCH_EXIT } from '../io.ts';
import { failure } from '../usage.ts';
import { type Ending, findPastRollback, findSettled, isReleaseOf, type Wanted } from './wanted.ts';

/** What is waited for. */
export interface WatchGoal {
  readonly wanted: Wanted;
  /** True: ends when a person is needed. */
  readonly endsForPersons: boolean;
}

/** Many blocks resolve while gateways and pods come up; one that lasts this long needs a person. */
const BLOCKED_MS = 30_000;

/** Follows versions of one object, in order. @returns undefined until it is over */
export type Tracker = (release: SeenRelease | undefined, now: number) => Ending | undefined;

/** What is remembered from one version to the next. */
interface Memory {
  /** Id of the release that is followed. */
  target: string | undefined;
  /** Releases of the wanted revision that made way for another one before it came again. */
  readonly passed: Set<string>;
  /** The release that was there at first, and the template that served. */
  first: { readonly id: string | undefined; readonly template: string | undefined } | undefined;
  blockedSince: number | undefined;
  /** The number of the reading that says whether the Deployment still has the template. */
  asked: number | undefined;
}

export function trackRelease(goal: WatchGoal): Tracker {
  const memory: Memory = { target: undefined, passed: new Set(), first: undefined, blockedSince: undefined, asked: undefined };
  return (release, now) => {
    if (release === undefined) throw failure('the CanaryRelease was deleted; the operator rolls its traffic back');
    note(memory, release, goal.wanted, now);
    const ended = findEnding(release, goal.wanted, memory);
    if (ended !== undefined || !goal.endsForPersons) return ended;
    return findPerson(release, memory.target, memory.blockedSince !== undefined && now >= memory.blockedSince + BLOCKED_MS);
  };
}

/** What a version adds to what is remembered. */
function note(memory: Memory, release: SeenRelease, wanted: Wanted, now: number): void {
  const { status } = release;
  memory.target = chooseTarget(release, wanted, memory);
  memory.first ??= { id: status.release?.id, template: status.serving?.template };
  const waits = status.phase === 'Blocked' || isHeldUp(release, wanted, memory);
  memory.blockedSince = waits ? (memory.blockedSince ?? now) : undefined;
}

function findEnding(release: SeenRelease, wanted: Wanted, memory: Memory): Ending | undefined {
  const { target, first } = memory;
  if (target === undefined) return findSettled(release, wanted, first?.template) ?? findPassedOver(wanted);
  const ended = findFollowed(release, target, wanted, first?.template);
  return ended?.code === WATCH_EXIT.superseded ? confirmSuperseded(ended, release, wanted, memory) : ended;
}

/** The release that is followed, or the next attempt at the same revision. */
function chooseTarget(release: SeenRelease, wanted: Wanted, memory: Memory): string | undefined {
  const { target } = memory;
  if (target === undefined) return findTarget(release, wanted, memory);
  return isNextAttempt(release.status, target) ? release.status.release?.id : target;
}

/** The release to follow, once it is there. */
function findTarget({ status }: SeenRelease, wanted: Wanted, { first, passed }: Memory): string | undefined {
  const { release } = status;
  if (release === undefined || passed.has(release.id)) return undefined;
  if (wanted.kind !== 'any') return isReleaseOf(release, wanted) ? release.id : undefined;
  const state = parseState(status.state);
  const runs = state === undefined || isRunning(state);
  // A release that came and went between two readings is not the one that was there at first.
  return runs || (first !== undefined && first.id !== release.id) ? release.id : undefined;
}

/** Was every release since the followed one begun by the operator, because its revision was not to blame? */
function isNextAttempt({ release, history = [] }: CanaryReleaseStatus, target: string): boolean {
  const since = history.findIndex(({ id }) => id === target);
  return since !== -1 && release !== undefined && release.id !== target && (release.retries ?? 0) > since;
}

function isStalled({ conditions = [] }: CanaryReleaseStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Stalled' && status === 'True');
}

/** The Deployment got another template before the release of the wanted one began: then it never begins. */
function findPassedOver(wanted: Wanted): Ending | undefined {
  if (wanted.kind !== 'template') return undefined;
  wanted.readings.again();
  const { template } = wanted.readings.latest();
  if (template === undefined) throw failure(`Deployment ${wanted.deployment} was deleted before revision ${wanted.revision} was released`);
  if (template.hash === wanted.template) return undefined;
  const says = `Deployment ${wanted.deployment} now has revision ${template.revision}; revision ${wanted.revision} will not be released`;
  return { code: WATCH_EXIT.superseded, says };
}

/** A revision that was superseded and is wanted again gets a new release, which is then waited for. */
function confirmSuperseded(ended: Ending, { spec }: SeenRelease, wanted: Wanted, memory: Memory): Ending | undefined {
  if (wanted.kind === 'any') return ended;
  if (wanted.kind === 'template') {
    const { number, template } = wanted.readings.latest();
    memory.asked ??= wanted.readings.again();
    // The template that the Deployment had before the release ended does not count.
    if (number < memory.asked) {
      wanted.readings.again();
      return undefined;
    }
    if (template?.hash !== wanted.template) return ended;
  } else if (spec?.revision !== wanted.revision) return ended;
  memory.passed.add(memory.target ?? '');
  [memory.target, memory.asked] = [undefined, undefined];
  return undefined;
}

/** A release cannot begin because of `spec.paused`. */
function isHeldUp({ spec, status }: SeenRelease, wanted: Wanted, { target }: Memory): boolean {
  const state = parseState(status.state);
  return wanted.kind !== 'any' && target === undefined && spec?.paused === true && state !== undefined && !isRunning(state);
}

function findFollowed(release: SeenRelease, target: string, wanted: Wanted, before: string | undefined): Ending | undefined {
  const ended = findEnd(release, target);
  return ended?.code === WATCH_EXIT.rolledBack ? (findPastRollback(release, wanted, before) ?? ended) : ended;
}

function findEnd({ status }: SeenRelease, target: string): Ending | undefined {
  const { release, history = [] } = status;
  if (release?.id === target) return findPresentEnd(status, release);
  const entry = history.find(({ id }) => id === target);
  if (entry === undefined)
    return { code: WATCH_EXIT.superseded, says: `release ${target} no longer exists; the current release is ${release?.id ?? 'none'}` };
  if (entry.outcome === 'Completed')
    return { code: WATCH_EXIT.promoted, says: `the experiment with revision ${entry.revision} was completed` };
  if (entry.outcome === 'Promoted') return { code: WATCH_EXIT.promoted, says: `revision ${entry.revision} was promoted` };
  return sayRolledBack(entry.reason, `revision ${entry.revision} was rolled back: ${entry.reason ?? ''}`);
}

/** How the release ended that the status shows; undefined while it runs. */
function findPresentEnd(status: CanaryReleaseStatus, { reason, retryAt }: ReleaseStatus): Ending | undefined {
  const state = parseState(status.state);
  if (state === 'promoted') return { code: WATCH_EXIT.promoted, says: status.message ?? 'promoted' };
  if (state !== 'rolledBack') return undefined;
  if (reason === 'Completed') return { code: WATCH_EXIT.promoted, says: status.message ?? 'completed' };
  // The revision was not to blame, and its next attempt follows.
  const triesAgain = retryAt !== undefined && !isStalled(status);
  return triesAgain ? undefined : sayRolledBack(reason, status.message ?? 'rolled back');
}

function sayRolledBack(reason: string | undefined, says: string): Ending {
  return { code: reason === 'Superseded' ? WATCH_EXIT.superseded : WATCH_EXIT.rolledBack, says };
}

/** The release does not continue without a person. */
function findPerson({ status, spec, name }: SeenRelease, target: string | undefined, heldUpLong: boolean): Ending | undefined {
  const waits = target !== undefined && status.release?.id === target && (status.phase === 'AwaitingApproval' || status.phase === 'Paused');
  if (!waits && !heldUpLong) return undefined;
  if (!waits && status.phase !== 'Blocked' && spec?.paused === true)
    return {
      code: WATCH_EXIT.needsPerson,
      says: `CanaryRelease ${name} is paused (spec.paused: true), so the release does not begin; set spec.paused to false`,
    };
  return { code: WATCH_EXIT.needsPerson, says: status.message ?? 'waits for a person' };
}
