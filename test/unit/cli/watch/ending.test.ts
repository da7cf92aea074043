// How a watch ends: on the release that is meant, with the code that says how.

import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../src/api/release.ts';
import { readSeen, type SeenRelease } from '../../../../src/cli/cluster/releases.ts';
import { trackRelease, type WatchGoal } from '../../../../src/cli/watch/ending.ts';
import { aRelease, aReleaseStatus, aStatus, timeAfter } from '../../../fixtures/builders.ts';

function seen(status: Partial<CanaryReleaseStatus> | undefined): SeenRelease | undefined {
  return readSeen(aRelease(status === undefined ? {} : { status: aStatus(status) }));
}

const running = (id = 'aaaaaaaaaa', more: object = {}) => seen({ phase: 'Analyzing', release: aReleaseStatus({ id, ...more }) });
const promoted = (id = 'aaaaaaaaaa', more: object = {}) =>
  seen({ state: 'promoted', phase: 'Promoted', message: 'is promoted', release: aReleaseStatus({ id, outcome: 'Promoted', ...more }) });
const rolledBack = (id = 'aaaaaaaaaa', reason = 'ErrorRatio') =>
  seen({
    state: 'rolledBack',
    phase: 'RolledBack',
    message: 'is rolled back',
    release: aReleaseStatus({ id, outcome: 'RolledBack', reason }),
  });
const waiting = (phase: 'AwaitingApproval' | 'Paused' | 'Blocked') =>
  seen({ state: phase === 'Paused' ? 'paused' : 'stage.awaitingApproval', phase, release: aReleaseStatus({ id: 'aaaaaaaaaa' }) });

const named = (revision: string): Pick<WatchGoal, 'wanted'> => ({ wanted: { kind: 'revision', revision } });

/** The code behind each version, a second apart. */
function follow(
  versions: readonly (SeenRelease | undefined)[],
  goal: Partial<WatchGoal> = {},
  stepMs = 1_000,
): readonly (number | undefined)[] {
  const track = trackRelease({ wanted: { kind: 'any' }, endsForPersons: true, ...goal });
  return versions.map((version, index) => track(version, index * stepMs)?.code);
}

describe('the release that runs', () => {
  test.each([
    ['promoted', promoted(), 0],
    ['rolled back', rolledBack(), 2],
    ['rolled back for a new revision', rolledBack('aaaaaaaaaa', 'Superseded'), 5],
    ['waiting for approval', waiting('AwaitingApproval'), 3],
    ['paused', waiting('Paused'), 3],
  ])('the release that runs is seen as %s', (_how, last, code) => {
    expect(follow([running(), last])).toEqual([undefined, code]);
  });

  test.each([
    ['Promoted', undefined, 0],
    ['RolledBack', 'ErrorRatio', 2],
    ['RolledBack', 'Superseded', 5],
  ] as const)('a release that is over while another one runs is found in the history: %s %s', (outcome, reason, code) => {
    const entry = { id: 'aaaaaaaaaa', revision: '2', outcome, startedAt: timeAfter(0), finishedAt: timeAfter(9) };
    const next = seen({
      release: aReleaseStatus({ id: 'bbbbbbbbbb' }),
      history: [{ ...entry, ...(reason === undefined ? {} : { reason }) }],
    });
    expect(follow([running(), next])).toEqual([undefined, code]);
    expect(follow([running(), running('bbbbbbbbbb')])).toEqual([undefined, 5]);
  });

  test('a release whose revision was not to blame continues with its next attempt, and ends with the last', () => {
    const lost = { outcome: 'RolledBack', reason: 'CanaryEmpty' } as const;
    const conditions = [{ type: 'Stalled', status: 'True', reason: 'RolledBack', message: '', lastTransitionTime: timeAfter(9) }] as const;
    const end = (id: string, more: object) => ({ state: 'rolledBack', release: aReleaseStatus({ id, ...lost, ...more }) });
    const over = (id: string) => ({ ...lost, id, revision: '2', startedAt: timeAfter(0), finishedAt: timeAfter(9) });
    const waits = seen(end('aaaaaaaaaa', { retryAt: timeAfter(19) }));
    const second = { release: aReleaseStatus({ id: 'bbbbbbbb-2', retries: 1 }), history: [over('aaaaaaaaaa')] };
    expect(follow([running(), waits, seen(second), seen({ ...second, state: 'promoted' })])).toEqual([undefined, undefined, undefined, 0]);
    // Missed in between: the third attempt follows the first as well.
    const history = [over('bbbbbbbb-2'), over('aaaaaaaaaa')];
    const third = seen({ ...end('cccccccc-3', { retries: 2 }), history });
    expect(follow([running(), third])).toEqual([undefined, 2]);
    // A person began it: that is another release.
    expect(follow([running(), seen({ release: aReleaseStatus({ id: 'bbbbbbbb-2' }), history: [over('aaaaaaaaaa')] })])).toEqual([
      undefined,
      2,
    ]);
    // Something else has to be mended first.
    expect(follow([running(), seen({ ...end('aaaaaaaaaa', { retryAt: timeAfter(19) }), conditions: [...conditions] })])).toEqual([
      undefined,
      2,
    ]);
  });

  test('a release may wait for a person as long as it likes where one is present', () => {
    expect(follow([running(), waiting('AwaitingApproval'), promoted()], { endsForPersons: false })).toEqual([undefined, undefined, 0]);
  });

  test('blocked needs a person only when it stays so', () => {
    expect(follow([running(), waiting('Blocked'), running(), waiting('Blocked'), promoted()], {}, 20_000).at(-1)).toBe(0);
    expect(follow([running(), waiting('Blocked'), waiting('Blocked'), waiting('Blocked')], {}, 20_000)).toEqual([
      undefined,
      undefined,
      undefined,
      3,
    ]);
  });
});

