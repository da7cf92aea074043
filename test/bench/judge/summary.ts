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

/** The worst healthy cell by scrapes and replicas: with even errors, and with bursts. */
export function sumScrapes(cells: readonly CellResult[]): readonly Figure[] {
  const healthy = cells.filter(({ cell }) => cell.section === 'scrapes' && cell.isHealthy);
  if (healthy.length === 0) return [];
  const worst = (isMeant: (scenario: string) => boolean): number =>
    Math.max(
      ...resultsOf(
        healthy.filter(({ cell }) => isMeant(cell.scenario)),
        'glidepath',
      ).map(sharePercentOf),
    );
  return [
    { name: 'judge-scrapes-even-false-rollback-worst-percent', value: worst((scenario) => scenario.startsWith('even')), unit: 'percent' },
    {
      name: 'judge-scrapes-bursts-false-rollback-worst-percent',
      value: worst((scenario) => scenario.startsWith('bursts')),
      unit: 'percent',
    },
  ];
}

/** What is asked of the borders of latency: found, and within this median at each rate, where a canary is at least three times as slow. */
const GROSS: readonly string[] = ['x3', 'x60'];

/** Worst and pooled false rollbacks by latency, and of the gross slowdowns that the buckets show those that are missed, and the slowest median. */
export function sumBorders(cells: readonly CellResult[]): readonly Figure[] {
  const borders = cells.flatMap(({ cell, results: [result] }) =>
    cell.kind === 'borders' && result !== undefined ? [{ cell, result }] : [],
  );
  if (borders.length === 0) return [];
  const healthy = borders.filter(({ cell }) => cell.isHealthy).map(({ result }) => sharePercentOf(result));
  const gross = borders.filter(({ cell }) => cell.isVisible && GROSS.includes(cell.change));
  const medianAt = (rps: number) => {
    const found = gross.filter(({ cell, result }) => cell.requestsPerSecond === rps && result.seconds.length > 0);
    return Math.max(...found.map(({ result }) => medianOf(result.seconds)));
  };
  return [
    { name: 'judge-latency-false-rollback-worst-percent', value: Math.max(...healthy), unit: 'percent' },
    {
      name: 'judge-latency-false-rollback-pooled-percent',
      value: healthy.reduce((sum, share) => sum + share, 0) / healthy.length,
      unit: 'percent',
    },
    {
      name: 'judge-latency-gross-found-worst-percent',
      value: Math.min(...gross.map(({ result }) => sharePercentOf(result))),
      unit: 'percent',
    },
    ...[...new Set(gross.map(({ cell }) => cell.requestsPerSecond))].map((rps) => ({
      name: `judge-latency-gross-slowest-median-${rps}-rps-seconds`,
      value: medianAt(rps),
      unit: 'seconds',
    })),
  ];
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
      ...(cell.kind === 'scrapes' ? { replicas: cell.replicas, scrapeSeconds: cell.scrapeSeconds } : {}),
      judge: result.judge,
      releases: result.runs,
      ...(result.seconds.length === 0 ? {} : { medianSeconds: medianOf(result.seconds) }),
      ...(result.failed.length === 0 ? {} : { medianFailedRequests: medianOf(result.failed) }),
    })),
  );
}
