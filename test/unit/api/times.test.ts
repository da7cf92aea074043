import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromTime, toTime } from '../../../src/api/times.ts';

describe('a time', () => {
  test('a time that was written is read again to the millisecond', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z') }), (date) => {
        expect(fromTime(toTime(date.getTime()))).toBe(date.getTime());
      }),
    );
  });

  test('a time is written as Date writes it, without milliseconds where there are none', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), fc.boolean(), (date, whole) => {
        const ms = whole ? Math.floor(date.getTime() / 1_000) * 1_000 : date.getTime();
        expect(toTime(ms)).toBe(new Date(ms).toISOString().replace('.000Z', 'Z'));
      }),
    );
    expect(toTime(1_500.7)).toBe('1970-01-01T00:00:01.500Z');
  });

  test.each([
    '2026-01-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2024-02-29T23:59:59.999Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:00.5Z',
    '2026-01-01T00:00:00.123456Z',
    '2026-01-01T01:00:00+01:00',
    '0050-01-01T00:00:00Z',
    '2026-01-01',
  ])('a time of any form is read as Date.parse reads it: %s', (text) => {
    expect(fromTime(text)).toBe(Date.parse(text));
  });

  test.each([undefined, '', 'soon', '2026-13-01T00:00:00Z', '2026-00-10T00:00:00Z', '2026-01-01T25:00:00Z', '2026-01-01T00:60:00Z'])(
    'a time that nobody can read is none: %s',
    (text) => {
      expect(fromTime(text)).toBeUndefined();
    },
  );
});
