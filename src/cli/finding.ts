// The result of a check of `doctor` and `probe-gateway`, and how they are printed.

import type { CliIo } from './io.ts';
import { formatTable, paintFor, printObject } from './output.ts';

/** One line of the report. */
export interface Finding {
  readonly level: 'ok' | 'warn' | 'FAIL';
  readonly check: string;
  readonly says: string;
  /** To paste. */
  readonly fix?: string;
}

/** No problem. */
export function fine(check: string, says: string): Finding {
  return { level: 'ok', check, says };
}

/** Something works less well than it could, or cannot be seen. */
export function doubt(check: string, says: string, fix?: string): Finding {
  return { level: 'warn', check, says, ...(fix === undefined ? {} : { fix }) };
}

/** Releases cannot work like this. */
export function fail(check: string, says: string, fix: string): Finding {
  return { level: 'FAIL', check, says, fix };
}

/** All lines, for people or for programs. */
export function printFindings(findings: readonly Finding[], output: 'text' | 'json' | 'yaml', io: CliIo): string {
  if (output === 'text') return formatFindings(findings, io);
  return printObject({ apiVersion: 'cli.glidepath.dev/v1', kind: 'Findings', items: findings }, output);
}

function formatFindings(findings: readonly Finding[], io: CliIo): string {
  const paint = paintFor(io);
  const lines = formatTable(findings.map(({ level, check, says }) => [level, check, says]));
  const printed = findings.flatMap(({ level, fix }, index) => {
    const line = lines[index] ?? '';
    const painted = level === 'ok' ? paint.good(line) : level === 'FAIL' ? paint.bad(line) : line;
    return fix === undefined ? [painted] : [painted, `      fix: ${fix}`];
  });
  return `${printed.join('\n')}\n`;
}
