import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../../../src/api/release.ts';
import { findNextAttempt, findPause, isDue } from '../../../../../src/core/release/facts/next-attempt.ts';
import type { Observation } from '../../../../../src/core/release/observation.ts';
import type { StateName } from '../../../../../src/core/release/state.ts';
import { after, anObservation, aReleaseStatus, aStatus, timeAfter } from '../../../../fixtures/builders.ts';

const BACK = { canaryKey: { service: 'v2', templateHashes: ['v2-1'] }, canaryReady: true };
const ended: Partial<ReleaseStatus> = { reason: 'CanaryEmpty', reasonMessage: 'no ready endpoint', retryAt: timeAfter(10) };

function rolledBack(release: Partial<ReleaseStatus> = {}, change: Partial<CanaryReleaseStatus> = {}): CanaryReleaseStatus {
  return aStatus({ state: 'rolledBack', weight: 0, ...change, release: aReleaseStatus({ ...ended, ...release }) });
}

function find(status: CanaryReleaseStatus, canary: Parameters<typeof findNextAttempt>[2] = BACK, state: StateName = 'rolledBack') {
  return findNextAttempt(status, state, canary, anObservation());
}

describe('the pause before the next attempt', () => {
  test('a pause before the next attempt follows what was not the revision’s fault, and grows', () => {
    expect(findPause({ reason: 'CanaryEmpty' })).toBe(10_000);
    expect(findPause({ reason: 'CanaryEmpty', retries: 1 })).toBe(60_000);
    expect(findPause({ reason: 'MetricsUnavailable' })).toBe(10_000);
    expect(findPause({ reason: 'BlockedTooLong' })).toBe(10_000);
  });

  test('no pause before a next attempt follows the third attempt, a verdict, a person, a deadline, or a reason of another version', () => {
    expect(findPause({ reason: 'CanaryEmpty', retries: 2 })).toBeUndefined();
    for (const reason of ['ErrorRatio', 'CanaryCrashed', 'Aborted', 'DeadlineExceeded', 'Inconclusive', 'Superseded', 'Moon'])
      expect(findPause({ reason })).toBeUndefined();
    expect(findPause({})).toBeUndefined();
  });
});

describe('the next attempt', () => {
  test('the next attempt is due when its time has come, and says how the one before ended', () => {
    const next = find(rolledBack());
    expect(next).toEqual({
      key: BACK.canaryKey,
      number: 2,
      before: { reason: 'CanaryEmpty', reasonMessage: 'no ready endpoint' },
      dueMs: after(10),
      waitsFor: undefined,
    });
    if (next === undefined) return;
    expect(isDue(next, after(9))).toBe(false);
    expect(isDue(next, after(10))).toBe(true);
    expect(isDue({ ...next, waitsFor: 'pods' }, after(99))).toBe(false);
    expect(find(rolledBack({ retries: 1 }))?.number).toBe(3);
  });

  test('the next attempt waits in Services mode until the canary is ready', () => {
    expect(find(rolledBack(), { ...BACK, canaryReady: false })?.waitsFor).toBe('ready endpoints of Service v2');
  });

  test('there is no next attempt where none was noted, while a release runs, and where something else stands behind the canary', () => {
    const { retryAt: _retryAt, ...unnoted } = aReleaseStatus(ended);
    expect(find({ ...rolledBack(), release: unnoted })).toBeUndefined();
    expect(find(rolledBack(), BACK, 'preparing')).toBeUndefined();
    expect(find(rolledBack(), { ...BACK, canaryKey: { service: 'v2', templateHashes: ['v2-2'] } })).toBeUndefined();
    expect(find(rolledBack(), { ...BACK, canaryKey: { service: 'v3', templateHashes: ['v2-1'] } })).toBeUndefined();
    expect(find(rolledBack(), { canaryKey: undefined, canaryReady: false })).toBeUndefined();
  });

  test('a next attempt remains in Deployment mode as long as the Deployment holds the template, pods or not', () => {
    const workload = { name: 'store', uid: 'u', canary: 'store-canary', template: 't2', servingTemplate: 't1' };
    const serving = { service: 'store', template: 't1' };
    const held = { canaryKey: { service: 'v2', templateHashes: ['t2'] }, canaryReady: false };
    const status = rolledBack({ workload, templateHashes: ['t2'] }, { serving });
    const findAt = (paused: boolean, now: CanaryReleaseStatus = status) => {
      const deployment = { metadata: { name: 'store' }, spec: { paused, selector: {}, template: {} } };
      const seen = { known: true, deployment, replicaSets: [], hold: { kind: 'proven' } } as const satisfies Observation['workload'];
      return findNextAttempt(now, 'rolledBack', held, anObservation({ workload: seen }));
    };
    expect(findAt(true)).toMatchObject({ number: 2, waitsFor: undefined });
    expect(findAt(false)).toBeUndefined();
    // Somebody let it roll, or it serves already.
    expect(findAt(true, { ...status, serving: { ...serving, template: 't2' } })).toBeUndefined();
  });
});
