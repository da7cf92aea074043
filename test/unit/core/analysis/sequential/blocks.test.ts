import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addInterval, blocks, closeBlock, startBlockBuilder } from '../../../../../src/core/analysis/sequential/blocks.ts';
import { EMPTY_BLOCK, sumBlocks } from '../../../../../src/core/analysis/sequential/numbers.ts';
import { anyBlock, BAD_NUMBERS } from './arbitraries.ts';

const RULE = { minPerArm: 5, maxAgeSeconds: 60 };
const FEW = { xc: 0, xs: 1, nc: 1, ns: 9 };

describe('the block builder', () => {
  test('the block builder closes a block when both arms have enough requests', () => {
    const step = addInterval(startBlockBuilder(RULE), { ...FEW, nc: 5 }, 10);
    expect(step).toEqual({ builder: startBlockBuilder(RULE), closed: { ...FEW, nc: 5 } });
  });

  test('the block builder keeps a block open for the slower arm, but not beyond its age', () => {
    const open = addInterval(startBlockBuilder(RULE), FEW, 59).builder;
    expect(open.pending).toEqual(FEW);
    expect(addInterval(open, EMPTY_BLOCK, 1).closed).toEqual(FEW);
  });

  test('reaches its age also by intervals that no binary number holds', () => {
    const interval = 0.1;
    let builder = startBlockBuilder({ minPerArm: 5, maxAgeSeconds: 0.3 });
    const closed = [1, 2, 3].map(() => {
      const step = addInterval(builder, FEW, interval);
      builder = step.builder;
      return step.closed !== undefined;
    });
    expect(closed).toEqual([false, false, true]);
  });

  test('the block builder is closed by hand when it has counted a look', () => {
    const builder = startBlockBuilder(RULE);
    expect(closeBlock(builder)).toEqual({ builder, closed: undefined });
    expect(closeBlock(addInterval(builder, FEW, 10).builder)).toEqual({ builder, closed: FEW });
  });

  test('the block builder loses no request', () => {
    fc.assert(
      fc.property(fc.array(anyBlock), fc.integer({ min: 1, max: 90 }), (intervals, intervalSeconds) => {
        const { blocks: closed, pending } = blocks(intervals, { ...RULE, minPerArm: 900, intervalSeconds });
        expect([...closed, pending].reduce(sumBlocks, EMPTY_BLOCK)).toEqual(intervals.reduce(sumBlocks, EMPTY_BLOCK));
      }),
    );
  });

  test('the block builder refuses bad numbers', () => {
    for (const bad of BAD_NUMBERS) {
      expect(() => startBlockBuilder({ ...RULE, minPerArm: bad })).toThrow(/^minPerArm must/);
      expect(() => startBlockBuilder({ ...RULE, maxAgeSeconds: bad })).toThrow(/^maxAgeSeconds must/);
      expect(() => addInterval(startBlockBuilder(RULE), FEW, bad)).toThrow(/^seconds must/);
      expect(() => addInterval(startBlockBuilder(RULE), { ...FEW, xs: bad }, 10)).toThrow(/^xs must/);
    }
  });
});
