// The numbers that the comparison is made with. What a team chooses comes from the spec; the rest is fixed here, with its reason.

import { parseDuration } from '../../../api/duration.ts';
import { parseLimit, parsePercent } from '../../../api/quantity.ts';
import type { CanaryReleaseSpec } from '../../../api/release.ts';
import { LITTLE_TRAFFIC_PER_SECOND } from '../../../api/spec.ts';
import type { GrossSettings } from './gross.ts';
import { DEFAULT_SPLIT, type SplitSettings } from '../sequential/split.ts';
import type { WealthSettings } from '../sequential/wealth.ts';

/** What is compared: answers of 500 and above, answers of 400 to 499, and requests slower than borders that are picked beforehand. */
export const COMPARED = ['errors', 'clientErrors', 'p99', 'p90', 'p50'] as const;
export type Compared = (typeof COMPARED)[number];

/** Bets on "slower than a border", two for each quantile, in the order of the counts in a block. */
export const LATENCY_BETS = ['p99', 'p99Far', 'p90', 'p90Far', 'p50', 'p50Far'] as const;
export type LatencyBet = (typeof LATENCY_BETS)[number];

/** Each bet has a wealth of its own. */
export type Bet = 'errors' | 'clientErrors' | LatencyBet;

/** The bets of a metric, which have equal parts of its share. */
export const BETS_OF: Readonly<Record<Compared, readonly [Bet, ...Bet[]]>> = {
  errors: ['errors'],
  clientErrors: ['clientErrors'],
  p99: ['p99', 'p99Far'],
  p90: ['p90', 'p90Far'],
  p50: ['p50', 'p50Far'],
};

/** The metric that a bet belongs to. */
export const METRIC_OF: Readonly<Record<Bet, Compared>> = {
  errors: 'errors',
  clientErrors: 'clientErrors',
  p99: 'p99',
  p99Far: 'p99',
  p90: 'p90',
  p90Far: 'p90',
  p50: 'p50',
  p50Far: 'p50',
};

