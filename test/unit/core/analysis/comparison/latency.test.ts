import { describe, expect, test } from 'vitest';
import { foldCell, primeJudge, startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { judgeComparison } from '../../../../../src/core/analysis/comparison/judgement.ts';
import {
  bordersFor,
  hasMoved,
  isLatencyWorse,
  latencySoFar,
  NO_LATENCY,
  restartLatency,
} from '../../../../../src/core/analysis/comparison/latency.ts';
import { contextOf } from '../../../../../src/core/analysis/comparison/schedule.ts';
import { aCell, foldAll, histogram, primed, SETTINGS, STEADY, UPPERS, raiseTo } from './support.ts';

/** Of 1,000 requests half take up to 50 ms, 4% more than 100 ms, 1% more than 250 ms. */
const FAST = histogram([500, 460, 30, 9, 1]);
const SLOW = histogram([100, 300, 400, 150, 40, 10]);
const both = (end: number, canary = FAST, serving = FAST) =>
  aCell(end, { requests: 1_000, buckets: canary }, { requests: 1_000, buckets: serving });
const EVEN = { spans: [] };
const judged = (...cells: readonly ReturnType<typeof both>[]) =>
  judgeComparison(SETTINGS, foldAll(cells, { ...EVEN, from: primed(FAST) }), raiseTo(0.2));
const ends = (from: number, to: number) => Array.from({ length: (to - from) / 10 + 1 }, (_, index) => from + index * 10);

/** p99, p90 and p50, each with the next border. */
const OF_FAST = [0.25, 0.5, 0.1, 0.25, 0.05, 0.1];

describe('the borders of latency', () => {
  test('the borders of latency are picked from serving before the release: the smallest that few enough requests exceed, and the next one', () => {
    expect(bordersFor(primed(FAST).latency)).toEqual(OF_FAST);
    expect(primed(FAST).latency.recent).toEqual([]);
  });

  test('the borders of latency are picked from serving in the release where nothing was known, and the cell that they come from is not judged by them', () => {
    const state = foldAll([both(10)], EVEN);
    expect(bordersFor(state.latency)).toEqual(OF_FAST);
    expect(state.open.canary.timed + state.wealth.p99.total.nc).toBe(0);
  });

  test('the borders of latency that are picked while the canary is warm do not judge the very cell that they were chosen from', () => {
    const unknown = { ...startJudge(SETTINGS), firstCanaryMs: 0 };
    const frozen = foldAll([both(100)], { ...EVEN, from: unknown });
    expect(bordersFor(frozen.latency)).toEqual(OF_FAST);
    expect(frozen.wealth.p99.total.nc).toBe(0);
    expect(foldAll([both(110)], { ...EVEN, from: frozen }).wealth.p99.total.nc).toBe(1_000);
  });

  test('the borders of latency wait until serving has shown enough', () => {
    const few = primed(histogram([100, 50]));
    expect(few.latency.picked).toBeUndefined();
    expect(few.latency.recent.at(-1)).toBe(150);
    expect(foldAll([aCell(10, {}, { requests: 50, buckets: histogram([50]) })], { from: few }).latency.picked).toBeDefined();
  });

  test('the borders of latency are the upper edge of the bucket that serving fills, and the one above, also where that bucket is the first', () => {
    expect(bordersFor(primed(histogram([1_000])).latency)).toEqual([0.05, 0.1, 0.05, 0.1, 0.05, 0.1]);
    expect(bordersFor(primed(histogram([0, 0, 1_000])).latency)).toEqual([0.25, 0.5, 0.25, 0.5, 0.25, 0.5]);
  });

  test('the borders of latency are the largest finite one twice where none is above it: that one has the whole share', () => {
    expect(bordersFor(primed(histogram([0, 0, 0, 0, 0, 1_000])).latency)).toEqual([2.5, 2.5, 2.5, 2.5, 2.5, 2.5]);
    expect(bordersFor(primed(histogram([0, 0, 0, 0, 0, 0, 1_000])).latency)).toEqual([2.5, 2.5, 2.5, 2.5, 2.5, 2.5]);
  });

  test('the borders of latency are never exceeded where the histogram has no finite one', () => {
    const only = histogram([1_000], [Number.POSITIVE_INFINITY]);
    const state = foldAll(
      ends(10, 200).map((end) => both(end, only, only)),
      { ...EVEN, from: primed(only) },
    );
    expect(bordersFor(state.latency)).toEqual(Array.from({ length: 6 }, () => Number.POSITIVE_INFINITY));
    expect(state.wealth.p99.total).toMatchObject({ xc: 0, xs: 0 });
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2))).toMatchObject({ finding: 'earned', strongest: 'errors' });
  });

  test('the borders of latency cannot be primed by a cell that cannot be counted', () => {
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
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2)).finding).toBe('earned');
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
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2)).finding).not.toBe('worse');
  });

  test('late is convicted too: a window begins at every restart point, and only some are kept', () => {
    const cells = ends(10, 3_000).map((end) => both(end, end > 2_500 ? SLOW : FAST));
    const state = foldAll(cells, { ...EVEN, from: primed(FAST) });
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2)).finding).toBe('worse');
    expect(state.latency.windows.length).toBeLessThanOrEqual(7);
  });
});

