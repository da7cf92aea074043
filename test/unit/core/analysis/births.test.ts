import { describe, expect, test } from 'vitest';
import { findReturned, withBases } from '../../../../src/core/analysis/births.ts';
import { countIncrements } from '../../../../src/core/analysis/increments.ts';
import type { Series } from '../../../../src/core/analysis/series.ts';

const SECOND = 1_000;

/** A counter of a target with a sample every 5 s, from `from` to `to`. */
function counter(instance: string, code: string, first: number, each: number, from = 0, to = 300): Series {
  const samples = [];
  for (let at = from, value = first; at <= to; at += 5, value += each) samples.push({ atMs: at * SECOND, value });
  return { labels: { instance, code }, samples };
}

/** What is counted from second 120 to 300, of samples that were asked for from second 0 on. */
function count(series: readonly Series[], of: readonly Series[] = series): number {
  const returned = findReturned(series, 0);
  return withBases(of, returned, 120 * SECOND).reduce(
    (sum, { samples }) => sum + countIncrements(samples, { fromMs: 120 * SECOND, toMs: 300 * SECOND }),
    0,
  );
}

const steady = counter('a', '200', 90_000, 50);

describe('a series that was not there before', () => {
  test('a series of a target that comes back counts what it gains from then on, and not its life', () => {
    const back = [counter('b', '200', 20_000, 10, 200), counter('b', '503', 2_000, 0, 200)];
    expect(count([steady, ...back], back)).toBe(200);
    expect(count([steady, ...back])).toBe(36 * 50 + 200);
  });

  test('a series of a target that was scraped all the while counts from 0', () => {
    const born = counter('a', '503', 700, 0, 200);
    expect(count([steady, born], [born])).toBe(700);
  });

  test('a series of a target that is new counts from 0', () => {
    const born = [counter('b', '200', 40, 10, 200), counter('b', '503', 40, 0, 200)];
    expect(count([steady, ...born], born)).toBe(40 + 200 + 40);
  });

  test('a series that a target gets after it came back counts from 0', () => {
    const back = [counter('b', '200', 20_000, 10, 200), counter('b', '503', 3, 0, 220)];
    expect(count([steady, ...back], back)).toBe(203);
  });

  test('a series of the only target there is counts from 0', () => {
    const alone = counter('b', '200', 5_000, 10, 200);
    expect(count([alone])).toBe(5_200);
    expect(findReturned([], 0).size).toBe(0);
    expect(findReturned([{ labels: {}, samples: [] }, steady], 0).size).toBe(0);
  });

  test('the first series of a canary counts from 0, because the gateway was scraped before', () => {
    const canary = counter('b', '503', 300, 10, 200);
    expect(count([steady, counter('b', '200', 90_000, 50), canary], [canary])).toBe(500);
  });

  test('buckets in steps may lie up to the slack behind the counts', () => {
    const returned = findReturned([steady, counter('b', '200', 20_000, 10, 200)], 0);
    const bucket = counter('b', '', 19_000, 10, 210);
    expect(withBases([bucket], returned, 120 * SECOND)[0]).toBe(bucket);
    expect(withBases([bucket], returned, 120 * SECOND, 60 * SECOND)[0]?.samples[0]).toEqual({ atMs: 120 * SECOND, value: 19_000 });
  });

  test('a target that is there all the time keeps its samples as they are', () => {
    const busy = counter('b', '200', 1_000_000, 500);
    expect(withBases([busy], findReturned([steady, busy], 0), 120 * SECOND)[0]).toBe(busy);
  });
});
