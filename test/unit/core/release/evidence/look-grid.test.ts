import { describe, expect, test } from 'vitest';
import type { Judgement } from '../../../../../src/core/analysis/comparison/judgement.ts';
import type { LookReading } from '../../../../../src/core/analysis/reading.ts';
import { nextLookAfter } from '../../../../../src/core/analysis/grid.ts';
import { dueGridOf, gridOf, isGlance } from '../../../../../src/core/release/evidence/look-grid.ts';
import { foldLook } from '../../../../../src/core/release/evidence/looks.ts';
import { after, aLook, aReleaseStatus, aSpec, aStatus, someRequests, timeAfter } from '../../../../fixtures/builders.ts';
import { aJudgement } from '../../../../fixtures/judgements.ts';

const found = (finding: Judgement['finding']) =>
  ({ comparison: { kind: 'facts', facts: aJudgement({ finding }) }, servingRequests: 4_500 }) as const;
const compared = () => aSpec({ analysis: { comparison: { mode: 'Enforce' } } });
const scraped = (seconds: number, more = {}) => aReleaseStatus({ scrapeIntervalMs: seconds * 1_000, ...more });

describe('the grid of the looks', () => {
  test('the grid of the looks goes by the interval, and by the scrape where that is slower', () => {
    expect(gridOf(compared(), aReleaseStatus()).intervalMs).toBe(10_000);
    expect(gridOf(compared(), scraped(5)).intervalMs).toBe(10_000);
    expect(gridOf(compared(), scraped(10.2)).intervalMs).toBe(10_000);
    expect(gridOf(compared(), scraped(14.997)).intervalMs).toBe(15_000);
    expect(gridOf(compared(), scraped(60)).intervalMs).toBe(60_000);
  });

  test('the grid of the looks asks at least once a minute, however seldom the gateway is scraped', () => {
    expect(gridOf(compared(), scraped(300)).intervalMs).toBe(60_000);
    expect(gridOf(aSpec({ analysis: { window: '20s' } }), scraped(60)).intervalMs).toBe(20_000);
    expect(gridOf(compared(), scraped(90)).intervalMs).toBe(45_000);
    expect(gridOf(aSpec({ analysis: { interval: '5m', window: '5m' } }), scraped(60)).intervalMs).toBe(300_000);
  });

  test('the grid of the looks that fall due has one at the end of every cell while the release is young and scrapes are close', () => {
    expect(dueGridOf(compared(), scraped(1)).intervalMs).toBe(2_000);
    expect(dueGridOf(compared(), scraped(2)).intervalMs).toBe(2_000);
    expect(dueGridOf(compared(), scraped(5)).intervalMs).toBe(10_000);
    expect(dueGridOf(compared(), aReleaseStatus()).intervalMs).toBe(10_000);
    expect(dueGridOf(compared(), scraped(1, { passInStage: true })).intervalMs).toBe(10_000);
    expect(dueGridOf(aSpec({ analysis: { comparison: { mode: 'Off' } } }), scraped(1)).intervalMs).toBe(10_000);
  });
});

describe('a glance between two looks', () => {
  const [worse, earned] = [found('worse'), found('earned')];
  const limit = { name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback', consecutive: 1 } as const;
  const spec = aSpec({ analysis: { comparison: { mode: 'Enforce' }, checks: [limit] } });
  const status = aStatus({ release: aReleaseStatus({ scrapeIntervalMs: 1_000, lookGridAt: timeAfter(10), sampleAt: timeAfter(9.9) }) });
  const failing = { requests: someRequests({ serverErrors: 500 }) } as const;
  const glanceAt = (seconds: number, change: Partial<LookReading>) => aLook(seconds, { glance: true, ...change });

  test('a glance between two looks is one at a time that is not on the grid of the whole looks', () => {
    const release = status.release ?? aReleaseStatus();
    expect(nextLookAfter(dueGridOf(spec, release), after(10))).toBe(after(12));
    expect([12, 14, 16, 18, 20].map((seconds) => isGlance(spec, release, after(seconds)))).toEqual([true, true, true, true, false]);
    expect(isGlance(spec, aReleaseStatus({ scrapeIntervalMs: 1_000 }), after(12))).toBe(false);
    expect(isGlance(spec, { ...release, passInStage: true }, after(12))).toBe(false);
  });

  test('a glance between two looks lets the comparison convict', () => {
    const { release, checks, verdict } = foldLook(spec, status, glanceAt(12, worse));
    expect(release?.failedCheck).toMatchObject({ name: 'comparison' });
    expect(verdict).toBe('Fail');
    expect(checks).toMatchObject([{ name: 'comparison', verdict: 'Fail' }]);
    expect(release?.sampleAt).not.toBe(status.release?.sampleAt);
  });

  test('a glance between two looks proves nothing and counts no broken limit', () => {
    for (const change of [earned, { ...earned, ...failing }]) {
      const looked = foldLook(spec, status, glanceAt(12, change));
      expect({ ...looked, release: { ...looked.release, lookGridAt: undefined } }).toEqual({
        ...status,
        release: { ...status.release, lookGridAt: undefined, lookPhaseMs: looked.release?.lookPhaseMs, scrapeIntervalMs: 10_000 },
      });
      expect(looked.release?.lookGridAt).toBe(timeAfter(12));
    }
    expect(foldLook(spec, status, aLook(20, { ...earned, ...failing })).release?.failedCheck).toMatchObject({ name: 'errors' });
  });

  test('a glance between two looks is what was asked as one: a look that was missed is whole, although the grid has moved since', () => {
    expect(foldLook(spec, status, aLook(12, { ...earned, ...failing })).release?.failedCheck).toMatchObject({ name: 'errors' });
  });

  test('a glance between two looks leaves its requests to the next whole look', () => {
    const glanced = foldLook(spec, status, glanceAt(12, { ...earned, scrapeIntervalMs: 1_000, newRequests: 10 }));
    expect(glanced.release?.stageRequests).toBe(status.release?.stageRequests);
    expect(glanced.release?.sampleAt).toBe(status.release?.sampleAt);
  });
});