describe('the borders of latency at a restart point', () => {
  const drifted = [0, 0, 500, 480, 15, 5];
  const minutes = (from: number, to: number, canary: readonly number[], serving: readonly number[]) =>
    ends(from, to).map((end) => both(end, histogram(canary), histogram(serving)));
  const usual = [500, 460, 30, 9, 1];

  test('the borders of latency follow serving at a restart point, and what was won on the old ones stays won', () => {
    const before = foldAll(minutes(10, 290, drifted, drifted), { ...EVEN, from: primed(FAST) });
    expect(bordersFor(before.latency)).toEqual(OF_FAST);
    const [next] = minutes(300, 300, drifted, drifted);
    if (next === undefined) throw new Error('there is no cell');
    const after = foldCell(SETTINGS, before, next, contextOf([], next));
    expect(bordersFor(after.latency)).toEqual([1, 2.5, 0.5, 1, 0.25, 0.5]);
    expect(hasMoved(before.latency, after.latency, 'p99')).toBe(true);
    expect(hasMoved(before.latency, after.latency, 'errors')).toBe(false);
    // The block before it was closed by the old borders; the cell itself is counted by the new ones, against which nothing is known yet.
    expect(after.wealth.p99.total).toEqual({ xc: 5, xs: 5, nc: 1_000, ns: 1_000 });
    expect(after.wealth.p99.reserve).toBeCloseTo(before.wealth.p99.reserve * 0.875, 12);
    expect(Math.max(...after.wealth.p99.logs)).toBeGreaterThan(Math.max(...before.wealth.p99.logs) - 1e-9);
  });

  test('the borders of latency stay where serving has not answered enough since they were picked, and what it answered is kept', () => {
    const state = restartLatency({ ...primed(FAST).latency, recent: [0, 0, 0, 0, 0, 999, 999] }, SETTINGS);
    expect(bordersFor(state)).toEqual(OF_FAST);
    expect(state.recent.at(-1)).toBe(999);
    expect(bordersFor(restartLatency({ ...state, recent: [0, 0, 0, 0, 0, 1_000, 1_000] }, SETTINGS))).toEqual(
      Array.from({ length: 6 }, () => 2.5),
    );
  });

  test('the borders of latency do not depend on the canary', () => {
    const of = (canary: readonly number[]) =>
      bordersFor(foldAll(minutes(10, 310, canary, drifted), { ...EVEN, from: primed(FAST) }).latency);
    expect(of([0, 0, 0, 0, 0, 0, 1_000])).toEqual(of(usual));
  });

  test('a canary that is slower is found although serving became slower by two buckets before the release', () => {
    const both3 = histogram([0, 0, 1_000]);
    const slower = histogram([0, 0, 0, 1_000]);
    const state = foldAll(
      ends(10, 600).map((end) => both(end, slower, both3)),
      { ...EVEN, from: primed(histogram([1_000])) },
    );
    expect(bordersFor(state.latency)?.[0]).toBe(0.25);
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2))).toMatchObject({ finding: 'worse' });
  });

  test('the same cells give the same borders and the same evidence, in however many pieces they are folded', () => {
    const cells = [...minutes(10, 400, usual, usual), ...minutes(410, 900, drifted, drifted)];
    const whole = foldAll(cells, { ...EVEN, from: primed(FAST) });
    const half = foldAll(cells.slice(0, 37), { ...EVEN, from: primed(FAST) });
    expect(foldAll(cells, { ...EVEN, from: half })).toEqual(whole);
  });
});

