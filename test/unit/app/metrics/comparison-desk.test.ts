import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { askArms, type LookQuestion } from '../../../../src/app/metrics/queries.ts';
import { ComparisonDesk } from '../../../../src/app/metrics/comparison-desk.ts';
import { after, START, timeAfter } from '../../../fixtures/builders.ts';
import {
  ALONE,
  answers,
  aQuestion,
  CANARY,
  CANARY_TIMES,
  HEALTHY,
  looks,
  type MemoryPrometheus,
  SERVING,
  SERVING_TIMES,
  type Stored,
  Story,
  times,
} from '../../core/analysis/comparison/story.ts';

/** Both versions fail now and then, the canary a little more; both are timed. */
const UNEVEN: Stored = {
  [CANARY]: answers(20, (seconds) => (seconds % 70 === 0 ? 1 : 0), 0),
  [SERVING]: answers(180, (seconds) => (seconds % 50 === 0 ? 2 : 0)),
  [CANARY_TIMES]: times({ 50: 10, 100: 8, '+Inf': 2 }, 0),
  [SERVING_TIMES]: times({ 50: 100, 100: 75, '+Inf': 5 }),
};

/** Lets everything run that waits for nothing but a promise. */
async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await setImmediate();
}

/** Asks what a look at this second sees, and judges it. */
async function judgeAt(desk: ComparisonDesk, prometheus: MemoryPrometheus, question: LookQuestion, seconds: number, key = 'shop/web') {
  const arms = await askArms(prometheus, question, { fromMs: after(seconds - 60), toMs: after(seconds) });
  return desk.judge(key, question, after(seconds), arms);
}

