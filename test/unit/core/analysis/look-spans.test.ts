import { describe, expect, test } from 'vitest';
import { toTime } from '../../../../src/api/times.ts';
import { spansOfLook } from '../../../../src/core/analysis/look-spans.ts';

const START = Date.UTC(2030, 0, 1);
const after = (seconds: number): number => START + seconds * 1_000;
const at = (seconds: number): string => toTime(after(seconds));

describe('the spans of a look', () => {
  test('the window of the checks does not reach back behind the last change of weight', () => {
    const times = { startedAt: at(0), shiftedAt: at(40) };
    expect(spansOfLook('1m', times, after(70)).window).toEqual({ fromMs: after(40), toMs: after(70) });
    expect(spansOfLook('1m', times, after(200)).window).toEqual({ fromMs: after(140), toMs: after(200) });
  });

  test('a look before the change of weight has an empty window', () => {
    expect(spansOfLook('1m', { startedAt: at(0), shiftedAt: at(40) }, after(30)).window).toEqual({ fromMs: after(30), toMs: after(30) });
  });

  test('new is what came after the look before, or after the newest sample which that one saw', () => {
    const times = { startedAt: at(0), lookGridAt: at(30) };
    expect(spansOfLook('1m', times, after(40)).seenMs).toBe(after(30));
    expect(spansOfLook('1m', { ...times, sampleAt: at(15) }, after(40)).seenMs).toBe(after(15));
  });

  test('requests count for the stage from its beginning on, errors from the look before', () => {
    const spans = spansOfLook('1m', { startedAt: at(0), lookGridAt: at(30), sampleAt: at(29), stageStartedAt: at(35) }, after(40));
    expect(spans).toMatchObject({ sinceMs: after(35), seenMs: after(29) });
  });

  test('the spans of looks that are read in one go each begin where the one before it ended', () => {
    const times = { startedAt: at(0), lookGridAt: at(30), sampleAt: at(15) };
    expect(spansOfLook('1m', times, after(50), after(40))).toMatchObject({ sinceMs: after(40), seenMs: after(40) });
  });

  test('without a release everything begins at the look', () => {
    expect(spansOfLook('1m', undefined, after(40))).toEqual({
      window: { fromMs: after(40), toMs: after(40) },
      sinceMs: after(40),
      seenMs: after(40),
    });
  });
});
