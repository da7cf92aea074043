import { describe, expect, test } from 'vitest';
import type { Cell } from '../../../../../src/core/analysis/comparison/cells.ts';
import { evidenceOf, excessSoFar, foldCell, startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { judgeComparison } from '../../../../../src/core/analysis/comparison/judgement.ts';
import { contextOf, type WeightSpan } from '../../../../../src/core/analysis/comparison/schedule.ts';
import { after, START } from '../../../../fixtures/builders.ts';
import { aCell, counts, foldAll, histogram, randomCells, SETTINGS, STEADY, raiseTo } from './support.ts';

/** When a release is convicted, seconds after its start, and of what. */
function convictedAt(
  cells: readonly Cell[],
  spans: readonly WeightSpan[] = STEADY,
): { readonly seconds: number; readonly of: string } | undefined {
  let state = startJudge(SETTINGS);
  for (const cell of cells) {
    state = foldCell(SETTINGS, state, cell, contextOf(spans, cell));
    const { finding, strongest } = judgeComparison(SETTINGS, state, raiseTo(0.2));
    if (finding === 'worse') return { seconds: (cell.toMs - START) / 1_000, of: strongest };
  }
  return undefined;
}

const findingOf = (cells: readonly Cell[], nextShare = 0.2) => judgeComparison(SETTINGS, foldAll(cells), raiseTo(nextShare)).finding;
const always = (ratio: number) => () => ratio;

describe('a canary that is as good as serving', () => {
  test('a canary that is as good as serving is not convicted in any of 150 seeded releases of ten minutes, and earns its raise in most', () => {
    let earned = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const cells = randomCells(
        seed,
        600,
        { each: 50, errors: always(0.01), clientErrors: always(0.05) },
        { each: 450, errors: always(0.01), clientErrors: always(0.05) },
      );
      expect([seed, convictedAt(cells)]).toEqual([seed, undefined]);
      if (findingOf(cells) === 'earned') earned += 1;
    }
    expect(earned).toBeGreaterThan(100);
  });

  test('a canary that is as good as serving is not convicted by an incident of both versions, however bad', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const incident = (seconds: number) => (seconds >= 100 && seconds < 220 ? 0.4 : 0.001);
      const cells = randomCells(seed, 400, { each: 50, errors: incident }, { each: 450, errors: incident });
      expect([seed, convictedAt(cells)]).toEqual([seed, undefined]);
    }
  });

  test('a canary that is as good as serving without any error earns a raise with the requests that the sum asks for, and not before', () => {
    const cells = Array.from({ length: 40 }, (_, index) => aCell((index + 1) * 10, { requests: 20 }, { requests: 180 }));
    expect(findingOf(cells.slice(0, 5))).toBe('unproven');
    expect(findingOf(cells.slice(0, 15))).toBe('earned');
    expect(findingOf(cells.slice(0, 15), 1)).toBe('unproven');
  });
});

describe('a canary that is worse', () => {
  test('a canary with 5% errors against 0.1% is convicted within two minutes, in every seeded release', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const found = convictedAt(randomCells(seed, 300, { each: 50, errors: always(0.05) }, { each: 950, errors: always(0.001) }));
      expect(found?.of).toBe('errors');
      expect(found?.seconds).toBeLessThanOrEqual(120);
    }
  });

  test('a canary whose failures all come from one replica of the gateway is not convicted before the third time', () => {
    expect(findingOf([aCell(10, { requests: 500, serverErrors: 500 }, { requests: 5_000 })])).toBe('unproven');
    const cells = [10, 30, 50].map((end) => aCell(end, { requests: 500, serverErrors: 500 }, { requests: 5_000 }));
    expect(findingOf(cells.slice(0, 2))).toBe('unproven');
    expect(findingOf(cells)).toBe('worse');
  });

  test('a canary that gets worse after 20 minutes is convicted soon after, because restart points forget what was lost before', () => {
    for (let seed = 1; seed <= 15; seed += 1) {
      const late = (seconds: number) => (seconds >= 1_200 ? 0.05 : 0.001);
      const found = convictedAt(randomCells(seed, 1_800, { each: 50, errors: late }, { each: 450, errors: always(0.001) }));
      expect(found?.of).toBe('errors');
      expect(found?.seconds).toBeGreaterThan(1_200);
      expect(found?.seconds).toBeLessThanOrEqual(1_340);
    }
  });

  test('a canary that is worse in answers of 400 to 499 only is convicted of client errors', () => {
    const found = convictedAt(randomCells(3, 600, { each: 50, clientErrors: always(0.3) }, { each: 450, clientErrors: always(0.02) }));
    expect(found?.of).toBe('clientErrors');
  });

  test('a canary that is worse by less than anyone cares about is not convicted, although it is proven', () => {
    const cells = Array.from({ length: 100 }, (_, index) =>
      aCell((index + 1) * 10, { requests: 100_000, clientErrors: 500 }, { requests: 100_000, clientErrors: 100 }),
    );
    const judgement = judgeComparison(SETTINGS, foldAll(cells, { spans: [] }), raiseTo(0.5));
    expect(judgement.finding).toBe('unproven');
    expect(judgement.evidence).toBeLessThan(judgement.needed);
    expect(judgement.upper).toBeLessThan(judgement.allowed);
  });
});

