import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus, ReleaseStatus } from '../../../../src/api/release.ts';
import { type Memory, needsCommit, noteProblems, shareCommitted } from '../../../../src/app/reconcile/memory.ts';
import { after, aReleaseStatus, aStatus, timeAfter } from '../../../fixtures/builders.ts';

const COMMITTED: CanaryReleaseStatus = aStatus({
  phase: 'Analyzing',
  message: 'stage 1/2 at 25%',
  observedWeight: 25,
  measured: { share: '24%', canaryRequests: 240, servingRequests: 760, at: timeAfter(0) },
  verdict: 'Pass',
  checks: [{ name: 'errors', verdict: 'Pass', value: '0.1%', limit: '<= 1%', requests: 800, at: timeAfter(0) }],
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'InRelease',
      message: 'stage 1/2 at 25%',
      lastTransitionTime: timeAfter(0),
      observedGeneration: 1,
    },
  ],
  release: aReleaseStatus({ verdict: 'Pass', lookGridAt: timeAfter(0), sampleAt: timeAfter(0), stageRequests: 800 }),
});

const MEMORY: Memory = {
  uid: 'uid-web',
  status: COMMITTED,
  committed: COMMITTED,
  resourceVersion: undefined,
  committedAtMs: after(0),
  writeProblems: [],
  failingSince: new Map(),
  transitions: [],
  drifts: [],
  failedAtMs: undefined,
  lastWordsUntilMs: undefined,
};

function needed(status: CanaryReleaseStatus, seconds = 1, committed = COMMITTED): boolean {
  return needsCommit({ ...MEMORY, status: committed, committed }, status, after(seconds));
}

const withRelease = (change: Partial<ReleaseStatus>): CanaryReleaseStatus => ({
  ...COMMITTED,
  release: { ...aReleaseStatus(), ...COMMITTED.release, ...change },
});

/** What every look changes: numbers, and words that hold them. */
const NEXT_LOOK: CanaryReleaseStatus = {
  ...withRelease({
    lookGridAt: timeAfter(10),
    sampleAt: timeAfter(10),
    stageRequests: 900,
    passAt: timeAfter(10),
    lookPhaseMs: 120,
    scrapeIntervalMs: 10_000,
  }),
  message: 'another message',
  observedWeight: 26,
  measured: { share: '25%', canaryRequests: 250, servingRequests: 750, at: timeAfter(10) },
  checks: [{ name: 'errors', verdict: 'Pass', value: '0.2%', limit: '<= 1%', requests: 900, at: timeAfter(10) }],
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'InRelease',
      message: 'another message',
      lastTransitionTime: timeAfter(0),
      observedGeneration: 1,
    },
  ],
};

describe('the status is written', () => {
  test('the status is not written when nothing changed, however long ago it was', () => {
    expect(needed(COMMITTED, 3_600)).toBe(false);
    expect(needed(structuredClone(COMMITTED), 3_600)).toBe(false);
  });

  test('the status is written once a minute when only numbers and words changed', () => {
    expect([1, 59].map((seconds) => needed(NEXT_LOOK, seconds))).toEqual([false, false]);
    expect(needed(NEXT_LOOK, 60)).toBe(true);
  });

  test('the status is written when a time that its message shows as one to come has passed', () => {
    const shown = { ...COMMITTED, internal: { shownTime: timeAfter(30) } };
    const later = { ...NEXT_LOOK, internal: { shownTime: timeAfter(90) } };
    expect([29, 30].map((seconds) => needed(later, seconds, shown))).toEqual([false, true]);
  });

  test('the status is not written because fields stand in another order', () => {
    const turned = Object.fromEntries(Object.entries(COMMITTED).toReversed()) as unknown as CanaryReleaseStatus;
    const release = Object.fromEntries(Object.entries(COMMITTED.release ?? {}).toReversed()) as unknown as ReleaseStatus;
    expect(needed({ ...turned, release }, 3_600)).toBe(false);
  });

  test.each<readonly [string, CanaryReleaseStatus]>([
    ['phase', { ...COMMITTED, phase: 'Paused' }],
    ['state', { ...COMMITTED, state: 'paused' }],
    ['weight', { ...COMMITTED, weight: 50 }],
    ['verdict', { ...COMMITTED, verdict: 'Inconclusive' }],
    ['verdict of a check', { ...COMMITTED, checks: [{ name: 'errors', verdict: 'Fail' }] }],
    ['list of checks', { ...COMMITTED, checks: [] }],
    ['condition', { ...COMMITTED, conditions: [] }],
    ['observed generation', { ...COMMITTED, observedGeneration: 2 }],
    ['stage', withRelease({ stageIndex: 1 })],
    ['failing count', withRelease({ failing: [{ check: 'errors', count: 1 }] })],
    ['failed check', withRelease({ failedCheck: { name: 'errors', reason: 'ErrorRatio', message: '' } })],
    ['outage of Prometheus', withRelease({ unavailableSince: timeAfter(10) })],
    ['approval', withRelease({ approvedStages: [1] })],
    ['handled command', { ...COMMITTED, lastHandledCommand: { verb: 'pause', release: 'x', at: timeAfter(0), result: 'Done' } }],
  ])('the status is written at once when the %s changed', (_what, status) => {
    expect(needed(status)).toBe(true);
  });

  test('the status is written at once when the release began or went, and for what has no lists yet', () => {
    const { release: _release, checks: _checks, conditions: _conditions, ...bare } = COMMITTED;
    expect(needed(bare)).toBe(true);
  });
});

test('a status that says what was committed is held once; any other one is kept as it is', () => {
  const { release, ...rest } = structuredClone(COMMITTED);
  const copy: CanaryReleaseStatus = { ...(release === undefined ? {} : { release }), ...rest };
  expect(shareCommitted(COMMITTED, copy)).toBe(COMMITTED);
  const other = { ...copy, message: 'another' };
  expect(shareCommitted(COMMITTED, other)).toBe(other);
});

test('a write that stays refused keeps the time of its first refusal, and one that came through begins anew', () => {
  const problem = (name: string) => ({ route: `HTTPRoute ${name}`, kind: 'forbidden', message: 'no' }) as const;
  const first = { ...MEMORY, ...noteProblems(MEMORY, [problem('store')], after(10)) };
  const second = { ...MEMORY, ...noteProblems(first, [problem('store'), problem('shop')], after(20)) };
  expect(second.writeProblems.map(({ sinceMs }) => sinceMs)).toEqual([after(10), after(20)]);
  const third = { ...MEMORY, ...noteProblems(second, [problem('shop')], after(30)) };
  expect(noteProblems(third, [problem('store')], after(40)).writeProblems).toMatchObject([{ sinceMs: after(40) }]);
});
