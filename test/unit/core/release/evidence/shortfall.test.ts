import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import { describeShortfall, findShortfall, forecastRequests } from '../../../../../src/core/release/evidence/shortfall.ts';
import { aReleaseStatus, aSpec, aStatus, after, timeAfter } from '../../../../fixtures/builders.ts';

const SPEC = aSpec({
  analysis: { minRequests: 50, comparison: { mode: 'Enforce' } },
  stages: [{ weight: 5 }, { weight: 50, minRequests: 1_000 }],
});

/** The comparison has so many requests of those it needs, counted over so many seconds; the stage has its own. */
function compared(
  requests: number | undefined,
  needed: number,
  { seconds = 1_800, stageRequests = 50, weight = 5 }: { seconds?: number; stageRequests?: number; weight?: number } = {},
): CanaryReleaseStatus {
  const check = { name: 'comparison', verdict: 'Inconclusive' as const, limit: '', needed, at: timeAfter(seconds) };
  const counted = { lookGridAt: timeAfter(seconds), sampleAt: timeAfter(seconds) };
  const release = aReleaseStatus({ stageRequests, served: [{ weight: 5, from: timeAfter(0) }], stageStartedAt: timeAfter(0), ...counted });
  return aStatus({ weight, checks: [requests === undefined ? check : { ...check, requests }], release });
}
const said = (status: CanaryReleaseStatus, spec = SPEC) => describeShortfall(status, spec);

describe('a shortfall in words', () => {
  test('the message about a shortfall says what there was, what is needed, how fast it comes, and what a person can do', () => {
    expect(said(compared(72, 210))).toBe(
      "72 of 210 canary requests after 30m at 0.04/s: raise this stage's weight to 15, or set spec.analysis.onInconclusive",
    );
    expect(said(compared(1_234, 25_000, { seconds: 100 }))).toMatch(
      /^1,234 of 25,000 canary requests after 2m at 12\/s: give the stage a longer timeout, or/,
    );
  });

  test('the message about a shortfall offers an approval only where the release asks for one', () => {
    const asking = aSpec({ analysis: { minRequests: 50, comparison: { mode: 'Enforce' }, onInconclusive: 'Approve' } });
    expect(said(compared(72, 210), asking)).toContain("raise this stage's weight to 15, approve, or set spec.analysis.onInconclusive");
    expect(said(compared(72, 210))).not.toContain('approve');
  });

  test('the message about a shortfall asks for time where even half of the traffic would not do, or nothing came', () => {
    expect(said(compared(10, 210))).toBe(
      '10 of 210 canary requests after 30m: give the stage a longer timeout, or set spec.analysis.onInconclusive',
    );
    expect(said(compared(undefined, 210))).toContain('0 of 210 canary requests after 30m: give the stage a longer timeout');
  });

  test('the message about a shortfall asks for a step of 5 up, never for the present weight', () => {
    expect(said(compared(200, 210))).toContain("raise this stage's weight to 10");
    expect(said(compared(190, 210, { weight: 50 }))).toContain('give the stage a longer timeout');
  });

  test.each([
    [5, '5s'],
    [45, '45s'],
    [59, '59s'],
    [90, '2m'],
    [3_590, '1h'],
    [4_800, '1h20m'],
    [7_200, '2h'],
  ])('the message about a shortfall calls %s seconds %s', (seconds, text) => {
    expect(said(compared(72, 210, { seconds }))).toContain(`after ${text} at`);
  });

  test('a shortfall has no words where numbers are not what is missing', () => {
    const { release: _release, ...idle } = aStatus();
    for (const status of [compared(210, 210), compared(10, 210, { weight: 0 }), idle]) expect(said(status)).toBeUndefined();
  });
});

describe('what is missing', () => {
  const stage = (stageRequests: number | undefined, change: Parameters<typeof aReleaseStatus>[0] = {}) =>
    aStatus({
      weight: 5,
      checks: [],
      release: aReleaseStatus({
        ...(stageRequests === undefined ? {} : { stageRequests }),
        lookGridAt: timeAfter(100),
        sampleAt: timeAfter(100),
        ...change,
      }),
    });

  test('what is missing are the requests of the stage where the comparison has no say', () => {
    expect(findShortfall(stage(40), SPEC)).toEqual({ have: 40, needed: 50, rate: 0.4, elapsedMs: 100_000 });
    expect(findShortfall(stage(20, { stageIndex: 1 }), SPEC)?.needed).toBe(1_000);
    expect(findShortfall(stage(undefined), SPEC)?.have).toBe(0);
    expect(findShortfall(stage(50), SPEC)).toBeUndefined();
    const observed = aSpec({ analysis: { minRequests: 50, comparison: { mode: 'Observe' } } });
    expect(findShortfall(compared(10, 210), observed)).toBeUndefined();
  });

  test('what is missing are those of the stage also where the comparison has enough: a Pass needs both', () => {
    expect(findShortfall(compared(210, 210, { stageRequests: 20 }), SPEC)).toMatchObject({ have: 20, needed: 50 });
    expect(findShortfall(compared(100, 210, { stageRequests: 20 }), SPEC)).toMatchObject({ have: 100, needed: 210 });
  });

  test('what is missing is counted over the time up to the newest sample, however long ago that was', () => {
    const { release, checks, ...rest } = compared(40, 420, { seconds: 10 });
    const late = { ...rest, checks, release: { ...release, sampleAt: timeAfter(4) } } as CanaryReleaseStatus;
    expect(findShortfall(late, SPEC)).toEqual({ have: 40, needed: 420, elapsedMs: 4_000, rate: 10 });
  });

  test('what is missing has no rate from fewer than 30 requests', () => {
    expect(findShortfall(compared(29, 420, { seconds: 10 }), SPEC)?.rate).toBeUndefined();
    expect(findShortfall(compared(30, 420, { seconds: 10 }), SPEC)?.rate).toBe(3);
    expect(said(compared(8, 420, { seconds: 3 }))).toMatch(/^8 of 420 canary requests after 3s: /);
  });

  test('what is missing has no rate before any time has passed, or where it is not known since when', () => {
    expect(findShortfall(compared(40, 210, { seconds: 0 }), SPEC)).toMatchObject({ rate: undefined, elapsedMs: 0 });
    expect(findShortfall(compared(40, 210, { seconds: -50 }), SPEC)).toMatchObject({ rate: undefined, elapsedMs: 0 });
    const { stageStartedAt: _since, stageIndex: _index, ...release } = aReleaseStatus();
    expect(findShortfall({ ...aStatus(), checks: [], release }, SPEC)).toMatchObject({ have: 0, needed: 50, elapsedMs: 0 });
    const { checks: _checks, ...unchecked } = stage(20);
    expect(findShortfall(unchecked, SPEC)).toMatchObject({ have: 20 });
  });
});

describe('the time at which the requests will be there', () => {
  test('the time at which the requests will be there follows from the requests of the present stage', () => {
    expect(forecastRequests(compared(100, 400, { seconds: 100, stageRequests: 50 }), SPEC)).toBe(after(100 + 600));
  });

  test('the time at which the requests will be there is not given from fewer than 30 requests, nor where none are missing', () => {
    expect(forecastRequests(compared(100, 400, { seconds: 100, stageRequests: 29 }), SPEC)).toBeUndefined();
    expect(forecastRequests(compared(400, 400, { seconds: 100 }), SPEC)).toBeUndefined();
  });
});
