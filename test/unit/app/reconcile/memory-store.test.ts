import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../../src/app/reconcile/memory-store.ts';
import { aRelease, aStatus } from '../../../fixtures/builders.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const RELEASE = { ...aRelease(), status: aStatus({ phase: 'Analyzing' }) };
const KEY = RELEASE.metadata;

describe('the memories of releases', () => {
  test('a release that is seen first is known by the status that it has, as committed', () => {
    const clock = new VirtualClock();
    const memory = new MemoryStore(clock).open(RELEASE);
    expect(memory).toMatchObject({ status: RELEASE.status, committed: RELEASE.status, committedAtMs: clock.now(), transitions: [] });
  });

  test('what a pass did is still known when the release is seen again', () => {
    const memories = new MemoryStore(new VirtualClock());
    memories.open(RELEASE);
    memories.update(KEY, ({ status }) => ({ status: { ...status, phase: 'Promoted' } }));
    expect(memories.open(RELEASE).status.phase).toBe('Promoted');
    expect(memories.open(RELEASE).committed.phase).toBe('Analyzing');
  });

  test('another object of the same name begins anew with its own status', () => {
    const memories = new MemoryStore(new VirtualClock());
    memories.open(RELEASE);
    memories.update(KEY, () => ({ failedAtMs: 1 }));
    const other = { ...RELEASE, metadata: { ...KEY, uid: 'another' } };
    expect(memories.open(other)).toMatchObject({ uid: 'another', status: RELEASE.status, failedAtMs: undefined });
  });

  test('nothing is noted of a release that nothing is known of, and a dropped one is not known any more', () => {
    const memories = new MemoryStore(new VirtualClock());
    memories.update(KEY, () => ({ failedAtMs: 1 }));
    expect(memories.get(KEY)).toBeUndefined();
    memories.open(RELEASE);
    expect([memories.drop(KEY), memories.drop(KEY), memories.get(KEY)]).toEqual([true, false, undefined]);
  });
});
