// Runs the releases of one cell past all judges: every judge sees the same traffic, and each release has a seed of its own.

import type { Block } from '../../../src/core/analysis/sequential/numbers.ts';
import { JUDGES, startLatencyJudges, startErrorJudges, type JudgeName, type NamedRule } from './judges.ts';
import { drawLatencies, drawLatencyLook, type LatencyCell } from './latency.ts';
import { runBorderRelease, type BorderCell } from './latency-borders.ts';
import { createRandom, hashText, type Random } from './random.ts';
import type { Rollback } from './rollback.ts';
import type { ErrorCell } from './scenarios.ts';
import { runScrapeRelease, type ScrapeCell } from './scrapes.ts';
import { drawLook, type Look } from './traffic.ts';

export type Cell = ErrorCell | LatencyCell | BorderCell | ScrapeCell;

/** What one judge did in one cell. */
export interface JudgeResult {
  readonly judge: JudgeName;
  readonly runs: number;
  /** When the releases that were rolled back were, seconds since their start, ascending. */
  readonly seconds: readonly number[];
  /** Bad requests of the canary until then, ascending; empty for latency. */
  readonly failed: readonly number[];
}

/** All judges of one cell. */
export interface CellResult {
  readonly cell: Cell;
  readonly results: readonly JudgeResult[];
}

/** One release: ends when it is over or every judge has rolled it back. */
function runRelease<A>(
  rules: readonly NamedRule<Look<A>>[],
  looks: number,
  draw: (index: number) => Look<A>,
  badOf: (arm: A) => number | undefined,
): readonly Rollback[] {
  const rollbacks: Rollback[] = [];
  let asked = rules;
  let failed: number | undefined = 0;
  for (let i = 0; i < looks && asked.length > 0; i++) {
    const look = draw(i);
    const bad = badOf(look.canary);
    failed = bad === undefined ? undefined : (failed ?? 0) + bad;
    const decided = asked.filter(({ rule }) => rule(look));
    if (decided.length === 0) continue;
    rollbacks.push(...decided.map(({ judge }) => ({ judge, seconds: look.atSeconds, failed })));
    asked = asked.filter((rule) => !decided.includes(rule));
  }
  return rollbacks;
}

const BEFORE_SECONDS = 1_800;
const LATENCY_SECONDS = 1_800;

/** Half an hour of stable alone, its pods in two halves that stand for the arms. */
function drawBefore(cell: ErrorCell, random: Random): readonly Block[] {
  const [first] = cell.looks;
  if (first === undefined) return [];
  const planned = { ...first, weight: 0.5, canaryBadShare: first.stableBadShare };
  return Array.from({ length: BEFORE_SECONDS / cell.lookSeconds }, () => {
    const { canary, stable } = drawLook(random, planned, cell.requestsPerSecond, cell.meanBurst);
    return { xc: canary.bad, xs: stable.bad, nc: canary.requests, ns: stable.requests };
  });
}

function runErrorRelease(cell: ErrorCell, random: Random): readonly Rollback[] {
  const before = drawBefore(cell, random);
  const draw = (index: number): Look => {
    const planned = cell.looks[index];
    if (planned === undefined) throw new RangeError(`there is no look ${index}`);
    return drawLook(random, planned, cell.requestsPerSecond, cell.meanBurst);
  };
  return runRelease(startErrorJudges(cell, before), cell.looks.length, draw, ({ bad }) => bad);
}

function runLatencyRelease(cell: LatencyCell, random: Random): readonly Rollback[] {
  const before = drawLatencies(random, cell.requestsPerSecond * BEFORE_SECONDS, cell.stable);
  const draw = (index: number) => drawLatencyLook(random, cell, (index + 1) * cell.lookSeconds);
  return runRelease(startLatencyJudges(before), LATENCY_SECONDS / cell.lookSeconds, draw, () => undefined);
}

/** The words that tell a cell from all others. */
export function nameCell(cell: Cell): string {
  const { section, scenario, requestsPerSecond, weightPercent = 0, lookSeconds } = cell;
  const scrapes = cell.kind === 'scrapes' ? [cell.replicas, cell.scrapeSeconds] : [];
  return [section, scenario, requestsPerSecond, weightPercent, lookSeconds, ...scrapes].join(',');
}

function judgesOf(cell: Cell): readonly JudgeName[] {
  switch (cell.kind) {
    case 'errors':
      return startErrorJudges(cell, []).map(({ judge }) => judge);
    case 'latency':
      return startLatencyJudges({ buckets: cell.stable }).map(({ judge }) => judge);
    case 'borders':
      return ['glidepath'];
    case 'scrapes':
      return JUDGES;
  }
}

function runOne(cell: Cell, random: Random): readonly Rollback[] {
  switch (cell.kind) {
    case 'errors':
      return runErrorRelease(cell, random);
    case 'latency':
      return runLatencyRelease(cell, random);
    case 'borders': {
      const seconds = runBorderRelease(cell, random);
      return seconds === undefined ? [] : [{ judge: 'glidepath', seconds, failed: undefined }];
    }
    case 'scrapes':
      return runScrapeRelease(cell, random);
  }
}

/** Simulates a cell. @param runs releases @param seed the same seed gives the same releases, whatever else is simulated */
export function simulateCell(cell: Cell, runs: number, seed: number): CellResult {
  const cellSeed = hashText(nameCell(cell));
  const judges = judgesOf(cell);
  const rollbacks: Rollback[] = [];
  for (let run = 0; run < runs; run++) {
    const random = createRandom(seed, cellSeed, run);
    rollbacks.push(...runOne(cell, random));
  }
  const ascending = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b);
  const results = judges.map((judge) => {
    const own = rollbacks.filter((rollback) => rollback.judge === judge);
    const failed = own.flatMap((rollback) => (rollback.failed === undefined ? [] : [rollback.failed]));
    return { judge, runs, seconds: ascending(own.map(({ seconds }) => seconds)), failed: ascending(failed) };
  });
  return { cell, results };
}
