// What the comparison says at one look, as plain numbers: the decision rule in its order, and what a person wants to know of it.

import { evidenceOf, excessSoFar, splitSoFar, type ArmTotals, type JudgeState, type MetricEvidence } from './judge.ts';
import { latencySoFar } from './latency.ts';
import type { Compared, JudgeSettings, LatencyMetric } from './settings.ts';
import type { SplitEvidence } from '../sequential/split.ts';

/**
 * `worse`: the canary is worse than serving, proven. `mismatch`: the gateway does not split as asked. `earned`: the next weight
 * is earned. `unproven`: neither, so it goes on.
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

/** @param nextShare share of all traffic that the canary gets at the next raise, 0..1 */
export function judgeComparison(settings: JudgeSettings, state: JudgeState, nextShare: number): Judgement {
  const all = evidenceOf(settings, state);
  const evidence = sum(all.filter((one) => one.counts));
  const needed = 1 / settings.alpha;
  const { lower, upper } = excessSoFar(settings, state);
  const split = splitSoFar(settings, state);
  const allowed = settings.riskBudget / nextShare;
  // Half a conviction is no time for a raise, whether or not the difference is large enough to count.
  const suspicious = sum(all) >= Math.sqrt(needed);
  // A budget so large that ignorance keeps it is no proof either.
  const compared = state.canary.requests > 0 && state.serving.requests > 0;
  const strongest = findStrongest(all);
  const latency = describeLatency(state, strongest);
  return {
    finding: find({ convicted: evidence >= needed, mismatch: split.mismatch, earned: compared && upper <= allowed && !suspicious }),
    canary: state.canary,
    serving: state.serving,
    lower,
    upper,
    evidence,
    needed,
    strongest,
    ...(latency === undefined ? {} : { latency }),
    allowed,
    split: { tooMuch: isTooMuch(settings, split) },
    ...(state.latency.problem === undefined ? {} : { gap: state.latency.problem }),
  };
}

function isTooMuch({ split: { side = 'both' } }: JudgeSettings, { logETooMuch, logETooLittle }: SplitEvidence): boolean {
  return side === 'both' ? logETooMuch > logETooLittle : side === 'tooMuch';
}

function find(facts: { readonly convicted: boolean; readonly mismatch: boolean; readonly earned: boolean }): Finding {
  if (facts.convicted) return 'worse';
  if (facts.mismatch) return 'mismatch';
  return facts.earned ? 'earned' : 'unproven';
}

function sum(all: readonly MetricEvidence[]): number {
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
