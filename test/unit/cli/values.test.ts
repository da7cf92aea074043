// Values of options: what is understood, and what is refused with an example.

import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { readSelector } from '../../../src/cli/backtest/selector.ts';
import { sayChance } from '../../../src/cli/output.ts';
import { readDuration, readPercent, readRate, readTime, readWhole, sayDuration } from '../../../src/cli/values.ts';
import { NOW } from './fake-io.ts';

describe('a value', () => {
  test('a value is understood', () => {
    expect([readPercent('0.2%'), readDuration('80ms'), readRate('0.5'), readRate('20/s'), readWhole(1, 9)('9')]).toEqual([
      0.002, 80, 0.5, 20, 9,
    ]);
  });

  test.each<readonly [text: string, read: (text: string) => unknown]>([
    ['0.2', readPercent],
    ['80', readDuration],
    ['0', readRate],
    ['-5', readRate],
    ['1e3', readRate],
    ['10', readWhole(1, 9)],
    ['1.5', readWhole(1, 9)],
    ['yesterday', readTime(NOW)],
    ['2030-01-01', readTime(NOW)],
    ['', readSelector],
    ['web-v2', readSelector],
    ['a="b" c="d"', readSelector],
    ['a="b"}[5m]) or up{c="d"', readSelector],
  ])('such as %s is refused with an example', (text, read) => {
    expect(() => read(text)).toThrow(InvalidArgumentError);
    expect(() => read(text)).toThrow(/^Write /);
  });

  test('a value of time is absolute, relative or now', () => {
    const read = readTime(NOW);
    expect([read('now'), read('-2h'), read('-1h30m'), read('2030-01-01T14:00:00+00:00')].map((ms) => NOW - ms)).toEqual([
      0, 7_200_000, 5_400_000, 0,
    ]);
  });

  test('a value of matchers may have braces, escapes and several labels', () => {
    expect(readSelector('{a="b", c!~"d\\"e.*"}')).toBe('a="b", c!~"d\\"e.*"');
  });
});

describe('a number for people', () => {
  test.each([
    [80, '80ms'],
    [1_240, '1.2s'],
    [10_400, '10s'],
    [1_020_500, '17m1s'],
    [90_000_000, '25h'],
    [0, '0s'],
  ])('the text for people of %d ms is %s', (ms, text) => {
    expect(sayDuration(ms)).toBe(text);
  });

  test.each([
    [0, '0%'],
    [0.0004, 'below 0.1%'],
    [0.034, '3.4%'],
    [0.5, '50%'],
    [0.999, '99.9%'],
    [1, '100%'],
  ])('the text for people of a chance of %d is %s', (chance, text) => {
    expect(sayChance(chance)).toBe(text);
  });
});