describe('the fold', () => {
  const bad = aCell(10, { requests: 100, serverErrors: 9 }, { requests: 900 });

  test('rule 5: a cell that lies before what is folded already changes nothing', () => {
    const once = foldAll([bad]);
    expect(foldCell(SETTINGS, once, bad, contextOf(STEADY, bad))).toBe(once);
    expect(foldCell(SETTINGS, once, aCell(5, { requests: 100 }, {}, 5), contextOf(STEADY, bad))).toBe(once);
  });

  test('the fold closes a block where a weight ends or begins, and only there may evidence begin again', () => {
    const few = [aCell(10, { requests: 2, serverErrors: 1 }, { requests: 2 }), aCell(20, { requests: 1 }, { requests: 1 })];
    const spans = [
      { weight: 10, fromMs: START, toMs: after(15) },
      { weight: 20, fromMs: after(30), toMs: Number.POSITIVE_INFINITY },
    ];
    expect(foldAll(few).wealth.errors.total.nc).toBe(0);
    const closed = foldAll(few, { spans });
    expect(closed.wealth.errors.total).toEqual({ xc: 1, xs: 0, nc: 2, ns: 2 });
    expect(closed.gates.errors.windows).toHaveLength(1);
    const begun = foldAll([...few, aCell(35, {}, {}, 15)], { spans });
    expect(begun.wealth.errors.total.nc).toBe(3);
    expect(begun.gates.errors.windows).toHaveLength(2);
    expect(begun.wealth.errors.reserve).toBeCloseTo(0.5 * 0.875, 12);
  });

  test('the fold begins again every five minutes from the start, but not before there was anything to compare', () => {
    const minutes = (count: number, arm: number) =>
      Array.from({ length: count }, (_, index) => aCell((index + 1) * 60, { requests: arm }, { requests: 90 }, 60));
    expect(foldAll(minutes(16, 10)).wealth.errors.reserve).toBeCloseTo(0.5 * 0.875 ** 3, 12);
    expect(foldAll(minutes(16, 0)).wealth.errors.reserve).toBe(0.5);
  });

  test('the fold compares nothing where one arm is silent, and resumes where it was', () => {
    const silent = foldAll([bad, aCell(80, { requests: 50, serverErrors: 50 }, {}, 70), aCell(150, {}, { requests: 900 }, 70)]);
    expect(silent.wealth).toEqual(foldAll([bad]).wealth);
    expect(silent.canary.requests).toBe(150);
  });

  test('the fold leaves a cell out that cannot be counted, as if it had not been', () => {
    const broken = aCell(20, { requests: 10, serverErrors: 11 }, { requests: 90 });
    expect(foldAll([bad, broken])).toEqual({ ...foldAll([bad]), foldedToMs: after(20) });
  });

  test('the fold counts quiet time for the age of a block', () => {
    const open = [aCell(10, { requests: 1 }, { requests: 1 }), aCell(20, {}, {})];
    expect(foldAll(open).open.ageMs).toBe(20_000);
    expect(foldAll([...open, aCell(60, {}, {}, 40)]).wealth.errors.total).toEqual({ xc: 0, xs: 0, nc: 1, ns: 1 });
  });

  test('the fold keeps a state below 24 KiB of JSON, with 20 buckets and 10,000 cells of every kind', () => {
    const uppers = [...Array.from({ length: 19 }, (_, index) => 0.005 * 1.5 ** index), Number.POSITIVE_INFINITY];
    const buckets = histogram(
      Array.from({ length: 20 }, () => 50),
      uppers,
    );
    const spans = Array.from({ length: 30 }, (_, index) => ({
      weight: index + 1,
      fromMs: after(index * 600),
      toMs: after(index * 600 + 590),
    }));
    let state = startJudge(SETTINGS);
    for (let index = 1; index <= 10_000; index += 1) {
      const arm = counts({ requests: 1_000, serverErrors: index % 7, clientErrors: index % 11, buckets });
      const cell = { fromMs: after((index - 1) * 2), toMs: after(index * 2), canary: arm, serving: arm };
      state = foldCell(SETTINGS, state, cell, contextOf(spans, cell));
    }
    expect(state.latency.windows.length).toBeGreaterThan(5);
    expect(JSON.stringify(state).length).toBeLessThan(24 * 1_024);
  });
});

