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
import { latencySoFar } from './latency.ts';
import { COMPARED, type Compared, type JudgeSettings, type LatencyMetric } from './settings.ts';
import type { SplitEvidence } from '../sequential/split.ts';

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
  /** Bounds of the canary's error ratio minus serving's. */
  readonly lower: number;
  readonly upper: number;
  /** Sum of the evidence that counts, and what convicts. */
  readonly evidence: number;
  readonly needed: number;
  /** The metric that adds most. */
  readonly strongest: Compared;
  /** Quantile of both arms in seconds, where the strongest is one. */
  readonly latency?: { readonly quantile: LatencyMetric; readonly canary: number; readonly serving: number };
  /** Highest upper bound that earns the next weight. */
  readonly allowed: number;
  /** Share of the canary since the stage's weight is steady: measured, and asked for. */
  readonly split: { readonly tooMuch: boolean };
  /** Why a part of it is not compared. */
  readonly gap?: string;
}

/**
 * The decision rule in its order. What would change nothing any more is not computed: whether a difference is large enough to count
 * matters only where the evidence would convict.
 * @param nextShare share of all traffic that the canary gets at the next raise, 0..1
 */
export function findingOf(settings: JudgeSettings, state: JudgeState, nextShare: number): Finding {
  const all = COMPARED.map((name) => ({ name, evidence: evidenceIn(settings, state, name) }));
  const [total, needed] = [sum(all), neededBy(settings)];
  if (total >= needed && sum(all.filter(({ name }) => isWorthIt(settings, state, name))) >= needed) return 'worse';
  if (splitSoFar(settings, state).mismatch) return 'mismatch';
  // Half a conviction is no time for a raise, whether or not the difference is large enough to count.
  if (total >= Math.sqrt(needed)) return 'unproven';
  // A budget so large that ignorance keeps it is no proof either.
  if (state.canary.requests === 0 || state.serving.requests === 0) return 'unproven';
  return upperExcessSoFar(settings, state) <= allowedAt(settings, nextShare) ? 'earned' : 'unproven';
}

/** The evidence that convicts. */
function neededBy({ alpha }: JudgeSettings): number {
  return 1 / alpha;
}

/** The highest upper bound of the excess that earns the next weight. */
function allowedAt({ riskBudget }: JudgeSettings, nextShare: number): number {
  return riskBudget / nextShare;
}

/** The finding with all that is reported about it. @param nextShare share of all traffic that the canary gets at the next raise, 0..1 */
export function judgeComparison(settings: JudgeSettings, state: JudgeState, nextShare: number): Judgement {
  const all = evidenceOf(settings, state);
  const { lower, upper } = excessSoFar(settings, state);
  const strongest = findStrongest(all);
  const latency = describeLatency(state, strongest);
  return {
    finding: findingOf(settings, state, nextShare),
    canary: state.canary,
    serving: state.serving,
    lower,
    upper,
    evidence: sum(all.filter((one) => one.counts)),
    needed: neededBy(settings),
    strongest,
    ...(latency === undefined ? {} : { latency }),
    allowed: allowedAt(settings, nextShare),
    split: { tooMuch: isTooMuch(settings, splitSoFar(settings, state)) },
    ...(state.latency.problem === undefined ? {} : { gap: state.latency.problem }),
  };
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

function describeLatency(state: JudgeState, strongest: Compared): Judgement['latency'] {
  if (strongest === 'errors' || strongest === 'clientErrors') return undefined;
  const found = latencySoFar(state.latency, strongest);
  return found === undefined ? undefined : { quantile: strongest, ...found };
}
