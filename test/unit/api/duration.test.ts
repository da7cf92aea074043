import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DURATION_MAX_LENGTH, DURATION_MAX_MS, formatDuration, isDuration, parseDuration } from '../../../src/api/duration.ts';

describe('parseDuration', () => {
  test.each([
    ['0s', 0],
    ['1m30s', 90_000],
    ['10s', 10_000],
    ['500ms', 500],
    ['1h2m3s4ms', 3_723_004],
    ['1m1m', 120_000],
    ['99999h', 359_996_400_000],
    ['007s', 7_000],
  ])('parseDuration reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '90', '2d', '1.5h', '-1s', '+1s', ' 1s', '1s ', '1S', '100000s', '1h1m1s1ms1s', '1us', 's', '1m 30s', '1s\n'])(
    'parseDuration refuses %j and says what to write',
    (text) => {
      expect(isDuration(text)).toBe(false);
      expect(() => parseDuration(text)).toThrow(/write a duration such as 1m30s \(units h m s ms\)/);
    },
  );

  test('parseDuration refuses with a code', () => {
    expect(() => parseDuration('2d')).toThrow(expect.objectContaining({ code: 'GLIDEPATH_E_DURATION' }));
  });
});

describe('formatDuration', () => {
  test.each([
    [0, '0s'],
    [90_000, '1m30s'],
    [1, '1ms'],
    [3_600_000, '1h'],
    [3_723_004, '1h2m3s4ms'],
    [1_800_000, '30m'],
    [86_400_000, '24h'],
    [0.4, '0s'],
  ])('formatDuration writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, DURATION_MAX_MS + 1])('formatDuration refuses %d', (ms) => {
    expect(() => formatDuration(ms)).toThrow(/cannot be written as a duration/);
  });

  test('what was written is read back as the same number of milliseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DURATION_MAX_MS }), (ms) => {
        const text = formatDuration(ms);
        expect(isDuration(text)).toBe(true);
        expect(text.length).toBeLessThanOrEqual(DURATION_MAX_LENGTH);
        expect(parseDuration(text)).toBe(ms);
      }),
    );
  });

  test('writing what was read is the normal form: writing it again changes nothing', () => {
    const part = fc.tuple(fc.integer({ min: 0, max: 99_999 }), fc.constantFrom('h', 'm', 's', 'ms')).map(([n, unit]) => `${n}${unit}`);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const ms = parseDuration(parts.join(''));
        fc.pre(ms <= DURATION_MAX_MS);
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
