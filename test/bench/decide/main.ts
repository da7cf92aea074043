// The benchmark of the decision: how often its facts are gathered and judged, what it costs, and what a plan of thousands costs.
// Counted and timed over the stories of model tests; CPU time, so that a busy machine does not show.

import { medianOf, printFigure } from '../figures.ts';
import { countCalls } from './observed-modules.ts';
import { measurePlan } from './plan-cost.ts';
import { takeDecisions, type Question, type TalliedDecision } from './tally.ts';

/** Rounds over all decisions of a story that are timed together, such samples, and those before them: by then everything is compiled. */
const [ROUNDS, SAMPLES, WARM_UP] = [5, 60, 200];

type Decide = typeof import('../../../src/core/release/decide.ts').decide;

/** Runs the benchmark. */
export async function runDecide(): Promise<void> {
  countCalls();
  const { tellDeployment, tellServices } = await import('./stories.ts');
  const { decide } = await import('../../../src/core/release/decide.ts');
  const services = await tally(tellServices);
  const deployment = await tally(tellDeployment);
  const all = [...services, ...deployment];
  printFigure('decide-gatherings', meanOf(all.map(({ gatherings }) => gatherings)), 'calls');
  printFigure('decide-assessments', meanOf(all.map(({ assessments }) => assessments)), 'calls');
  printFigure('decide-microseconds', measure(services, decide), 'microseconds');
  printFigure('decide-microseconds-deployment', measure(deployment, decide), 'microseconds');
  printFigure('plan-cpu-seconds', measurePlan(), 'seconds');
}

async function tally(tell: () => Promise<void>): Promise<readonly TalliedDecision[]> {
  takeDecisions();
  await tell();
  return takeDecisions();
}

/** CPU time of one decision, the median of the samples. Each round has objects of its own, as an operator that sees them first. */
function measure(decisions: readonly TalliedDecision[], decide: Decide): number {
  const story = decisions.map(({ question }) => question);
  const samples: number[] = [];
  for (let sample = -WARM_UP; sample < SAMPLES; sample += 1) {
    const rounds = Array.from({ length: ROUNDS }, () => structuredClone(story)).flat();
    const spent = decideAll(rounds, decide);
    if (sample >= 0) samples.push(spent / rounds.length);
    takeDecisions();
  }
  return medianOf(samples);
}

/** @returns microseconds of this process */
function decideAll(questions: readonly Question[], decide: Decide): number {
  const before = process.cpuUsage();
  for (const question of questions) decide(...question);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