describe('the memory of a release', () => {
  test('rule 5: after a restart comes to the identical judgement, from Prometheus alone', async () => {
    const undisturbed = new Story(UNEVEN);
    const restarted = new Story(UNEVEN);
    await undisturbed.verdicts(looks(10, 500));
    await restarted.verdicts(looks(10, 250));
    restarted.restart();
    await restarted.verdicts(looks(260, 400));
    restarted.restart();
    await restarted.verdicts(looks(410, 500));
    expect(undisturbed.judgement?.canary.requests).toBeGreaterThan(900);
    expect(undisturbed.judgement?.serving.serverErrors).toBeGreaterThan(10);
    expect(restarted.judgement).toEqual(undisturbed.judgement);
    expect(restarted.comparison).toEqual(undisturbed.comparison);
  });

  test('fills the gap that an outage of Prometheus left', async () => {
    const story = new Story(UNEVEN);
    await story.verdicts(looks(10, 200));
    story.prometheus.fault = () => ({ ok: false, kind: 'unavailable', message: 'refused' });
    expect(await story.verdicts(looks(210, 400))).toEqual(['Unavailable']);
    story.prometheus.fault = undefined;
    await story.verdicts(looks(410, 500));
    const undisturbed = new Story(UNEVEN);
    await undisturbed.verdicts(looks(10, 500));
    expect(story.judgement).toEqual(undisturbed.judgement);
  });

  test("the comparison's memory of a release counts what a gateway tells late: scrapes that take longer than the looks’ margin", async () => {
    const late = new Story(UNEVEN);
    late.prometheus.lateMs = 400;
    await late.verdicts(looks(10, 500));
    const onTime = new Story(UNEVEN);
    await onTime.verdicts(looks(10, 490));
    expect(late.judgement?.canary).toEqual(onTime.judgement?.canary);
    expect(late.judgement).toEqual(onTime.judgement);
  });

  test("the comparison's memory of a release knows serving’s latency from before the release, so that a slow canary is convicted", async () => {
    const story = new Story({ ...UNEVEN, [CANARY]: answers(200, 0, 0), [CANARY_TIMES]: times({ 50: 20, 100: 30, '+Inf': 150 }, 0) });
    expect(await story.verdicts(looks(10, 300))).toContain('Fail');
    expect(story.status.release?.failedCheck?.reason).toBe('Latency');
    expect(story.prometheus.asked.find(({ query, rangeMs }) => query.includes(SERVING_TIMES) && rangeMs > 1_800_000)?.atMs).toBe(START);
  });

  test("the comparison's memory of a release compares the answers where the histogram is a native one", async () => {
    const story = new Story({ ...UNEVEN, [CANARY]: answers(15, 5, 0) });
    story.prometheus.fault = (query) =>
      query.includes('time_bucket') ? { ok: false, kind: 'unusable', message: 'a native histogram' } : undefined;
    expect(await story.verdicts(looks(10, 300))).toContain('Fail');
    expect(story.status.release?.failedCheck?.reason).toBe('ErrorRatio');
  });

  test("the comparison's memory shares the bound with a sentinel, and knows how serving's errors vary for it", async () => {
    const { prometheus } = new Story(UNEVEN);
    const question = aQuestion({ ...ALONE, comparison: { mode: 'Enforce' } });
    let isWatched = true;
    const desk = new ComparisonDesk(prometheus, () => (isWatched ? 0.9 : 1));
    expect(desk.phiOf('shop/web')).toBeUndefined();
    const needed = async () => {
      const found = await judgeAt(desk, prometheus, question, 60);
      return found.kind === 'facts' ? found.facts.needed : undefined;
    };
    expect(await needed()).toBeCloseTo(1 / 0.009);
    expect(desk.phiOf('shop/web')).toBeGreaterThanOrEqual(1);
    // The spec says Off from now on: the whole bound is the comparison's again.
    isWatched = false;
    expect(await needed()).toBeCloseTo(100);
  });

  test("the comparison's memory starts from scratch for another release, another bound and another interval, and not for another budget of risk", async () => {
    const story = new Story();
    await story.verdicts(looks(10, 300));
    const [prior] = [story.prometheus.asked.filter(({ rangeMs }) => rangeMs > 1_800_000).length];
    const begun = () => story.prometheus.asked.filter(({ rangeMs }) => rangeMs > 1_800_000).length - prior;
    const { question } = story;
    const edited = (comparison: object, interval = '10s') =>
      aQuestion({ ...ALONE, interval, comparison: { mode: 'Enforce', riskBudget: '2%', ...comparison } });
    const judge = async (asked: LookQuestion) => {
      const found = await judgeAt(story.desk, story.prometheus, asked, 300);
      return found.kind === 'facts' ? found.facts : undefined;
    };
    expect(await judge(edited({ riskBudget: '1%' }))).toMatchObject({ allowed: 0.02, canary: { requests: 600 }, finding: 'earned' });
    expect(await judge(edited({ riskBudget: '0.1%' }))).toMatchObject({ allowed: 0.002, finding: 'unproven' });
    expect(begun()).toBe(0);
    expect(await judge(edited({ maxFalseRollbacks: '10%' }))).toMatchObject({ needed: 10, canary: { requests: 600 } });
    expect(begun()).toBe(2);
    await judge(edited({}, '20s'));
    await judge({
      ...question,
      status: { ...question.status, release: aQuestion(undefined, { id: 'another', startedAt: timeAfter(200) }).status.release },
    } as LookQuestion);
    expect(begun()).toBe(6);
  });

  test("the comparison's memory of a release is gone when it is forgotten, also while it was being read", async () => {
    const story = new Story();
    await story.verdicts(looks(10, 100));
    story.desk.forget('shop/web');
    story.prometheus.asked.splice(0);
    story.prometheus.holds = true;
    void story.desk.prepare('shop/web', story.question);
    await settle();
    story.desk.forget('shop/web');
    story.prometheus.holds = false;
    for (const answer of story.prometheus.held.splice(0)) answer();
    await settle();
    const asked = story.prometheus.asked.length;
    void story.desk.prepare('shop/web', story.question);
    await settle();
    expect(story.prometheus.asked.length).toBe(asked * 2);
  });

  test('a memory that was folded ahead of time is read again when the clock is back', async () => {
    const { prometheus, desk, question } = new Story(UNEVEN);
    await judgeAt(desk, prometheus, question, 300);
    expect(await judgeAt(desk, prometheus, question, 3_000)).toMatchObject({ kind: 'partial' });
    await settle();
    const fresh = await judgeAt(new ComparisonDesk(prometheus), prometheus, question, 320);
    expect(await judgeAt(desk, prometheus, question, 320)).toEqual(fresh);
  });
});

