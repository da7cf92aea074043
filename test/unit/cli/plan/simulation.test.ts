// Simulated releases: when good ones are promoted and bad ones rolled back, what little traffic leads to, and that luck is seeded.

import { describe, expect, test } from 'vitest';
import { readReleases } from '../../../../src/cli/manifest.ts';
import { uppersOf } from '../../../../src/cli/plan/latency.ts';
import type { RunResult } from '../../../../src/cli/plan/run-result.ts';
import { type PlanQuestion, prepareSimulation } from '../../../../src/cli/plan/simulation.ts';
import { aManifest } from '../fake-io.ts';

const HEALTHY = { errorRatio: 0.001, latencySeconds: 0.08 };

interface Change {
  readonly spec?: readonly string[];
  readonly canary?: { readonly errorRatio?: number; readonly latencySeconds?: number };
  readonly rps?: number;
  readonly badFromStage?: number;
  readonly seed?: number;
  readonly approveAfterMs?: number;
  readonly source?: string;
  readonly serving?: { readonly latencySeconds?: number };
}

function aQuestion({
  spec = [],
  canary = {},
  rps = 100,
  badFromStage = 1,
  seed = 1,
  approveAfterMs,
  source = 'Auto',
  serving = {},
}: Change = {}): PlanQuestion {
  const [release] = readReleases(aManifest(spec), 'web.yaml');
  if (release === undefined) throw new Error('the manifest holds no release');
  const versions = { serving: { ...HEALTHY, ...serving }, canary: { ...HEALTHY, ...serving, ...canary } };
  const traffic = { rps, ...versions, badFromStage, uppers: uppersOf(source) };
  return { release, seed, approveAfterMs, traffic };
}

function simulate(change: Change = {}, index = 0): RunResult {
  return prepareSimulation(aQuestion(change)).tell(index);
}

const reasonsOf = ({ entries }: RunResult) => entries.map(({ reason }) => reason);

describe('a healthy canary', () => {
  test('a healthy canary is promoted when all stages are served, each after the one before', () => {
    const run = simulate();
    expect(run).toMatchObject({ ending: 'promoted', reason: 'Promoted', expected: { extraFailures: 0 } });
    expect(run.steps.map(({ weight }) => weight)).toEqual([5, 25, 50, 100]);
    const [first = 0, second = 0, third = 0, last = 0] = run.steps.map(({ atMs }) => atMs);
    expect([second - first, third - second, last - third].map((ms) => Math.floor(ms / 60_000))).toEqual([2, 5, 10]);
  });

  test('a healthy canary is reported like a release in the cluster', () => {
    expect(reasonsOf(simulate({ spec: ['stages: [{weight: 10, duration: 1m}]'] }))).toEqual([
      'ReleaseStarted',
      'WeightShifted',
      'StageStarted',
      'WeightShifted',
      'Promoted',
    ]);
  });

  test('a healthy canary bakes before it is promoted where the release says so', () => {
    const spec = ['stages: [{weight: 10, duration: 1m}]', 'promotion: {bake: 5m}'];
    expect(simulate({ spec }).atMs).toBeGreaterThan(6 * 60_000);
  });

  test('a healthy canary in Deployment mode is simulated as if its pods were ready', () => {
    const text = aManifest().replace(
      'services: [{name: web-v1}, {name: web-v2}]',
      'targetRef: {kind: Deployment, name: web}\n  service: {name: web}',
    );
    const [release] = readReleases(text, 'web.yaml');
    if (release === undefined) throw new Error('the manifest holds no release');
    expect(prepareSimulation({ ...aQuestion(), release }).tell(0).ending).toBe('promoted');
  });
});

