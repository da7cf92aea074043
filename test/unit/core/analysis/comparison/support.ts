// What the tests of the comparison are made of: cells with round numbers, and traffic that a seed repeats.

import type { ArmCounts, Cell } from '../../../../../src/core/analysis/comparison/cells.ts';
import { foldCell, type JudgeState, primeJudge, startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { contextOf, type WeightSpan } from '../../../../../src/core/analysis/comparison/schedule.ts';
import type { NextRaise } from '../../../../../src/core/analysis/comparison/judgement.ts';
import { type JudgeSettings, NO_PRIOR, settingsFor } from '../../../../../src/core/analysis/comparison/settings.ts';
import type { Bucket } from '../../../../../src/core/analysis/histogram.ts';
import type { Series } from '../../../../../src/core/analysis/series.ts';
import { createRandom } from '../../../../fixtures/random.ts';
import { after, START } from '../../../../fixtures/builders.ts';

/** 1% false rollbacks, 0.5% of all traffic at risk, serving measured as not bursty. */
export const SETTINGS: JudgeSettings = settingsFor({
  alpha: 0.01,
  riskBudget: { ratio: 0.005, requests: 0 },
  startMs: START,
  prior: { ...NO_PRIOR, phi: 1, replicas: 2, scrapeMs: 10_000 },
});

/** A raise to this share, for good. */
export function raiseTo(share: number): NextRaise {
  return { share, lastsMs: Number.POSITIVE_INFINITY };
}

export function counts(change: Partial<ArmCounts> = {}): ArmCounts {
  return { requests: 0, serverErrors: 0, clientErrors: 0, buckets: [], ...change };
}

/** Bounds of the test histograms, seconds. */
export const UPPERS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, Number.POSITIVE_INFINITY];

/** A cumulative histogram from the requests of each bucket. */
export function histogram(inside: readonly number[], uppers: readonly number[] = UPPERS): readonly Bucket[] {
  let sum = 0;
  return uppers.map((upper, index) => {
    sum += inside[index] ?? 0;
    return { upper, count: sum };
  });
}

/** The cell of `seconds` that ends so many seconds after the start. */
export function aCell(endSeconds: number, canary: Partial<ArmCounts>, serving: Partial<ArmCounts>, seconds = 10): Cell {
  return { fromMs: after(endSeconds - seconds), toMs: after(endSeconds), canary: counts(canary), serving: counts(serving) };
}

/** One steady weight from the start on. */
export const STEADY: readonly WeightSpan[] = [{ weight: 10, fromMs: START, toMs: Number.POSITIVE_INFINITY }];

export function foldAll(
  cells: readonly Cell[],
  {
    settings = SETTINGS,
    spans = STEADY,
    from = startJudge(settings),
  }: { settings?: JudgeSettings; spans?: readonly WeightSpan[]; from?: JudgeState } = {},
): JudgeState {
  return cells.reduce((state, cell) => foldCell(settings, state, cell, contextOf(spans, cell)), from);
}

/** A judge that has seen serving's latency before the release. */
export function primed(serving: readonly Bucket[], settings: JudgeSettings = SETTINGS): JudgeState {
  const requests = serving.at(-1)?.count ?? 0;
  return primeJudge(settings, startJudge(settings), aCell(0, {}, { requests, buckets: serving }, 1_800));
}

/** How many of `trials` happen, by a seed. */
export function createDraw(seed: number): (trials: number, probability: number) => number {
  const random = createRandom(seed);
  return (trials, probability) => {
    let hits = 0;
    for (let index = 0; index < trials; index += 1) if (random() < probability) hits += 1;
    return hits;
  };
}

/** Share of bad answers by second since the start. */
type Ratio = (seconds: number) => number;

/** Cells of 10 s until `seconds`: so many requests of each arm a cell, failing at random. */
export function randomCells(
  seed: number,
  seconds: number,
  canary: { readonly each: number; readonly errors?: Ratio; readonly clientErrors?: Ratio },
  serving: { readonly each: number; readonly errors?: Ratio; readonly clientErrors?: Ratio },
): readonly Cell[] {
  const draw = createDraw(seed);
  const arm = ({ each, errors, clientErrors }: typeof canary, at: number): ArmCounts => {
    const serverErrors = draw(each, errors?.(at) ?? 0);
    return counts({ requests: each, serverErrors, clientErrors: draw(each - serverErrors, clientErrors?.(at) ?? 0) });
  };
  return Array.from({ length: seconds / 10 }, (_, index) => aCell((index + 1) * 10, arm(canary, index * 10), arm(serving, index * 10)));
}

/** A series with these values at these seconds after the start. */
export function series(
  labels: Readonly<Record<string, string>>,
  ...points: readonly (readonly [seconds: number, value: number])[]
): Series {
  return { labels, samples: points.map(([seconds, value]) => ({ atMs: after(seconds), value })) };
}
