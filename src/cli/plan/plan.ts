// A plan: how a release would end under given traffic, from many simulated runs and one typical one.

import { nameStage } from '../../core/release/report/events.ts';
import { type Lane, type Lanes, simulateBatch } from './lanes.ts';
import type { RunResult } from './run-result.ts';
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

/** Runs that are asked for at once. */
const BATCH = 10;
const BAND_POINTS = 160;

/** How a plan may use the machine. */
export interface Workshop {
  /** Called with the number of finished runs; may wait. */
  readonly afterBatch: (done: number) => Promise<void>;
  /** Lanes beside this thread for that many more runs, if they are worth it. */
  readonly openLanes: (remaining: number) => Lanes | undefined;
}

/** Simulates. */
export async function makePlan(question: PlanQuestion, runs: number, workshop: Workshop): Promise<Plan> {
  const simulate = prepareSimulation(question);
  const results = [...simulateBatch(simulate, 0, Math.min(runs, BATCH))];
  await workshop.afterBatch(results.length);
  const more = results.length < runs ? workshop.openLanes(runs - results.length) : undefined;
  try {
    const here: Lane = (from, to) => Promise.resolve(simulateBatch(simulate, from, to));
    await simulateAll(more?.lanes ?? [here], results, runs, workshop.afterBatch);
  } finally {
    await more?.close();
  }
  const typicalIndex = findTypical(results);
  const typical = explainPause(question, simulate(typicalIndex, 'exact'));
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
async function simulateAll(lanes: readonly Lane[], results: RunResult[], runs: number, afterBatch: Workshop['afterBatch']): Promise<void> {
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
