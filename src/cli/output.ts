// Text for people: tables, wrapped lines and, at a terminal, colours.

import { stringify } from 'yaml';
import type { Paint } from './plan/chart.ts';
import type { CliIo } from './io.ts';

const plain = (text: string): string => text;
const coloured =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;

/** Colours at a terminal, unless NO_COLOR is set. */
export function paintFor({ outIsTerminal, env }: CliIo): Paint {
  if (!outIsTerminal || (env['NO_COLOR'] ?? '') !== '') return { good: plain, bad: plain, dim: plain };
  return { good: coloured(32), bad: coloured(31), dim: coloured(2) };
}

/** Rows under a heading, columns as wide as needed; the last one is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 2)))
      .join('')
      .trimEnd(),
  );
}

/** An object as it is printed for programs. */
export function printObject(object: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(object, undefined, 2)}\n` : stringify(object);
}

/** Objects of the cluster as kubectl prints several. */
export function printList(objects: readonly { readonly raw: unknown }[], format: 'json' | 'yaml'): string {
  return printObject({ apiVersion: 'v1', kind: 'List', metadata: {}, items: objects.map(({ raw }) => raw) }, format);
}

/** A chance in percent: `0%` and `100%` only where it is none or all of the runs. */
export function sayChance(chance: number): string {
  const percent = chance * 100;
  if (percent > 0 && percent < 0.1) return 'below 0.1%';
  return `${Number(percent.toFixed(percent > 99 || percent < 10 ? 1 : 0))}%`;
}

/** Progress of long work, printed from the second second on. */
export function openProgress(io: CliIo, total: number): { readonly report: (done: number) => void; readonly close: () => void } {
  const startedMs = io.now();
  let [reportedMs, reported] = [startedMs, false];
  return {
    report: (done) => {
      const now = io.now();
      // A log needs fewer lines than a terminal.
      if (now - startedMs < 1_000 || now - reportedMs < (io.errIsTerminal ? 200 : 5_000) || done >= total) return;
      [reportedMs, reported] = [now, true];
      io.err(io.errIsTerminal ? `\rsimulated ${done} of ${total} runs` : `simulated ${done} of ${total} runs\n`);
    },
    close: () => {
      if (reported && io.errIsTerminal) io.err('\r\u001b[K');
    },
  };
}