describe('how the last release ended', () => {
  test.each([
    ['promoted', promoted()],
    ['rolled back', rolledBack()],
  ])('the end of the last release never counts: %s', (_how, last) => {
    expect(follow([last, last, running('bbbbbbbbbb'), promoted('bbbbbbbbbb')])).toEqual([undefined, undefined, undefined, 0]);
  });

  test('the last release does not hide a release that began and ended between two looks', () => {
    expect(follow([promoted(), rolledBack('bbbbbbbbbb')])).toEqual([undefined, 2]);
    expect(follow([seen(undefined), promoted('bbbbbbbbbb')])).toEqual([undefined, 0]);
  });
});

describe('a named revision', () => {
  test('a named revision is waited for beyond the release of another one', () => {
    const other = { revision: 'other', specRevision: 'other' };
    const wanted = { revision: '1.8.1', specRevision: '1.8.1' };
    const versions = [
      running('aaaaaaaaaa', other),
      promoted('aaaaaaaaaa', other),
      running('bbbbbbbbbb', wanted),
      promoted('bbbbbbbbbb', wanted),
    ];
    expect(follow(versions, named('1.8.1'))).toEqual([undefined, undefined, undefined, 0]);
  });

  test('a named revision that has been promoted already ends at once', () => {
    expect(follow([promoted('aaaaaaaaaa', { revision: '1.8.1' })], named('1.8.1'))).toEqual([0]);
    expect(follow([promoted('aaaaaaaaaa', { templateHashes: ['abc'] })], named('abc'))).toEqual([0]);
  });

  test('a named revision that is rejected is not waited for in vain', () => {
    const rejected = [{ revision: '1.8.1', reason: 'ErrorRatio', at: timeAfter(0) }];
    const last = seen({ state: 'promoted', phase: 'Promoted', release: aReleaseStatus({ revision: '1.8.2' }), rejected });
    const ending = trackRelease({ ...named('1.8.1'), endsForPersons: true })(last, 0);
    expect(ending).toMatchObject({
      code: 2,
      says: expect.stringContaining('is not retried automatically; to retry it: kubectl canary retry web'),
    });
  });
});

test('a release that is deleted is an error of its own', () => {
  expect(() => follow([undefined])).toThrow('was deleted');
});
