// Known figures of each cell (reference.csv), and the check that a simulation gives the same within the error that the number of
// releases on both sides allows. Those of the peers come from other implementations; those of Glidepath from the run that wrote
// the tables of docs/judging.md, so that a change of the judge which moves a figure is seen.

import { readFileSync } from 'node:fs';
import { JUDGES, type JudgeName } from './judges.ts';
import { nameCell, type Cell, type CellResult, type JudgeResult } from './simulate.ts';

/** What one judge did in a cell according to the reference. */
export interface Reference {
  readonly sharePercent: number;
  /** Half a unit of the last digit the share was written with. */
  readonly roundingPercent: number;
  readonly medianSeconds: number | undefined;
  readonly runs: number;
}

/** A figure further from its reference than chance explains. */
export interface Deviation {
  readonly cell: string;
  readonly judge: JudgeName;
  readonly found: string;
  readonly expected: string;
}

/** In standard deviations: of a few hundred figures about one in ten runs has one beyond it by chance. */
const ALLOWED_SIGMA = 3.5;
const COLUMNS: readonly JudgeName[] = ['flagger', 'argo', 'kayenta', 'peek', 'glidepath'];

/** How many releases the reference simulated where it does not say so itself. Where a range is stated, its lower end. */
function countReferenceRuns({ section, isHealthy }: Cell, judge: JudgeName): number {
  if (section === 'latency') return isHealthy ? 1_000 : 500;
  if (section === 'whole-release') return isHealthy ? 2_000 : 1_000;
  return isHealthy && judge !== 'kayenta' ? 10_000 : 2_000;
}

/** The table that the project keeps. */
export const REFERENCES = new URL('reference.csv', import.meta.url);

/** Reads the reference table: by the cell's name, then one text per judge. */
export function readReferences(path = REFERENCES): ReadonlyMap<string, readonly string[]> {
  const [, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  return new Map(lines.map((line) => line.split(',')).map((words) => [words.slice(0, 5).join(','), words.slice(5)]));
}

/** The reference table with Glidepath's figures of a simulation in place of the former ones: share, median and runs. */
export function renewReferences(table: string, cells: readonly CellResult[]): string {
  const found = new Map(cells.map(({ cell, results }) => [nameCell(cell), results.find(({ judge }) => judge === 'glidepath')]));
  const lines = table.trim().split('\n');
  const renewed = lines.map((line) => {
    const words = line.split(',');
    const result = found.get(words.slice(0, 5).join(','));
    return result === undefined ? line : [...words.slice(0, -1), formatReference(result)].join(',');
  });
  return `${renewed.join('\n')}\n`;
}

function formatReference({ runs, seconds }: JudgeResult): string {
  return `${((100 * seconds.length) / runs).toFixed(2)}/${middleOf(seconds) ?? ''}/${runs}`;
}

function middleOf(ascending: readonly number[]): number | undefined {
  return ascending[Math.floor(ascending.length / 2)];
}

/** The reference of a judge in a cell; undefined where there is none. */
export function findReference(table: ReadonlyMap<string, readonly string[]>, cell: Cell, judge: JudgeName): Reference | undefined {
  const text = table.get(nameCell(cell))?.[COLUMNS.indexOf(judge)] ?? '';
  if (text === '') return undefined;
  const [share = '', median = '', runs] = text.split('/');
  const roundingPercent = /\.\d\d/.test(share) ? 0.005 : 0.05;
  const medianSeconds = median === '' ? undefined : Number(median);
  return {
    sharePercent: Number(share),
    roundingPercent,
    medianSeconds,
    runs: runs === undefined ? countReferenceRuns(cell, judge) : Number(runs),
  };
}

/** Anscombe's angle: its variance is 1/n whatever the share, also near 0 and 1. */
function angleOf(count: number, runs: number): number {
  return 2 * Math.asin(Math.sqrt((count + 3 / 8) / (runs + 3 / 4)));
}

/** How far a share is from its reference, in standard deviations of the difference; rounding is given in full. */
export function measureShareGap(count: number, runs: number, reference: Reference): number {
  const found = (100 * count) / runs;
  const { sharePercent, roundingPercent } = reference;
  const nearest = Math.min(Math.max(found, sharePercent - roundingPercent, 0), sharePercent + roundingPercent, 100);
  const gap = angleOf(count, runs) - angleOf((nearest / 100) * reference.runs, reference.runs);
  return Math.abs(gap) / Math.sqrt(1 / runs + 1 / reference.runs);
}

/** Whether the reference's median lies among the found times where chance would put it. Few times say nothing. */
export function isMedianPlausible(seconds: readonly number[], reference: Reference): boolean {
  const others = (reference.sharePercent / 100) * reference.runs;
  if (reference.medianSeconds === undefined || seconds.length === 0 || others < 1) return true;
  const half = ALLOWED_SIGMA * 0.5 * Math.sqrt(1 / seconds.length + 1 / others);
  if (half >= 0.5) return true;
  const low = seconds[Math.floor((0.5 - half) * seconds.length)] ?? 0;
  const high = seconds[Math.min(Math.ceil((0.5 + half) * seconds.length), seconds.length - 1)] ?? Number.POSITIVE_INFINITY;
  return reference.medianSeconds >= low && reference.medianSeconds <= high;
}

function describeReference({ sharePercent, medianSeconds }: Reference): string {
  return medianSeconds === undefined ? `${sharePercent}%` : `${sharePercent}% ${medianSeconds}s`;
}

function isAsExpected({ runs, seconds }: JudgeResult, reference: Reference): boolean {
  return measureShareGap(seconds.length, runs, reference) <= ALLOWED_SIGMA && isMedianPlausible(seconds, reference);
}

/** All figures that contradict the reference. */
export function findDeviations(cells: readonly CellResult[], table: ReadonlyMap<string, readonly string[]>): readonly Deviation[] {
  return cells.flatMap(({ cell, results }) =>
    results.flatMap((result) => {
      const reference = findReference(table, cell, result.judge);
      if (reference === undefined || isAsExpected(result, reference)) return [];
      const middle = middleOf(result.seconds);
      const found = `${((100 * result.seconds.length) / result.runs).toFixed(2)}%${middle === undefined ? '' : ` ${middle}s`}`;
      return [{ cell: nameCell(cell), judge: result.judge, found, expected: describeReference(reference) }];
    }),
  );
}

/** How many figures have a reference, of one judge or of all but one. */
export function countReferences(
  cells: readonly CellResult[],
  table: ReadonlyMap<string, readonly string[]>,
  judges: readonly JudgeName[] = JUDGES,
): number {
  return cells.flatMap(({ cell }) => judges.filter((judge) => findReference(table, cell, judge) !== undefined)).length;
}
