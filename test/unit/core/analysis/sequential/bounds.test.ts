import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addExcess,
  affordsWeight,
  excessBounds,
  excessOf,
  exposureGate,
  startExcess,
  type ExcessState,
} from '../../../../../src/core/analysis/sequential/bounds.ts';
import { FAIL, PASS } from '../../../../../src/core/analysis/sequential/grids.ts';
import { eFail, ePass } from '../../../../../src/core/analysis/sequential/likelihood.ts';
import { anyBlock, anyBlocks, BAD_NUMBERS } from './arbitraries.ts';

const BLOCK = { xc: 2, xs: 3, nc: 50, ns: 950 };

describe('the bounds of the excess', () => {
  test('contain the excess that was seen in one block', () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        const { lower, upper } = excessBounds([block], { beta: 0.05 });
        const seen = block.nc > 0 && block.ns > 0 ? block.xc / block.nc - block.xs / block.ns : 0;
        expect(lower).toBeLessThanOrEqual(seen);
        expect(upper).toBeGreaterThanOrEqual(seen);
      }),
    );
  });

  test('the bounds of the excess lie where the mixtures reach the level', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const { lower, upper } = excessBounds(blocks, { beta: 0.05 });
        const level = Math.log(20);
        const allowed = (value: number) => 1e-9 * (1 + Math.abs(value));
        if (upper < 1) {
          const there = ePass(blocks, { rho: 1, delta: upper });
          // One step of the bound's last digit moves the evidence by so much.
          const slope = blocks.reduce((sum, { nc }) => sum + 10 * nc, 1e3);
          expect(Math.abs(there - level)).toBeLessThan(allowed(there) + slope * 1e-10);
        }
        if (lower > -1 && lower < 1) expect(eFail(blocks, { rho: 1, delta: Math.max(-1, lower - 1e-6) })).toBeGreaterThan(level);
      }),
    );
  });

  test('the bounds of the excess say nothing without a comparison', () => {
    expect(excessBounds([], { beta: 0.05 })).toEqual({ lower: -1, upper: 1 });
    expect(excessBounds([{ xc: 3, xs: 0, nc: 5, ns: 0 }], { beta: 0.05 })).toEqual({ lower: -1, upper: 1 });
  });

  test('the bounds of the excess draw together as the level is less demanding', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const [strict, loose] = [0.01, 0.2].map((beta) => excessBounds(blocks, { beta }));
        expect(strict?.upper).toBeGreaterThanOrEqual(loose?.upper ?? Number.NaN);
        expect(strict?.lower).toBeLessThanOrEqual(loose?.lower ?? Number.NaN);
      }),
    );
  });

  test('folded one block at a time through JSON are the bounds of the whole list', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        let state = startExcess();
        for (const block of blocks) state = JSON.parse(JSON.stringify(addExcess(state, block, 1))) as ExcessState;
        expect(excessOf(state, 0.05)).toEqual(excessBounds(blocks, { beta: 0.05 }));
      }),
    );
  });

  test('the bounds of the excess are wider where the requests are burstier', () => {
    const [plain, bursty] = [1, 3].map((phi) => excessBounds([BLOCK], { beta: 0.05, phi }));
    expect(bursty?.upper).toBeGreaterThan(plain?.upper ?? Number.NaN);
    expect(bursty?.lower).toBeLessThan(plain?.lower ?? Number.NaN);
  });

  test('the bounds of the excess take other grids', () => {
    const grids = { fail: FAIL.slice(2), pass: PASS.slice(1) };
    expect(excessBounds([BLOCK], { beta: 0.05, grids })).not.toEqual(excessBounds([BLOCK], { beta: 0.05 }));
  });

  test('the bounds of the excess refuse bad numbers', () => {
    for (const bad of BAD_NUMBERS) {
      expect(() => addExcess(startExcess(), { ...BLOCK, xs: bad })).toThrow(/^xs must/);
      expect(() => addExcess(startExcess(), BLOCK, bad)).toThrow(/^phi must/);
      expect(() => excessOf(startExcess(), bad)).toThrow(/^beta must/);
      expect(() => affordsWeight(0.1, bad, 0.1)).toThrow(/^nextWeight must/);
      expect(() => affordsWeight(0.1, 0.1, bad)).toThrow(/^riskBudget must/);
    }
  });
});

describe('the exposure gate', () => {
  test('the exposure gate opens when the next weight times the upper bound fits into the budget', () => {
    const clean = [{ xc: 0, xs: 0, nc: 600, ns: 5400 }];
    expect(exposureGate(clean, { beta: 0.05, nextWeight: 0.25, riskBudget: 0.005 }).pass).toBe(true);
    expect(exposureGate(clean, { beta: 0.05, nextWeight: 1, riskBudget: 0.005 }).pass).toBe(false);
  });
});