describe('a canary beyond what the buckets distinguish', () => {
  const within = histogram([0, 0, 0, 0, 0, 1_000]);
  const beyond = histogram([0, 0, 0, 0, 0, 0, 1_000]);
  const stateOf = (canary: readonly { upper: number; count: number }[], serving: readonly { upper: number; count: number }[]) =>
    foldAll(
      ends(10, 200).map((end) => both(end, canary, serving)),
      { ...EVEN, from: primed(serving) },
    );

  test('a canary beyond the largest bound is slow, not unknown, also where serving is just below it', () => {
    for (const serving of [FAST, within]) {
      const judgement = judgeComparison(SETTINGS, stateOf(beyond, serving), raiseTo(0.2));
      expect(judgement).toMatchObject({ finding: 'worse', latency: { canary: 2.5, beyond: true } });
      expect(judgement.latency?.worth).toBeLessThanOrEqual(2.5);
    }
  });

  test('a canary beyond the largest bound with serving is not worse, and the wide bucket is told', () => {
    const judgement = judgeComparison(SETTINGS, stateOf(beyond, beyond), raiseTo(0.2));
    expect(judgement).toMatchObject({ finding: 'earned', wide: { lower: 2.5, upper: Number.POSITIVE_INFINITY } });
  });

  test('the wide bucket that serving fills is told, and told no more when its buckets cannot be read', () => {
    const layout = [0.1, 0.3, 1.2, 5, Number.POSITIVE_INFINITY];
    const traefik = histogram([1_000], layout);
    const from = primed(traefik);
    const state = foldAll(
      ends(10, 200).map((end) => both(end, traefik, traefik)),
      { ...EVEN, from },
    );
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2))).toMatchObject({ finding: 'earned', wide: { lower: 0, upper: 0.1 } });
    const broken = foldAll([both(80, traefik.slice(0, -1), traefik)], { ...EVEN, from: { ...from, firstCanaryMs: 0 } });
    expect(judgeComparison(SETTINGS, broken, raiseTo(0.2))).not.toHaveProperty('wide');
  });

  test('twenty canary requests are enough to see that it is slow', () => {
    const few = (end: number) => aCell(end, { requests: 7, buckets: histogram([0, 0, 0, 0, 0, 7]) }, { requests: 1_000, buckets: FAST });
    const found = ends(70, 100).findIndex((_, index, all) => {
      const state = foldAll(all.slice(0, index + 1).map(few), { ...EVEN, from: { ...primed(FAST), firstCanaryMs: 0 } });
      return isLatencyWorse(state.latency, 'p99', SETTINGS);
    });
    expect(found).toBe(2);
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
        expect(judgeComparison(SETTINGS, state, raiseTo(0.2)).gap).toBe(problem);
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
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2))).toMatchObject({ finding: 'earned', gap: state.latency.problem });
  });

  test('latency without a histogram of the canary adds nothing for or against it', () => {
    const cells = ends(10, 200).map((end) => aCell(end, { requests: 1_000 }, { requests: 1_000, buckets: FAST }));
    const state = foldAll(cells, { ...EVEN, from: start });
    expect(state.wealth.p99.total.nc).toBe(0);
    expect(judgeComparison(SETTINGS, state, raiseTo(0.2)).finding).toBe('earned');
  });

  test('a canary is not worse because serving was not timed while the canary was', () => {
    const cells = ends(70, 300).map((end) => aCell(end, { requests: 1_000, buckets: SLOW }, { requests: 1_000 }));
    const state = foldAll(cells, { ...EVEN, from: { ...start, firstCanaryMs: 0 } });
    expect(isLatencyWorse(state.latency, 'p50', SETTINGS)).toBe(false);
    expect(latencySoFar(state.latency, 'p50', SETTINGS)).toBeUndefined();
  });

  test('latency that cannot be compared says nothing of quantiles before anything was timed', () => {
    expect(latencySoFar(NO_LATENCY, 'p99', SETTINGS)).toBeUndefined();
    expect(latencySoFar(start.latency, 'p99', SETTINGS)).toBeUndefined();
    expect(isLatencyWorse(start.latency, 'p99', SETTINGS)).toBe(false);
    expect(restartLatency(NO_LATENCY, SETTINGS)).toBe(NO_LATENCY);
  });
});
