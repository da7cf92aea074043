import { describe, expect, test } from 'vitest';
import { countPutBack } from '../../../../../src/core/release/drift/drift.ts';
import { timeoutOf } from '../../../../../src/core/release/facts/stage-clock.ts';
import { after, aReleaseStatus, aSpec, timeAfter } from '../../../../fixtures/builders.ts';

describe('put-backs', () => {
  test('put-backs by no known manager are counted, too', () => {
    expect(countPutBack(aReleaseStatus(), after(1))).toMatchObject({
      putBacks: [{ manager: 'unknown', count: 1 }],
      putBackTimes: [timeAfter(1)],
    });
  });

  test('contest the route at the third by one manager, at the fifth in a minute', () => {
    const third = aReleaseStatus({ driftBy: 'helm', putBacks: [{ manager: 'helm', count: 2 }] });
    expect(countPutBack(third, after(1)).contestedBy).toBe('helm');
    const times = [1, 2, 3, 4].map(timeAfter);
    expect(countPutBack(aReleaseStatus({ driftBy: 'e', putBackTimes: times }), after(60)).contestedBy).toBe('e');
    expect(countPutBack(aReleaseStatus({ driftBy: 'e', putBackTimes: times }), after(62)).contestedBy).toBeUndefined();
  });
});

describe('the timeout of a stage', () => {
  test('the timeout of a stage is what it says, else half an hour or ten times its duration', () => {
    const [first, second, third] = aSpec({
      stages: [
        { weight: 5, duration: '1m' },
        { weight: 6, duration: '10m' },
        { weight: 7, duration: '1m', timeout: '5m' },
      ],
    }).stages.map(timeoutOf);
    expect([first, second, third]).toEqual([1_800_000, 6_000_000, 300_000]);
  });
});
