import { describe, expect, test } from 'vitest';
import { foldCell, primeJudge, startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { judgeComparison } from '../../../../../src/core/analysis/comparison/judgement.ts';
import {
  boundsFor,
  isLatencyWorse,
  latencySoFar,
  NO_LATENCY,
  restartLatency,
} from '../../../../../src/core/analysis/comparison/latency.ts';
import { contextOf } from '../../../../../src/core/analysis/comparison/schedule.ts';
import { aCell, foldAll, histogram, primed, SETTINGS, STEADY, UPPERS } from './support.ts';

/** Of 1,000 requests half take up to 50 ms, 4% more than 100 ms, 1% more than 250 ms. */
const FAST = histogram([500, 460, 30, 9, 1]);
const SLOW = histogram([100, 300, 400, 150, 40, 10]);
const both = (end: number, canary = FAST, serving = FAST) =>
  aCell(end, { requests: 1_000, buckets: canary }, { requests: 1_000, buckets: serving });
const EVEN = { spans: [] };
const judged = (...cells: readonly ReturnType<typeof both>[]) =>
  judgeComparison(SETTINGS, foldAll(cells, { ...EVEN, from: primed(FAST) }), 0.2);
const ends = (from: number, to: number) => Array.from({ length: (to - from) / 10 + 1 }, (_, index) => from + index * 10);

describe('the bounds of latency', () => {
  test('the bounds of latency are frozen by serving before the release, at the buckets nearest to the quantiles', () => {
    expect(boundsFor(primed(FAST).latency)).toEqual([0.25, 0.1, 0.05]);
    expect(primed(FAST).latency.prior).toEqual([]);
  });

  test('the bounds of latency are frozen by serving in the release where nothing was known, and the cell that freezes them is not judged by them', () => {
    const state = foldAll([both(10)], EVEN);
    expect(boundsFor(state.latency)).toEqual([0.25, 0.1, 0.05]);
    expect(state.open.canary.timed + state.wealth.p99.total.nc).toBe(0);
  });

  test('the bounds of latency that are frozen while the canary is warm do not judge the very cell that they were chosen from', () => {
    const unknown = { ...startJudge(SETTINGS), firstCanaryMs: 0 };
    const frozen = foldAll([both(100)], { ...EVEN, from: unknown });
    expect(boundsFor(frozen.latency)).toEqual([0.25, 0.1, 0.05]);
    expect(frozen.wealth.p99.total.nc).toBe(0);
    expect(foldAll([both(110)], { ...EVEN, from: frozen }).wealth.p99.total.nc).toBe(1_000);
  });

  test('the bounds of latency wait until serving has shown enough', () => {
    const few = primed(histogram([100, 50]));
    expect(few.latency.bounds).toBeUndefined();
    expect(few.latency.prior.at(-1)).toBe(150);
    expect(foldAll([aCell(10, {}, { requests: 50, buckets: histogram([50]) })], { from: few }).latency.bounds).toBeDefined();
  });

  test('the bounds of latency lie at the first bucket where serving never left it', () => {
    expect(boundsFor(primed(histogram([1_000])).latency)).toEqual([0.05, 0.05, 0.05]);
  });

  test('the bounds of latency cannot be primed by a cell that cannot be counted', () => {
    const fresh = startJudge(SETTINGS);
    expect(primeJudge(SETTINGS, fresh, aCell(0, {}, { requests: -1, buckets: FAST }, 1_800))).toBe(fresh);
  });
});

describe('a canary that is slower', () => {
  test('a canary that is slower is convicted of latency once it is warm, and the quantiles of both are reported', () => {
    const judgement = judged(...ends(10, 200).map((end) => both(end, SLOW)));
    expect(judgement.finding).toBe('worse');
    expect(['p99', 'p90', 'p50']).toContain(judgement.strongest);
    expect(judgement.latency?.canary).toBeGreaterThan(2 * (judgement.latency?.serving ?? 1));
  });

  test('a canary that is slower in its first minute only, while its pods are cold, is not convicted', () => {
    const cells = ends(10, 300).map((end) => both(end, end <= 60 ? SLOW : FAST));
    const state = foldAll(cells, { ...EVEN, from: primed(FAST) });
    expect(judgeComparison(SETTINGS, state, 0.2).finding).toBe('earned');
    expect(state.latency.counted.canary.at(-1)).toBe(24_000);
    expect(state.firstCanaryMs).toBe(cells[0]?.fromMs);
  });

  test('together with serving is not', () => {
    expect(judged(...ends(10, 300).map((end) => both(end, SLOW, SLOW))).finding).toBe('earned');
  });

  test('a canary that is slower by less than people notice is not convicted: more requests above a bound alone do not count', () => {
    const slightly = histogram([480, 470, 36, 12, 2]);
    const state = foldAll(
      ends(10, 900).map((end) => both(end, slightly)),
      { ...EVEN, from: primed(FAST) },
    );
    expect(judgeComparison(SETTINGS, state, 0.2).finding).not.toBe('worse');
  });

  test('late is convicted too: a window begins at every restart point, and only some are kept', () => {
    const cells = ends(10, 3_000).map((end) => both(end, end > 2_500 ? SLOW : FAST));
    const state = foldAll(cells, { ...EVEN, from: primed(FAST) });
    expect(judgeComparison(SETTINGS, state, 0.2).finding).toBe('worse');
    expect(state.latency.windows.length).toBeLessThanOrEqual(7);
  });
});

describe('latency that cannot be compared', () => {
  const start = primed(FAST);
  const problemOf = (canary: readonly { upper: number; count: number }[], serving = FAST) => {
    const { state, ...rest } = { state: foldAll([both(70), both(80, canary, serving)], { ...EVEN, from: { ...start, firstCanaryMs: 0 } }) };
    return { ...rest, state, problem: state.latency.problem };
  };

  test.each([
    ['without a bucket to Infinity', FAST.slice(0, -1), 'noInfinityBucket'],
    ['whose counts fall', FAST.map(({ upper, count }, index) => ({ upper, count: index === 3 ? 5 : count })), 'notCumulative'],
    ['of another layout', histogram([500, 500], [0.1, 1, Number.POSITIVE_INFINITY]), 'different buckets'],
    ['with one bucket missing', FAST.filter((_, index) => index !== 2), 'different buckets'],
    ['that hold no counts', FAST.map(({ upper }) => ({ upper, count: 1e300 })), 'no counts'],
    ['that hold infinite counts', FAST.map(({ upper }) => ({ upper, count: Number.POSITIVE_INFINITY })), 'no counts'],
  ] as const)(
    'latency is left out because of buckets %s, the message says so, and errors are compared all the same',
    (_what, buckets, message) => {
      for (const { state, problem } of [problemOf(buckets), problemOf(FAST, buckets)]) {
        expect(problem).toContain('latency is not compared');
        expect(problem).toContain(message);
        expect(state.latency.counted.canary.at(-1)).toBe(1_000);
        expect(state.wealth.errors.total.nc).toBe(2_000);
        expect(state.wealth.p99.total.nc).toBe(1_000);
        expect(judgeComparison(SETTINGS, state, 0.2).gap).toBe(problem);
        const next = foldCell(SETTINGS, state, both(90), contextOf(STEADY, both(90)));
        expect(next.latency.problem).toBeUndefined();
      }
    },
  );

  test('a layout with too many buckets is left out, and the message says how many', () => {
    const uppers = [...Array.from({ length: 70 }, (_, index) => index + 1), Number.POSITIVE_INFINITY];
    const many = histogram([500], uppers);
    expect(foldAll([both(10, many, many)], EVEN).latency.problem).toBe('latency is not compared: 71 buckets are more than 64');
  });

  test('latency whose layout changed during the release stays left out, on both sides', () => {
    const other = histogram([500, 400, 100], [0.1, 0.2, Number.POSITIVE_INFINITY]);
    const state = foldAll(
      ends(70, 300).map((end) => (end < 150 ? both(end) : both(end, other, other))),
      { ...EVEN, from: { ...start, firstCanaryMs: 0 } },
    );
    expect(state.latency.problem).toContain('two times');
    expect(state.latency.uppers).toEqual(UPPERS);
    expect(state.wealth.p99.total.nc).toBe(8_000);
    expect(judgeComparison(SETTINGS, state, 0.2)).toMatchObject({ finding: 'earned', gap: state.latency.problem });
  });

  test('latency without a histogram of the canary adds nothing for or against it', () => {
    const cells = ends(10, 200).map((end) => aCell(end, { requests: 1_000 }, { requests: 1_000, buckets: FAST }));
    const state = foldAll(cells, { ...EVEN, from: start });
    expect(state.wealth.p99.total.nc).toBe(0);
    expect(judgeComparison(SETTINGS, state, 0.2).finding).toBe('earned');
  });

  test('a canary is not worse because serving was not timed while the canary was', () => {
    const cells = ends(70, 300).map((end) => aCell(end, { requests: 1_000, buckets: SLOW }, { requests: 1_000 }));
    const state = foldAll(cells, { ...EVEN, from: { ...start, firstCanaryMs: 0 } });
    expect(isLatencyWorse(state.latency, 'p50', SETTINGS)).toBe(false);
    expect(latencySoFar(state.latency, 'p50')).toBeUndefined();
  });

  test('latency that cannot be compared says nothing of quantiles before anything was timed', () => {
    expect(latencySoFar(NO_LATENCY, 'p99')).toBeUndefined();
    expect(latencySoFar(start.latency, 'p99')).toBeUndefined();
    expect(isLatencyWorse(start.latency, 'p99', SETTINGS)).toBe(false);
    expect(restartLatency(NO_LATENCY)).toBe(NO_LATENCY);
  });
});
