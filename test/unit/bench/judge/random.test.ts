import { describe, expect, test } from 'vitest';
import { createRandom, drawGeometric, drawNormal, drawPoisson, hashText, type Random } from '../../../bench/judge/random.ts';

const DRAWS = 40_000;

function momentsOf(draw: (random: Random) => number): { readonly mean: number; readonly variance: number } {
  const random = createRandom(7, 11, 13);
  const values = Array.from({ length: DRAWS }, () => draw(random));
  const mean = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (DRAWS - 1) };
}

/** Five standard errors of a mean: the seed is fixed, so this either holds for good or it does not. */
function meanError(variance: number): number {
  return 5 * Math.sqrt(variance / DRAWS);
}

describe('createRandom', () => {
  test('createRandom gives the same numbers for the same seeds and others for others', () => {
    const [first, again, other] = [createRandom(1, 2, 3), createRandom(1, 2, 3), createRandom(1, 2, 4)];
    const take = (random: Random) => Array.from({ length: 50 }, random);
    const numbers = take(first);
    expect(take(again)).toEqual(numbers);
    const others = take(other);
    expect(numbers.filter((number) => others.includes(number))).toEqual([]);
  });

  test('createRandom is uniform between 0 and 1 and never reaches either', () => {
    const random = createRandom(1, 2, 3);
    const counts = Array.from({ length: 20 }, () => 0);
    for (let i = 0; i < DRAWS; i++) {
      const value = random();
      expect(value > 0 && value < 1).toBe(true);
      const bin = Math.floor(value * 20);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    const expected = DRAWS / 20;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // The 0.1 % and 99.9 % points of chi-square with 19 degrees of freedom.
    expect(chiSquare).toBeGreaterThan(5.4);
    expect(chiSquare).toBeLessThan(43.8);
  });
});

describe('drawPoisson', () => {
  test.each([0.001, 0.3, 3, 9.99, 10, 47, 500, 30_000])('drawPoisson has mean and variance %d', (mean) => {
    const found = momentsOf((random) => drawPoisson(random, mean));
    expect(Math.abs(found.mean - mean)).toBeLessThan(meanError(mean));
    // The fourth central moment of a Poisson number is mean + 3 mean^2.
    expect(Math.abs(found.variance - mean)).toBeLessThan(meanError(mean + 2 * mean * mean));
  });

  test.each([9.5, 10.5])('drawPoisson has the probabilities of a Poisson number on both sides of the change of method: %d', (mean) => {
    const random = createRandom(5, 5, 5);
    const counts = new Map<number, number>();
    for (let i = 0; i < DRAWS; i++) {
      const value = drawPoisson(random, mean);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    let probability = Math.exp(-mean);
    for (let k = 0; k <= 25; k++) {
      if (k > 0) probability *= mean / k;
      const error = 5 * Math.sqrt(DRAWS * probability * (1 - probability)) + 1;
      expect(Math.abs((counts.get(k) ?? 0) - DRAWS * probability)).toBeLessThan(error);
    }
  });

  test('drawPoisson is 0 without a mean', () => {
    expect(drawPoisson(createRandom(1, 1, 1), 0)).toBe(0);
  });
});

describe('other distributions', () => {
  test('a burst has at least one error and its mean and variance are those of a geometric number', () => {
    const random = createRandom(1, 2, 3);
    expect(Math.min(...Array.from({ length: 1_000 }, () => drawGeometric(random, 5)))).toBe(1);
    const found = momentsOf((source) => drawGeometric(source, 5));
    expect(Math.abs(found.mean - 5)).toBeLessThan(meanError(20));
    expect(Math.abs(found.variance - 20)).toBeLessThan(1.5);
    expect(drawGeometric(random, 1)).toBe(1);
  });

  test('a normal number has mean 0 and variance 1', () => {
    const found = momentsOf(drawNormal);
    expect(Math.abs(found.mean)).toBeLessThan(meanError(1));
    expect(Math.abs(found.variance - 1)).toBeLessThan(meanError(2));
  });
});

test('hashText is FNV-1a', () => {
  expect([hashText(''), hashText('a'), hashText('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});
