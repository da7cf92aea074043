// Rule 6, one case after the other: what is broken, absent or absurd proves nothing. The comparison alone decides in these releases, with
// counts that would be enough to pass, so whatever gives one does it by the comparison.

import { describe, expect, test } from 'vitest';
import type { Series } from '../../../../../src/core/analysis/series.ts';
import { after, aReleaseStatus, aStatus, timeAfter } from '../../../../fixtures/builders.ts';
import { answers, aQuestion, CANARY, counter, HEALTHY, looks, SERVING, type Stored, Story } from './story.ts';

/** The samples of all series changed one by one. */
function altered(all: readonly Series[], change: (value: number, index: number) => number): readonly Series[] {
  return all.map(({ labels, samples }) => ({
    labels,
    samples: samples.map(({ atMs, value }, index) => ({ atMs, value: change(value, index) })),
  }));
}

const canary = (...series: readonly Series[]): Stored => ({ ...HEALTHY, [CANARY]: series });
const verdicts = (stored: Stored, seconds = looks(10, 300)) => new Story(stored).verdicts(seconds);

describe('whole data', () => {
  test('earns a Pass in five minutes, and a bad canary a Fail: the cases below could be otherwise', async () => {
    expect(await verdicts(HEALTHY)).toEqual(['Inconclusive', 'Pass']);
    expect(await verdicts({ ...HEALTHY, [CANARY]: answers(15, 5, 0) })).toContain('Fail');
  });
});

describe('rule 6: never Pass and never Fail, but Inconclusive, come from', () => {
  const bad = answers(10, 10, 0);
  const good = answers(20, 0, 0);

  test.each([
    ['samples that are no numbers', canary(...altered(good, () => Number.NaN))],
    ['bad answers whose samples are no numbers', canary(...altered(bad, () => Number.NaN))],
    ['infinite samples', canary(...altered(bad, () => Number.POSITIVE_INFINITY))],
    ['negative samples', canary(...altered(bad, (value) => -value - 1))],
    ['samples that only rarely are numbers', canary(...altered(good, (value, index) => (index % 12 === 0 ? value : Number.NaN)))],
    ['absurdly large samples', canary(...altered(bad, (value) => value + 1e300))],
    ['absurdly large samples of serving', { ...HEALTHY, [SERVING]: altered(answers(180), (_, index) => (index % 2 === 0 ? 1e300 : 0)) }],
    ['no series at all', {}],
    ['no series of the canary', { [SERVING]: answers(180) }],
    ['no series of serving', { [CANARY]: good }],
    ['no series of serving beside a bad canary', { [CANARY]: bad }],
    ['a canary without traffic', canary(...answers(0, 0, 0))],
    ['serving without traffic', { ...HEALTHY, [SERVING]: answers(0) }],
    ['serving without traffic beside a bad canary', { [CANARY]: bad, [SERVING]: answers(0) }],
    ['answers of a class that is no request', canary(counter({ envoy_response_code: '100' }, 50, 0))],
  ])('%s never come to Pass or Fail, but to Inconclusive', async (_what, stored) => {
    expect(await verdicts(stored, looks(10, 110))).toEqual(['Inconclusive']);
  });

  test('some absurd samples among good ones are passed over, and nothing is counted twice for them', async () => {
    const story = new Story(canary(...altered(answers(20, 0, 0), (value, index) => (index % 3 === 1 ? 1e300 : value))));
    expect(await story.verdicts(looks(10, 300))).toEqual(['Inconclusive', 'Pass']);
    expect(story.judgement?.canary).toEqual({ requests: 600, serverErrors: 0, clientErrors: 0 });
  });

  test('a query that Prometheus calls wrong, and an answer that cannot be used, of either arm', async () => {
    for (const kind of ['badQuery', 'unusable'] as const)
      for (const part of [CANARY, SERVING]) {
        const story = new Story();
        story.prometheus.fault = (query) => (query.includes(part) ? { ok: false, kind, message: 'too large' } : undefined);
        expect((await story.verdicts(looks(10, 300))).filter((verdict) => verdict !== undefined)).toEqual(['Inconclusive']);
        expect(story.reading?.comparison).toEqual({ kind: 'unusable', message: 'too large' });
      }
  });

  test('answers with a warning, of either arm, never come to Pass or Fail, but to Inconclusive', async () => {
    for (const part of [CANARY, SERVING]) {
      const story = new Story();
      story.prometheus.fault = (query) => (query.includes(part) ? { warnings: ['a store is away'] } : undefined);
      expect(await story.verdicts(looks(10, 300))).toEqual(['Inconclusive']);
      expect(story.reading?.comparison?.kind).toBe('partial');
    }
  });

  test('a canary that has become silent, although its raise was earned before', async () => {
    const story = new Story(canary(...answers((seconds) => (seconds <= 300 ? 20 : 0), 0, 0)));
    expect(await story.verdicts(looks(10, 300))).toContain('Pass');
    await story.verdicts(looks(310, 360));
    expect(await story.verdicts(looks(370, 400))).toEqual(['Inconclusive']);
    expect(story.comparison?.message).toBe('no canary request in the window');
  });

  test('a serving version that has become silent, although the raise was earned before', async () => {
    const story = new Story({ ...HEALTHY, [SERVING]: answers((seconds) => (seconds <= 300 ? 180 : 0)) });
    await story.verdicts(looks(10, 360));
    expect(await story.verdicts(looks(370, 400))).toEqual(['Inconclusive']);
    expect(story.comparison?.message).toBe('no request of the serving version in the window');
  });

  test('samples of the future only', async () => {
    const later = (all: readonly Series[]) =>
      all.map(({ labels, samples }) => ({ labels, samples: samples.filter(({ atMs }) => atMs > after(1_000)) }));
    const story = new Story({ [CANARY]: later(answers(10, 10, 0)), [SERVING]: later(answers(180)) });
    story.prometheus.tellsTheFuture = true;
    expect(await story.verdicts(looks(10, 300))).toEqual(['Inconclusive']);
  });

  test('a gateway that nobody scrapes any more, although the raise was earned before', async () => {
    const until = (all: readonly Series[]) =>
      all.map(({ labels, samples }) => ({ labels, samples: samples.filter(({ atMs }) => atMs <= after(300)) }));
    const story = new Story({ [CANARY]: until(answers(20, 0, 0)), [SERVING]: until(answers(180)) });
    expect(await story.verdicts(looks(10, 300))).toContain('Pass');
    expect(await story.verdicts(looks(360, 500))).toEqual(['Inconclusive']);
  });
});

