import { describe, expect, test } from 'vitest';
import type { ReleaseStatus } from '../../../../../src/api/release.ts';
import { describeAttempt, describeEnd, describeFate, describeNextAttempt } from '../../../../../src/core/release/report/next-attempt.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';
import { aBackend, after, anObservation, aRelease, aReleaseStatus, aSpec, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

describe('what a rollback says of the revision', () => {
  const fateOf = (release: Partial<ReleaseStatus>) => describeFate(aReleaseStatus(release));

  test('a rollback says of the revision that it is rejected, begins again, or waits for a person', () => {
    expect(fateOf({ reason: 'ErrorRatio', rejects: true })).toContain('command retry');
    expect(fateOf({ reason: 'CanaryEmpty', retryAt: timeAfter(10) })).toBe(
      '; it is not rejected: attempt 2 of 3 begins once the cause is gone',
    );
    expect(fateOf({ reason: 'CanaryEmpty', retries: 2 })).toContain('3 attempts ended without a verdict: send command retry:7c1f0e22ab');
    expect(fateOf({ reason: 'DeadlineExceeded' })).toContain('it is not rejected: command retry:7c1f0e22ab or a new revision');
    expect(fateOf({ reason: 'Superseded' })).toBe('');
    expect(fateOf({ reason: 'Moon' })).toBe('');
  });

  test('a rollback by a deadline says that the release timed out', () => {
    expect(describeEnd(aReleaseStatus({ reason: 'DeadlineExceeded' }))).toBe('revision 2 timed out and is rolled back');
    expect(describeEnd(aReleaseStatus({ reason: 'CanaryEmpty' }))).toBe('revision 2 is rolled back');
  });

  test('the message of a next attempt says which one begins, and how the one before ended', () => {
    expect(describeAttempt(3, { reason: 'CanaryEmpty', reasonMessage: 'no pod' })).toBe(
      'attempt 3 of 3; the one before ended with CanaryEmpty: no pod',
    );
    expect(describeAttempt(2, {})).toContain('Unknown');
  });
});

describe('the status says of the next attempt', () => {
  const release = aReleaseStatus({ reason: 'CanaryEmpty', retryAt: timeAfter(10) });
  const status = aStatus({ state: 'rolledBack', weight: 0, release });
  const say = (seconds: number, ready = 2, paused = false) => {
    const spec = aSpec({ paused });
    const backends = { v1: aBackend('v1'), v2: aBackend('v2', { readyEndpoints: ready }) };
    const observation = anObservation({ release: aRelease({ spec }), backends });
    return describeNextAttempt(release, gatherFacts(spec, status, 'rolledBack', observation, after(seconds)));
  };

  test('the status says of the next attempt when it begins and what it waits for', () => {
    expect(say(5)).toBe('; it is not rejected: attempt 2 of 3 begins at 12:00:10Z');
    expect(say(5, 0)).toContain('begins when there are ready endpoints of Service v2, at 12:00:10Z at the earliest');
    expect(say(50, 0)).toMatch(/begins when there are ready endpoints of Service v2$/);
    expect(say(50)).toContain('begins now');
    expect(say(50, 2, true)).toContain('begins when spec.paused is false');
  });

  test('nothing where the canary is another one by now, and the fate where none is to come', () => {
    const other = { v1: aBackend('v1'), v2: aBackend('v2', { templateHashes: ['v2-9'] }) };
    const facts = gatherFacts(aSpec(), status, 'rolledBack', anObservation({ backends: other }), after(50));
    expect(describeNextAttempt(release, facts)).toBe('');
    const { retryAt: _at, ...last } = release;
    expect(describeNextAttempt({ ...last, retries: 2 }, facts)).toContain('3 attempts ended');
  });
});
