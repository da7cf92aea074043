// Releases as rows of a table, in the columns that kubectl shows.

import type { HistoryEntry } from '../../api/release.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { formatTable } from '../output.ts';
import { sayDuration } from '../values.ts';
import { sayAge } from '../explain/text.ts';

const HEADS = ['NAMESPACE', 'NAME', 'PHASE', 'PROGRESS', 'WEIGHT', 'VERDICT', 'REVISION', 'AGE'] as const;

/** @param wide with the measured share and the message */
export function formatReleases(releases: readonly SeenRelease[], wide: boolean, now: number): string {
  const rows = releases.map(({ namespace, name, metadata, status }) => [
    namespace,
    name,
    status.phase ?? '',
    status.progress ?? '',
    status.weight === undefined ? '' : String(status.weight),
    status.verdict ?? '',
    status.release?.revision ?? '',
    sayAge(metadata.creationTimestamp, now),
    ...(wide ? [status.measured?.share ?? '', status.message ?? ''] : []),
  ]);
  return `${formatTable([[...HEADS, ...(wide ? ['MEASURED', 'MESSAGE'] : [])], ...rows]).join('\n')}\n`;
}

/** No release is selected. @param namespace undefined: all */
export function sayNone(namespace: string | undefined, selector: string | undefined): string {
  const where = namespace === undefined ? '' : ` in namespace ${namespace}`;
  return `No CanaryRelease found${where}${selector === undefined ? '' : ` with labels ${selector}`}${namespace === undefined ? '' : '; list all namespaces with -A'}\n`;
}

const HISTORY_HEADS = ['ID', 'REVISION', 'OUTCOME', 'REASON', 'MAX WEIGHT', 'FAILED REQUESTS', 'TOOK', 'ENDED'] as const;

/** The last releases, newest first. @param wide with their times */
export function formatHistory(history: readonly HistoryEntry[], wide: boolean, now: number): string {
  return formatRows(
    [],
    history.map((entry) => rowOf(entry, wide, now)),
    wide,
  );
}

/** The last releases of several applications, each under its name. */
export function formatHistories(
  histories: readonly { readonly namespace: string; readonly name: string; readonly history: readonly HistoryEntry[] }[],
  wide: boolean,
  now: number,
): string {
  const rows = histories.flatMap(({ namespace, name, history }) => history.map((entry) => [namespace, name, ...rowOf(entry, wide, now)]));
  return formatRows(['NAMESPACE', 'NAME'], rows, wide);
}

function formatRows(first: readonly string[], rows: readonly (readonly string[])[], wide: boolean): string {
  return `${formatTable([[...first, ...HISTORY_HEADS, ...(wide ? ['STARTED AT', 'ENDED AT'] : [])], ...rows]).join('\n')}\n`;
}

function rowOf(entry: HistoryEntry, wide: boolean, now: number): readonly string[] {
  return [
    entry.id,
    entry.revision,
    entry.outcome,
    entry.reason ?? '',
    entry.maxWeight === undefined ? '' : `${entry.maxWeight}%`,
    entry.failedRequests === undefined ? '' : String(entry.failedRequests),
    sayDuration(Math.max(0, Date.parse(entry.finishedAt) - Date.parse(entry.startedAt))),
    `${sayAge(entry.finishedAt, now)} ago`,
    ...(wide ? [entry.startedAt, entry.finishedAt] : []),
  ];
}
