// What the comparison says at one look, as plain numbers: the decision rule in its order, and what a person wants to know of it.

import {
  evidenceIn,
  evidenceOf,
  excessSoFar,
  isWorthIt,
  splitSoFar,
  upperExcessSoFar,
  type ArmTotals,
  type JudgeState,
  type MetricEvidence,
} from './judge.ts';
import { latencySoFar, type QuantilePair } from './latency.ts';
import { COMPARED, type Compared, type JudgeSettings, type LatencyMetric, type RiskBudget } from './settings.ts';
import type { SplitEvidence } from '../sequential/split.ts';
import type { WideBucket } from './wide-bucket.ts';

/**
 * `worse`: the canary is worse than serving, proven. `mismatch`: the gateway does not split as asked. `earned`: the next weight
 * is earned. `unproven`: neither, so it continues.
 */
export type Finding = 'worse' | 'mismatch' | 'earned' | 'unproven';

/** The printed result of the judge; nothing else of it is ever stored. */
export interface Judgement {
  readonly finding: Finding;
  readonly canary: ArmTotals;
  readonly serving: ArmTotals;
  /** Requests of the canary a second since its first one; absent while too few came for a forecast. */
  readonly perSecond?: number;
  /** Bounds of the canary's error ratio minus serving's. */
  readonly lower: number;
  readonly upper: number;
  /** Sum of the evidence that counts, and what convicts. */
  readonly evidence: number;
  readonly needed: number;
  /** The metric that adds most. */
  readonly strongest: Compared;
  /** Quantile of both arms in seconds, where the strongest is one. */
  readonly latency?: QuantilePair & { readonly quantile: LatencyMetric };
  /** Highest upper bound that earns the next weight, and which part of the budget says so. */
  readonly allowed: number;
  readonly budget: keyof RiskBudget;
  /** Share of the canary since the stage's weight is steady: measured, and asked for. */
  readonly split: { readonly tooMuch: boolean };
  /** Why a part of it is not compared. */
  readonly gap?: string;
  /** The wide bucket that serving's latency fills: what differs inside it cannot be seen. A limit of what is known, no fault. */
  readonly wide?: WideBucket;
}

/** What is next for the canary. */
export interface NextRaise {
  /** Its share of all traffic then, 0..1. */
  readonly share: number;
  /** At least so long it is served, milliseconds; what may fail is counted in this time. */
  readonly lastsMs: number;
}

/**
 * The decision rule in its order. What would change nothing any more is not computed: whether a difference is large enough to count
 * matters only where the evidence would convict.
 */
function findingOf(settings: JudgeSettings, state: JudgeState, next: NextRaise): Finding {
  const all = COMPARED.map((name) => ({ name, evidence: evidenceIn(settings, state, name) }));
  const [total, needed] = [sum(all), neededBy(settings)];
  if (total >= needed && sum(all.filter(({ name }) => isWorthIt(settings, state, name))) >= needed) return 'worse';
  if (splitSoFar(settings, state).mismatch) return 'mismatch';
  // Half a conviction is no time for a raise, whether or not the difference is large enough to count.
  if (total >= Math.sqrt(needed)) return 'unproven';
  // A budget so large that ignorance keeps it is no proof either.
  if (state.canary.requests === 0 || state.serving.requests === 0) return 'unproven';
  const { allowed, budget } = allowedAt(settings, state, next);
  // Where a number of requests is the budget, few of them may be all that there is: that must not be none.
  if (budget === 'requests' && state.canary.requests < FEWEST_REQUESTS) return 'unproven';
  return upperExcessSoFar(settings, state) <= allowed ? 'earned' : 'unproven';
}

const FEWEST_REQUESTS = 5;

/** The finding alone, with what a Pass goes by. */
export function findingAt(settings: JudgeSettings, state: JudgeState, next: NextRaise): Pick<Judgement, 'finding' | 'budget'> {
  return { finding: findingOf(settings, state, next), budget: allowedAt(settings, state, next).budget };
}

/** The evidence that convicts. */
function neededBy({ alpha }: JudgeSettings): number {
  return 1 / alpha;
}

/** However few requests come, a canary that may fail more than half of them has proven nothing. */
const MOST_EXCESS_BY_REQUESTS = 0.5;
/** A shorter stage is over before it can be convicted: its requests are counted over so long. */
const SHORTEST_STAGE_MS = 60_000;

