// What was reported already, as keys: a reason and the objects that it is about. An event is sent when a key is new, whatever
// the sentence says, so that words can be corrected without an event.

import type { Phase } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import { fromTime } from '../../../api/times.ts';
import type { Facts } from '../assess.ts';
import type { Blocker } from '../checks/types.ts';
import { isJudged, isRunning, type StateName } from '../state.ts';
import { describePutBack, findAppliers } from './gitops.ts';
import { describeOtherRules, listOtherRules } from './other-rules.ts';

/** One key a subject; absent while there is nothing to report. */
export type Told = NonNullable<NonNullable<CanaryReleaseStatus['internal']>['told']>;

const MOST_KEY = 256;

interface Moment {
  readonly phase: Phase;
  readonly state: StateName;
  readonly facts: Facts;
  readonly status: CanaryReleaseStatus;
}

/** What a status that is about to be written reports. */
export function findTold(phase: Phase, state: StateName, facts: Facts, status: CanaryReleaseStatus): Told {
  const moment = { phase, state, facts, status };
  const told: { -readonly [Subject in keyof Told]: Told[Subject] } = {};
  for (const [subject, find] of FINDERS) {
    const key = find(moment);
    if (key !== undefined) told[subject] = key;
  }
  return told;
}

const KEYS: Readonly<Record<keyof Told, (at: Moment) => string | undefined>> = {
  block: ({ phase, facts: { blocker } }) => (phase === 'Blocked' && blocker !== undefined ? keyOfBlocker(blocker) : undefined),
  gitops: ({ state, facts, status }) => keyOf(isRunning(state) ? nameAppliers(facts) : findPutBack(status, state, facts)),
  parity: ({ state, facts, status }) => keyOfParity(facts, isRunning(state) ? status.internal?.told?.parity : undefined),
  gateway: ({ facts, status }) => (isOver(endOfPatience(status.release), facts) ? 'RouteNotAccepted' : undefined),
  rules: ({ state, facts, status }) => findRuleKey(status, state, facts),
  pods: ({ state, facts, status }) => (isJudged(state) && isOver(endOfPodsPatience(status.release), facts) ? 'CanaryNotReady' : undefined),
  serving: ({ state, facts }) => findServingKey(state, facts),
  left: ({ state, facts }) => (state === 'rolledBack' ? findLeft(facts) : undefined),
  hold: ({ state, facts: { observation } }) =>
    isRunning(state) && observation.workload?.hold.kind === 'unavailable' ? 'HoldUnavailable' : undefined,
};

const FINDERS = Object.entries(KEYS) as readonly (readonly [keyof Told, (at: Moment) => string | undefined])[];

function nameAppliers(facts: Facts): readonly string[] {
  return findAppliers(facts).map(({ tool, object }) => `${tool} ${object}`);
}

function isOver(end: number | undefined, { now }: Facts): boolean {
  return end !== undefined && now >= end;
}

/** Policies are not read again while a release runs: what was found when it began stays reported. */
function keyOfParity({ parity }: Facts, before: string | undefined): string | undefined {
  if (parity === undefined) return before;
  return keyOf([...parity.findings.map(({ kind, name }) => `${kind}/${name}`), ...parity.unread.map(({ kind }) => `${kind}/*`)]);
}

/** A GitOps tool has put an undone template back. */
function findPutBack(status: CanaryReleaseStatus, state: StateName, facts: Facts): readonly string[] {
  const found = describePutBack(status, state, facts);
  return found === undefined ? [] : [`${found.reason} again`];
}

/** The rules and what is said of them: those of the user's own are reported again when what they get was rejected. */
function findRuleKey(status: CanaryReleaseStatus, state: StateName, facts: Facts): string | undefined {
  const word = describeOtherRules(status, state, facts);
  if (word === undefined) return undefined;
  const when = state === 'rolledBack' ? ' rejected' : '';
  return keyOf([`${word.reason}${when}`, ...listOtherRules(facts)]);
}

/** At the last writes of a promotion what served before is no longer needed. */
function findServingKey(state: StateName, { servingEmpty }: Facts): string | undefined {
  const missed = servingEmpty !== undefined && isRunning(state) && state !== 'promoting.restoring';
  return missed ? `ServingEmpty ${servingEmpty.kind}` : undefined;
}

/** What stays for a person to fix after a rollback. */
function findLeft({ workload }: Facts): string | undefined {
  const { deployment, template, servingTemplate } = workload ?? {};
  return deployment?.spec.paused === true && template !== servingTemplate ? `Deployment ${deployment.metadata.name}` : undefined;
}

/** Gateways take a change in seconds; one that takes longer than this is news. */
const SILENCE_MS = 60_000;

/** When a gateway's silence becomes news; undefined while every gateway has answered. */
export function endOfPatience(release: CanaryReleaseStatus['release']): number | undefined {
  const since = fromTime(release?.gatewayWaitSince);
  return since === undefined ? undefined : since + SILENCE_MS;
}

/** Pods start and are replaced; one that is not ready for longer than this is news. */
const NOT_READY_MS = 60_000;

/** When pods that are not ready become news; undefined while all are ready. */
export function endOfPodsPatience(release: CanaryReleaseStatus['release']): number | undefined {
  const since = fromTime(release?.podsWaitSince);
  return since === undefined ? undefined : since + NOT_READY_MS;
}

/** The same trouble with the same object is reported once. */
export function keyOfBlocker({ reason, about }: Blocker): string {
  return (about === undefined ? reason : `${reason} ${about}`).slice(0, MOST_KEY);
}

function keyOf(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : [...new Set(names)].join(',').slice(0, MOST_KEY);
}
