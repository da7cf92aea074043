import { describe, expect, test } from 'vitest';
import type { ReleaseStatus } from '../../../../src/api/release.ts';
import { describeDrain, type DrainReading, endOfDrain, findDrainQuestion, isDrained } from '../../../../src/core/release/drain.ts';
import { after, aRecordedRoute, aReleaseStatus } from '../../../fixtures/builders.ts';

const workload = { name: 'store', uid: 'uid-1', canary: 'store-canary', template: 'a', servingTemplate: 'b' };

/** A release whose canary drains since `after(0)`. */
function draining(change: Partial<ReleaseStatus> = {}): ReleaseStatus {
  return aReleaseStatus({ workload, maxWeight: 50, drainEndsAt: endOfDrain(after(0)), ...change });
}

describe('a canary has drained', () => {
  test.each<[string, DrainReading | undefined, number, boolean]>([
    ['not before the drain time, whatever was seen', 'silent', 9, false],
    ['when its requests were seen to have stopped', 'silent', 10, true],
    ['after the drain time where nobody counts', 'uncountable', 10, true],
    ['not before the drain time where sessions keep users on the canary', 'sessionsStay', 9, false],
    ['after the drain time where sessions keep users on the canary', 'sessionsStay', 10, true],
    ['not while requests are counted', 'busy', 59, false],
    ['not while there are too few scrapes', 'waiting', 59, false],
    ['not while Prometheus has no sample', 'unseen', 59, false],
    ['not while Prometheus is away', 'unavailable', 59, false],
    ['not while nothing is known yet', undefined, 59, false],
    ['after the longest time, whoever calls it', 'busy', 60, true],
    ['after the longest time, whatever Prometheus does', undefined, 60, true],
  ])('the drain of a canary ends %s', (_what, reading, seconds, expected) => {
    expect(isDrained(draining(), reading, after(seconds))).toBe(expected);
  });

  test('a canary is removed at once where it never had weight, and never before its weight was taken', () => {
    expect(isDrained(undefined, undefined, after(0))).toBe(true);
    expect(isDrained(draining({ maxWeight: 0 }), undefined, after(0))).toBe(true);
    const { drainEndsAt: _ends, ...begun } = draining();
    expect(isDrained(begun, 'silent', after(600))).toBe(false);
  });
});

describe('Prometheus is asked', () => {
  test('Prometheus is asked for the time since the weight had been taken, when the drain time is over', () => {
    expect(findDrainQuestion(draining(), 'rollingBack.draining', after(9))).toBeUndefined();
    expect(findDrainQuestion(draining(), 'rollingBack.draining', after(10))).toBe(after(0));
    expect(findDrainQuestion(draining(), 'promoting.restoring', after(30))).toBe(after(0));
  });

  test('Prometheus is never asked about a release that is over, that never had weight, or that removes nothing', () => {
    expect(findDrainQuestion(undefined, 'idle', after(30))).toBeUndefined();
    expect(findDrainQuestion(draining(), 'rolledBack', after(30))).toBeUndefined();
    expect(findDrainQuestion(draining({ maxWeight: 0 }), 'rollingBack.draining', after(30))).toBeUndefined();
    const { workload: _none, ...services } = draining();
    expect(findDrainQuestion(services, 'rollingBack.draining', after(30))).toBeUndefined();
    const { drainEndsAt: _ends, ...begun } = draining();
    expect(findDrainQuestion(begun, 'rollingBack.goingHome', after(30))).toBeUndefined();
  });
});

test('the wait of a canary with connections says that those that are open end with its pods', () => {
  const routes = [aRecordedRoute({ kind: 'TCPRoute' })];
  expect(describeDrain(draining({ routes }), undefined, after(5))).toMatch(
    /^the canary is kept until \d\d:\d\d:10Z at least; connections that are still open then end with its pods$/,
  );
});

test('the wait is told with both of its ends, and only while it lasts', () => {
  expect(describeDrain(draining(), 'busy', after(20))).toMatch(
    /^the canary is kept until its requests have stopped, from \d\d:\d\d:10Z to \d\d:\d\d:00Z at the latest$/,
  );
  expect(describeDrain(draining(), 'silent', after(20))).toBeUndefined();
  expect(describeDrain(draining(), undefined, after(60))).toBeUndefined();
  const { drainEndsAt: _ends, ...begun } = draining();
  expect(describeDrain(begun, undefined, after(0))).toBeUndefined();
});
