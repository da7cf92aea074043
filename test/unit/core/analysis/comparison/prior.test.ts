import { describe, expect, test } from 'vitest';
import type { ArmSeries } from '../../../../../src/core/analysis/comparison/cells.ts';
import { startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { measurePrior, PRIOR_MS } from '../../../../../src/core/analysis/comparison/prior.ts';
import { COMPARED, judgeSettings, settingsFor } from '../../../../../src/core/analysis/comparison/settings.ts';
import { blockCap } from '../../../../../src/core/analysis/sequential/wealth.ts';
import type { Series } from '../../../../../src/core/analysis/series.ts';
import { classifyHttp } from '../../../../../src/sources/codes.ts';
import { after, aSpec, START } from '../../../../fixtures/builders.ts';
import { createDraw } from './support.ts';

const SPAN = { fromMs: START - PRIOR_MS, toMs: START };
const GRID = { anchorMs: START, lengthMs: 10_000 };
const outcomeOf = (labels: Readonly<Record<string, string>>) => classifyHttp(labels['code']);
const measure = (counts: readonly Series[], latency: readonly Series[] = []) =>
  measurePrior({ counts, latency, perSecond: 1 } satisfies ArmSeries, SPAN, GRID, outcomeOf, 'whole');

/** A counter of half an hour before the start that grows by what `each` says at every scrape. */
function counter(labels: Readonly<Record<string, string>>, each: (index: number) => number): Series {
  let value = 0;
  const samples = Array.from({ length: 181 }, (_, index) => {
    if (index > 0) value += each(index);
    return { atMs: after(-1_800 + index * 10), value };
  });
  return { labels, samples };
}

/** Two replicas with 100 requests a scrape each. */
function replicas(errors: (instance: string) => (index: number) => number): readonly Series[] {
  return ['a', 'b'].flatMap((instance) => [
    counter({ code: '200', instance }, () => 100),
    counter({ code: '500', instance }, errors(instance)),
  ]);
}

describe('what is known of serving before the release', () => {
  test('the prior of serving has no dispersion where its errors come one by one', () => {
    const draw = createDraw(5);
    expect(measure(replicas(() => () => draw(100, 0.02))).prior.phi).toBeLessThan(1.3);
  });

  test('the prior of serving has a large dispersion where its errors come in bursts at one replica', () => {
    expect(measure(replicas((instance) => (index) => (index % 12 === (instance === 'a' ? 0 : 6) ? 20 : 0))).prior.phi).toBeGreaterThan(8);
  });

  test('the prior of serving has no dispersion where a burst befalls both replicas alike', () => {
    expect(measure(replicas(() => (index) => (index % 12 === 0 ? 20 : 0))).prior.phi).toBeLessThan(1.1);
  });

  test('the prior of serving is unknown with one replica alone, and pods are kept apart as targets are', () => {
    const one = replicas(() => () => 1).filter(({ labels }) => labels['instance'] === 'a');
    expect(measure(one).prior.phi).toBeUndefined();
    expect(measure([]).prior.phi).toBeUndefined();
    expect(measure(['x', 'y'].map((pod) => counter({ code: '200', pod }, () => 10))).prior.phi).toBe(1);
  });

  test('the prior of serving is one cell with everything for the bounds of latency', () => {
    const { cell } = measure(
      replicas(() => () => 1),
      [counter({ le: '+Inf' }, () => 5), counter({ le: '0.1' }, () => 4)],
    );
    expect(cell).toMatchObject({
      fromMs: SPAN.fromMs,
      toMs: START,
      canary: { requests: 0 },
      serving: { requests: 36_360, serverErrors: 360 },
    });
    expect(cell?.serving.buckets.map(({ count }) => count)).toEqual([720, 900]);
  });

  test('the prior of serving leaves out cells whose numbers are absurd, so that it stays a number', () => {
    const broken = replicas((instance) => (index) => (index === 50 && instance === 'a' ? 1e14 : 1));
    expect(measure(broken).prior.phi).toBeLessThan(2);
  });
});

describe('the settings of the judge', () => {
  const analysis = (maxFalseRollbacks: string) =>
    aSpec({ analysis: { comparison: { mode: 'Enforce', maxFalseRollbacks, riskBudget: '2%' } } });

  test('the settings of the judge come from the spec', () => {
    const settings = judgeSettings(analysis('0.1%'), START, { phi: 1.7 });
    expect(settings).toMatchObject({ alpha: 0.001, riskBudget: 0.02, startMs: START });
    expect(settings.metrics.errors.wealth).toMatchObject({ alpha: 0.001, phiPre: 1.7, minBlocks: 2 });
  });

  test.each(['0%', '100%'])('work with a bound of %s, which no evidence can be weighed against', (bound) => {
    expect(() => startJudge(judgeSettings(analysis(bound), START, { phi: 1 }))).not.toThrow();
  });

  test('share the budget out completely', () => {
    const { metrics } = settingsFor({ alpha: 0.01, riskBudget: 0.01, startMs: START, prior: { phi: 1 } });
    expect(COMPARED.reduce((sum, name) => sum + metrics[name].share, 0)).toBeCloseTo(1, 12);
  });

  test('the settings of the judge are more careful where nothing could be measured', () => {
    const known = settingsFor({ alpha: 0.01, riskBudget: 0.01, startMs: START, prior: { phi: 0.4 } }).metrics.errors.wealth;
    const unknown = settingsFor({ alpha: 0.01, riskBudget: 0.01, startMs: START, prior: { phi: undefined } }).metrics.errors.wealth;
    expect(known).toMatchObject({ phiPre: 1, minBlocks: 2 });
    expect(unknown).toMatchObject({ phiPre: 1, minBlocks: 3 });
    expect(blockCap(unknown)).toBeLessThan(blockCap(known));
  });
});
