import { describe, expect, test } from 'vitest';
import { judgeComparison, type NextRaise } from '../../../../../src/core/analysis/comparison/judgement.ts';
import { NO_PRIOR, settingsFor } from '../../../../../src/core/analysis/comparison/settings.ts';
import { START } from '../../../../fixtures/builders.ts';
import { aCell, foldAll } from './support.ts';

const MINUTE = 60_000;
const quarter: NextRaise = { share: 0.25, lastsMs: 5 * MINUTE };

function settings(requests: number, perSecond: number | undefined) {
  return settingsFor({ alpha: 0.01, riskBudget: { ratio: 0.005, requests }, startMs: START, prior: { ...NO_PRIOR, phi: 1, perSecond } });
}

/** Minutes of flawless traffic of so many requests. */
function judged(requests: number, canary: number, serving: number, perSecond: number | undefined, next = quarter, minutes = 1) {
  const given = settings(requests, perSecond);
  const cells = Array.from({ length: minutes }, (_, index) => aCell((index + 1) * 60, { requests: canary }, { requests: serving }, 60));
  return judgeComparison(given, foldAll(cells, { settings: given }), next);
}

describe('what a raise may risk', () => {
  test('the budget of a raise is a number of requests where that is more than the share', () => {
    // At 1/s 75 requests of the next stage go to the canary: ten of them are 13%.
    expect(judged(10, 3, 57, 1)).toMatchObject({ allowed: 10 / 75, budget: 'requests' });
    expect(judged(10, 3, 57, 100)).toMatchObject({ allowed: 0.02, budget: 'ratio' });
    expect(judged(0, 3, 57, 1)).toMatchObject({ allowed: 0.02, budget: 'ratio' });
  });

  test('the budget of a raise goes by the rate before the release, and by its own as soon as that is known', () => {
    expect(judged(10, 3, 57, undefined).budget).toBe('ratio');
    expect(judged(10, 30, 570, undefined)).toMatchObject({ allowed: 0.02, budget: 'ratio' });
    expect(judged(10, 3, 57, undefined, quarter, 4)).toMatchObject({ allowed: 10 / 75, budget: 'requests' });
    expect(judged(10, 30, 570, 1)).toMatchObject({ budget: 'ratio' });
  });

  test('the budget of a raise counts a short stage as a minute, and never lets more than half of the answers fail', () => {
    expect(judged(10, 3, 57, 1, { share: 0.5, lastsMs: 1_000 }).allowed).toBe(10 / 30);
    expect(judged(10, 3, 57, 0.01).allowed).toBe(0.5);
    expect(judged(10, 3, 57, 0).allowed).toBe(0.5);
  });

  test('the next weight is earned by few requests where ten may fail, and never by fewer than five', () => {
    expect(judged(10, 4, 30, 0.5, quarter, 4).finding).toBe('earned');
    expect(judged(10, 4, 30, 0.5).finding).toBe('unproven');
    expect(judged(10, 3, 30, 0.01).finding).toBe('unproven');
    expect(judged(0, 4, 30, 0.5, quarter, 4).finding).toBe('unproven');
  });
});
