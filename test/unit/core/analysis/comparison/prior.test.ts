import { describe, expect, test } from 'vitest';
import type { ArmSeries } from '../../../../../src/core/analysis/comparison/cells.ts';
import { startJudge } from '../../../../../src/core/analysis/comparison/judge.ts';
import { measurePrior, PRIOR_MS } from '../../../../../src/core/analysis/comparison/prior.ts';
import { COMPARED, judgeSettings, NO_PRIOR, type Prior, settingsFor } from '../../../../../src/core/analysis/comparison/settings.ts';
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

  test('the prior of serving has a dispersion where a burst befalls both replicas alike', () => {
    expect(measure(replicas(() => (index) => (index % 12 === 0 ? 3 : 0))).prior.phi).toBeGreaterThan(3);
  });

  test('the prior of serving is measured over time with one replica alone, and pods are kept apart as targets are', () => {
    const of = (errors: (index: number) => number) => replicas(() => errors).filter(({ labels }) => labels['instance'] === 'a');
    const draw = createDraw(6);
    expect(measure(of(() => draw(100, 0.02))).prior).toMatchObject({ replicas: 1, scrapeMs: 10_000 });
    expect(measure(of(() => draw(100, 0.02))).prior.phi).toBeLessThan(1.4);
    expect(measure(of((index) => (index % 12 === 0 ? 5 : 0))).prior.phi).toBeGreaterThan(3);
    expect(measure(['x', 'y'].map((pod) => counter({ code: '200', pod }, () => 10))).prior).toMatchObject({ phi: 1, replicas: 2 });
  });

  test('the prior of serving does not make the judge blind because serving had an outage', () => {
    expect(measure(replicas(() => (index) => (index > 80 && index < 92 ? 90 : 0))).prior.phi).toBe(8);
  });

  test('the prior of serving is unknown without any series', () => {
    expect(measure([]).prior).toEqual(NO_PRIOR);
  });

  test('the prior of serving has the rate of the time that there are samples of, and what had no data', () => {
    expect(measure([counter({ code: '200' }, () => 10)]).prior).toMatchObject({
      perSecond: 1,
      unseen: ['clientErrors', 'p99', 'p90', 'p50'],
    });
    expect(measure([counter({ code: '404' }, () => 10)], [counter({ le: '+Inf' }, () => 5)]).prior.unseen).toEqual([]);
    const young = [counter({ code: '200' }, () => 1)].map(({ labels, samples }) => ({ labels, samples: samples.slice(-31) }));
    expect(measurePrior({ counts: young, latency: [], perSecond: 1 }, SPAN, GRID, outcomeOf, 'lost').prior.perSecond).toBe(0.1);
    const [few] = young.map(({ labels, samples }) => ({ labels, samples: samples.slice(-6) }));
    expect(
      measurePrior({ counts: few === undefined ? [] : [few], latency: [], perSecond: 1 }, SPAN, GRID, outcomeOf, 'lost').prior,
    ).toMatchObject({
      perSecond: undefined,
      unseen: [],
    });
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
    const settings = judgeSettings(analysis('0.1%'), START, { ...NO_PRIOR, phi: 1.7, replicas: 2, scrapeMs: 10_000 });
    expect(settings).toMatchObject({ alpha: 0.001, riskBudget: { ratio: 0.02, requests: 0 }, startMs: START });
    expect(settings.metrics.errors.wealth).toMatchObject({ alpha: 0.001, phiPre: 1.7 });
  });

  test.each(['0%', '100%'])('work with a bound of %s, which no evidence can be weighed against', (bound) => {
    expect(() => startJudge(judgeSettings(analysis(bound), START, { ...NO_PRIOR, phi: 1, replicas: 2, scrapeMs: 10_000 }))).not.toThrow();
  });

  test('share the budget out completely', () => {
    const { metrics } = settingsFor({
      alpha: 0.01,
      riskBudget: { ratio: 0.01, requests: 0 },
      startMs: START,
      prior: { ...NO_PRIOR, phi: 1, replicas: 2, scrapeMs: 10_000 },
    });
    expect(COMPARED.reduce((sum, name) => sum + metrics[name].share, 0)).toBeCloseTo(1, 12);
  });

  test('share the budget out completely with little traffic, where errors take most of what has no data', () => {
    const settings = (perSecond: number, unseen: Prior['unseen']) =>
      settingsFor({ alpha: 0.01, riskBudget: { ratio: 0.01, requests: 0 }, startMs: START, prior: { ...NO_PRIOR, perSecond, unseen } })
        .metrics;
    const { errors, clientErrors, ...latency } = settings(1, ['clientErrors', 'p99', 'p90', 'p50']);
    expect(errors.share).toBeCloseTo(0.95, 12);
    expect(COMPARED.reduce((sum, name) => sum + settings(1, ['clientErrors'])[name].share, 0)).toBeCloseTo(1, 12);
    expect([clientErrors, latency.p99, latency.p90, latency.p50].every(({ share }) => share > 0)).toBe(true);
    expect(errors.wealth).toMatchObject({ share: errors.share, pi0: 0.9, minBlocks: 2, grid: [3, 10, 30, 100] });
    expect(settings(2, ['clientErrors']).errors).toMatchObject({ share: 0.5, wealth: { pi0: 0.5, minBlocks: 3 } });
  });

  test('the settings of the judge ask for evidence from three times, which are as far apart as a burst and a scrape', () => {
    const settings = (count: number | undefined, scrapeMs: number | undefined) =>
      settingsFor({
        alpha: 0.01,
        riskBudget: { ratio: 0.01, requests: 0 },
        startMs: START,
        prior: { ...NO_PRIOR, phi: 0.4, replicas: count, scrapeMs },
      });
    const wealth = (count: number | undefined, scrapeMs: number | undefined) => settings(count, scrapeMs).metrics.errors.wealth;
    expect(wealth(1, 15_000)).toMatchObject({ phiPre: 1, minBlocks: 3, spanMs: 12_000 });
    expect(wealth(2, 15_000)).toMatchObject({ minBlocks: 3, spanMs: 25_000 });
    expect(wealth(undefined, undefined)).toMatchObject({ minBlocks: 3, spanMs: 25_000 });
    expect(settings(5, 15_000).gross).toMatchObject({ windowMs: 15_000, minCells: 1, replicas: 5 });
    expect(settings(1, 1_000).gross).toMatchObject({ windowMs: 6_000, minCells: 3, replicas: 1 });
    expect(settings(1, 5_000).gross).toMatchObject({ windowMs: 10_000, minCells: 2, replicas: 1 });
  });
});
