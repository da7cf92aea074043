// Chances and times over many runs, and which run is the typical one.

import { describe, expect, test } from 'vitest';
import type { RunResult } from '../../../../src/cli/plan/run-result.ts';
import { findTypical, quantileOf, summarize } from '../../../../src/cli/plan/summary.ts';
import { bandOf, horizonOf, tellRun, weightAt } from '../../../../src/cli/plan/timeline.ts';

function aRun(change: Partial<RunResult> = {}): RunResult {
  const ended = { ending: 'promoted' as const, atMs: 100_000, reason: 'Promoted', message: '', stage: 1, asked: false };
  return { ...ended, turnedAtMs: undefined, expected: { canaryRequests: 100, extraFailures: 0 }, steps: [], entries: [], ...change };
}

const back = (atMs: number, extraFailures: number) =>
  aRun({ ending: 'rolledBack', reason: 'ErrorRatio', atMs, turnedAtMs: 1_000, expected: { canaryRequests: 50, extraFailures } });

describe('a summary', () => {
  const runs = [aRun(), back(30_000, 4), back(50_000, 8), aRun({ ending: 'asked', reason: 'Inconclusive', atMs: 7_000 })];

  test('a summary has chance, median and ninth tenth of each ending', () => {
    const { promoted, rolledBack, asked, unfinished } = summarize(runs);
    expect(promoted).toEqual({ chance: 0.25, runs: 1, medianMs: 100_000, p90Ms: 100_000 });
    expect(rolledBack).toEqual({
      chance: 0.5,
      runs: 2,
      medianMs: 30_000,
      p90Ms: 50_000,
      medianAfterTurnMs: 29_000,
      p90AfterTurnMs: 49_000,
    });
    expect(asked.chance).toBe(0.25);
    expect(summarize([aRun(), aRun({ asked: true })]).askedOnTheWay).toBe(0.5);
    expect(unfinished).toEqual({ chance: 0, runs: 0 });
  });

  test('a summary lists reasons, the most likely first, and what failed', () => {
    const { reasons, extraFailures } = summarize(runs);
    expect(reasons[0]).toEqual({ ending: 'rolledBack', reason: 'ErrorRatio', chance: 0.5 });
    expect(extraFailures).toEqual({ mean: 3, p90: 8 });
  });

  test('a summary of nothing is refused', () => {
    expect(() => summarize([])).toThrow(RangeError);
  });

  test('a summary calls the run typical that ends in the commonest way nearest to its median', () => {
    expect(findTypical([aRun(), back(90_000, 0), back(10_000, 0), back(50_000, 0)])).toBe(3);
  });

  test('a summary takes quantiles that there were', () => {
    expect([0, 0.5, 0.9, 1].map((quantile) => quantileOf([4, 1, 3, 2], quantile))).toEqual([1, 2, 4, 4]);
  });
});

describe('the weight over time', () => {
  const steps = [
    { atMs: 1_000, weight: 5 },
    { atMs: 3_000, weight: 50 },
  ];

  test('the weight over time stays until the next step', () => {
    expect([0, 1_000, 2_999, 3_000, 9_000].map((atMs) => weightAt(steps, atMs))).toEqual([0, 5, 5, 50, 50]);
  });

  test('the weight over time has a band that leaves the outer tenths out', () => {
    const runs = [...Array.from({ length: 9 }, () => aRun({ steps })), aRun({ steps: [{ atMs: 0, weight: 100 }] })];
    expect(bandOf(runs, 4_000, 3)).toEqual([
      { atMs: 0, low: 0, high: 0 },
      { atMs: 2_000, low: 5, high: 5 },
      { atMs: 4_000, low: 50, high: 50 },
    ]);
  });

  test('the weight over time is drawn a little longer than nine of ten runs', () => {
    expect(horizonOf(aRun({ atMs: 1_000 }), [aRun({ atMs: 1_000 }), aRun({ atMs: 100_000 })])).toBe(102_000);
  });

  test('the weight over time is shown with the moment at which the canary turned bad', () => {
    const entry = (atMs: number) => ({ atMs, state: 'stage.analyzing', weight: 5, reason: 'StageStarted', message: '' });
    const run = aRun({ turnedAtMs: 2_000, entries: [entry(1_000), entry(2_000), entry(3_000)] });
    expect(tellRun(run, true).map(({ reason }) => reason)).toEqual(['StageStarted', 'StageStarted', 'CanaryTurns', 'StageStarted']);
    expect(tellRun(run, false)).toBe(run.entries);
  });
});
