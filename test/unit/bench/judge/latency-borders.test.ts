import { describe, expect, test } from 'vitest';
import { LAYOUTS, planBorders, runBorderRelease, type BorderCell } from '../../../bench/judge/latency-borders.ts';
import { createRandom } from '../../../bench/judge/random.ts';
import { nameCell, simulateCell } from '../../../bench/judge/simulate.ts';
import { sumBorders } from '../../../bench/judge/summary.ts';
import { writeTables } from '../../../bench/judge/tables.ts';

const CELLS = planBorders();
const BUCKET = 'one bucket (21 ms)';

function cellOf(layout: BorderCell['layout'], shape: string, change: BorderCell['change'], rps = 50): BorderCell {
  const cell = CELLS.find((one) => one.layout === layout && one.shape === shape && one.change === change && one.requestsPerSecond === rps);
  if (cell === undefined) throw new RangeError(`no cell ${layout} ${shape} ${change}`);
  return cell;
}

describe('planBorders', () => {
  test('planBorders has each shape over the buckets of each source, at two rates, and every cell has a name of its own', () => {
    expect(CELLS).toHaveLength(2 * 3 * 5 * 7);
    expect(new Set(CELLS.map(nameCell)).size).toBe(CELLS.length);
    for (const { layout, before, canary, stable, incident = [1] } of CELLS) {
      expect(before).toHaveLength(LAYOUTS[layout].length + 1);
      for (const shares of [before, canary, stable, incident]) expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    }
  });

  test('planBorders knows which difference no bucket shows', () => {
    expect(cellOf('traefik', BUCKET, 'x3').isVisible).toBe(false);
    expect(cellOf('traefik', BUCKET, 'x60').isVisible).toBe(true);
    expect(cellOf('envoy', BUCKET, 'x1.5').isVisible).toBe(true);
    expect(CELLS.filter(({ isHealthy, isVisible }) => isHealthy && isVisible)).toEqual([]);
  });
});

describe('a release whose serving version fills one bucket', () => {
  test('a release whose serving version fills one bucket is rolled back where the canary leaves it, and only there', () => {
    const endOf = (change: BorderCell['change'], layout: BorderCell['layout'] = 'envoy') =>
      runBorderRelease(cellOf(layout, BUCKET, change), createRandom(1, 2, 3));
    expect(endOf('x1.5')).toBeLessThanOrEqual(60);
    expect(endOf('x60')).toBeLessThanOrEqual(60);
    expect(endOf('healthy')).toBeUndefined();
    expect(endOf('both x3 for 2 min')).toBeUndefined();
    expect(endOf('x3', 'traefik')).toBeUndefined();
  });

  test('a release whose serving version drifted out of its bucket is rolled back once the borders have followed', () => {
    const end = runBorderRelease(cellOf('envoy', BUCKET, 'drift x3; canary x3'), createRandom(1, 2, 3));
    expect(end).toBeGreaterThan(300);
    expect(end).toBeLessThanOrEqual(400);
  });
});

test('the figures and the table of the borders are made of what was simulated', () => {
  const cells = [
    cellOf('envoy', BUCKET, 'healthy'),
    cellOf('envoy', BUCKET, 'x60'),
    cellOf('traefik', BUCKET, 'healthy'),
    cellOf('traefik', BUCKET, 'x3'),
  ].map((cell) => simulateCell(cell, 4, 1));
  expect(sumBorders(cells)).toEqual([
    { name: 'judge-latency-false-rollback-worst-percent', value: 0, unit: 'percent' },
    { name: 'judge-latency-false-rollback-pooled-percent', value: 0, unit: 'percent' },
    { name: 'judge-latency-gross-found-worst-percent', value: 100, unit: 'percent' },
    { name: 'judge-latency-gross-slowest-median-50-rps-seconds', value: 45, unit: 'seconds' },
  ]);
  expect(sumBorders([])).toEqual([]);
  const table = writeTables(cells, 4, 1);
  expect(table).toContain('| 50 | envoy | one bucket (21 ms) | 0 % |  |  | 100 % · 45 s |  |');
  expect(table).toContain('| 50 | traefik | one bucket (21 ms) | 0 % |  | hidden by its bucket |  |  |');
});
