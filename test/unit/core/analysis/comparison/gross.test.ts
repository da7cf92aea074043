import { describe, expect, test } from 'vitest';
import type { ArmCounts } from '../../../../../src/core/analysis/comparison/cells.ts';
import { addRecent, type GrossSettings, isGross, type RecentCells } from '../../../../../src/core/analysis/comparison/gross.ts';
import { NO_PRIOR, settingsFor } from '../../../../../src/core/analysis/comparison/settings.ts';
import { START } from '../../../../fixtures/builders.ts';
import { aCell, foldAll, raiseTo } from './support.ts';
import { judgeComparison } from '../../../../../src/core/analysis/comparison/judgement.ts';

const settingsOf = (replicas: number, scrapeMs: number) =>
  settingsFor({
    alpha: 0.01,
    riskBudget: { ratio: 0.005, requests: 0 },
    startMs: START,
    prior: { ...NO_PRIOR, phi: 1, replicas, scrapeMs },
  });
const ONE = settingsOf(1, 15_000).gross;
const TWO = settingsOf(2, 15_000).gross;
const CLOSE = settingsOf(1, 2_000).gross;

const failing = (bad: number, requests = 75, more: Partial<ArmCounts> = {}): Partial<ArmCounts> => ({
  requests,
  serverErrors: bad,
  failing: { 'a/': bad },
  ...more,
});

/** Does one cell convict alone, at 5% of the traffic? */
function convicts(settings: GrossSettings, canary: Partial<ArmCounts>, serving: Partial<ArmCounts> = { requests: 1_425 }): boolean {
  return isGross(settings, addRecent(settings, [], aCell(15, canary, serving, 2), 0.05), 0.05);
}

describe('a gross failure', () => {
  test('a gross failure is one scrape whose errors prove a share far above that of serving', () => {
    expect(convicts(ONE, failing(37))).toBe(true);
    expect(convicts(ONE, failing(20))).toBe(false);
    expect(convicts(ONE, failing(37), { requests: 1_425, serverErrors: 700 })).toBe(false);
  });

  test('a gross failure takes at least eight bad answers', () => {
    expect(convicts(ONE, failing(7, 7), { requests: 133 })).toBe(false);
    expect(convicts(ONE, failing(8, 8), { requests: 152 })).toBe(true);
  });

  test('a gross failure is not made of requests that the share of the canary does not explain', () => {
    expect(convicts(ONE, failing(20, 25), { requests: 95 })).toBe(false);
  });

  test('a gross failure is not found without requests of serving, and at every weight with them', () => {
    expect(convicts(ONE, failing(75), { requests: 0 })).toBe(false);
    const cell = aCell(15, failing(75), { requests: 100 }, 2);
    expect(isGross(ONE, addRecent(ONE, [], cell, 1), 1)).toBe(true);
  });

  test('a gross failure is seen by more than one replica of the gateway, where there are several', () => {
    expect(convicts(TWO, failing(37))).toBe(false);
    expect(convicts(TWO, failing(37, 75, { failing: { 'a/': 34, 'b/': 3 } }))).toBe(false);
    expect(convicts(TWO, failing(37, 75, { failing: { 'a/': 20, 'b/': 17 } }))).toBe(true);
  });

  test('a gross failure lasts longer than a moment, where scrapes are close', () => {
    const cells = (...bad: readonly number[]): RecentCells =>
      bad.reduce<RecentCells>(
        (recent, count, index) => addRecent(CLOSE, recent, aCell(2 * (index + 1), failing(count, 10), { requests: 190 }, 2), 0.05),
        [],
      );
    expect(isGross(CLOSE, cells(10), 0.05)).toBe(false);
    expect(isGross(CLOSE, cells(10, 5, 0), 0.05)).toBe(false);
    expect(isGross(CLOSE, cells(6, 6, 6), 0.05)).toBe(true);
  });

  test('a gross failure is looked for in cells of the present weight only', () => {
    const before = addRecent(ONE, [], aCell(2, failing(37), { requests: 1_425 }, 2), 0.05);
    expect(addRecent(ONE, before, aCell(4, {}, {}, 2), undefined)).toEqual([]);
    expect(addRecent(ONE, before, aCell(20, {}, {}, 2), 0.05)).toHaveLength(1);
  });

  test('a gross failure convicts in the fold at its first block, and its errors alone', () => {
    const settings = settingsOf(1, 15_000);
    const cells = [aCell(2, failing(25, 50), { requests: 450 }, 2)];
    expect(judgeComparison(settings, foldAll(cells, { settings }), raiseTo(0.5))).toMatchObject({ finding: 'worse', strongest: 'errors' });
    const slow = [aCell(2, { requests: 50, clientErrors: 25 }, { requests: 450 }, 2)];
    expect(judgeComparison(settings, foldAll(slow, { settings }), raiseTo(0.5)).finding).not.toBe('worse');
  });
});