describe('rule 6: Unavailable comes from', () => {
  test('a Prometheus that cannot be asked, for either arm', async () => {
    for (const part of [CANARY, SERVING]) {
      const story = new Story();
      story.prometheus.fault = (query) => (query.includes(part) ? { ok: false, kind: 'unavailable', message: 'refused' } : undefined);
      expect(await story.verdicts(looks(10, 300))).toEqual(['Unavailable']);
    }
  });
});

describe('no word of the comparison is there', () => {
  test.each([0, 100])('the comparison is none at weight %s, where there is no other version to compare with', async (weight) => {
    const story = new Story(HEALTHY, aQuestion(undefined, {}, { status: aStatus({ weight, release: aReleaseStatus() }) }));
    expect(await story.verdicts(looks(10, 300))).toEqual([undefined]);
    expect(story.reading?.comparison).toBeUndefined();
  });

  test('the comparison says nothing without a metrics source', async () => {
    const story = new Story(HEALTHY, aQuestion(undefined, {}, { parts: [] }));
    expect(await story.verdicts(looks(10, 300))).toEqual([undefined]);
    expect(story.reading?.requests.kind).toBe('unusable');
  });

  test('switched off', async () => {
    const story = new Story(HEALTHY, aQuestion({ checks: [], comparison: { mode: 'Off' } }));
    expect(await story.verdicts(looks(10, 100))).toEqual([undefined]);
  });
});

describe('a clock that steps', () => {
  test('far ahead sees no fresh sample: Inconclusive, never Pass; back again it compares what it missed', async () => {
    const story = new Story(canary(...answers(18, (seconds) => (seconds > 300 ? 2 : 0), 0)));
    expect(await story.verdicts(looks(10, 300))).toContain('Pass');
    for (const ahead of [7_200, 7_210, 7_220]) expect(await story.look(ahead)).toBe('Inconclusive');
    // What decide() does once the clock is back: the last look counts as one of now.
    const { release, ...rest } = story.status;
    story.question = { ...story.question, status: { ...rest, release: aReleaseStatus({ ...release, lookGridAt: timeAfter(310) }) } };
    const later = await story.verdicts(looks(320, 600));
    expect(later).toContain('Fail');
    expect(story.judgement?.canary).toEqual({ requests: 18 * 60 + 2 * 30, serverErrors: 2 * 30, clientErrors: 0 });
  });

  test('back folds no cell a second time', async () => {
    const story = new Story();
    await story.verdicts(looks(10, 300));
    const before = story.judgement?.canary.requests;
    expect(await story.look(295)).toBe('Pass');
    expect(story.judgement?.canary.requests).toBe(before);
  });
});