describe('a bad canary', () => {
  test('a bad canary of 50% errors is rolled back in the first stage within two looks and a gateway', () => {
    const run = simulate({ canary: { errorRatio: 0.5 } });
    expect(run).toMatchObject({ ending: 'rolledBack', reason: 'ErrorRatio', stage: 1 });
    expect(run.atMs).toBeLessThanOrEqual(31_000);
    expect(run.steps.at(-1)).toMatchObject({ weight: 0 });
  });

  test('a bad canary fails as many requests more as its share of the traffic gave it', () => {
    const run = simulate({ canary: { errorRatio: 0.501 } });
    expect(run.expected.extraFailures).toBeCloseTo(run.expected.canaryRequests * 0.5, 3);
    expect(run.expected.canaryRequests).toBeCloseTo(((run.steps[1]?.atMs ?? 0) - (run.steps[0]?.atMs ?? 0)) * 0.005, 3);
  });

  test('a bad canary that turns bad in stage 2 gets there first', () => {
    const run = simulate({ canary: { errorRatio: 0.2 }, badFromStage: 2 });
    expect(run).toMatchObject({ ending: 'rolledBack', stage: 2, turnedAtMs: run.steps[1]?.atMs });
  });

  test('a bad canary that is only slower is found by its latency', () => {
    expect(simulate({ canary: { latencySeconds: 0.4 } })).toMatchObject({ ending: 'rolledBack', reason: 'Latency' });
  });

  test('a bad canary is found where all of serving lies in few buckets, as in the cluster, and not where its buckets hide it', () => {
    const spec = [
      'stages: [{weight: 5, duration: 2m}, {weight: 50, duration: 10m}]',
      'analysis: {checks: [{name: p99, metric: Latency, quantile: "0.99", max: 500ms}]}',
    ];
    const of = (source: string, latencySeconds: number, servingSeconds = 0.03) =>
      simulate({ spec, source, canary: { latencySeconds }, serving: { latencySeconds: servingSeconds }, badFromStage: 2 });
    for (const source of ['Auto', 'Traefik', 'PrometheusClient'])
      expect(of(source, 2)).toMatchObject({ ending: 'rolledBack', reason: 'Latency', stage: 2 });
    expect(of('Auto', 0.06)).toMatchObject({ ending: 'rolledBack', reason: 'Latency' });
    expect(of('Auto', 0.015, 0.005)).toMatchObject({ ending: 'rolledBack', reason: 'Latency' });
    expect(of('Traefik', 0.015, 0.005)).toMatchObject({ ending: 'promoted' });
  });

  test('a bad canary is found by a latency check of the release as well', () => {
    const spec = [
      'analysis:',
      '  comparison: {mode: "Off"}',
      '  checks: [{name: p50, metric: Latency, quantile: "0.5", max: 200ms, onBreach: Rollback}]',
    ];
    expect(simulate({ spec, canary: { latencySeconds: 0.4 } })).toMatchObject({ ending: 'rolledBack', reason: 'Latency', stage: 1 });
  });

  test('a bad canary goes through where nothing may act', () => {
    expect(simulate({ spec: ['analysis: {mode: Observe}'], canary: { errorRatio: 0.2 } }).ending).toBe('promoted');
  });
});

