// Policies that treat the canary differently from the serving pods: a blocker where security depends on it.

import { IGNORE_PARITY_ANNOTATION } from '../../../api/names.ts';
import { POLICY_KINDS, type UnreadKind } from '../../workload/policy-kinds.ts';
import type { Finding } from '../../workload/policy-sides.ts';
import type { Known } from '../facts/known.ts';
import type { Blocker } from './types.ts';

const SECURITY: ReadonlySet<string> = new Set(POLICY_KINDS.filter(({ security }) => security).map(({ kind }) => kind));
/** The message of a status has little room. */
const MOST_IN_A_BLOCK = 2;
const MOST_NAMES = 4;
const GRANT = 'let the operator list them: kubectl apply --server-side -k config/deployment-mode';

/** Security kinds that differ, and security kinds that could not be read just now: the API server is asked again soon. */
export function thePoliciesDiffer({ parity, observation }: Known): Blocker | undefined {
  const { findings = [], unread = [] } = parity ?? {};
  const differing = findings.filter(({ security }) => security);
  const unknown = unread.filter(({ kind, why }) => why === 'failed' && SECURITY.has(kind));
  const names = [...differing.map(({ kind, name }) => `${kind}/${name}`), ...unknown.map(({ kind }) => `${kind}/*`)];
  if (names.length === 0) return undefined;
  const told = [...differing.map(describeFinding), ...unknown.map(describeUnread)];
  const more = told.length > MOST_IN_A_BLOCK ? `; and ${told.length - MOST_IN_A_BLOCK} more in condition PolicyParity` : '';
  const { name, namespace } = observation.release.metadata;
  const way = `kubectl annotate crel ${name} -n ${namespace} --overwrite ${IGNORE_PARITY_ANNOTATION}='${joinNames(names)}'`;
  return {
    reason: 'PolicyParity',
    about: names.join(','),
    message: `${told.slice(0, MOST_IN_A_BLOCK).join('; ')}${more}. To release all the same: ${way}`,
  };
}

/** All of them, or their kinds where that would be too long. */
function joinNames(names: readonly string[]): string {
  const each = [...new Set(names)];
  const kinds = [...new Set(each.map((name) => `${name.split('/')[0]}/*`))];
  return (each.length > MOST_NAMES ? kinds : each).join(',');
}

/** A difference, in words. */
export function describeFinding({ kind, name, missing, add }: Finding): string {
  return `${kind} ${name} ${missing}: ${add}`;
}

/** Policies of a kind that were not read, in words. */
export function describeUnread({ kind, why, message }: UnreadKind): string {
  return why === 'forbidden' ? `${kind} not checked (${message}): ${GRANT}` : `${kind} not checked: ${message}`;
}
