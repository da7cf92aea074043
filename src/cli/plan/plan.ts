// A plan: what would become of a release under given traffic, from many simulated runs and one typical one.

import { nameStage } from '../../core/release/sentences.ts';
import type { RunResult } from './run-result.ts';
import { prepareSimulation, type PlanQuestion } from './simulation.ts';
import { findTypical, summarize, type Summary } from './summary.ts';
import { bandOf, type BandPoint, horizonOf } from './timeline.ts';

/** A stage of the release, and when the typical run was in it. */
export interface PlannedStage {
  readonly label: string;
  readonly weight: number;
  /** When its weight was effective; undefined where the typical run never came there. */
  readonly atMs: number | undefined;
}

/** Everything that is said about one release. */
export interface Plan {
  readonly question: PlanQuestion;
  readonly summary: Summary;
  readonly typical: RunResult;
  readonly typicalIndex: number;
  readonly stages: readonly PlannedStage[];
  readonly band: readonly BandPoint[];
  /** How far drawings reach. */
  readonly untilMs: number;
}

/** Runs between two breaths. */
const BATCH = 10;
const BAND_POINTS = 160;

/**
 * Simulates.
 * @param afterBatch told how many runs are done; may wait
 */
export async function makePlan(question: PlanQuestion, runs: number, afterBatch: (done: number) => Promise<void>): Promise<Plan> {
  const simulate = prepareSimulation(question);
  const results: RunResult[] = [];
  while (results.length < runs) {
    const until = Math.min(runs, results.length + BATCH);
    while (results.length < until) results.push({ ...simulate(results.length, 'quick'), entries: [] });
    await afterBatch(results.length);
  }
  const typicalIndex = findTypical(results);
  const typical = simulate(typicalIndex, 'exact');
  const untilMs = horizonOf(typical, results);
  return {
    question,
    summary: summarize(results),
    typical,
    typicalIndex,
    stages: planStages(question, typical),
    band: bandOf(results, untilMs, BAND_POINTS),
    untilMs,
  };
}

function planStages({ release }: PlanQuestion, typical: RunResult): readonly PlannedStage[] {
  const { stages } = release.spec;
  const started = typical.entries.filter(({ reason }) => reason === 'StageStarted');
  return stages.map(({ name, weight }, index) => ({
    label: `${nameStage(index, stages.length, name)}, ${weight}%`,
    weight,
    atMs: started[index]?.atMs,
  }));
}
