// Draws the weight over time with block characters, for terminals: at most 100 columns.

import { sayDuration } from '../values.ts';
import type { WeightStep } from './run-result.ts';
import { weightAt } from './timeline.ts';

/** Colours as a terminal knows them; without colours the same text. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
}

const MARGIN = 6;
const MOST_COLUMNS = 100;
const EIGHTHS = ' ▁▂▃▄▅▆▇█';

/** What is drawn. */
export interface ChartInput {
  readonly steps: readonly WeightStep[];
  readonly untilMs: number;
  /** The run was rolled back or could not continue at this time. */
  readonly badFromMs?: number;
  readonly columns: number;
  readonly rows: number;
}

/** The chart's lines: weight in percent upwards, time to the right. */
export function drawChart({ steps, untilMs, badFromMs, columns, rows }: ChartInput, paint: Paint): readonly string[] {
  const width = Math.max(20, Math.min(MOST_COLUMNS, columns) - MARGIN - 1);
  const times = Array.from({ length: width }, (_, column) => (untilMs * (column + 0.5)) / width);
  const lines = Array.from({ length: rows }, (_, row) => {
    const floor = rows - 1 - row;
    const cells = times.map((atMs) => {
      const cell = blockOf(weightAt(steps, atMs), floor, rows);
      if (cell === ' ') return cell;
      return badFromMs !== undefined && atMs >= badFromMs ? paint.bad(cell) : paint.good(cell);
    });
    return `${label(row, rows)}${paint.dim('┤')}${cells.join('')}`.trimEnd();
  });
  return [...lines, `${' '.repeat(MARGIN - 1)}${paint.dim(`└${'─'.repeat(width)}`)}`, axis(untilMs, width)];
}

/** The part of a column that lies in a row, in eighths of its height; any weight above 0 is seen. */
function blockOf(weight: number, floor: number, rows: number): string {
  const eighths = Math.round((weight / 100) * rows * 8) - floor * 8;
  if (floor === 0 && weight > 0) return EIGHTHS[Math.max(1, Math.min(8, eighths))] ?? ' ';
  return EIGHTHS[Math.max(0, Math.min(8, eighths))] ?? ' ';
}

/** Percentages at the top, in the middle and at the bottom. */
function label(row: number, rows: number): string {
  const middle = Math.floor(rows / 2);
  const text = row === 0 ? '100%' : row === middle ? `${Math.round(100 * (1 - row / rows))}%` : row === rows - 1 ? '0%' : '';
  return text.padStart(MARGIN - 1);
}

/** Round distances between the marks of a time axis. */
const TICKS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800].map(
  (seconds) => seconds * 1_000,
);

/** Times that a time axis names, about one for every 12 columns. */
export function tickTimes(untilMs: number, most: number): readonly number[] {
  const step = TICKS_MS.find((one) => untilMs / one <= most) ?? untilMs;
  return Array.from({ length: Math.floor(untilMs / step) + 1 }, (_, index) => index * step);
}

function axis(untilMs: number, width: number): string {
  return tickTimes(untilMs, width / 12)
    .reduce((line, atMs) => {
      const column = MARGIN + Math.floor((atMs / untilMs) * width);
      const text = sayDuration(atMs);
      return column < line.length || column + text.length > MARGIN + width ? line : `${line.padEnd(column)}${text}`;
    }, '')
    .trimEnd();
}
