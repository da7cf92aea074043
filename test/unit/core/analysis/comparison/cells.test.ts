import { describe, expect, test } from 'vitest';
import { type ArmSeries, bordersBetween, cellLength, cutCells } from '../../../../../src/core/analysis/comparison/cells.ts';
import type { History } from '../../../../../src/core/analysis/increments.ts';
import { classifyHttp } from '../../../../../src/sources/codes.ts';
import { after, START } from '../../../../fixtures/builders.ts';
import { series } from './support.ts';

const NOBODY: ArmSeries = { counts: [], latency: [], perSecond: 1 };
const outcomeOf = (labels: Readonly<Record<string, string>>) => classifyHttp(labels['code']);

/** The canary's counts in cells of 10 s from the start. */
function cut(arm: Partial<ArmSeries>, seconds = 30, history: History = 'whole') {
  const borders = bordersBetween({ anchorMs: START, lengthMs: 10_000 }, START, after(seconds));
  return cutCells({ canary: { ...NOBODY, ...arm }, serving: NOBODY }, { fromMs: START, borders }, outcomeOf, history);
}
const requestsOf = (...given: Parameters<typeof cut>) => cut(...given).map(({ canary }) => canary.requests);

describe('the length of a cell', () => {
  test('the length of a cell is a fifth of the interval, and no shorter than a second', () => {
    expect(cellLength(10_000, 'caller')).toBe(2_000);
    expect(cellLength(60_000, 'caller')).toBe(12_000);
    expect(cellLength(3_000, 'caller')).toBe(1_000);
    expect(cellLength(1_000, 'caller')).toBe(1_000);
    expect(cellLength(3_500, 'caller')).toBeCloseTo(1_166.67, 2);
  });

  test('the length of a cell is a whole look where pods report themselves: the two arms are scraped at different moments', () => {
    expect(cellLength(10_000, 'server')).toBe(10_000);
    expect(cellLength(1_000, 'server')).toBe(1_000);
  });
});

describe('the borders of cells', () => {
  test('the borders of cells lie on the grid of the looks, phase included, after the one time and up to the other', () => {
    const grid = { anchorMs: START + 1_120, lengthMs: 2_000 };
    expect(bordersBetween(grid, START, START + 6_000)).toEqual([START + 1_120, START + 3_120, START + 5_120]);
    expect(bordersBetween(grid, START + 1_120, START + 5_120)).toEqual([START + 3_120, START + 5_120]);
    expect(bordersBetween(grid, START + 5_120, START + 5_121)).toEqual([]);
    expect(bordersBetween(grid, START + 5_120, START + 1_120)).toEqual([]);
  });

  test('the borders of cells of a length that is no whole number of milliseconds leave out none and name none twice', () => {
    const grid = { anchorMs: START + 7, lengthMs: 3_500 / 3 };
    const whole = bordersBetween(grid, START, START + 35_007);
    expect(whole).toHaveLength(31);
    const pieces: number[] = [];
    for (let look = 1; look <= 10; look += 1) {
      const last = pieces.at(-1) ?? START;
      pieces.push(...bordersBetween(grid, last, START + 7 + look * 3_500).filter((border) => border > last));
    }
    expect(pieces).toEqual(whole);
  });
});

describe('the counts of a cell', () => {
  test('the counts of a cell are the increments whose later sample lies in it, by the class of the answer', () => {
    const cells = cut({
      counts: [
        series({ code: '200' }, [0, 100], [10, 130], [20, 170], [30, 170]),
        series({ code: '503' }, [0, 5], [10, 6], [20, 8], [30, 8]),
        series({ code: '404' }, [0, 1], [10, 1], [20, 4], [30, 4]),
        series({ code: '100' }, [0, 1], [10, 99]),
      ],
    });
    expect(cells.map(({ canary }) => [canary.requests, canary.serverErrors, canary.clientErrors])).toEqual([
      [31, 1, 0],
      [45, 2, 3],
      [0, 0, 0],
    ]);
    expect(cells.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [START, after(10)],
      [after(10), after(20)],
      [after(20), after(30)],
    ]);
  });

  test('the counts of a cell begin from 0 again when a counter falls', () => {
    expect(requestsOf({ counts: [series({ code: '200' }, [0, 100], [10, 130], [20, 7], [30, 9])] })).toEqual([30, 7, 2]);
  });

  test('the counts of a series that is born in the window begin with its first value: those are the canary’s first bad answers', () => {
    const cells = cut({ counts: [series({ code: '200' }, [0, 10], [10, 20], [20, 30]), series({ code: '500' }, [20, 4], [30, 6])] });
    expect(cells.map(({ canary }) => canary.serverErrors)).toEqual([0, 4, 2]);
  });

  test('the counts of a series that appears after Prometheus lost its history leave its first value out', () => {
    expect(requestsOf({ counts: [series({ code: '200' }, [20, 4_000], [30, 4_006])] }, 30, 'lost')).toEqual([0, 0, 6]);
  });

  test('pass over samples that are no counts and take up where they were', () => {
    const points = [
      [0, 10],
      [5, Number.NaN],
      [10, 12],
      [15, Number.POSITIVE_INFINITY],
      [20, -3],
      [25, 1e300],
      [30, 17],
    ] as const;
    expect(requestsOf({ counts: [series({ code: '200' }, ...points)] })).toEqual([2, 0, 5]);
  });

  test('the counts of a cell leave out what lies at or before the beginning, and what lies in the future', () => {
    expect(requestsOf({ counts: [series({ code: '200' }, [-10, 0], [0, 50], [10, 51], [31, 90], [4_000, 1e6])] })).toEqual([1, 0, 0]);
  });

  test('the counts of an arm without series are none', () => {
    expect(cut({})[0]?.canary).toEqual({ requests: 0, serverErrors: 0, clientErrors: 0, buckets: [] });
    expect(cutCells({ canary: NOBODY, serving: NOBODY }, { fromMs: START, borders: [] }, outcomeOf, 'whole')).toEqual([]);
  });
});

describe('the buckets of a cell', () => {
  test('the buckets of a cell are in seconds and in order, summed over the series', () => {
    const latency = [
      series({ le: '+Inf', pod: 'a' }, [0, 0], [10, 9]),
      series({ le: '250', pod: 'a' }, [0, 0], [10, 7]),
      series({ le: '+Inf', pod: 'b' }, [0, 5], [10, 6]),
      series({ le: '250', pod: 'b' }, [0, 5], [10, 6]),
    ];
    expect(cut({ latency, perSecond: 1_000 }, 10)[0]?.canary.buckets).toEqual([
      { upper: 0.25, count: 8 },
      { upper: Number.POSITIVE_INFINITY, count: 10 },
    ]);
  });

  test('the buckets of a cell are there with 0 requests where the layout is known', () => {
    expect(cut({ latency: [series({ le: '+Inf' }, [0, 3], [30, 4])] })[0]?.canary.buckets).toEqual([
      { upper: Number.POSITIVE_INFINITY, count: 0 },
    ]);
  });

  test('buckets that do not say their bound are left out', () => {
    expect(cut({ latency: [series({}, [0, 3], [10, 4]), series({ le: 'much' }, [0, 3], [10, 4])] })[0]?.canary.buckets).toEqual([]);
  });
});
