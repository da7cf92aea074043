import { describe, expect, test } from 'vitest';
import { classifyMetric, startKayenta } from '../../../bench/judge/kayenta.ts';
import { estimateShift, TiedError } from '../../../bench/judge/mann-whitney.ts';

const ONES = Array.from({ length: 10 }, () => 1);
/** The data of a published report: seven of ten points a hundred times worse, and still a pass. */
const SEVEN_WORSE = [...Array.from({ length: 7 }, () => 100), 1, 1, 1];

describe('estimateShift', () => {
  test('estimateShift gives the published interval and estimate of seven points of ten a hundred times worse', () => {
    const { lower, upper, estimate } = estimateShift(SEVEN_WORSE, ONES);
    expect(estimate).toBe(98.99992904170193);
    expect(lower).toBeCloseTo(6.825022991538781e-5, 15);
    expect(upper).toBe(99);
  });

  test('estimateShift finds the middle of all differences for samples without ties', () => {
    const canary = [1.13, 2.74, 3.31, 5.92, 8.05, 9.47, 11.2];
    const baseline = [0.58, 1.86, 2.07, 4.49, 6.61, 7.78];
    const differences = canary.flatMap((a) => baseline.map((b) => a - b)).sort((a, b) => a - b);
    const { lower, upper, estimate } = estimateShift(canary, baseline);
    // 42 differences: the estimate lies between the two in the middle, up to the tolerance of the root.
    expect(estimate).toBeGreaterThan((differences[20] ?? 0) - 1e-4);
    expect(estimate).toBeLessThan((differences[21] ?? 0) + 1e-4);
    expect(lower).toBeLessThan(estimate);
    expect(upper).toBeGreaterThan(estimate);
  });

  test('estimateShift does not depend on the order of the points', () => {
    expect(estimateShift(SEVEN_WORSE.toReversed(), ONES)).toEqual(estimateShift(SEVEN_WORSE, ONES));
  });

  test('throws where every value is tied', () => {
    expect(() => estimateShift([2, 2, 2], [1, 1])).toThrow(TiedError);
  });
});

describe('classifyMetric', () => {
  test('classifyMetric passes seven points of ten a hundred times worse, and fails eight', () => {
    expect(classifyMetric(SEVEN_WORSE, ONES)).toBe('Pass');
    expect(classifyMetric([...Array.from({ length: 8 }, () => 100), 1, 1], ONES)).toBe('High');
  });

  test('classifyMetric passes sparse errors against none', () => {
    expect(classifyMetric([0, 1, 2, 1, 0, 0], [0, 0, 0, 0, 0, 0])).toBe('Pass');
  });

  test('classifyMetric passes the same points in another order, also when there are few values', () => {
    expect(classifyMetric([3, 1, 2], [1, 2, 3])).toBe('Pass');
    expect(classifyMetric([0, 0, 0], [0, 0])).toBe('Pass');
  });

  test('classifyMetric does not fail a canary that is better', () => {
    expect(
      classifyMetric(
        ONES,
        Array.from({ length: 10 }, () => 5),
      ),
    ).toBe('Pass');
  });

  test('classifyMetric leaves out NaN and has no verdict without points', () => {
    expect(classifyMetric([Number.NaN, Number.NaN], ONES)).toBe('NoData');
    expect(classifyMetric([...SEVEN_WORSE, Number.NaN, 100], ONES)).toBe(classifyMetric([...SEVEN_WORSE, 100], ONES));
  });

  test('classifyMetric fails a constant that is above another one, and errs where noise has no width', () => {
    expect(
      classifyMetric(
        Array.from({ length: 10 }, () => 5),
        ONES,
      ),
    ).toBe('High');
    expect(
      classifyMetric(
        ONES,
        Array.from({ length: 10 }, () => 0),
      ),
    ).toBe('Error');
  });
});

test('the Kayenta judge judges every five minutes over all points since the start', () => {
  const rule = startKayenta((arm: number) => arm);
  const asked = Array.from({ length: 30 }, (_, index) =>
    rule({ atSeconds: (index + 1) * 60, canary: 5 + (index % 3), stable: 1 + (index % 2) }),
  );
  expect(asked.indexOf(true)).toBe(4);
  expect(asked.filter(Boolean)).toHaveLength(6);
});
