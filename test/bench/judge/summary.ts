// Sums the simulated cells up: the figures by which the judges are compared, and one line of JSON per cell and judge.

import { medianOf } from '../figures.ts';
import { JUDGES, type JudgeName } from './judges.ts';
import type { CellResult, JudgeResult } from './simulate.ts';

/** One figure of the benchmark. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** Share of the releases that a judge rolled back. */
export function sharePercentOf({ runs, seconds }: JudgeResult): number {
  return (100 * seconds.length) / runs;
}

function resultsOf(cells: readonly CellResult[], judge: JudgeName): readonly JudgeResult[] {
  return cells.flatMap(({ results }) => results.filter((result) => result.judge === judge));
}

function nameFigure(judge: JudgeName, rest: string): string {
  return judge === 'glidepath' ? `judge-${rest}` : `judge-${judge}-${rest}`;
}

/** Worst cell and all cells together, of healthy canaries at a constant weight: the 24 cells that the judge's promise is held to. */
export function sumFalseRollbacks(cells: readonly CellResult[]): readonly Figure[] {
  const healthy = cells.filter(({ cell }) => cell.section === 'constant-weight' && cell.isHealthy);
  if (healthy.length === 0) return [];
  return JUDGES.flatMap((judge) => {
    const shares = resultsOf(healthy, judge).map(sharePercentOf);
    const pooled = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    return [
      { name: nameFigure(judge, 'false-rollback-worst-percent'), value: Math.max(...shares), unit: 'percent' },
      { name: nameFigure(judge, 'false-rollback-pooled-percent'), value: pooled, unit: 'percent' },
    ];
  });
}

/** How soon 5 % of errors against 0.1 % are found, at 100 requests a second, 5 % weight and looks every 10 s. */
export function sumDetection(cells: readonly CellResult[]): readonly Figure[] {
  const found = cells.filter(
    ({ cell }) =>
      cell.section === 'constant-weight' &&
      cell.scenario === 'canary 5%' &&
      cell.requestsPerSecond === 100 &&
      cell.weightPercent === 5 &&
      cell.lookSeconds === 10,
  );
  return JUDGES.flatMap((judge) =>
    resultsOf(found, judge).flatMap((result) => [
      { name: nameFigure(judge, 'detect-5-percent-share-percent'), value: sharePercentOf(result), unit: 'percent' },
      ...(result.seconds.length === 0
        ? []
        : [
            { name: nameFigure(judge, 'detect-5-percent-median-seconds'), value: medianOf(result.seconds), unit: 'seconds' },
            { name: nameFigure(judge, 'detect-5-percent-median-failed-requests'), value: medianOf(result.failed), unit: 'requests' },
          ]),
    ]),
  );
}

/** One object per judge of a cell, for a line of JSON each. Medians are of the releases that were rolled back. */
export function describeCells(cells: readonly CellResult[]): readonly object[] {
  return cells.flatMap(({ cell, results }) =>
    results.map((result) => ({
      name: cell.isHealthy ? 'judge-cell-false-rollback' : 'judge-cell-detection',
      value: Number(sharePercentOf(result).toFixed(3)),
      unit: 'percent',
      section: cell.section,
      scenario: cell.scenario,
      requestsPerSecond: cell.requestsPerSecond,
      ...(cell.weightPercent === undefined ? {} : { weightPercent: cell.weightPercent }),
      lookSeconds: cell.lookSeconds,
      judge: result.judge,
      releases: result.runs,
      ...(result.seconds.length === 0 ? {} : { medianSeconds: medianOf(result.seconds) }),
      ...(result.failed.length === 0 ? {} : { medianFailedRequests: medianOf(result.failed) }),
    })),
  );
}
