import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alignPhase, dueLooks, type Grid, MAX_MISSED_LOOKS, nextLookAfter, SCRAPE_MARGIN_MS } from '../../../../src/core/analysis/grid.ts';

const GRID: Grid = { startMs: 1_000_000, phaseMs: 300, intervalMs: 10_000 };

const anyGrid = fc.record({
  startMs: fc.nat({ max: 1e9 }),
  phaseMs: fc.nat({ max: 100_000 }),
  intervalMs: fc.integer({ min: 1_000, max: 600_000 }),
});

describe('the next look', () => {
  test('the next look is the first grid time after the given one', () => {
    expect(nextLookAfter(GRID, 0)).toBe(1_000_300);
    expect(nextLookAfter(GRID, 1_000_299)).toBe(1_000_300);
    expect(nextLookAfter(GRID, 1_000_300)).toBe(1_010_300);
    expect(nextLookAfter(GRID, 1_019_000)).toBe(1_020_300);
  });

  test('the next look is never later than one interval once the release has begun, also where an edit made the interval shorter than the phase', () => {
    const edited: Grid = { startMs: 0, phaseMs: 500_000, intervalMs: 1_000 };
    expect(nextLookAfter(edited, 30_000)).toBe(31_000);
    fc.assert(
      fc.property(anyGrid, fc.nat({ max: 1e7 }), (grid, sinceStart) => {
        const after = grid.startMs + sinceStart;
        const next = nextLookAfter(grid, after);
        expect(next).toBeGreaterThan(after);
        expect(next - after).toBeLessThanOrEqual(grid.intervalMs);
        expect((next - grid.startMs - grid.phaseMs) % grid.intervalMs).toBeCloseTo(0);
      }),
    );
  });
});

describe('due looks', () => {
  test('due looks are those after the last one up to now', () => {
    expect(dueLooks(GRID, 1_000_300, 1_030_300)).toEqual([1_010_300, 1_020_300, 1_030_300]);
    expect(dueLooks(GRID, 1_000_300, 1_010_299)).toEqual([]);
  });

  test('due looks are none when the clock was set back', () => {
    expect(dueLooks(GRID, 2_000_000, 1_500_000)).toEqual([]);
  });

  test('due looks after a long absence are the newest only', () => {
    const due = dueLooks(GRID, 1_000_300, 9_000_300);
    expect(due).toHaveLength(MAX_MISSED_LOOKS);
    expect(due.at(-1)).toBe(9_000_300);
  });

  test('due looks come to the same ones in whatever steps they are asked for', () => {
    fc.assert(
      fc.property(anyGrid, fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40 }), (grid, a, b) => {
        const at = (looks: number) => grid.startMs + looks * grid.intervalMs * 0.7;
        const [first, second] = [Math.min(a, b), Math.max(a, b)];
        const early = dueLooks(grid, grid.startMs, at(first));
        const late = dueLooks(grid, early.at(-1) ?? grid.startMs, at(second));
        expect([...early, ...late]).toEqual(dueLooks(grid, grid.startMs, at(second)));
      }),
    );
  });
});

describe('the phase of the grid', () => {
  const sampleAt = (offset: number) => GRID.startMs + 70_000 + offset;

  test('the phase of the grid is set right behind the scrape', () => {
    expect(alignPhase(GRID, sampleAt(4_000), 10_000)).toBe(4_150);
    expect(4_150 - 4_000 - SCRAPE_MARGIN_MS).toBeLessThan(50);
  });

  test('the phase of the grid is the same instant for all releases that are scraped together, whenever they began', () => {
    for (const startMs of [1_000_000, 1_003_000, 1_007_000]) {
      const phaseMs = alignPhase({ ...GRID, startMs }, sampleAt(4_007), 10_000);
      expect((startMs + phaseMs) % 10_000).toBe(4_150);
    }
  });

  test('the phase of the grid stays while scrapes jitter by some milliseconds, also around the turn of the interval', () => {
    expect(alignPhase({ ...GRID, phaseMs: 4_130 }, sampleAt(4_000), 10_000)).toBe(4_130);
    expect(alignPhase({ ...GRID, phaseMs: 9_990 }, sampleAt(-124), 10_000)).toBe(9_990);
    expect(alignPhase({ ...GRID, phaseMs: 9_995 }, sampleAt(-115), 10_000)).toBe(9_995);
  });

  test('the phase of the grid moves when it is further off than that: releases of one scrape look at the same time', () => {
    expect(alignPhase({ ...GRID, phaseMs: 4_200 }, sampleAt(4_000), 10_000)).toBe(4_150);
  });

  test('the phase of the grid stays behind any of several scrapes in an interval', () => {
    expect(alignPhase({ ...GRID, phaseMs: 7_120 }, sampleAt(4_000), 1_000)).toBe(7_120);
    expect(alignPhase({ ...GRID, phaseMs: 7_500 }, sampleAt(4_000), 1_000)).toBe(4_150);
  });

  test('the phase of the grid stays where the scrape does not go into the interval, or is not known', () => {
    for (const scrape of [undefined, 0, 15_000, 7_000]) expect(alignPhase(GRID, sampleAt(4_000), scrape)).toBe(GRID.phaseMs);
  });

  test('once set is kept by the samples that follow', () => {
    fc.assert(
      fc.property(anyGrid, fc.nat({ max: 1e6 }), fc.integer({ min: 1, max: 20 }), (grid, sample, scrapes) => {
        const scrape = grid.intervalMs / scrapes;
        fc.pre(scrape > 200);
        const phaseMs = alignPhase(grid, grid.startMs + sample, scrape);
        expect(alignPhase({ ...grid, phaseMs }, grid.startMs + sample + 3 * scrape, scrape)).toBe(phaseMs);
      }),
    );
  });
});
