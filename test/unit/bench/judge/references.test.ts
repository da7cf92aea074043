import { describe, expect, test } from 'vitest';
import { planLatencies } from '../../../bench/judge/latency.ts';
import {
  countReferences,
  findDeviations,
  findReference,
  isMedianPlausible,
  measureShareGap,
  readReferences,
  renewReferences,
} from '../../../bench/judge/references.ts';
import { planConstantWeights, planWholeReleases } from '../../../bench/judge/scenarios.ts';
import { nameCell, type Cell, type CellResult } from '../../../bench/judge/simulate.ts';

const TABLE = readReferences();
const CELLS: readonly Cell[] = [...planConstantWeights(), ...planWholeReleases(), ...planLatencies()];

function cellNamed(name: string): Cell {
  const cell = CELLS.find((one) => nameCell(one) === name);
  if (cell === undefined) throw new RangeError(`no cell ${name}`);
  return cell;
}

describe('the reference table', () => {
  test('the reference table has a line for every cell and no line for another', () => {
    expect(CELLS.map(nameCell).toSorted()).toEqual([...TABLE.keys()].toSorted());
  });

  test('the reference table is read with its medians and the runs behind it', () => {
    const found = cellNamed('constant-weight,canary 0.5%,10,5,10');
    expect(findReference(TABLE, found, 'flagger')).toEqual({ sharePercent: 67.2, roundingPercent: 0.05, medianSeconds: 1220, runs: 2_000 });
    const healthy = cellNamed('constant-weight,healthy,1,50,10');
    expect(findReference(TABLE, healthy, 'argo')).toMatchObject({ sharePercent: 15.6, medianSeconds: undefined, runs: 10_000 });
    expect(findReference(TABLE, healthy, 'kayenta')).toMatchObject({ sharePercent: 0, runs: 2_000 });
    expect(findReference(TABLE, cellNamed('latency,healthy,10,10,10'), 'argo')).toBeUndefined();
  });
});

describe('renewReferences', () => {
  test('renewReferences replaces the figures of Glidepath in the cells of the simulation and keeps every other one', () => {
    const cell = cellNamed('constant-weight,canary 0.5%,10,5,10');
    const results = [
      { judge: 'flagger', runs: 4, seconds: [10], failedRequests: [] },
      { judge: 'glidepath', runs: 400, seconds: [20, 30, 40], failedRequests: [] },
    ];
    const table = ['a,b,c,d,e,f', 'constant-weight,canary 0.5%,10,5,10,67.2/1220,,,,12/500', 'constant-weight,other,10,5,10,1,,,,2'].join(
      '\n',
    );
    const renewed = renewReferences(table, [{ cell, results } as unknown as CellResult]);
    expect(renewed.split('\n').slice(1)).toEqual([
      'constant-weight,canary 0.5%,10,5,10,67.2/1220,,,,0.75/30/400',
      'constant-weight,other,10,5,10,1,,,,2',
      '',
    ]);
    const text = renewed.split('\n')[1]?.split(',') ?? [];
    const read = findReference(new Map([[nameCell(cell), text.slice(5)]]), cell, 'glidepath');
    expect(read).toEqual({ sharePercent: 0.75, roundingPercent: 0.005, medianSeconds: 30, runs: 400 });
  });
});

describe('measureShareGap', () => {
  const reference = { sharePercent: 50, roundingPercent: 0.05, medianSeconds: undefined, runs: 2_000 };

  test('measureShareGap is the difference in standard deviations of both sides', () => {
    // 55 % of 2000 against 50.05 % of 2000: the binomial error of the difference is 1.58 points.
    expect(measureShareGap(1_100, 2_000, reference)).toBeCloseTo(4.95 / 1.58, 1);
    expect(measureShareGap(1_000, 2_000, reference)).toBeCloseTo(0, 6);
  });

  test('forgives the rounding of the reference and is mild on rare events', () => {
    expect(measureShareGap(0, 2_000, { ...reference, sharePercent: 0, roundingPercent: 0.05 })).toBeCloseTo(0, 2);
    expect(measureShareGap(3, 2_000, { ...reference, sharePercent: 0, roundingPercent: 0.005, runs: 10_000 })).toBeLessThan(3.5);
    expect(measureShareGap(12, 2_000, { ...reference, sharePercent: 0, roundingPercent: 0.005, runs: 10_000 })).toBeGreaterThan(3.5);
  });
});

describe('isMedianPlausible', () => {
  const reference = { sharePercent: 100, roundingPercent: 0.05, medianSeconds: 500, runs: 2_000 };
  const times = (from: number) => Array.from({ length: 1_000 }, (_, i) => from + i);

  test('isMedianPlausible takes a median that lies near the middle of the found times', () => {
    expect(isMedianPlausible(times(0), reference)).toBe(true);
    expect(isMedianPlausible(times(50), reference)).toBe(true);
    expect(isMedianPlausible(times(200), reference)).toBe(false);
    expect(isMedianPlausible(times(-200), reference)).toBe(false);
  });

  test('isMedianPlausible has no opinion about a handful of times', () => {
    expect(isMedianPlausible([1, 2, 3], reference)).toBe(true);
  });
});

test('a judge that behaves otherwise is a deviation, and only that one', () => {
  const cell = cellNamed('constant-weight,canary 5%,100,5,10');
  const at = (judge: 'flagger' | 'argo', seconds: number) => ({
    judge,
    runs: 500,
    seconds: Array.from({ length: 500 }, () => seconds),
    failed: [],
  });
  const results: readonly CellResult[] = [{ cell, results: [at('flagger', 50), at('argo', 60)] }];
  expect(findDeviations(results, TABLE)).toEqual([{ cell: nameCell(cell), judge: 'argo', found: '100.00% 60s', expected: '100% 40s' }]);
  expect(countReferences(results, TABLE, ['flagger', 'argo'])).toBe(2);
});
