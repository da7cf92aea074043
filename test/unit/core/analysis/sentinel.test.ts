// From two readings of a gateway's counters to one slice of time of both versions.
import { describe, expect, test } from 'vitest';
import { type ArmSelection, type CounterReading, countReadings, type KnownCounts } from '../../../../src/core/analysis/sentinel.ts';

const SELECTION: ArmSelection = {
  outcomeOf: ({ code = '' }) =>
    code === 'x' ? 'ignore' : code.startsWith('5') ? 'serverError' : code.startsWith('4') ? 'clientError' : 'success',
  isCanary: ({ arm }) => arm === 'canary',
  isServing: ({ arm }) => arm === 'serving',
};

const NOTHING = { requests: 0, serverErrors: 0, clientErrors: 0, buckets: [] };

/** `canary/503` and the like to values. */
function reading(counts: Readonly<Record<string, number>>, target = 'gw/a'): CounterReading {
  const samples = Object.entries(counts).map(([name, value]) => {
    const [arm = '', code = ''] = name.split('/');
    return { labels: { arm, code }, value };
  });
  return { target, samples };
}

/** Readings a second apart; the cell of the last one. */
function countAll(...rounds: readonly (readonly CounterReading[])[]) {
  let known: KnownCounts = {};
  let cell: ReturnType<typeof countReadings>['cell'] | undefined;
  rounds.forEach((readings, second) => {
    ({ known, cell } = countReadings(known, readings, SELECTION, { fromMs: second * 1_000, toMs: (second + 1) * 1_000 }));
  });
  return { known, cell };
}

describe('what a second held', () => {
  test('the first reading of a pod is only remembered', () => {
    const { cell } = countAll([reading({ 'canary/503': 7, 'serving/200': 900 })]);
    expect(cell).toEqual({ fromMs: 0, toMs: 1_000, canary: NOTHING, serving: NOTHING });
  });

  test('increments are counted by version and outcome, with the pod that counted the errors', () => {
    const { cell } = countAll(
      [reading({ 'canary/200': 5, 'canary/503': 7, 'serving/200': 900, 'other/200': 1 })],
      [reading({ 'canary/200': 8, 'canary/503': 9, 'canary/404': 1, 'serving/200': 950, 'serving/x': 5, 'other/200': 99 })],
    );
    expect(cell?.canary).toEqual({ ...NOTHING, requests: 6, serverErrors: 2, clientErrors: 1, failing: { 'gw/a': 2 } });
    expect(cell?.serving).toEqual({ ...NOTHING, requests: 50 });
  });

  test('a series that appears between two readings counts from 0, so the first bad answer is not lost', () => {
    const { cell } = countAll([reading({ 'serving/200': 900 })], [reading({ 'serving/200': 900, 'canary/503': 1 })]);
    expect(cell?.canary).toMatchObject({ requests: 1, serverErrors: 1 });
  });

  test('a counter that fell was restarted and counts from 0; one that no counter can have is passed over', () => {
    const { cell } = countAll([reading({ 'canary/200': 900, 'canary/503': 5 })], [reading({ 'canary/200': 3, 'canary/503': Number.NaN })]);
    expect(cell?.canary).toEqual({ ...NOTHING, requests: 3 });
  });

  test('pods are counted together, and one that comes later only from its second reading on', () => {
    const { cell } = countAll(
      [reading({ 'canary/503': 1 })],
      [reading({ 'canary/503': 3 }), reading({ 'canary/503': 50 }, 'gw/b')],
      [reading({ 'canary/503': 4 }), reading({ 'canary/503': 52 }, 'gw/b')],
    );
    expect(cell?.canary).toEqual({ ...NOTHING, requests: 3, serverErrors: 3, failing: { 'gw/a': 1, 'gw/b': 2 } });
  });

  test('a pod that was away for some seconds is counted from where it was; after a longer time it is new', () => {
    const counted = (seconds: number) =>
      countAll([reading({ 'canary/200': 1 })], ...Array.from({ length: seconds }, () => []), [reading({ 'canary/200': 31 })]).cell?.canary
        .requests;
    expect(counted(5)).toBe(30);
    expect(counted(15)).toBe(0);
  });
});