describe('people', () => {
  test('a person is asked when there is too little traffic for proof', () => {
    const run = simulate({ rps: 0.2, spec: ['analysis: {comparison: {riskBudget: 0.5%}}'] });
    expect(run).toMatchObject({ ending: 'asked', reason: 'Inconclusive', asked: true, stage: 1 });
    expect(Math.floor(run.atMs / 60_000)).toBe(50);
  });

  test('the plan says before the first weight which stage will not get enough requests', () => {
    const { entries } = simulate({ rps: 0.2, spec: ['analysis: {comparison: {riskBudget: 0.5%}}'] });
    const told = entries.find(({ reason }) => reason === 'LittleTraffic');
    expect(told?.message).toMatch(
      /stage 1 \(20%\) expects 120 canary requests by its timeout of 50m, a Pass needs 420: give it a timeout of 2h55m/,
    );
    expect(simulate({}).entries.map(({ reason }) => reason)).not.toContain('LittleTraffic');
  });

  test('a person is asked without a pause where the release says Approve', () => {
    expect(simulate({ rps: 0.2, spec: ['analysis: {onInconclusive: Approve, comparison: {riskBudget: 0.5%}}'] })).toMatchObject({
      ending: 'asked',
      reason: 'AwaitingApproval',
    });
  });

  test('a person who is asked ends the run, or approves after a while', () => {
    const spec = ['stages: [{weight: 10, duration: 1m, approval: Required}]', 'promotion: {approval: Required}'];
    expect(simulate({ spec })).toMatchObject({ ending: 'asked', reason: 'AwaitingApproval' });
    const approved = simulate({ spec, approveAfterMs: 10 * 60_000 });
    expect(approved).toMatchObject({ ending: 'promoted', asked: true });
    expect(approved.atMs).toBeGreaterThan(11 * 60_000);
  });

  test('the plan says why a release cannot even start', () => {
    const run = simulate({ spec: ['analysis: {comparison: {mode: Observe}, checks: []}'] });
    expect(run.ending).toBe('blocked');
    expect(run.message).toContain('neither the comparison nor a check may act');
  });

  test('the plan sends the canary copies, which checks judge, and whose failures reach no user', () => {
    const spec = ['stages: [{weight: 0, duration: 1m, mirror: {percent: 10}}, {weight: 5, duration: 1m}]'];
    expect(simulate({ spec })).toMatchObject({ ending: 'promoted' });
    const bad = simulate({ spec, canary: { errorRatio: 0.5 } });
    expect(bad).toMatchObject({ ending: 'rolledBack', reason: 'ErrorRatio', steps: [], expected: { extraFailures: 0 } });
  });

  test('the plan sends the canary a hundredth of the requests as its cohort, which checks judge', () => {
    const spec = ['stages: [{weight: 0, duration: 1m, cohort: {headers: [{name: X-Canary, value: "1"}]}}, {weight: 5, duration: 1m}]'];
    const good = simulate({ spec });
    expect(good).toMatchObject({
      ending: 'promoted',
      steps: [{ weight: 5 }, { weight: 100 }, { weight: 100 }].slice(0, good.steps.length),
    });
    expect(simulate({ spec, canary: { errorRatio: 0.5 } })).toMatchObject({ ending: 'rolledBack', reason: 'ErrorRatio', steps: [] });
  });

  test('hold a release that is paused in its manifest', () => {
    expect(simulate({ spec: ['paused: true'] })).toMatchObject({ ending: 'blocked', steps: [] });
  });
});

describe('luck', () => {
  const unlucky: Change = { canary: { errorRatio: 0.01 } };

  test('the luck of a simulation is the same for the same seed', () => {
    expect(simulate(unlucky)).toEqual(simulate(unlucky));
  });

  test('the luck of a simulation is another for another seed or run', () => {
    const ends = [simulate(unlucky), simulate({ ...unlucky, seed: 2 }), simulate(unlucky, 1)].map(({ message }) => message);
    expect(new Set(ends).size).toBe(3);
  });

  test.each<readonly [name: string, change: Change]>([
    ['a good one', {}],
    ['a bad one', { canary: { errorRatio: 0.008 } }],
    ['one that turns bad late', { canary: { errorRatio: 0.03 }, badFromStage: 3 }],
    ['one without traffic to speak of', { rps: 0.3 }],
    ['one that bakes', { spec: ['stages: [{weight: 10, duration: 1m}]', 'promotion: {bake: 5m}'], canary: { errorRatio: 0.004 } }],
    ['one that needs people', { spec: ['stages: [{weight: 10, duration: 1m, approval: Required}]'] }],
    ['one that goes on without proof', { rps: 0.5, spec: ['analysis: {onInconclusive: Promote, minRequests: 1}'] }],
    ['one that nobody judges', { spec: ['analysis: {mode: Observe}'], canary: { errorRatio: 0.05 } }],
  ])('the luck of a simulation is the same for %s whether every decision is made or only those that matter', (_name, change) => {
    const { outcomeOf, tell } = prepareSimulation(aQuestion(change));
    for (const index of [0, 1, 2]) {
      const { message: _message, entries: _entries, ...outcome } = tell(index);
      expect(outcomeOf(index)).toEqual(outcome);
    }
  });
});
