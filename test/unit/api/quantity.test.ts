import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatPercent, isPercent, isQuantile, parseLimit, parsePercent, parseQuantile } from '../../../src/api/quantity.ts';

describe('parsePercent', () => {
  test.each([
    ['1%', 0.01],
    ['0%', 0],
    ['0.5%', 0.005],
    ['100%', 1],
    ['100.0000%', 1],
    ['12.3456%', 0.123456],
  ])('parsePercent reads %s', (text, ratio) => {
    expect(parsePercent(text)).toBeCloseTo(ratio, 12);
  });

  test.each(['1', '0.01', '101%', '100.5%', '-1%', '1.23456%', '.5%', '5.%', '%', '1 %', ' 1%'])('parsePercent refuses %j', (text) => {
    expect(isPercent(text)).toBe(false);
    expect(() => parsePercent(text)).toThrow(/write a percentage such as 1% or 0\.5%/);
  });
});

describe('parseLimit', () => {
  test.each([
    ['1%', { unit: 'ratio', value: 0.01 }],
    ['500ms', { unit: 'seconds', value: 0.5 }],
    ['1m30s', { unit: 'seconds', value: 90 }],
    ['0.5/s', { unit: 'perSecond', value: 0.5 }],
    ['0.1', { unit: 'none', value: 0.1 }],
    ['-3', { unit: 'none', value: -3 }],
  ])('parseLimit reads %s', (text, limit) => {
    expect(parseLimit(text)).toEqual(limit);
  });

  test.each(['', 'fast', '1e3', '1/m', '-1/s', '-1%', '1%%', 'Infinity', 'NaN', '0x10', '1,5'])('parseLimit refuses %j', (text) => {
    expect(() => parseLimit(text)).toThrow(/write a limit such as 1%, 500ms, 0\.5\/s or 0\.1/);
  });
});

describe('parseQuantile', () => {
  test.each([
    ['0.99', 0.99],
    ['0.5', 0.5],
    ['0.00001', 0.00001],
  ])('parseQuantile reads %s', (text, value) => {
    expect(parseQuantile(text)).toBe(value);
  });

  test.each(['0', '1', '1.0', '0.0', '0.', '.99', '99'])('parseQuantile refuses %j', (text) => {
    expect(isQuantile(text)).toBe(false);
    expect(() => parseQuantile(text)).toThrow(/write a quantile such as "0\.99"/);
  });
});

describe('formatPercent', () => {
  test('formatPercent rounds to the decimals that are asked for and drops zeros', () => {
    expect(formatPercent(0.0012)).toBe('0.12%');
    expect(formatPercent(0.123_456_789, 2)).toBe('12.35%');
    expect(formatPercent(0)).toBe('0%');
    expect(formatPercent(1)).toBe('100%');
  });

  test('formatPercent writes every ratio so that it can be read again, to the decimals that it keeps', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (ratio) => {
        expect(Math.abs(parsePercent(formatPercent(ratio)) - ratio)).toBeLessThanOrEqual(0.000_000_51);
      }),
    );
  });
});
