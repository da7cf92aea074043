import { expect, test } from 'vitest';
import { buildHomeMark, isHomeMark, readHomeReason } from '../../../../../src/core/release/facts/home-mark.ts';

const mark = 'web/7c1f0e22ab';

test('a reason that does not reject the revision is written on the route, and read back', () => {
  expect(buildHomeMark(mark, 'CanaryEmpty')).toBe(`${mark}/home/CanaryEmpty`);
  for (const reason of ['CanaryEmpty', 'BlockedTooLong', 'MetricsUnavailable', 'DeadlineExceeded', 'Inconclusive'])
    expect(readHomeReason(buildHomeMark(mark, reason), mark)).toBe(reason);
});

test('what rejects, what is not known, and what its cause says again is home and no more', () => {
  for (const reason of ['ErrorRatio', 'Aborted', 'Superseded', 'Deleted', 'Moon', undefined]) {
    expect(buildHomeMark(mark, reason)).toBe(`${mark}/home`);
    expect(readHomeReason(buildHomeMark(mark, reason), mark)).toBeUndefined();
  }
  // Whoever may write an annotation must not make a failed revision one that is tried again by a word that we never write there.
  expect(readHomeReason(`${mark}/home/Deleted`, mark)).toBeUndefined();
  expect(readHomeReason(`${mark}/home/Moon`, mark)).toBeUndefined();
});

test('a mark of another release, or of one that runs, is none', () => {
  expect(isHomeMark(`${mark}/home`, mark)).toBe(true);
  expect(isHomeMark(`${mark}/home/CanaryEmpty`, mark)).toBe(true);
  for (const found of [undefined, mark, `${mark}/homes`, 'web/0123456789/home', 'web/0123456789/home/CanaryEmpty'])
    expect([isHomeMark(found, mark), readHomeReason(found, mark)]).toEqual([false, undefined]);
});
