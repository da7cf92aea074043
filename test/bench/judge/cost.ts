// What judging costs: the time of one core for 10,000 looks of one release with all metrics, and the memory of its state.

import { cellLength, type ArmCounts as CellCounts, type Cell } from '../../../src/core/analysis/comparison/cells.ts';
import { foldCell, startJudge, type JudgeState } from '../../../src/core/analysis/comparison/judge.ts';
import { judgeComparison } from '../../../src/core/analysis/comparison/judgement.ts';
import { NO_PRIOR, settingsFor } from '../../../src/core/analysis/comparison/settings.ts';
import { BOUNDARIES, drawLatencies, planLatencies, type LatencyCounts } from './latency.ts';
import { createRandom, drawPoisson, type Random } from './random.ts';
import type { Figure } from './summary.ts';

const LOOKS = 10_000;
const LOOK_SECONDS = 10;
const REQUESTS_PER_SECOND = 100;
const WEIGHT = 0.1;

function drawArm(random: Random, mean: number, shares: readonly number[]): CellCounts {
  const latencies: LatencyCounts = drawLatencies(random, mean, shares);
  let requests = 0;
  const buckets = [...BOUNDARIES, Number.POSITIVE_INFINITY].map((upper, i) => {
    requests += latencies.buckets[i] ?? 0;
    return { upper, count: requests };
  });
  const serverErrors = Math.min(requests, drawPoisson(random, mean * 0.001));
  return { requests, serverErrors, clientErrors: Math.min(requests - serverErrors, drawPoisson(random, mean * 0.02)), buckets };
}

/**
 * The traffic of all looks, drawn before the clock runs. A look is cut into the cells that the product cuts it into.
 * @param busyCells so many cells of each look carry its traffic: as many as there are scrapes in it
 */
function drawCells(busyCells: number): readonly Cell[] {
  const random = createRandom(1, 2, 3);
  const shares = planLatencies()[0]?.stable ?? [];
  const length = cellLength(LOOK_SECONDS * 1_000, 'caller');
  const cellsInLook = (LOOK_SECONDS * 1_000) / length;
  const mean = (REQUESTS_PER_SECOND * LOOK_SECONDS) / busyCells;
  return Array.from({ length: LOOKS * cellsInLook }, (_, i) => {
    const traffic = i % cellsInLook < busyCells ? mean : 0;
    const canary = drawArm(random, traffic * WEIGHT, shares);
    const serving = drawArm(random, traffic * (1 - WEIGHT), shares);
    return { fromMs: i * length, toMs: (i + 1) * length, canary, serving };
  });
}

/** Folds every cell and judges at every look. */
function foldLooks(cells: readonly Cell[]): { readonly seconds: number; readonly state: JudgeState } {
  const cellsInLook = cells.length / LOOKS;
  const settings = settingsFor({
    alpha: 0.01,
    riskBudget: { ratio: 0.005, requests: 0 },
    startMs: 0,
    prior: { ...NO_PRIOR, phi: 1, replicas: 2, scrapeMs: 10_000 },
  });
  const context = { share: WEIGHT, present: WEIGHT, isBorder: false, isStart: false };
  const before = process.cpuUsage();
  let state = startJudge(settings);
  let unproven = 0;
  for (const [i, cell] of cells.entries()) {
    state = foldCell(settings, state, cell, context);
    if ((i + 1) % cellsInLook === 0 && judgeComparison(settings, state, { share: 0.25, lastsMs: 300_000 }).finding === 'unproven')
      unproven++;
  }
  const { user, system } = process.cpuUsage(before);
  if (unproven === LOOKS) throw new RangeError('nothing was ever found in 10,000 looks: something is not counted');
  return { seconds: (user + system) / 1e6, state };
}

/** The cost with one scrape in every look, and the worst: with traffic in each of the cells that a look is cut into. */
export function measureCost(): readonly Figure[] {
  const usual = foldLooks(drawCells(1));
  const worst = foldLooks(drawCells((LOOK_SECONDS * 1_000) / cellLength(LOOK_SECONDS * 1_000, 'caller')));
  return [
    { name: 'judge-10000-looks-seconds', value: usual.seconds, unit: 'seconds' },
    { name: 'judge-looks-per-second-of-core', value: LOOKS / usual.seconds, unit: 'looks' },
    { name: 'judge-10000-looks-worst-seconds', value: worst.seconds, unit: 'seconds' },
    { name: 'judge-state-kib', value: Buffer.byteLength(JSON.stringify(worst.state)) / 1_024, unit: 'KiB' },
  ];
}
