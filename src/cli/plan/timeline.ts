// The weight over time, of one run and of all runs together, for people and for drawings.

import type { Entry, Outcome, RunResult, WeightStep } from './run-result.ts';
import { quantileOf } from './summary.ts';

/** The weight that traffic follows at a time. What a run ends with stays. */
export function weightAt(steps: readonly WeightStep[], atMs: number): number {
  let weight = 0;
  for (const step of steps) {
    if (step.atMs > atMs) break;
    weight = step.weight;
  }
  return weight;
}

/** One point of the band that four of five runs stay in. */
export interface BandPoint {
  readonly atMs: number;
  readonly low: number;
  readonly high: number;
}

/** @param points so many points from 0 to `untilMs`, both included */
export function bandOf(results: readonly Outcome[], untilMs: number, points: number): readonly BandPoint[] {
  return Array.from({ length: points }, (_, index) => {
    const atMs = (untilMs * index) / Math.max(1, points - 1);
    const weights = results.map(({ steps }) => weightAt(steps, atMs));
    return { atMs, low: quantileOf(weights, 0.1), high: quantileOf(weights, 0.9) };
  });
}

/** How long a drawing has to reach: over the typical run and nine of ten of all. */
export function horizonOf(typical: RunResult, results: readonly Outcome[]): number {
  const ends = quantileOf(
    results.map(({ atMs }) => atMs),
    0.9,
  );
  return Math.max(1_000, typical.atMs, ends) * 1.02;
}

/** The events of a run, with the moment at which the canary's behaviour changed. */
export function tellRun(run: RunResult, turns: boolean): readonly Entry[] {
  const { turnedAtMs } = run;
  if (!turns || turnedAtMs === undefined) return run.entries;
  const index = run.entries.findIndex(({ atMs }) => atMs > turnedAtMs);
  const at = index === -1 ? run.entries.length : index;
  const before = run.entries[at - 1];
  const turn: Entry = {
    atMs: turnedAtMs,
    state: before?.state ?? 'stage.analyzing',
    weight: before?.weight ?? 0,
    reason: 'CanaryTurns',
    message: 'simulated: from now on the canary has its own error ratio and latency',
  };
  return [...run.entries.slice(0, at), turn, ...run.entries.slice(at)];
}
