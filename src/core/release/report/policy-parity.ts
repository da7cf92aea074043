// What is reported of policies that treat the canary differently: a condition, an event, and a blocker where security depends on it.

import { IGNORE_PARITY_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus, Condition } from '../../../api/release.ts';
import { describeFinding, describeUnread } from '../checks/policy-parity.ts';
import type { Parity } from '../facts/policy-parity.ts';
import { isRunning, type StateName } from '../state.ts';

const CONDITION = 'PolicyParity';
const MOST_CHARACTERS = 4_000;

type Word = Pick<Condition, 'status' | 'reason' | 'message'>;

/** There from when a release is about to begin until it is over. What was found at its beginning stays while it runs. */
export function describeParity({ conditions = [] }: CanaryReleaseStatus, state: StateName, parity: Parity | undefined): Word | undefined {
  if (parity !== undefined) return describeOutcome(parity);
  return isRunning(state) ? conditions.find(({ type }) => type === CONDITION) : undefined;
}

function describeOutcome({ findings, unread, ignored }: Parity): Word {
  const left = ignored.length === 0 ? [] : [`left out by ${IGNORE_PARITY_ANNOTATION}: ${ignored.join(', ')}`];
  const told = [...findings.map(describeFinding), ...unread.map(describeUnread), ...left];
  const message = shorten(told.join('; '));
  if (findings.length > 0) return { status: 'False', reason: 'Different', message };
  if (unread.length > 0) return { status: 'Unknown', reason: 'NotChecked', message };
  if (left.length > 0) return { status: 'True', reason: 'Ignored', message };
  return { status: 'True', reason: 'Alike', message: 'every policy that was compared covers the canary as it covers the serving pods' };
}

function shorten(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}
