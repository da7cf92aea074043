// docs/reasons.md: every reason that a release can give, what it means and what to do, from the tables that type the code.

import { CONDITION_DOCS, EVENT_DOCS } from '../../src/api/reason-docs.ts';
import { BLOCK_REASONS, PAUSE_REASONS, type ReasonDoc, ROLLBACK_REASONS, type RollbackDoc } from '../../src/api/reasons.ts';

export const REASONS_FILE = new URL('../../docs/reasons.md', import.meta.url);

const FATES: Readonly<Record<RollbackDoc['fate'], string>> = {
  rejected: 'rejected: not tried again before `retry`',
  retried: 'not rejected: the release begins again once the cause is gone, at most three times; then `retry` or a new revision',
  unjudged: 'not rejected: `retry` or a new revision begins again',
  completed: 'not rejected: `retry` begins again',
  open: 'open: it may come again',
};

/** The page. The same tables always give the same text. */
export function renderReasons(): string {
  return [
    '# Reasons',
    '',
    'Generated from `src/api/reasons.ts` and `src/api/reason-docs.ts` by `npm run generate`.',
    '',
    '## Why a release is blocked',
    '',
    'Phase `Blocked`: before its first write a release touches nothing; later its weight is not raised, analysis continues, and',
    '`spec.onBlocked` decides after a while.',
    '',
    ...table(['reason', 'what it means', 'what to do'], docRows(BLOCK_REASONS)),
    '',
    '## Why a release pauses',
    '',
    'Phase `Paused`: the canary keeps its weight, analysis continues, and a failed check still rolls back.',
    '',
    ...table(['reason', 'what it means', 'what to do'], docRows(PAUSE_REASONS)),
    '',
    '## Why a release is rolled back',
    '',
    'A revision is rejected for what it did, never for what happened to it.',
    '',
    ...table(
      ['reason', 'what it means', 'the revision is', 'what to do'],
      Object.entries<RollbackDoc>(ROLLBACK_REASONS).map(([reason, { means, fate, todo }]) => [code(reason), means, FATES[fate], todo]),
    ),
    '',
    '## Events',
    '',
    ...table(
      ['reason', 'what it means'],
      Object.entries(EVENT_DOCS).map(([reason, means]) => [code(reason), means]),
    ),
    '',
    '## Conditions',
    '',
    ...table(
      ['type', 'True means'],
      Object.entries(CONDITION_DOCS).map(([type, means]) => [code(type), means]),
    ),
    '',
  ].join('\n');
}

function docRows(reasons: Readonly<Record<string, ReasonDoc>>): readonly (readonly string[])[] {
  return Object.entries(reasons).map(([reason, { means, todo }]) => [code(reason), means, todo]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function code(word: string): string {
  return `\`${word}\``;
}
