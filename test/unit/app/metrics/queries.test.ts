import { describe, expect, test } from 'vitest';
import { askArms, askSides, isCompared, outcomesOf, problemOf, toArms } from '../../../../src/app/metrics/queries.ts';
import type { Counts, Timed } from '../../../../src/core/analysis/assemble.ts';
import { contour } from '../../../../src/sources/contour.ts';
import { after, aReleaseStatus, aStatus, START, timeAfter } from '../../../fixtures/builders.ts';
import {
  answers,
  aQuestion,
  CANARY,
  CANARY_TIMES,
  HEALTHY,
  MemoryPrometheus,
  SERVING,
  SERVING_TIMES,
  times,
} from '../../core/analysis/comparison/story.ts';

const TIMED = { ...HEALTHY, [CANARY_TIMES]: times({ 100: 15, '+Inf': 5 }, 0), [SERVING_TIMES]: times({ 100: 150, '+Inf': 30 }) };
const SPAN = { fromMs: START, toMs: after(600) };
const weighing = (weight: number) => aQuestion(undefined, {}, { status: aStatus({ weight }) });

describe('a release is compared', () => {
  test('a release is compared where both versions have weight, a source counts, and no one switched it off', () => {
    for (const weight of [1, 50, 99]) expect(isCompared(weighing(weight))).toBe(true);
    expect(isCompared(aQuestion({ comparison: { mode: 'Observe' } }))).toBe(true);
    for (const weight of [0, 100]) expect(isCompared(weighing(weight))).toBe(false);
    expect(isCompared(aQuestion({ comparison: { mode: 'Off' } }))).toBe(false);
    expect(isCompared(aQuestion(undefined, {}, { parts: [] }))).toBe(false);
    const { weight: _weight, ...status } = aStatus();
    expect(isCompared(aQuestion(undefined, {}, { status }))).toBe(false);
  });

  test('a release is compared by what its source takes for a request', () => {
    expect(outcomesOf(aQuestion())({ envoy_response_code: '503' })).toBe('serverError');
    expect(outcomesOf(aQuestion(undefined, {}, { parts: [] }))({ envoy_response_code: '503' })).toBe('ignore');
  });
});

describe('an answer', () => {
  test('an answer that is whole is no problem; a warning makes it partial; a refusal keeps its kind', () => {
    expect(problemOf({ ok: true, series: [], warnings: [] })).toBeUndefined();
    expect(problemOf({ ok: true, series: [], warnings: ['one', 'two'] })).toEqual({
      kind: 'partial',
      message: 'Prometheus warns that the answer is incomplete: one',
    });
    expect(problemOf({ ok: false, kind: 'unavailable', message: 'why' })).toEqual({ kind: 'unavailable', message: 'why' });
    for (const kind of ['badQuery', 'unusable'] as const)
      expect(problemOf({ ok: false, kind, message: 'why' })).toEqual({ kind: 'unusable', message: 'why' });
  });
});

describe('the arms', () => {
  const counts: Counts = { canary: answers(1), serving: answers(2), seen: [], history: 'lost' };
  const timed: Timed = { kind: 'series', series: times({ '+Inf': 1 }), perSecond: 1_000 };
  const none: Timed = { kind: 'unusable', message: 'a native histogram' };

  test('the arms have the histograms of both or of neither', () => {
    expect(toArms({ counts, timed, servingTimed: timed }, 5)).toMatchObject({
      kind: 'arms',
      history: 'lost',
      fromMs: 5,
      canary: { perSecond: 1_000 },
    });
    for (const [one, other] of [
      [timed, none],
      [none, timed],
      [undefined, timed],
      [timed, undefined],
    ])
      expect(toArms({ counts, timed: one, servingTimed: other }, 5)).toMatchObject({ canary: { latency: [] }, serving: { latency: [] } });
  });

  test('the arms are a problem where either could not be read', () => {
    const problem = { kind: 'partial', message: 'why' } as const;
    expect(toArms({ counts: { ...counts, problem }, timed, servingTimed: timed }, 5)).toBe(problem);
    expect(toArms({ counts: { ...counts, servingProblem: problem }, timed, servingTimed: timed }, 5)).toBe(problem);
  });

  test('the arms of the past are read with two minutes before, so that an old series has its base', async () => {
    const prometheus = new MemoryPrometheus(TIMED);
    const arms = await askArms(prometheus, aQuestion(), SPAN);
    if (arms.kind !== 'arms') throw new Error(arms.message);
    expect(prometheus.asked).toHaveLength(4);
    expect(prometheus.asked.every(({ atMs, rangeMs }) => atMs === SPAN.toMs && rangeMs === 720_000)).toBe(true);
    expect([arms.canary.counts.length, arms.serving.counts.length, arms.canary.latency.length, arms.serving.latency.length]).toEqual([
      2, 2, 2, 2,
    ]);
    expect(arms).toMatchObject({ history: 'whole', fromMs: START });
  });

  test('the question about serving alone has its histogram: no other one is missing', async () => {
    const arms = await askArms(new MemoryPrometheus(TIMED), aQuestion(undefined, {}, { canary: [] }), {
      fromMs: after(-1_800),
      toMs: START,
    });
    expect(arms).toMatchObject({ kind: 'arms', canary: { counts: [], latency: [] } });
    expect(arms.kind === 'arms' && arms.serving.latency.length).toBe(2);
  });

  test('the arms know that history is lost where serving has no sample from before', async () => {
    const young = { [CANARY]: answers(20, 0, 0), [SERVING]: answers(180, 0, 300) };
    expect(await askArms(new MemoryPrometheus(young), aQuestion(), SPAN)).toMatchObject({ history: 'lost' });
    expect(await askArms(new MemoryPrometheus({ [CANARY]: answers(20, 0, 300) }), aQuestion(), SPAN)).toMatchObject({ history: 'whole' });
  });

  test('the arms are a problem where one answer is one, but not for want of a histogram', async () => {
    const prometheus = new MemoryPrometheus(TIMED);
    for (const part of [CANARY, SERVING]) {
      prometheus.fault = (query) => (query.includes(part) ? { warnings: ['a store is away'] } : undefined);
      expect((await askArms(prometheus, aQuestion(), SPAN)).kind).toBe('partial');
    }
    for (const part of [CANARY_TIMES, SERVING_TIMES]) {
      prometheus.fault = (query) => (query.includes(part) ? { ok: false, kind: 'unusable', message: 'a native histogram' } : undefined);
      expect(await askArms(prometheus, aQuestion(), SPAN)).toMatchObject({
        kind: 'arms',
        canary: { latency: [] },
        serving: { latency: [] },
      });
    }
    expect(await askArms(prometheus, aQuestion(undefined, {}, { parts: [] }), SPAN)).toMatchObject({ kind: 'unusable' });
  });
});

