import { describe, expect, test } from 'vitest';
import type { CanaryReleaseStatus } from '../../../../../src/api/release.ts';
import {
  dropDelivered,
  eventsOf,
  hasUncommitted,
  pendingIn,
  queueEvents,
  withoutPending,
} from '../../../../../src/core/release/report/announcements.ts';
import type { ReleaseEvent } from '../../../../../src/core/release/report/events.ts';
import { aStatus, after } from '../../../../fixtures/builders.ts';

const PROMOTED: ReleaseEvent = { reason: 'Promoted', message: 'revision 1.8.1 is promoted' };
const APPROVED: ReleaseEvent = { reason: 'Approved', message: 'stage 1 is approved by ada', by: 'ada', warning: true };
const queue = (status: CanaryReleaseStatus, ...events: readonly ReleaseEvent[]) => queueEvents(status, events, after(5), 'uid-web');

describe('what is to be announced', () => {
  test('what is to be announced is kept in the status with an id, the time of its decision and who gave the command', () => {
    expect(pendingIn(queue(aStatus(), APPROVED))).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        at: new Date(after(5)).toISOString(),
        reason: 'Approved',
        message: 'stage 1 is approved by ada',
        warning: true,
        by: 'ada',
      },
    ]);
  });

  test('what is to be announced has an id that is the same for the same decision, and for nothing else', () => {
    const idsOf = (status: CanaryReleaseStatus) => pendingIn(status).map(({ id }) => id);
    const [first] = idsOf(queue(aStatus(), PROMOTED));
    expect(idsOf(queue(aStatus(), PROMOTED))).toEqual([first]);
    const others = [
      ...idsOf(queueEvents(aStatus(), [PROMOTED], after(6), 'uid-web')),
      ...idsOf(queueEvents(aStatus(), [PROMOTED], after(5), 'uid-other')),
      ...idsOf(queue(aStatus(), { ...PROMOTED, message: 'another' })),
      ...idsOf(queue(aStatus(), PROMOTED, PROMOTED)).slice(1),
    ];
    expect(new Set([first, ...others]).size).toBe(5);
  });

  test('what is to be announced is bounded: twenty of them, each of a thousand characters, and the oldest give way', () => {
    const events = Array.from({ length: 25 }, (_, index): ReleaseEvent => ({ ...PROMOTED, message: `${index} ${'x'.repeat(2_000)}` }));
    const pending = pendingIn(queue(aStatus(), ...events));
    expect(pending).toHaveLength(20);
    expect(pending[0]?.message).toMatch(/^5 x/);
    expect(pending.every(({ message }) => message.length === 1_024)).toBe(true);
  });

  test('what is to be announced are the edits of others first, because the steps may answer them', () => {
    const drift = { route: 'HTTPRoute store', manager: 'helm', direction: 'lowered' as const, message: 'helm lowered it' };
    expect(eventsOf({ drifts: [drift], events: [PROMOTED] })).toEqual([
      { reason: 'RouteDrift', message: 'helm lowered it', warning: true },
      PROMOTED,
    ]);
  });
});

describe('what was delivered', () => {
  test('what was delivered goes from the status, and other memory stays', () => {
    const status = { ...aStatus(), internal: { abort: '7c1f0e22ab' } };
    const queued = queue(status, PROMOTED, APPROVED);
    const [first, second] = pendingIn(queued);
    const left = dropDelivered(queued, (id) => id === first?.id);
    expect(pendingIn(left)).toEqual([second]);
    expect(dropDelivered(left, (id) => id === second?.id)).toEqual(status);
    expect(dropDelivered(left, () => false)).toBe(left);
    expect(withoutPending(queue(aStatus(), PROMOTED))).toEqual(aStatus());
  });

  test('a commit does not wait for what was delivered, but for what is new', () => {
    const queued = queue(aStatus(), PROMOTED);
    expect(hasUncommitted(queued, aStatus())).toBe(true);
    expect(hasUncommitted(queued, queued)).toBe(false);
    expect(hasUncommitted(aStatus(), queued)).toBe(false);
  });
});
