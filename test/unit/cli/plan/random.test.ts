// The seeded source of randomness: reproducible, and of the right mean and spread on both sides of its two methods.

import { describe, expect, test } from 'vitest';
import { createRandom, drawPoisson } from '../../../../src/cli/plan/random.ts';

describe('randomness', () => {
  test('randomness is the same for the same seed and stream, and another for another', () => {
    const first = (seed: number, stream: number) => createRandom(seed, stream)();
    expect(first(1, 2)).toBe(first(1, 2));
    expect(new Set([first(1, 2), first(2, 2), first(1, 3), first(2, 1)]).size).toBe(4);
  });

  test.each([0.3, 4, 9.9, 10.1, 60, 5_000])('randomness draws Poisson numbers of mean and variance %d', (mean) => {
    const random = createRandom(7, 7);
    const count = 20_000;
    const draws = Array.from({ length: count }, () => drawPoisson(random, mean));
    const average = draws.reduce((sum, draw) => sum + draw, 0) / count;
    const variance = draws.reduce((sum, draw) => sum + (draw - average) ** 2, 0) / count;
    expect(Math.abs(average - mean)).toBeLessThan(5 * Math.sqrt(mean / count));
    expect(variance / mean).toBeGreaterThan(0.93);
    expect(variance / mean).toBeLessThan(1.07);
  });

  test('randomness draws nothing of nothing', () => {
    expect(drawPoisson(createRandom(1, 1), 0)).toBe(0);
  });
});
