import { describe, expect, test } from 'vitest';
import { planLatencies } from '../../../bench/judge/latency.ts';
import { createRandom } from '../../../bench/judge/random.ts';
import { planConstantWeights, planWholeReleases } from '../../../bench/judge/scenarios.ts';
import { nameCell, simulateCell, type Cell } from '../../../bench/judge/simulate.ts';
import { describeCells, sumDetection, sumFalseRollbacks } from '../../../bench/judge/summary.ts';
import { replaceTables, writeTables } from '../../../bench/judge/tables.ts';
import { addCounts, drawLook, withWindow, type Look } from '../../../bench/judge/traffic.ts';

const CELLS: readonly Cell[] = [...planConstantWeights(), ...planWholeReleases(), ...planLatencies()];

function simulate(name: string, runs: number, seed = 1) {
  const cell = CELLS.find((one) => nameCell(one) === name);
  if (cell === undefined) throw new RangeError(`no cell ${name}`);
  return simulateCell(cell, runs, seed);
}

describe('simulateCell', () => {
  test('simulateCell gives the same releases for the same seed, and more runs begin with the same ones', () => {
    const name = 'constant-weight,canary 1%,10,50,60';
    const [first, again, other] = [simulate(name, 6), simulate(name, 6), simulate(name, 6, 2)];
    expect(again).toEqual(first);
    expect(other.results).not.toEqual(first.results);
    const more = simulate(name, 12).results.flatMap(({ failed }) => failed);
    for (const failed of first.results.flatMap((result) => result.failed)) expect(more).toContain(failed);
  });

  test('every judge finds half of the requests failing, and the sequential one sooner than a count of five windows', () => {
    const { results } = simulate('whole-release,canary 50%,100,0,10', 20);
    expect(results.map(({ judge, seconds }) => [judge, seconds.length])).toEqual([
      ['glidepath', 20],
      ['flagger', 20],
      ['argo', 20],
      ['kayenta', 20],
      ['peek', 20],
    ]);
    const times = Object.fromEntries(results.map(({ judge, seconds }) => [judge, seconds[10]]));
    expect(times).toEqual({ glidepath: 10, flagger: 300, argo: 240, kayenta: 300, peek: 10 });
  });

  test('simulateCell finds requests that hang, and counts no failed ones for latency', () => {
    const { results } = simulate('latency,100% hang +3 s,100,10,10', 5);
    expect(results.map(({ judge, seconds, failed }) => [judge, seconds[2], failed])).toEqual([
      ['glidepath', 50, []],
      ['flagger', 300, []],
      ['kayenta', 300, []],
    ]);
  });
});

describe('traffic', () => {
  const planned = { atSeconds: 10, seconds: 10, weight: 0.2, canaryBadShare: 0.05, stableBadShare: 0.01 };

  test.each([1, 5])('traffic has its rates, with bursts of mean %d', (burst) => {
    const random = createRandom(3, 2, 1);
    const looks = Array.from({ length: 4_000 }, () => drawLook(random, planned, 100, burst));
    const sum = (read: (look: Look) => number) => looks.reduce((total, look) => total + read(look), 0);
    expect(Math.abs(sum(({ canary }) => canary.requests) / (4_000 * 200) - 1)).toBeLessThan(0.01);
    expect(Math.abs(sum(({ stable }) => stable.requests) / (4_000 * 800) - 1)).toBeLessThan(0.005);
    expect(Math.abs(sum(({ canary }) => canary.bad) / (4_000 * 10) - 1)).toBeLessThan(0.08);
    expect(Math.abs(sum(({ stable }) => stable.bad) / (4_000 * 8) - 1)).toBeLessThan(0.08);
    // Bursts leave the mean and widen the spread: the variance is the mean times 2·mean burst − 1.
    const variance = sum(({ canary }) => (canary.bad - 10) ** 2) / 4_000;
    expect(Math.abs(variance / (10 * (2 * burst - 1)) - 1)).toBeLessThan(0.15);
  });

  test('a window adds its looks up and asks once', () => {
    const seen: Look[] = [];
    const rule = withWindow(30, addCounts, (look: Look) => seen.push(look) > 1);
    const look = (i: number): Look => ({
      atSeconds: 10 * i,
      seconds: 10,
      weight: 0.1,
      canary: { requests: i, bad: 1 },
      stable: { requests: 9, bad: 0 },
    });
    expect([1, 2, 3, 4, 5, 6].map((i) => rule(look(i)))).toEqual([false, false, false, false, false, true]);
    expect(seen[0]).toEqual({ atSeconds: 30, seconds: 30, weight: 0.1, canary: { requests: 6, bad: 3 }, stable: { requests: 27, bad: 0 } });
  });
});

describe('figures and tables', () => {
  const cells = [simulate('constant-weight,healthy,1,5,10', 4), simulate('constant-weight,canary 5%,100,5,10', 4)];

  test('figures and tables say the worst and the pooled rate of each judge', () => {
    const figures = sumFalseRollbacks(cells);
    expect(figures).toContainEqual({ name: 'judge-flagger-false-rollback-worst-percent', value: 100, unit: 'percent' });
    expect(figures).toContainEqual({ name: 'judge-false-rollback-pooled-percent', value: 0, unit: 'percent' });
    expect(sumDetection(cells)).toContainEqual({ name: 'judge-flagger-detect-5-percent-median-seconds', value: 50, unit: 'seconds' });
    expect(sumFalseRollbacks([])).toEqual([]);
  });

  test('one line per cell and judge', () => {
    const lines = describeCells(cells);
    expect(lines).toHaveLength(10);
    expect(lines[1]).toMatchObject({
      name: 'judge-cell-false-rollback',
      value: 100,
      judge: 'flagger',
      requestsPerSecond: 1,
      weightPercent: 5,
    });
  });

  test('figures and tables go between the markers of a page, as often as one likes', () => {
    const tables = writeTables(cells, 4, 1);
    expect(tables).toContain('| 10 s | 1 | 5 % | 0 % | 100 % | 100 % | 0 % |');
    const page = '# Title\n\n<!-- judge-bench:begin -->\nold\n<!-- judge-bench:end -->\n\nThe end.\n';
    const once = replaceTables(page, tables);
    expect(once).not.toContain('old');
    expect(once).toContain(tables);
    expect(once.endsWith('<!-- judge-bench:end -->\n\nThe end.\n')).toBe(true);
    expect(replaceTables(once, tables)).toBe(once);
    expect(() => replaceTables('# Title\n', tables)).toThrow('judge-bench:begin');
  });
});
