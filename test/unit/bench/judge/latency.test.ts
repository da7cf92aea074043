import { describe, expect, test } from 'vitest';
import { BOUNDARIES, drawLatencies, interpolateP99, normalCdf, planLatencies, type LatencyCounts } from '../../../bench/judge/latency.ts';
import { createRandom } from '../../../bench/judge/random.ts';

function countsOf(byBound: Readonly<Record<number, number>>): LatencyCounts {
  return { buckets: [...BOUNDARIES, Number.POSITIVE_INFINITY].map((le) => byBound[le] ?? 0) };
}

function cellOf(scenario: string) {
  const cell = planLatencies().find((one) => one.scenario === scenario);
  if (cell === undefined) throw new RangeError(`no scenario ${scenario}`);
  return cell;
}

describe('interpolateP99', () => {
  test('interpolateP99 is linear inside a bucket', () => {
    // Rank 99 of 100 is the fourth of five requests between 0.5 and 1 s.
    expect(interpolateP99(countsOf({ 0.1: 95, 1: 5 }))).toBeCloseTo(0.5 + 0.5 * 0.8, 12);
    expect(interpolateP99(countsOf({ 0.005: 100 }))).toBeCloseTo(0.005 * 0.99, 12);
  });

  test('interpolateP99 is the last finite bound beyond it, and NaN of nothing', () => {
    expect(interpolateP99(countsOf({ 0.1: 50, [Number.POSITIVE_INFINITY]: 50 }))).toBe(10);
    expect(interpolateP99(countsOf({}))).toBeNaN();
  });
});

test.each([
  [0, 0.5],
  [1, 0.8413447460685429],
  [-1.959963984540054, 0.025],
  [2.3263478740408408, 0.99],
  [-4, 3.167124183311992e-5],
])('the normal distribution below %d is %d', (z, expected) => {
  expect(Math.abs(normalCdf(z) / expected - 1)).toBeLessThan(1e-6);
});

describe('planLatencies', () => {
  test('every arm has all of its requests in some bucket', () => {
    const cells = planLatencies();
    expect(cells).toHaveLength(30);
    for (const { canary, stable } of cells) {
      for (const shares of [canary, stable]) {
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
      }
    }
  });

  test('half of the requests are below a median that is scaled to a bound', () => {
    const [first, second] = [cellOf('healthy'), cellOf('scale 1.25')];
    const below = (shares: readonly number[]) => shares.slice(0, BOUNDARIES.indexOf(0.1) + 1).reduce((sum, share) => sum + share, 0);
    expect(below(second.canary)).toBeCloseTo(0.5, 6);
    expect(below(first.canary)).toBeGreaterThan(0.5);
  });

  test('a delay moves requests over every bound below it', () => {
    const { canary } = cellOf('100% hang +3 s');
    expect(canary.slice(0, BOUNDARIES.indexOf(2.5) + 1).every((share) => share === 0)).toBe(true);
  });
});

test('a drawn histogram has its shares', () => {
  const { stable } = cellOf('healthy');
  const { buckets } = drawLatencies(createRandom(1, 2, 3), 1e6, stable);
  for (const [i, share] of stable.entries()) {
    expect(Math.abs((buckets[i] ?? 0) - 1e6 * share)).toBeLessThan(5 * Math.sqrt(1e6 * share) + 1);
  }
});
