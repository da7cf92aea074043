import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAIL, PASS } from '../../../../../src/core/analysis/sequential/grids.ts';
import { eFail, ePass, lrOne, lrTwo } from '../../../../../src/core/analysis/sequential/likelihood.ts';
import { anyBlock, anyBlocks, BAD_NUMBERS } from './arbitraries.ts';

const MARGIN = { rho: 1.1, delta: 0.001 };
const BLOCK = { xc: 2, xs: 3, nc: 50, ns: 950 };

describe('lrTwo', () => {
  test('lrTwo is no evidence when an arm has no requests', () => {
    for (const u of [...FAIL, ...PASS]) {
      expect(lrTwo(u, { xc: 3, xs: 0, nc: 3, ns: 0 }, MARGIN)).toBe(0);
      expect(lrTwo(u, { xc: 0, xs: 3, nc: 0, ns: 3 }, MARGIN)).toBe(0);
    }
  });

  test('refutes the effect size 0 only by a bad request of the canary', () => {
    expect(lrTwo(0, BLOCK, MARGIN)).toBe(Number.NEGATIVE_INFINITY);
    expect(lrTwo(0, { ...BLOCK, xc: 0 }, MARGIN)).toBeGreaterThan(Number.NEGATIVE_INFINITY);
  });

  test('lrTwo agrees with its product form', () => {
    fc.assert(
      fc.property(anyBlock, fc.constantFrom(...FAIL), (block, u) => {
        const { xc, xs, nc, ns } = block;
        fc.pre(nc > 0 && ns > 0);
        const before = (1.1 * nc) / (1.1 * nc + ns);
        const after = (1.1 * u * nc) / (1.1 * u * nc + ns);
        const [a, b] = [after / before, (1 - after) / (1 - before)];
        const expected = xc * Math.log(a) + xs * Math.log(b) - 0.001 * nc * (a - 1);
        expect(Math.abs(lrTwo(u, block, MARGIN) - expected)).toBeLessThan(1e-7 * (1 + Math.abs(expected)));
      }),
    );
  });

  test('rises with the canary`s bad requests and falls with stable`s, for every effect size above 1', () => {
    fc.assert(
      fc.property(anyBlock, fc.constantFrom(...FAIL), (block, u) => {
        fc.pre(block.nc > block.xc && block.ns > block.xs);
        const here = lrTwo(u, block, MARGIN);
        expect(lrTwo(u, { ...block, xc: block.xc + 1 }, MARGIN)).toBeGreaterThan(here);
        expect(lrTwo(u, { ...block, xs: block.xs + 1 }, MARGIN)).toBeLessThan(here);
      }),
    );
  });

  test.each(['xc', 'xs', 'nc', 'ns'] as const)('lrTwo refuses a bad %s by its name', (name) => {
    for (const bad of BAD_NUMBERS) expect(() => lrTwo(2, { ...BLOCK, [name]: bad }, MARGIN)).toThrow(new RegExp(`^${name} must`));
  });

  test.each([
    ['xc must not be larger than nc', () => lrTwo(2, { ...BLOCK, xc: 51 }, MARGIN)],
    ['xs must not be larger than ns', () => lrTwo(2, { ...BLOCK, xs: 951 }, MARGIN)],
    ['u must be', () => lrTwo(-1, BLOCK, MARGIN)],
    ['rho must be', () => lrTwo(2, BLOCK, { rho: 0, delta: 0 })],
    ['delta must be', () => lrTwo(2, BLOCK, { rho: 1, delta: Number.NaN })],
    ['phi must be', () => eFail([BLOCK], { ...MARGIN, phi: 0.5 })],
    ['xc must', () => ePass([{ ...BLOCK, xc: Number.NaN }], MARGIN)],
  ])('lrTwo refuses with "%s"', (message, run) => {
    expect(run).toThrow(RangeError);
    expect(run).toThrow(message);
  });
});

describe('lrOne', () => {
  test('lrOne is no evidence without requests, and refutes the effect size 0 only by a bad one', () => {
    expect(lrOne(0, 0, 0, 1)).toBe(0);
    expect(lrOne(0, 1, 5, 0.1)).toBe(Number.NEGATIVE_INFINITY);
    expect(lrOne(0, 0, 5, 0.1)).toBeCloseTo(-5 * Math.log(0.9), 12);
  });

  test.each([
    ['x must not be larger than n', () => lrOne(2, 6, 5, 0.1)],
    ['p0 must be', () => lrOne(2, 1, 5, 1.1)],
    ['n must be', () => lrOne(2, 1, Number.NaN, 0.1)],
  ])('lrOne refuses with "%s"', (message, run) => {
    expect(run).toThrow(message);
  });
});

describe('the mixtures', () => {
  test('the mixtures give no evidence without blocks', () => {
    expect([eFail([], MARGIN), ePass([], MARGIN)]).toEqual([0, 0]);
  });

  test('forget nothing of a refuted effect size', () => {
    expect(ePass([BLOCK, { ...BLOCK, xc: 0 }], { ...MARGIN, grid: [0] })).toBe(Number.NEGATIVE_INFINITY);
  });

  test('the mixtures are weaker evidence the larger the dispersion', () => {
    const bad = { xc: 25, xs: 1, nc: 50, ns: 950 };
    expect(eFail([bad], { ...MARGIN, phi: 3 })).toBeLessThan(eFail([bad], MARGIN));
  });

  test('the mixtures do not depend on the order of the blocks', () => {
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const [one, other] = [eFail(blocks, MARGIN), eFail(blocks.toReversed(), MARGIN)];
        expect(Math.abs(one - other)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(one)));
      }),
    );
  });
});
