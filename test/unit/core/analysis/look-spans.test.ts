import { describe, expect, test } from 'vitest';
import { toTime } from '../../../../src/api/times.ts';
import { spansOfLook, windowWithSamples, withoutFormerTraffic } from '../../../../src/core/analysis/look-spans.ts';

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
      windowMs: 60_000,
      beganMs: after(40),
      sinceMs: after(40),
      seenMs: after(40),
      askFromMs: after(-260),
    });
  });
});

describe('the window of samples that arrive late', () => {
  const times = { startedAt: at(0), lookGridAt: at(290), sampleAt: at(258) };
  const spans = spansOfLook('1m', { ...times, sampleDelayMs: 32_000, scrapeIntervalMs: 5_000 }, after(300));

  test('the window of late samples ends with the newest sample and is as long as any other', () => {
    expect(windowWithSamples(spans, after(266), 5_000)).toEqual({ fromMs: after(206) + 120, toMs: after(266) + 120 });
  });

  test('what is asked for reaches back by the delay that is known, and by the whole of what is allowed for before the first sample', () => {
    expect(spans.askFromMs).toBe(after(198));
    expect(spansOfLook('1m', { startedAt: at(0), lookGridAt: at(290), sampleAt: at(289) }, after(300)).askFromMs).toBe(after(240));
    expect(spansOfLook('1m', { startedAt: at(290) }, after(300)).askFromMs).toBe(after(0));
  });

  test('a sample that is no older than one scrape is not late', () => {
    expect(windowWithSamples(spans, after(295), 5_000)).toBe(spans.window);
    for (const [newest, scrape] of [
      [undefined, 5_000],
      [after(200), undefined],
    ] as const)
      expect(windowWithSamples(spans, newest, scrape)).toBe(spans.window);
  });

  test('the window of late samples reaches back neither behind the present weight nor behind what was asked for', () => {
    const young = spansOfLook('1m', { startedAt: at(0), shiftedAt: at(250), sampleAt: at(240), lookGridAt: at(290) }, after(300));
    expect(windowWithSamples(young, after(266), 5_000)).toEqual({ fromMs: after(250), toMs: after(266) + 120 });
    const unknown = spansOfLook('1m', { ...times, sampleAt: at(289) }, after(300));
    expect(windowWithSamples(unknown, after(266), 5_000)).toEqual({ fromMs: after(240), toMs: after(266) + 120 });
  });

  test('without a sample of the present weight there is none', () => {
    const young = spansOfLook('1m', { startedAt: at(0), shiftedAt: at(280), sampleAt: at(240), lookGridAt: at(290) }, after(300));
    expect(windowWithSamples(young, after(266), 5_000)).toBeUndefined();
  });
});

describe('requests that the canary had before its first weight', () => {
  const window = { fromMs: after(40), toMs: after(70) };
  const counter = (...samples: readonly (readonly [seconds: number, value: number])[]) => ({
    labels: {},
    samples: samples.map(([seconds, value]) => ({ atMs: after(seconds), value })),
  });

  test('requests before the first weight are left out with the scrape that counts both', () => {
    const canary = [counter([15, 70], [30, 80], [45, 90], [60, 100])];
    expect(withoutFormerTraffic(window, canary, after(40))).toEqual({ fromMs: after(45), toMs: after(70) });
    expect(withoutFormerTraffic(window, [counter([15, 70], [30, 80], [45, 90])], after(40))).toBeUndefined();
    const born = [counter([39, 25], [45, 90], [60, 100])];
    expect(withoutFormerTraffic(window, born, after(40))).toEqual({ fromMs: after(45), toMs: after(70) });
  });

  test('a canary that had none keeps its first scrape', () => {
    expect(withoutFormerTraffic(window, [counter([45, 9], [60, 20])], after(40))).toBe(window);
    expect(withoutFormerTraffic(window, [counter([15, 80], [30, 80], [45, 90])], after(40))).toBe(window);
    expect(withoutFormerTraffic(window, [], after(40))).toBe(window);
  });

  test('a window that begins later than the weight is left as it is', () => {
    expect(withoutFormerTraffic(window, [counter([5, 70], [15, 80], [45, 90])], after(20))).toBe(window);
  });
});
