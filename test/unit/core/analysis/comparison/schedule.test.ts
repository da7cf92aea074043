import { describe, expect, test } from 'vitest';
import { addCell, EMPTY_BLOCK, isCountable, isWhole } from '../../../../../src/core/analysis/comparison/blocks.ts';
import { contextOf, spansOf } from '../../../../../src/core/analysis/comparison/schedule.ts';
import { after, START, timeAfter } from '../../../../fixtures/builders.ts';
import { aCell, histogram } from './support.ts';

const SPANS = spansOf({
  served: [
    { weight: 5, from: timeAfter(0), to: timeAfter(100) },
    { weight: 20, from: timeAfter(110) },
  ],
});

describe('what holds for a cell', () => {
  test('the share of a cell is that of the span that it lies in as a whole', () => {
    expect(contextOf(SPANS, { fromMs: after(10), toMs: after(12) })).toEqual({
      former: 0,
      share: 0.05,
      present: 0.05,
      isBorder: false,
      isStart: false,
    });
    expect(contextOf(SPANS, { fromMs: after(98), toMs: after(100) })).toEqual({
      share: 0.05,
      present: 0.05,
      isBorder: true,
      isStart: false,
    });
    expect(contextOf(SPANS, { fromMs: after(500), toMs: after(502) })).toEqual({
      share: 0.2,
      present: 0.2,
      isBorder: false,
      isStart: false,
    });
  });

  test('the share of a cell is none where the weight was on its way, and blocks end there', () => {
    expect(contextOf(SPANS, { fromMs: after(99), toMs: after(101) })).toEqual({
      share: undefined,
      present: undefined,
      isBorder: true,
      isStart: false,
    });
    expect(contextOf(SPANS, { fromMs: after(102), toMs: after(104) })).toEqual({
      share: undefined,
      present: undefined,
      isBorder: false,
      isStart: false,
    });
    expect(contextOf(SPANS, { fromMs: after(109), toMs: after(111) })).toEqual({
      share: undefined,
      present: 0.2,
      isBorder: true,
      isStart: true,
    });
  });

  test('the share of a cell is none until a scrape lies wholly in the span: the first one counts requests from before it', () => {
    expect(contextOf(SPANS, { fromMs: after(112), toMs: after(114) }, { scrapeMs: 10_000 }).share).toBeUndefined();
    expect(contextOf(SPANS, { fromMs: after(120), toMs: after(122) }, { scrapeMs: 10_000 }).share).toBe(0.2);
    expect(contextOf(SPANS, { fromMs: after(109), toMs: after(111) }, { scrapeMs: 10_000 })).toMatchObject({
      isBorder: true,
      isStart: true,
    });
  });

  test('the share of a cell is unknown for a release that never had a weight', () => {
    expect(spansOf({})).toEqual([]);
    expect(contextOf([], { fromMs: START, toMs: after(10) })).toEqual({
      share: undefined,
      present: undefined,
      isBorder: false,
      isStart: false,
    });
  });

  test('the former share is known for a minute after a raise, and latencies of it arrive for as long as the source says', () => {
    const at = (seconds: number) => contextOf(SPANS, { fromMs: after(seconds), toMs: after(seconds + 2) }, { latencyLagMs: 5_000 });
    expect([at(112).former, at(112).isTimedLate]).toEqual([0.05, true]);
    expect([at(116).former, at(116).isTimedLate]).toEqual([0.05, undefined]);
    expect([at(169).former, at(170).former]).toEqual([0.05, undefined]);
    // Before the first weight no request of the canary was timed.
    expect([at(1).former, at(1).isTimedLate]).toEqual([0, undefined]);
  });

  test('the share of a cell is none in a span that ends before it begins, because a clock stepped back', () => {
    const spans = spansOf({ served: [{ weight: 5, from: timeAfter(100), to: timeAfter(40) }] });
    expect(contextOf(spans, { fromMs: after(60), toMs: after(62) }).share).toBeUndefined();
  });
});

describe('a block', () => {
  const rule = { minPerArm: 5, maxAgeMs: 60_000 };

  test('a block is whole with five requests of both arms, however many errors they are', () => {
    const some = addCell(EMPTY_BLOCK, aCell(10, { requests: 4, serverErrors: 4 }, { requests: 90 }), undefined);
    expect(isWhole(some, rule)).toBe(false);
    const more = addCell(some, aCell(20, { requests: 1 }, { requests: 90, serverErrors: 1 }), undefined);
    expect(isWhole(more, rule)).toBe(true);
    expect(more).toEqual({
      ageMs: 20_000,
      canary: { requests: 5, serverErrors: 4, clientErrors: 0, timed: 0, slow: [] },
      serving: { requests: 180, serverErrors: 1, clientErrors: 0, timed: 0, slow: [] },
    });
  });

  test('a block is whole after a minute whatever it holds', () => {
    expect(isWhole({ ...EMPTY_BLOCK, ageMs: 59_999 }, rule)).toBe(false);
    expect(isWhole({ ...EMPTY_BLOCK, ageMs: 60_000 }, rule)).toBe(true);
  });

  test('a block counts as slow what is above the frozen bounds, and keeps that when a later cell is not timed', () => {
    const cell = aCell(10, { requests: 10, buckets: histogram([2, 3, 4, 0, 0, 0, 1]) }, { requests: 10, buckets: histogram([10]) });
    const timed = addCell(EMPTY_BLOCK, cell, [0.25, 0.1, 0.05]);
    expect(timed.canary).toMatchObject({ timed: 10, slow: [1, 5, 8] });
    expect(timed.serving).toMatchObject({ timed: 10, slow: [0, 0, 0] });
    expect(addCell(timed, cell, undefined).canary).toMatchObject({ requests: 20, timed: 10, slow: [1, 5, 8] });
    const silent = aCell(20, { requests: 1, buckets: histogram([]) }, {});
    expect(addCell(timed, silent, [0.25, 0.1, 0.05]).canary).toMatchObject({ timed: 10, slow: [1, 5, 8] });
  });
});

describe('a cell', () => {
  test.each([
    ['more errors than requests', { requests: 3, serverErrors: 2, clientErrors: 2 }],
    ['a negative count', { requests: 3, serverErrors: -1 }],
    ['negative requests', { requests: -3 }],
    ['more requests than any gateway answers', { requests: 1e300 }],
    ['no number', { requests: Number.NaN }],
    ['errors that are no number', { requests: 3, serverErrors: Number.NaN }],
  ])('a cell with %s cannot be counted, whichever arm it is', (_what, arm) => {
    expect(isCountable(aCell(10, arm, { requests: 5 }))).toBe(false);
    expect(isCountable(aCell(10, { requests: 5 }, arm))).toBe(false);
    expect(isCountable(aCell(10, { requests: 5 }, { requests: 5, serverErrors: 5 }))).toBe(true);
  });
});
