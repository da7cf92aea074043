// Text for people: tables, wrapped lines and, at a terminal, colours.

import { stringify } from 'yaml';
import type { Paint } from './plan/chart.ts';
import type { CliIo } from './io.ts';

const plain = (text: string): string => text;
const coloured =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;

/** Colours where somebody looks at the output and has not said no (NO_COLOR). */
export function paintFor({ outIsTerminal, env }: CliIo): Paint {
  if (!outIsTerminal || (env['NO_COLOR'] ?? '') !== '') return { good: plain, bad: plain, dim: plain };
  return { good: coloured(32), bad: coloured(31), dim: coloured(2) };
}

/** Rows under a heading, columns as wide as they need; the last one is free. */
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

/** A chance as people say it: `0%` and `100%` only where it is all or nothing of the runs. */
export function sayChance(chance: number): string {
  const percent = chance * 100;
  if (percent > 0 && percent < 0.1) return 'below 0.1%';
  return `${Number(percent.toFixed(percent > 99 || percent < 10 ? 1 : 0))}%`;
}

/** How work goes on, told to a person from the second on. */
export function openProgress(io: CliIo, total: number): { readonly tell: (done: number) => void; readonly close: () => void } {
  const startedMs = io.now();
  let [toldMs, told] = [startedMs, false];
  return {
    tell: (done) => {
      const now = io.now();
      // A log needs less news than a terminal.
      if (now - startedMs < 1_000 || now - toldMs < (io.errIsTerminal ? 200 : 5_000) || done >= total) return;
      [toldMs, told] = [now, true];
      io.err(io.errIsTerminal ? `\rsimulated ${done} of ${total} runs` : `simulated ${done} of ${total} runs\n`);
    },
    close: () => {
      if (told && io.errIsTerminal) io.err('\r\u001b[K');
    },
  };
}
