import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countIncrements, newestSampleAt, scrapeIntervalOf } from '../../../../src/core/analysis/increments.ts';
import type { Sample, Series } from '../../../../src/core/analysis/series.ts';

/** Samples at 10, 20, 30, ... with these values. */
function samples(...values: readonly number[]): readonly Sample[] {
  return values.map((value, index) => ({ atMs: (index + 1) * 10, value }));
}

function series(...times: readonly number[]): Series {
  return { labels: {}, samples: times.map((atMs) => ({ atMs, value: 1 })) };
}

describe('the increments of a counter', () => {
  test('the increments of a counter are counted from the last sample at or before the span', () => {
    expect(countIncrements(samples(5, 7, 10, 14), { fromMs: 20, toMs: 40 })).toBe(7);
    expect(countIncrements(samples(5, 7, 10, 14), { fromMs: 25, toMs: 40 })).toBe(7);
  });

  test('the increments of a counter leave out what comes after the span', () => {
    expect(countIncrements(samples(5, 7, 10, 14), { fromMs: 10, toMs: 30 })).toBe(5);
  });

  test('the increments of a series that is born inside the span count from 0: its first value are the first bad answers of a canary', () => {
    expect(countIncrements(samples(3, 4), { fromMs: 5, toMs: 40 })).toBe(4);
  });

  test('the increments of a counter count a restarted counter from 0', () => {
    expect(countIncrements(samples(100, 110, 4, 9), { fromMs: 10, toMs: 40 })).toBe(10 + 4 + 5);
  });

  test('the increments of a counter count a restart whose last value lies before the span', () => {
    expect(countIncrements(samples(100, 4), { fromMs: 10, toMs: 20 })).toBe(4);
  });

  test('pass over what is no count', () => {
    expect(countIncrements(samples(1, Number.NaN, Number.POSITIVE_INFINITY, -5, 1e300, 3), { fromMs: 10, toMs: 60 })).toBe(2);
  });

  test('the increments of a counter are 0 without samples and without change', () => {
    expect(countIncrements([], { fromMs: 0, toMs: 100 })).toBe(0);
    expect(countIncrements(samples(5, 5, 5), { fromMs: 10, toMs: 100 })).toBe(0);
  });

  test('the increments of two neighbouring spans add up to those of both: nothing is counted twice and nothing is lost', () => {
    const anyValues = fc.array(fc.nat({ max: 1_000 }), { maxLength: 12 });
    fc.assert(
      fc.property(anyValues, fc.nat({ max: 130 }), fc.nat({ max: 130 }), fc.nat({ max: 130 }), (values, a, b, c) => {
        const [fromMs = 0, middle = 0, toMs = 0] = [a, b, c].sort((one, other) => one - other);
        const all = samples(...values);
        const parts = countIncrements(all, { fromMs, toMs: middle }) + countIncrements(all, { fromMs: middle, toMs });
        expect(parts).toBe(countIncrements(all, { fromMs, toMs }));
      }),
    );
  });
});

describe('the newest sample', () => {
  test('the newest sample is the newest of all series, not after the given time', () => {
    expect(newestSampleAt([series(10, 20, 90), series(15, 25)], 50)).toBe(25);
  });

  test('the newest sample is undefined without one', () => {
    expect(newestSampleAt([], 50)).toBeUndefined();
    expect(newestSampleAt([series(), series(60)], 50)).toBeUndefined();
  });
});

describe('the scrape interval', () => {
  test('the scrape interval is the median distance in the longest series', () => {
    expect(scrapeIntervalOf([series(0, 3), series(0, 10, 20, 50, 61)])).toBe(11);
    expect(scrapeIntervalOf([series(0, 10, 20, 50)])).toBe(10);
  });

  test('the scrape interval is unknown with fewer than two samples', () => {
    expect(scrapeIntervalOf([])).toBeUndefined();
    expect(scrapeIntervalOf([series(10)])).toBeUndefined();
  });
});
