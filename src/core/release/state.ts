// The states of a release by name, what each means for traffic, and the phase that people read.

import type { Phase } from '../../api/names.ts';

export const STATES = [
  'idle',
  'preparing',
  'stage.shifting',
  'stage.analyzing',
  'stage.awaitingApproval',
  'paused',
  'promoting.rollingOut',
  'promoting.baking',
  'promoting.restoring',
  'promoted',
  'rollingBack.goingHome',
  'rollingBack.draining',
  'rollingBack.cleaning',
  'rolledBack',
  'blocked',
] as const;
/** A state of the machine, dotted, as `status.state` stores it. */
export type StateName = (typeof STATES)[number];

/** @returns undefined for a state that this version does not know: then raises are not possible, home is. */
export function parseState(text: string | undefined): StateName | undefined {
  if (text === undefined) return 'idle';
  return STATES.find((state) => state === text);
}

/** A release is under way: routes may carry our mark, and desired weights are asserted. */
export function isRunning(state: StateName): boolean {
  return state !== 'idle' && state !== 'promoted' && state !== 'rolledBack';
}

/** The canary may have weight, so it is judged (rule 13), and a bad verdict takes it home. */
export function isJudged(state: StateName): boolean {
  return isRunning(state) && !isGoingHome(state);
}

export function isGoingHome(state: StateName): boolean {
  return state.startsWith('rollingBack.');
}

export function isPromoting(state: StateName): boolean {
  return state.startsWith('promoting.');
}

/** In a promotion, or in a pause or a block that returns to one. */
export function isPromotingAt(state: StateName, release: { readonly returnTo?: string | undefined } | undefined): boolean {
  return isPromoting(state) || release?.returnTo?.startsWith('promoting.') === true;
}

/** States that a pause or a block returns to. */
export function isResumable(state: StateName): boolean {
  return isRunning(state) && !isGoingHome(state) && state !== 'paused' && state !== 'blocked';
}

/** Where a release is; of one that is paused or blocked, where it continues. */
export function placeOf(state: StateName, release: { readonly returnTo?: string | undefined } | undefined): StateName {
  if (state !== 'paused' && state !== 'blocked') return state;
  return (release?.returnTo === undefined ? undefined : parseState(release.returnTo)) ?? state;
}

/** Nothing was wanted of the routes yet but our mark. */
export function isPreparing(state: StateName, release: { readonly returnTo?: string | undefined } | undefined): boolean {
  return placeOf(state, release) === 'preparing';
}

/** The release can continue only with a verdict: in a stage, or where an edit that lowered the share waits for a Pass. */
export function waitsForProof(state: StateName, release: { readonly driftSince?: string | undefined } | undefined): boolean {
  if (state === 'stage.analyzing') return true;
  return (state === 'stage.shifting' || state === 'promoting.rollingOut') && release?.driftSince !== undefined;
}

const PHASE_OF: Readonly<Record<StateName, Phase>> = {
  idle: 'Idle',
  preparing: 'Preparing',
  'stage.shifting': 'Shifting',
  'stage.analyzing': 'Analyzing',
  'stage.awaitingApproval': 'AwaitingApproval',
  paused: 'Paused',
  'promoting.rollingOut': 'Promoting',
  'promoting.baking': 'Promoting',
  'promoting.restoring': 'Promoting',
  promoted: 'Promoted',
  'rollingBack.goingHome': 'RollingBack',
  'rollingBack.draining': 'RollingBack',
  'rollingBack.cleaning': 'RollingBack',
  rolledBack: 'RolledBack',
  blocked: 'Blocked',
};

/** The phase of a release in a state: an experiment that has passed goes the way of a rollback, and ends as what it was. */
export function phaseOf(state: StateName, release?: { readonly reason?: string | undefined }): Phase {
  return state === 'rolledBack' && release?.reason === 'Completed' ? 'Completed' : PHASE_OF[state];
}

/** The value that xstate uses for a dotted name: `stage.analyzing` is `{stage: 'analyzing'}`. */
export function toMachineValue(state: StateName): string | Record<string, string> {
  const [parent, child] = state.split('.');
  return child === undefined ? state : { [parent ?? state]: child };
}

/** The dotted name of an xstate value. @throws RangeError for a value that is none of ours. */
export function fromMachineValue(value: unknown): StateName {
  const name =
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([parent, child]) => `${parent}.${String(child)}`)
          .join()
      : String(value);
  const known = STATES.find((state) => state === name);
  if (known === undefined) throw new RangeError(`the machine is in ${name}, which is no state of a release`);
  return known;
}