describe('the traffic split', () => {
  const split = (canary: number, spans = STEADY) => {
    const cells = Array.from({ length: 10 }, (_, index) => aCell((index + 1) * 10, { requests: canary }, { requests: 1_000 - canary }));
    return judgeComparison(SETTINGS, foldAll(cells, { spans }), raiseTo(0.2));
  };

  test('cells that still split as before a raise say nothing of the split, and all do once one splits as asked', () => {
    const spans: readonly WeightSpan[] = [
      { weight: 10, fromMs: START, toMs: after(100) },
      { weight: 50, fromMs: after(100), toMs: Number.POSITIVE_INFINITY },
    ];
    const cellsAt = (share: number, from: number, to: number) =>
      Array.from({ length: (to - from) / 2 }, (_, index) =>
        aCell(from + 2 * (index + 1), { requests: 100 * share }, { requests: 100 * (1 - share) }, 2),
      );
    const mismatch = (cells: readonly Cell[]) => judgeComparison(SETTINGS, foldAll(cells, { spans }), raiseTo(1)).finding === 'mismatch';
    const before = cellsAt(0.1, 0, 100);
    expect(mismatch([...before, ...cellsAt(0.1, 100, 158)])).toBe(false);
    expect(mismatch([...before, ...cellsAt(0.1, 100, 158), ...cellsAt(0.5, 158, 200)])).toBe(false);
    // A gateway that has not taken it after a minute, and one that has and goes back.
    expect(mismatch([...before, ...cellsAt(0.1, 100, 180)])).toBe(true);
    expect(mismatch([...before, ...cellsAt(0.5, 100, 110), ...cellsAt(0.1, 110, 150)])).toBe(true);
  });

  test('a traffic split that a gateway does not keep is a mismatch, too much or too little', () => {
    expect(split(100).finding).toBe('earned');
    expect(split(500)).toMatchObject({ finding: 'mismatch', split: { tooMuch: true } });
    expect(split(10)).toMatchObject({ finding: 'mismatch', split: { tooMuch: false } });
  });

  test('the traffic split says nothing at weight 0 and 100, nor while the weight is on its way', () => {
    for (const weight of [0, 100]) expect(split(500, [{ weight, fromMs: START, toMs: Number.POSITIVE_INFINITY }]).finding).toBe('earned');
    expect(split(500, []).finding).toBe('earned');
  });

  test('the traffic split does not hide a canary that is worse', () => {
    const cells = [10, 30, 50].map((end) => aCell(end, { requests: 500, serverErrors: 100 }, { requests: 500 }));
    expect(findingOf(cells)).toBe('worse');
  });
});

describe('before the first request', () => {
  test('nothing is known, and ignorance earns nothing, whatever the budget', () => {
    const state = startJudge(SETTINGS);
    expect(excessSoFar(SETTINGS, state)).toEqual({ lower: -1, upper: 1 });
    expect(evidenceOf(SETTINGS, state).every(({ counts: open }) => !open)).toBe(true);
    expect(judgeComparison({ ...SETTINGS, riskBudget: { ratio: 1, requests: 0 } }, state, raiseTo(0.05)).finding).toBe('unproven');
    const oneSided = foldAll([aCell(100, { requests: 1_000 }, {}, 100)], { spans: [] });
    expect(judgeComparison({ ...SETTINGS, riskBudget: { ratio: 1, requests: 0 } }, oneSided, raiseTo(0.05)).finding).toBe('unproven');
  });
});
