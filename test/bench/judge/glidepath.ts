// Glidepath's judge as the simulations use it: the product's own fold over cells, one for each look, as with a scrape in every look.

import type { ArmCounts as CellCounts } from '../../../src/core/analysis/comparison/cells.ts';
import { evidenceOf, foldCell, primeJudge, startJudge, type JudgeState } from '../../../src/core/analysis/comparison/judge.ts';
import { NO_PRIOR, settingsFor, type Compared, type JudgeSettings, type Prior } from '../../../src/core/analysis/comparison/settings.ts';
import { phiPre } from '../../../src/core/analysis/sequential/dispersion.ts';
import type { Block } from '../../../src/core/analysis/sequential/numbers.ts';
import { BOUNDARIES, type LatencyCounts } from './latency.ts';
import type { ArmCounts, Look, Rule } from './traffic.ts';

const BOUNDS = { alpha: 0.01, riskBudget: { ratio: 0.005, requests: 0 }, startMs: 0 };
const LATENCY: readonly Compared[] = ['p99', 'p90', 'p50'];
const NO_REQUESTS: CellCounts = { requests: 0, serverErrors: 0, clientErrors: 0, buckets: [] };

/** Rolls back when the evidence that counts, of these metrics alone, reaches what the whole release needs. */
function foldLooks<A>(
  settings: JudgeSettings,
  primed: JudgeState,
  metrics: readonly Compared[],
  toCell: (arm: A) => CellCounts,
): Rule<Look<A>> {
  let state = primed;
  let weight: number | undefined;
  return (look) => {
    const isStart = look.weight !== weight;
    weight = look.weight;
    const cell = {
      fromMs: (look.atSeconds - look.seconds) * 1_000,
      toMs: look.atSeconds * 1_000,
      canary: toCell(look.canary),
      serving: toCell(look.stable),
    };
    state = foldCell(settings, state, cell, { share: look.weight, present: look.weight, isBorder: isStart, isStart });
    const counted = evidenceOf(settings, state).filter(({ name, counts }) => counts && metrics.includes(name));
    return counted.reduce((sum, { evidence }) => sum + evidence, 0) >= 1 / settings.alpha;
  };
}

/**
 * The metric `errors` alone, at its own share of the budget. Two replicas of the gateway count one half of the bad answers each.
 * @param before looks before the release, with half of the stable pods in each arm: how bursty their errors come
 */
export function startGlidepathErrors(before: readonly Block[]): Rule<Look> {
  const settings = settingsFor({ ...BOUNDS, prior: { ...NO_PRIOR, phi: phiPre(before), replicas: 2, scrapeMs: 10_000 } });
  return foldLooks(settings, startJudge(settings), ['errors'], ({ requests, bad }: ArmCounts) => ({
    ...NO_REQUESTS,
    requests,
    serverErrors: bad,
    ...(bad === 0 ? {} : { failing: { a: Math.ceil(bad / 2), b: Math.floor(bad / 2) } }),
  }));
}

/** What the latency is seen through. */
interface Seen {
  /** Upper bounds of the buckets in seconds, the last one Infinity. */
  readonly uppers: readonly number[];
  readonly prior: Prior;
}

const USUAL: Seen = { uppers: [...BOUNDARIES, Number.POSITIVE_INFINITY], prior: { ...NO_PRIOR, phi: 1, replicas: 2, scrapeMs: 10_000 } };

/**
 * The three latency metrics with their shares. The product leaves out the first minute of the canary, the scenarios have no cold pods.
 * @param before stable's latency before the release, which the first borders come from
 */
export function startGlidepathLatency(before: LatencyCounts, seen: Seen = USUAL): Rule<Look<LatencyCounts>> {
  const settings: JudgeSettings = { ...settingsFor({ ...BOUNDS, prior: seen.prior }), warmupMs: 0 };
  const toCell = (counts: LatencyCounts) => toTimed(counts, seen.uppers);
  const past = { fromMs: -1, toMs: 0, canary: NO_REQUESTS, serving: toCell(before) };
  return foldLooks(settings, primeJudge(settings, startJudge(settings), past), LATENCY, toCell);
}

function toTimed({ buckets }: LatencyCounts, uppers: readonly number[]): CellCounts {
  let requests = 0;
  const cumulative = uppers.map((upper, index) => {
    requests += buckets[index] ?? 0;
    return { upper, count: requests };
  });
  return { ...NO_REQUESTS, requests, buckets: cumulative };
}
