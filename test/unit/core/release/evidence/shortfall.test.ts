import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import { describeShortfall, findShortfall } from '../../../../../src/core/release/evidence/shortfall.ts';
import { after, aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const SPEC = aSpec({
  analysis: { minRequests: 50, comparison: { mode: 'Enforce' } },
  stages: [{ weight: 5 }, { weight: 50, minRequests: 1_000 }],
});

/** The comparison has so many requests of those it needs; the stage has its own. */
function compared(
  requests: number | undefined,
  needed: number,
  change: Partial<CanaryReleaseStatus> = {},
  stageRequests = 50,
): CanaryReleaseStatus {
  const check = { name: 'comparison', verdict: 'Inconclusive' as const, limit: '', needed, at: timeAfter(0) };
  const release = aReleaseStatus({ stageRequests, served: [{ weight: 5, from: timeAfter(0) }] });
  return aStatus({ weight: 5, checks: [requests === undefined ? check : { ...check, requests }], release, ...change });
}
const said = (status: CanaryReleaseStatus, seconds = 1_800, spec = SPEC) => describeShortfall(status, spec, after(seconds));

describe('too little traffic in words', () => {
  test('tells what there was, what is needed, how fast it comes, and what a person can do', () => {
    expect(said(compared(72, 210))).toBe(
      "72 of 210 canary requests after 30m at 0.04/s: raise this stage's weight to 15, approve, or set spec.analysis.onInconclusive",
    );
    expect(said(compared(1_234, 25_000), 100)).toMatch(
      /^1,234 of 25,000 canary requests after 2m at 12\/s: give the stage a longer timeout, approve/,
    );
  });

  test('asks for time where even half of the traffic would not do, or nothing came', () => {
    expect(said(compared(10, 210))).toContain(': give the stage a longer timeout, approve, or');
    expect(said(compared(undefined, 210))).toContain('0 of 210 canary requests after 30m at 0/s: give the stage a longer timeout');
  });

  test('asks for a step of 5 up, never for the present weight', () => {
    expect(said(compared(200, 210))).toContain("raise this stage's weight to 10");
    expect(said(compared(190, 210, { weight: 50 }))).toContain('give the stage a longer timeout');
  });

  test.each([
    [5, '5s'],
    [45, '45s'],
    [59.4, '59s'],
    [59.8, '1m'],
    [90, '2m'],
    [3_590, '1h'],
    [4_800, '1h20m'],
    [7_200, '2h'],
  ])('calls %s seconds %s', (seconds, text) => {
    expect(said(compared(72, 210), seconds)).toContain(`after ${text} at`);
  });

  test('is nothing where numbers are not what is missing', () => {
    const { release: _release, ...idle } = aStatus();
    for (const status of [compared(210, 210), compared(10, 210, { weight: 0 }), idle]) expect(said(status)).toBeUndefined();
  });
});

describe('what is missing', () => {
  const stage = (stageRequests: number | undefined, change: Parameters<typeof aReleaseStatus>[0] = {}) =>
    aStatus({ weight: 5, checks: [], release: aReleaseStatus({ ...(stageRequests === undefined ? {} : { stageRequests }), ...change }) });

  test('are the requests of the stage where the comparison has no say', () => {
    expect(findShortfall(stage(20), SPEC, after(100))).toEqual({ have: 20, needed: 50, rate: 0.2, elapsedMs: 100_000 });
    expect(findShortfall(stage(20, { stageIndex: 1 }), SPEC, after(100))?.needed).toBe(1_000);
    expect(findShortfall(stage(undefined), SPEC, after(100))?.have).toBe(0);
    expect(findShortfall(stage(50), SPEC, after(100))).toBeUndefined();
    const observed = aSpec({ analysis: { minRequests: 50, comparison: { mode: 'Observe' } } });
    expect(findShortfall(compared(10, 210, {}, 50), observed, after(100))).toBeUndefined();
  });

  test('are those of the stage also where the comparison has enough: a Pass needs both', () => {
    expect(findShortfall(compared(210, 210, {}, 20), SPEC, after(100))).toMatchObject({ have: 20, needed: 50 });
    expect(findShortfall(compared(100, 210, {}, 20), SPEC, after(100))).toMatchObject({ have: 100, needed: 210 });
  });

  test('has no rate before any time has passed, or where nobody knows since when', () => {
    expect(findShortfall(compared(10, 210), SPEC, after(0))).toMatchObject({ rate: 0, elapsedMs: 0 });
    expect(findShortfall(compared(10, 210), SPEC, after(-50))).toMatchObject({ rate: 0, elapsedMs: 0 });
    const { stageStartedAt: _since, stageIndex: _index, ...release } = aReleaseStatus();
    expect(findShortfall({ ...aStatus(), checks: [], release }, SPEC, after(100))).toMatchObject({ have: 0, needed: 50, elapsedMs: 0 });
    const { checks: _checks, ...unchecked } = stage(20);
    expect(findShortfall(unchecked, SPEC, after(100))).toMatchObject({ have: 20 });
  });
});