interface Metric {
  /** Part of the budget of false rollbacks; all parts together are 1. Its bets divide it. */
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

/** How latency is compared. */
export interface LatencySettings {
  /** A quantile of the canary matters from factor x serving + plus (seconds), */
  readonly factor: number;
  readonly plus: number;
  /** over so many requests of the canary since the release began. */
  readonly minCanary: number;
  /** Borders are picked when serving has answered so many requests, and again at a restart point after so many more. */
  readonly minPrior: number;
  readonly minAgain: number;
}

/** The same for every release. */
export const LATENCY: LatencySettings = { factor: 1.2, plus: 0.005, minCanary: 20, minPrior: 200, minAgain: 1_000 };

/** What a raise may risk. */
export interface RiskBudget {
  /** Share of all traffic, 0..1. */
  readonly ratio: number;
  /** Failed requests in the next stage; 0: the share alone counts. */
  readonly requests: number;
}

/** Everything a judge of one release needs to know beforehand. */
export interface JudgeSettings {
  /** Bound of the probability that a healthy release is ever rolled back. */
  readonly alpha: number;
  /** Level of the one-sided bounds that a raise is earned with. */
  readonly beta: number;
  /** What may fail additionally after the next raise: the larger of the two. */
  readonly riskBudget: RiskBudget;
  /** Requests of serving a second before the release; undefined where nothing is known. */
  readonly rateBefore: number | undefined;
  /** When the release began, Unix milliseconds: restart points lie on a grid from here. */
  readonly startMs: number;
  readonly restartEveryMs: number;
  /** A block is whole with so many requests of either arm, or when it is this old. */
  readonly block: { readonly minPerArm: number; readonly maxAgeMs: number };
  /** `wealth` is that of one bet on the metric. */
  readonly metrics: Readonly<Record<Compared, Metric & { readonly wealth: WealthSettings }>>;
  /** Latency counts from so long after the first weight: cold pods are slow. */
  readonly warmupMs: number;
  readonly latency: LatencySettings;
  readonly split: SplitSettings;
  readonly gross: GrossSettings;
}

/** What is known of serving alone, before the canary had any weight. */
export interface Prior {
  /** Dispersion of serving's own errors: between its replicas, over time where it has only one; undefined where nothing is known. */
  readonly phi: number | undefined;
  /** Targets that counted serving's requests: replicas of the gateway, or pods; undefined where nothing is known. */
  readonly replicas: number | undefined;
  /** Milliseconds between two samples; undefined where nothing is known. */
  readonly scrapeMs: number | undefined;
  /** Requests a second, over the time that there are samples of; undefined where nothing is known. */
  readonly perSecond: number | undefined;
  /** What had no data: no client error, no histogram. */
  readonly unseen: readonly Compared[];
}

/** Nothing is known of what serving did. */
export const NO_PRIOR: Prior = { phi: undefined, replicas: undefined, scrapeMs: undefined, perSecond: undefined, unseen: [] };

/** A conviction needs evidence from so many times. */
const MIN_TIMES = 3;
/** Where requests are few there are few in a burst, and every error has to count for more. */
const LITTLE_TRAFFIC = { pi0: 0.9, minBlocks: 2, grid: [3, 10, 30, 100] } as const;
/** What had no data before the release keeps this part of its share, in case some comes; errors take the rest. */
const KEPT_UNSEEN = 0.1;
/** So long a burst of errors may last and still be one event. */
const BURST_MS = 10_000;
/** One replica shows a burst of `BURST_MS` in as many milliseconds, and a cell more. */
const SPAN_OF_ONE_MS = 12_000;
/** Of a service that nothing was counted of before its release. A longer one would keep a version that is bad for minutes. */
const USUAL_SCRAPE_MS = 15_000;
/** An outage of the canary that is shorter than about half of it should pass. */
const SHORTEST_WINDOW_MS = 6_000;

/** Settings for a release of this spec that began at `startMs`. @param share part of the allowed false rollbacks that is the comparison's */
export function judgeSettings(spec: CanaryReleaseSpec, startMs: number, prior: Prior, share = 1): JudgeSettings {
  const { maxFalseRollbacks } = spec.analysis.comparison;
  // Neither never nor always is a bound that evidence can be weighed against.
  const alpha = Math.min(0.5, Math.max(1e-6, parseLimit(maxFalseRollbacks).value * share));
  return settingsFor({ alpha, riskBudget: riskBudgetOf(spec), startMs, prior });
}

/** The risk budget of a spec; a percentage alone is the ratio, as it was before requests could be written. */
export function riskBudgetOf({ analysis: { comparison } }: CanaryReleaseSpec): RiskBudget {
  const { riskBudget } = comparison;
  const { ratio, requests } = typeof riskBudget === 'string' ? { ratio: riskBudget, requests: 0 } : riskBudget;
  return { ratio: parsePercent(ratio), requests };
}

/** The same from plain numbers, for simulations. */
export function settingsFor(given: {
  readonly alpha: number;
  readonly riskBudget: RiskBudget;
  readonly startMs: number;
  readonly prior: Prior;
}): JudgeSettings {
  const { alpha, riskBudget, startMs, prior } = given;
  const isQuiet = hasLittleTraffic(prior);
  const wealth = ({ share, rho }: Metric, bets: number): WealthSettings => ({
    alpha,
    share: share / bets,
    rho,
    delta: 0,
    pi0: 0.5,
    restartFraction: 0.125,
    minBlocks: MIN_TIMES,
    ...(isQuiet ? LITTLE_TRAFFIC : {}),
    spanMs: spanOf(prior, isQuiet),
    kappa: 2.5,
    phiPre: Math.max(1, prior.phi ?? 1),
    onlinePhi: true,
  });
  const withWealth = (name: Compared) => {
    const metric = { ...METRICS[name], share: shareOf(name, isQuiet ? prior.unseen : []) };
    return { ...metric, wealth: wealth(metric, BETS_OF[name].length) };
  };
  return {
    alpha,
    beta: 0.05,
    riskBudget,
    rateBefore: prior.perSecond,
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
    latency: LATENCY,
    split: DEFAULT_SPLIT,
    gross: grossOf(prior),
  };
}

function hasLittleTraffic({ perSecond }: Prior): boolean {
  return perSecond !== undefined && perSecond < LITTLE_TRAFFIC_PER_SECOND;
}

/** Known before the canary is seen, so it costs no guarantee. All shares together stay 1. */
function shareOf(name: Compared, unseen: readonly Compared[]): number {
  const given = unseen.filter((one) => one !== 'errors').reduce((sum, one) => sum + METRICS[one].share * (1 - KEPT_UNSEEN), 0);
  if (name === 'errors') return METRICS.errors.share + given;
  return METRICS[name].share * (unseen.includes(name) ? KEPT_UNSEEN : 1);
}

/**
 * A burst is counted by all replicas, each at its own next scrape: so long its parts come in. One replica alone shows it in the scrapes
 * that lie in it; where two times convict, the scrapes on both sides of it must not be two.
 */
function spanOf({ replicas, scrapeMs }: Prior, isQuiet: boolean): number {
  return replicas === 1 && !isQuiet ? SPAN_OF_ONE_MS : (scrapeMs ?? USUAL_SCRAPE_MS) + BURST_MS;
}

function grossOf({ replicas = 1, scrapeMs = USUAL_SCRAPE_MS }: Prior): GrossSettings {
  const windowMs = scrapeMs < SHORTEST_WINDOW_MS ? Math.max(SHORTEST_WINDOW_MS, 2 * scrapeMs) : scrapeMs;
  return {
    windowMs,
    // No more than there are scrapes in it.
    minCells: Math.min(3, Math.max(1, Math.floor(windowMs / scrapeMs))),
    minBad: 8,
    minElsewhere: 4,
    replicas,
    minRatio: 0.2,
    level: 1e-4,
  };
}