describe('a long past', () => {
  test('a long past is read beside the looks, in pieces, and is whole then', async () => {
    const story = new Story(UNEVEN, aQuestion(ALONE, { lookGridAt: timeAfter(2_990), sampleAt: timeAfter(2_989) }));
    expect(await story.look(3_000)).toBe('Inconclusive');
    expect(story.reading?.comparison).toEqual({
      kind: 'partial',
      message: 'the comparison is reading the past of this release from Prometheus',
    });
    await settle();
    await story.look(3_010);
    const undisturbed = new Story(UNEVEN);
    await undisturbed.verdicts(looks(10, 3_010));
    expect(story.judgement).toEqual(undisturbed.judgement);
    expect(Math.max(...story.prometheus.asked.map(({ rangeMs }) => rangeMs))).toBe(1_920_000);
  });

  test('a long past keeps the looks from asking again while it is being read', async () => {
    const { prometheus, desk, question } = new Story(UNEVEN);
    const arms = await askArms(prometheus, question, { fromMs: after(2_940), toMs: after(3_000) });
    prometheus.holds = true;
    expect((await desk.judge('shop/web', question, after(3_000), arms)).kind).toBe('partial');
    await settle();
    const asked = prometheus.asked.length;
    expect((await desk.judge('shop/web', question, after(3_010), arms)).kind).toBe('partial');
    void desk.prepare('shop/web', question);
    expect(prometheus.asked).toHaveLength(asked);
  });

  test('older than a day is left out', async () => {
    const { prometheus, desk, question } = new Story(
      UNEVEN,
      aQuestion(ALONE, { startedAt: timeAfter(-200_000), lookGridAt: timeAfter(300) }),
    );
    void desk.prepare('shop/web', question);
    await settle();
    await judgeAt(desk, prometheus, question, 310);
    await settle();
    const oldest = Math.min(...prometheus.asked.slice(2).map(({ atMs }) => atMs));
    expect(oldest).toBe(after(300 - 86_400 + 600));
  });

  test('a long past of many releases is read by four at a time, and no look waits for its turn', async () => {
    const { prometheus, desk, question } = new Story(UNEVEN);
    const long = await askArms(prometheus, question, { fromMs: after(2_940), toMs: after(3_000) });
    const short = await askArms(prometheus, question, { fromMs: after(240), toMs: after(300) });
    prometheus.asked.splice(0);
    prometheus.holds = true;
    const found = await Promise.all(Array.from({ length: 10 }, (_, index) => desk.judge(`shop/${index}`, question, after(3_000), long)));
    expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['partial']));
    await settle();
    // Serving's counts and its histogram, of four releases.
    expect(prometheus.asked).toHaveLength(8);
    expect(await desk.judge('shop/late', question, after(300), short)).toMatchObject({ kind: 'partial' });
    prometheus.holds = false;
    for (let round = 0; round < 5; round += 1) {
      for (const answer of prometheus.held.splice(0)) answer();
      await settle();
    }
    expect(await desk.judge('shop/late', question, after(300), short)).toMatchObject({ kind: 'facts' });
    expect(await desk.judge('shop/9', question, after(3_000), long)).toMatchObject({ kind: 'facts' });
  });

  test('a long past that cannot be read while Prometheus is away is Unavailable, and is read when it answers', async () => {
    const { prometheus, desk, question } = new Story(UNEVEN);
    const arms = await askArms(prometheus, question, { fromMs: after(240), toMs: after(300) });
    const away = { ok: false, kind: 'unavailable', message: 'refused' } as const;
    prometheus.fault = () => away;
    expect(await desk.judge('shop/web', question, after(300), arms)).toEqual({ kind: 'unavailable', message: 'refused' });
    // The time before the release is there now, the release itself is not.
    prometheus.fault = (query) => (query.includes(CANARY) ? away : undefined);
    expect(await desk.judge('shop/web', question, after(300), arms)).toEqual({ kind: 'unavailable', message: 'refused' });
    prometheus.fault = undefined;
    expect(await desk.judge('shop/web', question, after(300), arms)).toMatchObject({ kind: 'facts', facts: { canary: { requests: 604 } } });
  });
});

describe('the time before the release', () => {
  test('a time before the release that cannot be read only makes the judge more careful', async () => {
    const story = new Story({ ...HEALTHY, [CANARY]: answers(15, 5, 0) });
    story.prometheus.fault = (query) => (query.includes('[1920s]') ? { warnings: ['a store is away'] } : undefined);
    expect(await story.verdicts(looks(10, 300))).toContain('Fail');
  });

  test('the time before the release is read while the canary has no weight yet, once, and not where nothing is compared', async () => {
    const { prometheus, desk, question } = new Story();
    void desk.prepare('shop/web', aQuestion({ comparison: { mode: 'Off' } }));
    void desk.prepare('shop/web', { ...question, parts: [] });
    expect(prometheus.asked).toEqual([]);
    void desk.prepare('shop/web', question);
    await settle();
    void desk.prepare('shop/web', question);
    await settle();
    expect(prometheus.asked.map(({ atMs }) => atMs)).toEqual([START, START]);
  });

  test('the time before the release says how many requests serving had', async () => {
    const { desk, question, prometheus } = new Story();
    expect(await desk.prepare('shop/web', question)).toBeCloseTo(18, 0);
    expect(await desk.prepare('shop/web', aQuestion({ comparison: { mode: 'Off' } }))).toBeUndefined();
    prometheus.fault = () => ({ ok: false, kind: 'unavailable', message: 'refused' });
    expect(await desk.prepare('shop/other', question)).toBeUndefined();
  });

  test('the time before the release is read by the first look where Prometheus was away before', async () => {
    const { prometheus, desk, question } = new Story();
    prometheus.fault = () => ({ ok: false, kind: 'unavailable', message: 'refused' });
    void desk.prepare('shop/web', question);
    await settle();
    prometheus.fault = undefined;
    expect((await judgeAt(desk, prometheus, question, 60)).kind).toBe('facts');
  });
});
