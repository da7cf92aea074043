// What people were told of already, as keys: a reason and the objects that it is about. An event is sent when a key is new, whatever
// the sentence says, so that words can be mended without an event.

import type { Phase } from '../../../api/names.ts';
import type { CanaryReleaseStatus } from '../../../api/release.ts';
import type { Facts } from '../assess.ts';
import type { Blocker } from '../checks/blocker.ts';
import { isRunning, type StateName } from '../state.ts';
import { describePutBack, findAppliers } from './gitops.ts';

/** One key a subject; absent while there is nothing to tell. */
export type Told = NonNullable<NonNullable<CanaryReleaseStatus['internal']>['told']>;

const MOST_KEY = 256;

/** What a status that is about to be written tells. */
export function findTold(phase: Phase, state: StateName, facts: Facts, status: CanaryReleaseStatus): Told {
  const running = isRunning(state);
  const { blocker, parity, observation } = facts;
  const appliers = running ? findAppliers(facts).map(({ tool, object }) => `${tool} ${object}`) : findPutBack(status, state, facts);
  const differing =
    parity === undefined ? [] : [...parity.findings, ...parity.unread].map((one) => `${one.kind}/${'name' in one ? one.name : '*'}`);
  // What was found when the release began stays told while it runs: policies are not read again.
  const parityKey = parity === undefined && running ? status.internal?.told?.parity : keyOf(differing);
  return {
    ...withKey('block', phase === 'Blocked' && blocker !== undefined ? keyOfBlocker(blocker) : undefined),
    ...withKey('gitops', keyOf(appliers)),
    ...withKey('parity', parityKey),
    ...withKey('left', state === 'rolledBack' ? findLeft(facts) : undefined),
    ...withKey('hold', running && observation.workload?.hold.kind === 'unavailable' ? 'HoldUnavailable' : undefined),
  };
}

/** A GitOps tool has put an undone template back. */
function findPutBack(status: CanaryReleaseStatus, state: StateName, facts: Facts): readonly string[] {
  const found = describePutBack(status, state, facts);
  return found === undefined ? [] : [`${found.reason} again`];
}

/** What stays for a person to mend after a rollback. */
function findLeft({ workload }: Facts): string | undefined {
  const { deployment, template, servingTemplate } = workload ?? {};
  return deployment?.spec.paused === true && template !== servingTemplate ? `Deployment ${deployment.metadata.name}` : undefined;
}

/** The same trouble with the same object is told once. */
export function keyOfBlocker({ reason, about }: Blocker): string {
  return (about === undefined ? reason : `${reason} ${about}`).slice(0, MOST_KEY);
}

function keyOf(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : [...new Set(names)].join(',').slice(0, MOST_KEY);
}

function withKey(subject: keyof Told, key: string | undefined): Told {
  return key === undefined ? {} : { [subject]: key };
}
