import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseVectors, runVector, type Vector } from '../../../../../tools/vectors/vectors.ts';

const { vectors, grids } = parseVectors(readFileSync(new URL('judge-vectors.json', import.meta.url), 'utf8'));

describe('the judge gives the numbers that were computed at 60 digits', () => {
  test.each(vectors)('$id', (vector) => {
    expect(runVector(vector, grids)).toBeUndefined();
  });
});

describe('the runner of vectors', () => {
  const right: Vector = { id: 'a', fn: 'lrTwo', input: { u: 2, xc: 0, xs: 0, nc: 5, ns: 5, rho: 1, delta: 0 }, expected: '0.0' };

  test.each<[string, Vector]>([
    ['a number that is off by more than the tolerance', { ...right, expected: '0.00000001' }],
    ['an infinity where a number is expected', { ...right, input: { ...right.input, u: 0, xc: 1 } }],
    ['a function that nobody knows', { ...right, fn: 'lrThree' }],
    ['a name of the language itself', { ...right, fn: 'toString' }],
    ['an input without a number', { ...right, input: { u: 2 } }],
    ['a value that was expected to be missing', { ...right, expected: null }],
    ['no expectation at all', { ...right, expected: undefined }],
    [
      'a list that is too short',
      { ...right, fn: 'pickBoundary', input: { le: [1, 'Infinity'], cumulative: [1, 2], quantiles: [] }, expected: [0] },
    ],
    ['an object where a number comes', { ...right, expected: { logE: '0' } }],
    ['a flag where a number comes', { ...right, expected: false }],
  ])('the runner of vectors counts %s as a miss', (_what, vector) => {
    expect(runVector(vector, grids)).toMatchObject({ id: 'a' });
  });

  test('the runner of vectors takes the grids of the file in place of its own', () => {
    const file = {
      meta: { grids: { fail: [2] } },
      vectors: [{ id: 'a', fn: 'eFail', input: { blocks: [[1, 0, 5, 5]] }, expected: { logE: String(Math.log(4 / 3)) } }],
    };
    const parsed = parseVectors(JSON.stringify(file));
    expect(parsed.vectors.map((vector) => runVector(vector, parsed.grids))).toEqual([undefined]);
  });

  test.each(['no JSON', '{}', '7'])('the runner of vectors says in one sentence what is wrong with the file %s', (text) => {
    expect(() => parseVectors(text)).toThrow(/^it (is not JSON|has no list of vectors)$/);
  });

  test('the runner of vectors takes an effect of 0 and a number of 0 blocks for none', () => {
    const judged = (settings: object) =>
      runVector(
        { id: 'a', fn: 'judge', input: { blocks: [[5, 0, 5, 1_000]], pi0: 1, onlinePhi: false, ...settings }, expected: 'nothing' },
        grids,
      )?.got;
    expect(judged({ minBlocks: 0 })).toBe(judged({ minBlocks: 1e-300 }));
    expect(judged({ minBlocks: 0 })).not.toBe(judged({ minBlocks: 2 }));
    expect(judged({ minEffect: 0 })).toBe(judged({}));
  });

  test('the runner of vectors counts a vector without any field as a miss', () => {
    const parsed = parseVectors('[3]');
    expect(parsed.vectors.map((vector) => runVector(vector, parsed.grids)?.id)).toEqual(['#0']);
  });
});
