// What is told of policies that treat the canary differently: a condition, an event, and a blocker where security depends on it.

import { IGNORE_PARITY_ANNOTATION } from '../../../api/names.ts';
import type { CanaryReleaseStatus, Condition } from '../../../api/release.ts';
import { POLICY_KINDS, type UnreadKind } from '../../workload/policy-kinds.ts';
import type { Finding } from '../../workload/policy-sides.ts';
import type { Blocker, BlockerFacts } from '../checks/blockers.ts';
import type { ReleaseEvent } from '../machine/guards.ts';
import type { Parity } from '../facts/policy-parity.ts';
import { isRunning, type StateName } from '../state.ts';
import type { WorkloadFacts } from '../facts/workload-facts.ts';

const CONDITION = 'PolicyParity';
const SECURITY: ReadonlySet<string> = new Set(POLICY_KINDS.filter(({ security }) => security).map(({ kind }) => kind));
const MOST_CHARACTERS = 4_000;
/** The message of a status has little room. */
const MOST_IN_A_BLOCK = 2;
const MOST_NAMES = 4;
const GRANT = 'let the operator list them: kubectl apply --server-side -k config/deployment-mode';

type Word = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Security kinds that differ, and security kinds that could not be read just now: the API server is asked again soon. */
export function thePoliciesDiffer({ workload, observation }: BlockerFacts): Blocker | undefined {
  const { findings = [], unread = [] } = workload?.parity ?? {};
  const differing = findings.filter(({ security }) => security);
  const unknown = unread.filter(({ kind, why }) => why === 'failed' && SECURITY.has(kind));
  const names = [...differing.map(({ kind, name }) => `${kind}/${name}`), ...unknown.map(({ kind }) => `${kind}/*`)];
  if (names.length === 0) return undefined;
  const told = [...differing.map(describeFinding), ...unknown.map(describeUnread)];
  const more = told.length > MOST_IN_A_BLOCK ? `; and ${told.length - MOST_IN_A_BLOCK} more in condition ${CONDITION}` : '';
  const { name, namespace } = observation.release.metadata;
  const way = `kubectl annotate crel ${name} -n ${namespace} --overwrite ${IGNORE_PARITY_ANNOTATION}='${joinNames(names)}'`;
  return { reason: CONDITION, message: `${told.slice(0, MOST_IN_A_BLOCK).join('; ')}${more}. To release all the same: ${way}` };
}

/** All of them, or their kinds where that would be too long. */
function joinNames(names: readonly string[]): string {
  const each = [...new Set(names)];
  const kinds = [...new Set(each.map((name) => `${name.split('/')[0]}/*`))];
  return (each.length > MOST_NAMES ? kinds : each).join(',');
}

/** There from when a release is about to begin until it is over. What was found at its beginning stays while it runs. */
export function describeParity(
  { conditions = [] }: CanaryReleaseStatus,
  state: StateName,
  workload: Pick<WorkloadFacts, 'parity'> | undefined,
): Word | undefined {
  if (workload?.parity !== undefined) return describeOutcome(workload.parity);
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

function describeFinding({ kind, name, missing, add }: Finding): string {
  return `${kind} ${name} ${missing}: ${add}`;
}

function describeUnread({ kind, why, message }: UnreadKind): string {
  return why === 'forbidden' ? `${kind} not checked (${message}): ${GRANT}` : `${kind} not checked: ${message}`;
}

function shorten(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}

/** Told once when a release is about to begin; what blocks it is told as that. */
export function findParityNews(before: CanaryReleaseStatus, after: CanaryReleaseStatus): readonly ReleaseEvent[] {
  const find = ({ conditions = [] }: CanaryReleaseStatus) => conditions.find(({ type }) => type === CONDITION);
  const found = find(after);
  if (found === undefined || found.status === 'True' || found.message === find(before)?.message || isBlockedByParity(after)) return [];
  return [{ reason: CONDITION, message: found.message.slice(0, 1_000), warning: found.status === 'False' }];
}

/** Is it this that keeps a release from beginning? */
function isBlockedByParity({ phase, message = '' }: CanaryReleaseStatus): boolean {
  return phase === 'Blocked' && message.startsWith(`blocked: ${CONDITION}: `);
}
