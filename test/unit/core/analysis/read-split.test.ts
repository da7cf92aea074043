import { describe, expect, test } from 'vitest';
import { readSplit } from '../../../../src/core/analysis/read-split.ts';
import { evidenceForPresent, seeSplit } from '../../../../src/core/analysis/sequential/seen-split.ts';
import { after } from '../../../fixtures/builders.ts';
import { series } from './comparison/support.ts';

const SHARES = { former: 0.1, present: 0.5 };

describe('how requests split after a raise', () => {
  test('a split is seen where a thousand times as likely by one weight as by the other', () => {
    expect(seeSplit({ xc: 10, n: 100 }, SHARES)).toBe('former');
    expect(seeSplit({ xc: 50, n: 100 }, SHARES)).toBe('present');
    expect(seeSplit({ xc: 1, n: 8 }, SHARES)).toBeUndefined();
    expect(seeSplit({ xc: 0, n: 0 }, SHARES)).toBeUndefined();
  });

  test('a share of 0 or of everything allows for some requests that are still on their way', () => {
    expect(seeSplit({ xc: 3, n: 1_000 }, { former: 0, present: 0.05 })).toBe('former');
    expect(seeSplit({ xc: 0, n: 100 }, { former: 0, present: 0.05 })).toBeUndefined();
    expect(seeSplit({ xc: 998, n: 1_000 }, { former: 0.5, present: 1 })).toBe('present');
  });

  test('a split of more requests than there are is refused', () => {
    expect(() => evidenceForPresent({ xc: 2, n: 1 }, SHARES)).toThrow(RangeError);
  });
});

describe('what one look says of the split', () => {
  // Scrapes at 10, 20, 30 s: 10% until 20 s, then half.
  const canary = [series({}, [10, 10], [20, 20], [30, 70])];
  const serving = [series({}, [10, 90], [20, 180], [30, 230])];
  const counts = { canary, serving, seen: canary, history: 'whole' as const };
  const read = (effective: number, seen: number, to: number, change: object = {}) =>
    readSplit(
      { ...counts, ...change },
      () => 'success',
      { effectiveMs: after(effective), seenMs: after(seen), toMs: after(to) },
      SHARES,
      'both',
    );

  test('the first scrape after a weight counts what was sent before it: the split is that of the ones behind it', () => {
    expect(read(15, 0, 30)).toBe('present');
    expect(read(5, 0, 20)).toBe('former');
    expect(read(15, 0, 20)).toBeUndefined();
    expect(read(5, 20, 30)).toBe('present');
    expect(read(31, 0, 40)).toBeUndefined();
  });

  test('nothing is said of the split where one side could not be read, and of a weight that was not raised', () => {
    const problem = { kind: 'unavailable', message: 'away' } as const;
    expect(read(15, 0, 30, { servingProblem: problem })).toBeUndefined();
    const span = { effectiveMs: after(15), seenMs: after(0), toMs: after(30) };
    expect(readSplit(counts, () => 'success', span, { former: 0.5, present: 0.5 }, 'both')).toBeUndefined();
  });

  test('where requests reach one side on other ways as well, only one of the two answers is about the gateway', () => {
    const by = (effective: number, to: number, side: 'tooMuch' | 'tooLittle' | 'neither') =>
      readSplit(counts, () => 'success', { effectiveMs: after(effective), seenMs: after(0), toMs: after(to) }, SHARES, side);
    expect([by(5, 20, 'tooLittle'), by(5, 20, 'tooMuch'), by(5, 20, 'neither')]).toEqual(['former', undefined, undefined]);
    expect([by(15, 30, 'tooLittle'), by(15, 30, 'tooMuch'), by(15, 30, 'neither')]).toEqual([undefined, 'present', undefined]);
  });
});