/** The highest upper bound of the excess that earns the next weight, and which part of the budget says so. */
function allowedAt(
  settings: JudgeSettings,
  state: JudgeState,
  { share, lastsMs }: NextRaise,
): { readonly allowed: number; readonly budget: keyof RiskBudget } {
  const { ratio, requests } = settings.riskBudget;
  const perSecond = rateOf(settings, state);
  const [byRatio, byRequests] = [ratio / share, perSecond === undefined ? 0 : allowedByRequests(requests, perSecond, { share, lastsMs })];
  return byRequests > byRatio ? { allowed: byRequests, budget: 'requests' } : { allowed: byRatio, budget: 'ratio' };
}

/** The excess at which so many requests of a stage fail. */
export function allowedByRequests(requests: number, perSecond: number, { share, lastsMs }: NextRaise): number {
  if (requests === 0) return 0;
  const expected = (perSecond * share * Math.max(SHORTEST_STAGE_MS, lastsMs)) / 1_000;
  return Math.min(MOST_EXCESS_BY_REQUESTS, requests / expected);
}

/** From so many requests on the release's own rate is known better than that of the half hour before. */
const ENOUGH_FOR_A_RATE = 200;

/** Requests of both versions a second. */
function rateOf({ rateBefore }: JudgeSettings, { canary, serving, countedMs }: JudgeState): number | undefined {
  const requests = canary.requests + serving.requests;
  return requests < ENOUGH_FOR_A_RATE || countedMs === 0 ? rateBefore : (requests * 1_000) / countedMs;
}

/** The finding with all that is reported about it. */
export function judgeComparison(settings: JudgeSettings, state: JudgeState, next: NextRaise): Judgement {
  const all = evidenceOf(settings, state);
  const { lower, upper } = excessSoFar(settings, state);
  const strongest = findStrongest(all);
  const latency = describeLatency(settings, state, strongest);
  const { problem, picked } = state.latency;
  const perSecond = canaryRateOf(state);
  return {
    finding: findingOf(settings, state, next),
    canary: state.canary,
    serving: state.serving,
    ...(perSecond === undefined ? {} : { perSecond }),
    lower,
    upper,
    evidence: sum(all.filter((one) => one.counts)),
    needed: neededBy(settings),
    strongest,
    ...(latency === undefined ? {} : { latency }),
    ...allowedAt(settings, state, next),
    split: { tooMuch: isTooMuch(settings, splitSoFar(settings, state)) },
    ...(problem === undefined ? {} : { gap: problem }),
    ...(problem !== undefined || picked?.wide === undefined ? {} : { wide: picked.wide }),
  };
}

/** A rate from fewer requests may be wrong by half, and a time that is derived from it by far more. */
const LEAST_FOR_A_FORECAST = 30;

function canaryRateOf({ canary: { requests }, firstCanaryMs, foldedToMs }: JudgeState): number | undefined {
  if (firstCanaryMs === undefined || requests < LEAST_FOR_A_FORECAST || foldedToMs <= firstCanaryMs) return undefined;
  return (requests * 1_000) / (foldedToMs - firstCanaryMs);
}

function isTooMuch({ split: { side = 'both' } }: JudgeSettings, { logETooMuch, logETooLittle }: SplitEvidence): boolean {
  return side === 'both' ? logETooMuch > logETooLittle : side === 'tooMuch';
}

function sum(all: readonly Pick<MetricEvidence, 'evidence'>[]): number {
  return all.reduce((total, { evidence }) => total + evidence, 0);
}

/** The one that adds most to what counts; errors where nothing does. */
function findStrongest(all: readonly MetricEvidence[]): Compared {
  const counting = all.filter((one) => one.counts);
  return (
    counting.reduce<MetricEvidence | undefined>((best, one) => (best === undefined || one.evidence > best.evidence ? one : best), undefined)
      ?.name ?? 'errors'
  );
}

function describeLatency(settings: JudgeSettings, state: JudgeState, strongest: Compared): Judgement['latency'] {
  if (strongest === 'errors' || strongest === 'clientErrors') return undefined;
  const found = latencySoFar(state.latency, strongest, settings);
  return found === undefined ? undefined : { quantile: strongest, ...found };
}
