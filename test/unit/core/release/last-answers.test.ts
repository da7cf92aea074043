import { describe, expect, test } from 'vitest';
import type { DrainReading } from '../../../../src/core/release/drain.ts';
import { describeLastAnswers, endOfLastAnswers, lastAnswersSince } from '../../../../src/core/release/last-answers.ts';
import { aReleaseStatus, aStatus, after, timeAfter } from '../../../fixtures/builders.ts';

const promoting = (change: object = {}, weight = 100) =>
  aStatus({
    weight,
    release: aReleaseStatus({ shiftedAt: timeAfter(100), sampleAt: timeAfter(99), serving: { service: 'v1' }, ...change }),
  });

describe('the last answers of what served before', () => {
  test.each<[DrainReading | undefined, number | undefined]>([
    [undefined, after(160)],
    ['busy', after(160)],
    ['waiting', after(160)],
    ['unavailable', after(160)],
    ['unseen', after(160)],
    ['silent', undefined],
    ['idle', undefined],
    ['uncountable', undefined],
  ])('the last answers are awaited for a minute after the last weight where they are %s', (reading, ends) => {
    expect(endOfLastAnswers(promoting(), 'promoting.rollingOut', reading)).toBe(ends);
    expect(endOfLastAnswers(promoting(), 'promoting.baking', reading)).toBe(ends);
  });

  test('the last answers are not awaited before everything is asked for the canary, nor once the routes are left', () => {
    expect(lastAnswersSince(promoting({}, 50), 'promoting.rollingOut')).toBeUndefined();
    expect(lastAnswersSince(promoting(), 'promoting.restoring')).toBeUndefined();
    expect(lastAnswersSince(promoting({ shiftedAt: undefined }), 'promoting.rollingOut')).toBeUndefined();
  });

  test('the last answers are not awaited where no request of the release was ever counted', () => {
    expect(endOfLastAnswers(promoting({ sampleAt: undefined }), 'promoting.rollingOut', 'unseen')).toBeUndefined();
  });

  test('the last answers may be past already where the canary had everything in its last stage', () => {
    const stage = { served: [{ weight: 100, from: timeAfter(70) }] };
    expect(lastAnswersSince(promoting(stage), 'promoting.rollingOut')).toBe(after(70));
    expect(lastAnswersSince(promoting({ served: [{ weight: 50, from: timeAfter(70) }] }), 'promoting.rollingOut')).toBe(after(100));
  });

  test('the last answers are told while they are awaited', () => {
    const said = (reading: DrainReading, seconds: number) =>
      describeLastAnswers(promoting(), 'promoting.rollingOut', reading, after(seconds));
    expect(said('busy', 110)).toMatch(/^waits until requests to Service v1 have stopped, until 12:02:40Z at the latest$/);
    expect(said('busy', 160)).toBeUndefined();
    expect(said('silent', 110)).toBeUndefined();
  });
});
