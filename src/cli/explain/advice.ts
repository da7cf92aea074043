// Which commands are useful in the current state of a release, each as a line to paste and as the annotation it writes.

import { ABORT_ANNOTATION, COMMAND_ANNOTATION, type CommandVerb } from '../../api/names.ts';
import { fateOf } from '../../api/reasons.ts';
import type { ReleaseStatus } from '../../api/release.ts';
import { findHeld, findRunning } from '../../core/release/gates/entries.ts';
import { findApproval } from '../../core/release/commands/approval.ts';
import { isGoingHome, isRunning, parseState, placeOf, type StateName } from '../../core/release/state.ts';
import type { SeenRelease } from '../cluster/releases.ts';

/** One useful command. */
export interface Advice {
  readonly why: string;
  /** With this program. */
  readonly command: string;
  /** The same without it. */
  readonly kubectl: string;
}

type Verb = CommandVerb | 'abort';

/** The number that `approve` takes now; undefined where nothing waits for a person, or the spec cannot be read. */
export function approvalOf({ spec, status }: SeenRelease, now: number): number | undefined {
  const state = parseState(status.state);
  if (spec === undefined || state === undefined) return undefined;
  const timesOut = Date.parse(status.release?.stageTimesOutAt ?? '');
  return findApproval(status, spec, state, !Number.isNaN(timesOut) && now >= timesOut);
}

/** @param flags namespace and context, such as ` -n shop` */
export function adviseOn(release: SeenRelease, flags: string, now: number): readonly Advice[] {
  const state = parseState(release.status.state);
  const id = release.status.release?.id;
  if (id === undefined || state === undefined) return [];
  return listVerbs(release, state, now).map(([verb, why, stage]) => {
    if (verb === 'unpause') return unpause(release, flags, why);
    const option = stage === undefined ? '' : ` --stage ${stage}`;
    return { why, command: `kubectl canary ${verb} ${release.name}${flags}${option}`, kubectl: annotate(release, flags, verb, id, stage) };
  });
}

type Step = readonly [verb: Verb | 'unpause', why: string, stage?: number];

function listVerbs(release: SeenRelease, state: StateName, now: number): readonly Step[] {
  if (state === 'rolledBack') return mayRetry(release.status.release) ? [['retry', 'retry this revision']] : [];
  if (state === 'promoted') return [['undo', 'undo this promotion']];
  if (!isRunning(state) || isGoingHome(state)) return [];
  return [
    ...promoteInstead(release, state),
    ...goOn(release, state, now),
    ...takeBack(release, state),
    ['abort', 'roll all traffic back now'],
  ];
}

/** Only the canary answers. */
function promoteInstead({ status: { conditions = [] } }: SeenRelease, state: StateName): readonly Step[] {
  const isEmpty = conditions.some(({ type, status }) => type === 'ServingReady' && status === 'False');
  const mayPromote = state === 'preparing' || state === 'stage.analyzing' || state === 'stage.awaitingApproval';
  return isEmpty && mayPromote ? [['promote', 'promote the canary: the serving Service has no ready endpoint']] : [];
}

/** Of a revision that made way for another one, or is gone, there is nothing left to try. */
function mayRetry(release: ReleaseStatus | undefined): boolean {
  return release?.rejects === true || fateOf(release?.reason) !== 'open';
}

/** A promotion that is under way, also one that waits in between: this is what a bake is for. */
function takeBack({ status: { release } }: SeenRelease, state: StateName): readonly Step[] {
  const place = placeOf(state, release);
  if (place === 'promoting.baking') return [['undo', 'undo the promotion by one write of the weights: the previous pods still run']];
  return place === 'promoting.rollingOut' ? [['undo', 'undo the promotion as far as it got']] : [];
}

function goOn(release: SeenRelease, state: StateName, now: number): readonly Step[] {
  const { status, spec } = release;
  switch (state) {
    case 'stage.awaitingApproval': {
      const stage = approvalOf(release, now);
      return stage === undefined ? [] : [['approve', approves(stage, spec?.stages.length), stage]];
    }
    case 'paused':
      if (isHeldAtGate(release, state)) return AT_GATE;
      return [[spec?.paused === true ? 'unpause' : 'resume', 'continue the release']];
    case 'blocked':
      return status.release?.contestedBy === undefined
        ? []
        : [['resume', `after field manager ${status.release.contestedBy} no longer writes the weights`]];
    case 'stage.analyzing':
      return [
        ['pause', 'hold the current weight'],
        ['advance', 'advance to the next stage without waiting for the analysis'],
      ];
    case 'preparing':
      return spec !== undefined && findRunning(spec, status, state) !== undefined ? [CONTINUE_WITHOUT] : [];
    case 'idle':
    case 'stage.shifting':
    case 'promoting.rollingOut':
    case 'promoting.baking':
    case 'promoting.restoring':
    case 'promoted':
    case 'rollingBack.goingHome':
    case 'rollingBack.draining':
    case 'rollingBack.cleaning':
    case 'rolledBack':
      return [];
  }
}

const CONTINUE_WITHOUT: Step = ['advance', 'continue without the gate'];
const AT_GATE: readonly Step[] = [['resume', 'run the gate again'], CONTINUE_WITHOUT];

function isHeldAtGate({ spec, status }: SeenRelease, state: StateName): boolean {
  return (
    spec?.paused !== true && status.release?.pausedBy === 'GateHeld' && spec !== undefined && findHeld(spec, status, state) !== undefined
  );
}

function approves(stage: number, stages: number | undefined): string {
  return stages !== undefined && stage > stages ? 'approve the promotion' : `approve stage ${stage}`;
}

function annotate({ name }: SeenRelease, flags: string, verb: Verb, id: string, stage: number | undefined): string {
  const value =
    verb === 'abort'
      ? `${ABORT_ANNOTATION}=${id}`
      : `${COMMAND_ANNOTATION}=${verb}:${id}${stage === undefined ? '' : `/${stage}`}:$(date -u +%Y-%m-%dT%H:%M:%SZ)`;
  return `kubectl annotate crel ${name}${flags} --overwrite ${value}`;
}

function unpause({ name }: SeenRelease, flags: string, why: string): Advice {
  const command = `kubectl patch crel ${name}${flags} --type=merge -p '{"spec":{"paused":false}}'`;
  return { why, command, kubectl: command };
}