describe('the counts of a look', () => {
  const needs = { fromMs: after(300), atMs: after(600), rangeMs: 300_000, times: false };
  const ask = async (prometheus: MemoryPrometheus, question = aQuestion()) => (await askSides(prometheus, question, needs)).counts;

  test('the counts of a look are those of both arms where they are compared', async () => {
    const counts = await ask(new MemoryPrometheus(HEALTHY));
    expect([counts.canary.length, counts.serving.length, counts.seen]).toEqual([2, 2, counts.canary]);
    expect(counts.problem ?? counts.servingProblem).toBeUndefined();
  });

  test('the counts of a look keep a problem of serving apart from the canary’s: it concerns the comparison only', async () => {
    const prometheus = new MemoryPrometheus(HEALTHY);
    prometheus.fault = (query) => (query.includes(SERVING) ? { warnings: ['a store is away'] } : undefined);
    const counts = await ask(prometheus);
    expect(counts).toMatchObject({ serving: [], servingProblem: { kind: 'partial' } });
    expect(counts.problem).toBeUndefined();
    expect(counts.canary).toHaveLength(2);
    prometheus.stored = { [SERVING]: answers(180) };
    expect((await ask(prometheus)).problem?.kind).toBe('partial');
  });

  test('the counts of a look ask serving where the canary is new, or Prometheus may have lost what it had', async () => {
    const known = aQuestion({ comparison: { mode: 'Off' }, checks: [] }, { sampleAt: timeAfter(500) });
    const counts = await ask(new MemoryPrometheus({ [CANARY]: answers(20, 0, 550), [SERVING]: answers(180) }), known);
    expect(counts).toMatchObject({ history: 'whole' });
    const lost = await ask(new MemoryPrometheus({ [CANARY]: answers(20, 0, 550), [SERVING]: answers(180, 0, 550) }), known);
    expect(lost.history).toBe('lost');
  });

  test('the counts of a look are a problem without a source, and of neither arm at weight 0', async () => {
    const counts = await ask(new MemoryPrometheus(HEALTHY), aQuestion(undefined, {}, { parts: [] }));
    expect(counts.problem?.kind).toBe('unusable');
    const quiet = await ask(
      new MemoryPrometheus(HEALTHY),
      aQuestion(undefined, {}, { status: aStatus({ weight: 0, release: aReleaseStatus() }) }),
    );
    expect([quiet.canary.length, quiet.serving.length]).toEqual([0, 2]);
  });
});

describe('the latency of one arm', () => {
  test('a latency that the source does not have cannot be used, and the message says whose', async () => {
    const { latency: _latency, ...source } = contour;
    const needs = { fromMs: START, atMs: after(60), rangeMs: 60_000, times: true };
    const { timed } = await askSides(new MemoryPrometheus(TIMED), aQuestion(undefined, {}, { source }), needs);
    expect(timed).toEqual({
      kind: 'unusable',
      message: 'metrics source Contour has no latency histogram; use a check with a query of your own',
    });
  });
});
