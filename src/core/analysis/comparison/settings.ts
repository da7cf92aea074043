// The numbers that the comparison is made with. What a team chooses comes from the spec; the rest is fixed here, with its reason.

import { parseDuration } from '../../../api/duration.ts';
import { parseLimit } from '../../../api/quantity.ts';
import type { CanaryReleaseSpec } from '../../../api/release.ts';
import { DEFAULT_SPLIT, type SplitSettings } from '../sequential/split.ts';
import type { WealthSettings } from '../sequential/wealth.ts';

/** What is compared: answers of 500 and above, answers of 400 to 499, and requests slower than a bound that is frozen early. */
export const COMPARED = ['errors', 'clientErrors', 'p99', 'p90', 'p50'] as const;
export type Compared = (typeof COMPARED)[number];

interface Metric {
  /** Part of the budget of false rollbacks; all parts together are 1. */
  readonly share: number;
  /** The canary may be worse by this factor before anything counts as evidence. */
  readonly rho: number;
  /** Smallest difference of the ratios that is worth a rollback, 0.001 is 0.1 points. Not used for latency. */
  readonly minEffect: number;
}

const METRICS: Readonly<Record<Compared, Metric>> = {
  errors: { share: 0.5, rho: 1.1, minEffect: 0.001 },
  clientErrors: { share: 0.2, rho: 1.1, minEffect: 0.01 },
  p99: { share: 0.15, rho: 1.1, minEffect: 0 },
  p90: { share: 0.1, rho: 1.1, minEffect: 0 },
  p50: { share: 0.05, rho: 1.1, minEffect: 0 },
};

/** Quantile of each latency metric. */
export const QUANTILES = { p99: 0.99, p90: 0.9, p50: 0.5 } as const;
export type LatencyMetric = keyof typeof QUANTILES;

/** Everything a judge of one release needs to know beforehand. */
export interface JudgeSettings {
  /** Bound of the probability that a healthy release is ever rolled back. */
  readonly alpha: number;
  /** Level of the one-sided bounds that a raise is earned with. */
  readonly beta: number;
  /** Share of all traffic that may fail additionally after the next raise. */
  readonly riskBudget: number;
  /** When the release began, Unix milliseconds: restart points lie on a grid from here. */
  readonly startMs: number;
  readonly restartEveryMs: number;
  /** A block is whole with so many requests of either arm, or when it is this old. */
  readonly block: { readonly minPerArm: number; readonly maxAgeMs: number };
  readonly metrics: Readonly<Record<Compared, Metric & { readonly wealth: WealthSettings }>>;
  /** Latency counts from so long after the first weight: cold pods are slow. */
  readonly warmupMs: number;
  /** A quantile of the canary matters from factor x serving + plus (seconds). */
  readonly latency: { readonly factor: number; readonly plus: number; readonly minPrior: number };
  readonly split: SplitSettings;
}

/** What is known of serving alone, before the canary had any weight. */
export interface Prior {
  /** Dispersion of serving's own errors between its replicas; undefined where it has only one, so that nothing could be compared. */
  readonly phi: number | undefined;
}

/** Without two replicas to compare, bursts of errors cannot be distinguished from a bad version as well: one more block is asked for. */
const MIN_BLOCKS = { measured: 2, unknown: 3 } as const;

/** Settings for a release of this spec that began at `startMs`. */
export function judgeSettings(spec: CanaryReleaseSpec, startMs: number, prior: Prior): JudgeSettings {
  const { maxFalseRollbacks, riskBudget } = spec.analysis.comparison;
  // Neither never nor always is a bound that evidence can be weighed against.
  const alpha = Math.min(0.5, Math.max(1e-6, parseLimit(maxFalseRollbacks).value));
  return settingsFor({ alpha, riskBudget: parseLimit(riskBudget).value, startMs, prior });
}

/** The same from plain numbers, for simulations. */
export function settingsFor(given: {
  readonly alpha: number;
  readonly riskBudget: number;
  readonly startMs: number;
  readonly prior: Prior;
}): JudgeSettings {
  const { alpha, riskBudget, startMs, prior } = given;
  const wealth = (metric: Metric): WealthSettings => ({
    alpha,
    share: metric.share,
    rho: metric.rho,
    delta: 0,
    pi0: 0.5,
    restartFraction: 0.125,
    minBlocks: prior.phi === undefined ? MIN_BLOCKS.unknown : MIN_BLOCKS.measured,
    kappa: 2.5,
    phiPre: Math.max(1, prior.phi ?? 1),
    onlinePhi: true,
  });
  const withWealth = (name: Compared) => ({ ...METRICS[name], wealth: wealth(METRICS[name]) });
  return {
    alpha,
    beta: 0.05,
    riskBudget,
    startMs,
    restartEveryMs: parseDuration('5m'),
    block: { minPerArm: 5, maxAgeMs: parseDuration('60s') },
    metrics: {
      errors: withWealth('errors'),
      clientErrors: withWealth('clientErrors'),
      p99: withWealth('p99'),
      p90: withWealth('p90'),
      p50: withWealth('p50'),
    },
    warmupMs: parseDuration('60s'),
    latency: { factor: 1.2, plus: 0.005, minPrior: 200 },
    split: DEFAULT_SPLIT,
  };
}
