import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addSplit,
  DEFAULT_SPLIT,
  splitEvidence,
  srm,
  startSplit,
  type SplitState,
} from '../../../../../src/core/analysis/sequential/split.ts';
import { BAD_NUMBERS } from './arbitraries.ts';

const anyCounts = fc
  .tuple(fc.integer({ min: 0, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.05, 0.5, 0.9, 1))
  .map(([n, part, share]) => ({ xc: Math.floor(n * part), n, share }));

describe('the test of the traffic split', () => {
  test('the test of the traffic split sees too much, too little, and nothing inside the band', () => {
    const see = (xc: number) => {
      const { logETooMuch, logETooLittle, mismatch } = srm([{ xc, n: 10_000, share: 0.1 }]);
      return [mismatch, logETooMuch > 7, logETooLittle > 7];
    };
    expect(see(1000)).toEqual([false, false, false]);
    expect(see(1100)).toEqual([false, false, false]);
    expect(see(2000)).toEqual([true, true, false]);
    expect(see(400)).toEqual([true, false, true]);
  });

  test('the test of the traffic split counts one side only where that is set', () => {
    const counts = [{ xc: 400, n: 10_000, share: 0.1 }];
    expect(srm(counts, { ...DEFAULT_SPLIT, side: 'tooMuch' }).mismatch).toBe(false);
    const little = srm(counts, { ...DEFAULT_SPLIT, side: 'tooLittle' });
    expect(little.mismatch).toBe(true);
    expect(little.logE).toBe(little.logETooLittle);
  });

  test('the test of the traffic split takes the threshold and the grid it is given', () => {
    const counts = [{ xc: 12, n: 20, share: 0.1 }];
    expect(srm(counts, { ...DEFAULT_SPLIT, threshold: 1e9 }).mismatch).toBe(false);
    expect(srm(counts, { ...DEFAULT_SPLIT, grid: [2] }).logE).not.toBe(srm(counts).logE);
  });

  test('the test of the traffic split adds nothing for a limit that cannot be broken', () => {
    expect(srm([{ xc: 0, n: 50, share: 0.005 }]).logETooLittle).toBe(0);
    expect(srm([{ xc: 50, n: 50, share: 0.9 }]).logETooMuch).toBe(0);
    expect(srm([])).toEqual({ logETooMuch: 0, logETooLittle: 0, logE: 0, mismatch: false });
  });

  test('folded one look at a time through JSON gives what the whole list gives', () => {
    fc.assert(
      fc.property(fc.array(anyCounts), (counts) => {
        let state = startSplit();
        for (const one of counts) state = JSON.parse(JSON.stringify(addSplit(state, one))) as SplitState;
        expect(splitEvidence(state)).toEqual(srm(counts));
      }),
    );
  });

  test('the test of the traffic split refuses bad numbers', () => {
    const counts = { xc: 1, n: 5, share: 0.1 };
    for (const bad of BAD_NUMBERS) {
      for (const name of ['xc', 'n', 'share']) expect(() => srm([{ ...counts, [name]: bad }])).toThrow(new RegExp(`^${name} must`));
      for (const name of ['tolAbs', 'tolRel', 'threshold'])
        expect(() => srm([counts], { ...DEFAULT_SPLIT, [name]: bad })).toThrow(new RegExp(`^${name} must`));
    }
    expect(() => srm([{ ...counts, xc: 6 }])).toThrow('xc must not be larger than n');
  });
});
