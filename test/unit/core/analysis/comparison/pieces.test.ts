import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ArmSeries, bordersBetween, type Cell, cellLength, cutCells } from '../../../../../src/core/analysis/comparison/cells.ts';
import { foldCell, type JudgeState, startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { contextOf } from '../../../../../src/core/analysis/comparison/schedule.ts';
import type { Series } from '../../../../../src/core/analysis/series.ts';
import { classifyHttp } from '../../../../../src/sources/codes.ts';
import { after, START } from '../../../../fixtures/builders.ts';
import { SETTINGS, STEADY } from './support.ts';

const outcomeOf = (labels: Readonly<Record<string, string>>) => classifyHttp(labels['code']);
/** Prometheus is asked for so much more than a piece: what a base may be old. */
const SLACK_MS = 120_000;

/** One scrape: how long after the one before, what was counted, and what befell it. */
const scrape = fc.record({
  gapMs: fc.integer({ min: 900, max: 20_000 }),
  increment: fc.integer({ min: 0, max: 60 }),
  fate: fc.constantFrom('kept', 'kept', 'kept', 'missing', 'reset', 'notANumber'),
});

/** A counter that is there from some scrape on; what it truly counted is the sum of its increments. */
const counter = fc.record({
  code: fc.constantFrom('200', '200', '404', '503'),
  bornAfter: fc.integer({ min: 0, max: 6 }),
  scrapes: fc.array(scrape, { minLength: 8, maxLength: 40 }),
});

function toSeries({
  code,
  bornAfter,
  scrapes,
}: {
  code: string;
  bornAfter: number;
  scrapes: readonly { gapMs: number; increment: number; fate: string }[];
}): Series {
  let atMs = START - 5_000;
  let value = 0;
  let unusable = 0;
  const samples: { atMs: number; value: number }[] = [];
  for (const [index, { gapMs, increment, fate }] of scrapes.entries()) {
    atMs += gapMs;
    value = fate === 'reset' ? increment : value + increment;
    // Longer silences than the slack are another matter: then a base is out of reach. What is no number is no base either.
    unusable = fate === 'missing' || fate === 'notANumber' ? unusable + 1 : 0;
    const lost = unusable > 0 && unusable < 4;
    if (!lost) unusable = 0;
    if (index < bornAfter || (lost && fate === 'missing')) continue;
    samples.push({ atMs, value: lost ? Number.NaN : value });
  }
  return { labels: { code }, samples };
}

const arm = fc
  .array(counter, { minLength: 1, maxLength: 4 })
  .map((all): ArmSeries => ({ counts: all.map(toSeries), latency: [], perSecond: 1 }));

/** What an answer for (fromMs − slack, toMs] holds. */
function seen({ counts, latency, perSecond }: ArmSeries, fromMs: number, toMs: number): ArmSeries {
  const within = (all: readonly Series[]) =>
    all.map(({ labels, samples }) => ({ labels, samples: samples.filter(({ atMs }) => atMs > fromMs - SLACK_MS && atMs <= toMs) }));
  return { counts: within(counts), latency: within(latency), perSecond };
}

interface Story {
  readonly canary: ArmSeries;
  readonly serving: ArmSeries;
  readonly grid: { readonly anchorMs: number; readonly lengthMs: number };
}

/** Folds up to each of these times, one after the other, and notes every cell that was cut. */
function foldPieces(
  { canary, serving, grid }: Story,
  times: readonly number[],
): { readonly state: JudgeState; readonly cells: readonly Cell[] } {
  let state = startJudge(SETTINGS);
  const cells: Cell[] = [];
  for (const untilMs of times) {
    const fromMs = state.foldedToMs;
    const borders = bordersBetween(grid, fromMs, untilMs);
    const arms = { canary: seen(canary, fromMs, untilMs), serving: seen(serving, fromMs, untilMs) };
    for (const cell of cutCells(arms, { fromMs, borders }, outcomeOf, 'whole')) {
      if (cell.toMs > state.foldedToMs) cells.push(cell);
      state = foldCell(SETTINGS, state, cell, contextOf(STEADY, cell));
    }
  }
  return { state, cells };
}

const story = fc.record({
  canary: arm,
  serving: arm,
  interval: fc.constantFrom(1_000, 3_500, 10_000, 15_000),
  phase: fc.integer({ min: 0, max: 999 }),
});

test('rule 5: the state is the same whether samples are read at once, look by look, or again from the start after a restart', () => {
  fc.assert(
    fc.property(story, fc.integer({ min: 1, max: 40 }), ({ canary, serving, interval, phase }, restartAfter) => {
      const given: Story = { canary, serving, grid: { anchorMs: START + phase, lengthMs: cellLength(interval, 'caller') } };
      const looks = Array.from({ length: Math.floor(300_000 / interval) }, (_, index) => START + phase + (index + 1) * interval);
      const lookByLook = foldPieces(given, looks);
      const inOneGo = foldPieces(given, looks.slice(-1));
      const restarted = foldPieces(given, looks.slice(Math.min(restartAfter, looks.length - 1)));
      expect(lookByLook.cells).toEqual(inOneGo.cells);
      expect(lookByLook.state).toEqual(inOneGo.state);
      expect(restarted.state).toEqual(inOneGo.state);
    }),
    { numRuns: 60 },
  );
});

test('rule 5: a look that is folded twice changes nothing', () => {
  fc.assert(
    fc.property(story, ({ canary, serving, phase }) => {
      const given: Story = { canary, serving, grid: { anchorMs: START + phase, lengthMs: 2_000 } };
      const looks = [60, 70, 80, 90].map((seconds) => after(seconds) + phase);
      expect(
        foldPieces(
          given,
          looks.flatMap((look) => [look, look, look - 10_000]),
        ).state,
      ).toEqual(foldPieces(given, looks).state);
    }),
    { numRuns: 30 },
  );
});

test('nothing is counted twice: the cells hold what the counters grew by, no more and no less', () => {
  fc.assert(
    fc.property(story, ({ canary, serving, interval, phase }) => {
      const given: Story = { canary, serving, grid: { anchorMs: START + phase, lengthMs: cellLength(interval, 'caller') } };
      const looks = Array.from({ length: 30 }, (_, index) => START + phase + (index + 1) * 10_000);
      const { cells, state } = foldPieces(given, looks);
      // The last look may end inside a cell, which the next one would fold.
      const grown = canary.counts.reduce((sum, { samples }) => sum + growth(samples.filter(({ atMs }) => atMs <= state.foldedToMs)), 0);
      expect(cells.reduce((sum, cell) => sum + cell.canary.requests, 0)).toBe(grown);
      expect(state.canary.requests).toBe(grown);
    }),
    { numRuns: 40 },
  );
});

/** What a counter grew by since the start, the plain way. */
function growth(samples: readonly { readonly atMs: number; readonly value: number }[]): number {
  const counted = samples.filter(({ value }) => !Number.isNaN(value));
  return counted.reduce((sum, { atMs, value }, index) => {
    const before = counted[index - 1]?.value ?? 0;
    return atMs <= START ? sum : sum + (value >= before ? value - before : value);
  }, 0);
}
