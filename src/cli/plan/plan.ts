// A plan: how a release would end under given traffic, from many simulated runs and one typical one.

import { nameStage } from '../../core/release/report/events.ts';
import { BATCH, type Lane, type Lanes, simulateBatch } from './lanes.ts';
import type { Outcome, RunResult } from './run-result.ts';
import { prepareSimulation, type PlanQuestion } from './simulation.ts';
import { findTypical, summarize, type Summary } from './summary.ts';
import { bandOf, type BandPoint, horizonOf } from './timeline.ts';

/** A stage of the release, and when the typical run was in it. */
export interface PlannedStage {
  readonly label: string;
  readonly weight: number;
  /** When its weight was effective; undefined where the typical run never reached it. */
  readonly atMs: number | undefined;
}

/** The plan of one release. */
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

const BAND_POINTS = 160;

/** How a plan may use the machine. */
export interface Workshop {
  /** Called with the number of finished runs; may wait. */
  readonly afterBatch: (done: number) => Promise<void>;
  /** Lanes beside this thread for the remaining runs, if they are worth it. Asked after every batch, until there are some. */
  readonly openLanes: (remaining: number) => Lanes | undefined;
}

/** Simulates. */
export async function makePlan(question: PlanQuestion, runs: number, workshop: Workshop): Promise<Plan> {
  const simulation = prepareSimulation(question);
  const results: Outcome[] = [];
  let more: Lanes | undefined;
  while (results.length < runs && more === undefined) {
    results.push(...simulateBatch(simulation, results.length, Math.min(runs, results.length + BATCH)));
    await workshop.afterBatch(results.length);
    if (results.length < runs) more = workshop.openLanes(runs - results.length);
  }
  try {
    await simulateAll(more?.lanes ?? [], results, runs, workshop.afterBatch);
  } finally {
    await more?.close();
  }
  const typicalIndex = findTypical(results);
  const typical = explainPause(question, simulation.tell(typicalIndex));
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

/** Every lane takes the next batch as soon as it is free; results lie in the order of the runs. */
async function simulateAll(lanes: readonly Lane[], results: Outcome[], runs: number, afterBatch: Workshop['afterBatch']): Promise<void> {
  let [next, done] = [results.length, results.length];
  const work = async (lane: Lane): Promise<void> => {
    while (next < runs) {
      const from = next;
      next = Math.min(runs, from + BATCH);
      const batch = await lane(from, next);
      for (const [index, result] of batch.entries()) results[from + index] = result;
      done += batch.length;
      await afterBatch(done);
    }
  };
  await Promise.all(lanes.map(work));
}

/** A paused manifest never starts its release, and its status does not say so clearly. */
function explainPause({ release }: PlanQuestion, run: RunResult): RunResult {
  const isHeld = run.ending === 'blocked' && release.spec.paused;
  return isHeld ? { ...run, message: 'spec.paused is true, so no release starts; set it to false' } : run;
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
