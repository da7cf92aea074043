// Releases as rows of a table, in the columns that kubectl shows.

import type { HistoryEntry } from '../../api/release.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { formatTable } from '../output.ts';
import { sayDuration } from '../values.ts';
import { sayAge } from './explain-text.ts';

const HEADS = ['NAMESPACE', 'NAME', 'PHASE', 'PROGRESS', 'WEIGHT', 'VERDICT', 'REVISION', 'AGE'] as const;

/** @param wide with the message */
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
    ...(wide ? [status.message ?? ''] : []),
  ]);
  return `${formatTable([[...HEADS, ...(wide ? ['MESSAGE'] : [])], ...rows]).join('\n')}\n`;
}

/** The last releases, newest first. */
export function formatHistory(history: readonly HistoryEntry[], now: number): string {
  const rows = history.map((entry) => [
    entry.id,
    entry.revision,
    entry.outcome,
    entry.reason ?? '',
    entry.maxWeight === undefined ? '' : `${entry.maxWeight}%`,
    entry.failedRequests === undefined ? '' : String(entry.failedRequests),
    sayDuration(Math.max(0, Date.parse(entry.finishedAt) - Date.parse(entry.startedAt))),
    `${sayAge(entry.finishedAt, now)} ago`,
  ]);
  return `${formatTable([['ID', 'REVISION', 'OUTCOME', 'REASON', 'MAX WEIGHT', 'FAILED REQUESTS', 'TOOK', 'ENDED'], ...rows]).join('\n')}\n`;
}
