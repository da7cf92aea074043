import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Scheduler } from '../../../../src/app/queue/scheduler.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

function setUp() {
  const clock = new VirtualClock(0);
  const due: string[] = [];
  const scheduler = new Scheduler(clock, (key, urgent) => due.push(`${key}@${clock.now()}${urgent ? '!' : ''}`));
  return { clock, due, scheduler };
}

describe('the scheduler', () => {
  test('the scheduler names each key at its time, in the order of the times', () => {
    const { clock, due, scheduler } = setUp();
    scheduler.set('c', 30, false);
    scheduler.set('a', 10, false);
    scheduler.set('b', 20, true);
    clock.advanceTo(25);
    expect(due).toEqual(['a@10', 'b@20!']);
    expect(scheduler.dueAtMs('c')).toBe(30);
    expect(scheduler.dueAtMs('a')).toBeUndefined();
  });

  test('the scheduler keeps the earlier of two times of a key, and its urgency if either was urgent', () => {
    const { clock, due, scheduler } = setUp();
    scheduler.set('later first', 30, false);
    scheduler.set('later first', 10, false);
    scheduler.set('earlier first', 20, false);
    scheduler.set('earlier first', 40, true);
    expect(scheduler.size).toBe(2);
    clock.advanceTo(100);
    expect(due).toEqual(['later first@10', 'earlier first@20!']);
  });

  test('the scheduler holds one timer for 1,000 keys', () => {
    const { clock, due, scheduler } = setUp();
    for (let index = 0; index < 1_000; index++) scheduler.set(`key ${index}`, 1_000 + ((index * 7_919) % 1_000), false);
    expect(clock.pending).toBe(1);
    expect(clock.nextAtMs).toBe(1_000);
    clock.advanceTo(1_499);
    expect(due).toHaveLength(500);
    expect(clock.pending).toBe(1);
    expect(clock.nextAtMs).toBe(1_500);
  });

  test('the scheduler lets a key be set again from inside the call', () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    const scheduler: Scheduler = new Scheduler(clock, (key) => {
      seen.push(clock.now());
      scheduler.set(key, clock.now() + 10, false);
    });
    scheduler.set('key', 10, false);
    clock.advanceTo(30);
    expect(seen).toEqual([10, 20, 30]);
  });

  test('the scheduler continues with the other keys after one call has thrown', () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    const scheduler = new Scheduler(clock, (key) => {
      seen.push(key);
      if (key === 'bad') throw new Error('bad key');
    });
    scheduler.set('bad', 10, false);
    scheduler.set('good', 10, false);
    expect(() => clock.advanceTo(10)).toThrow('bad key');
    clock.advanceTo(11);
    expect(seen).toEqual(['bad', 'good']);
  });

  test('the scheduler has no timer when nothing waits, and none after close', () => {
    const { clock, due, scheduler } = setUp();
    scheduler.set('a', 10, false);
    scheduler.cancel('a');
    scheduler.cancel('unknown');
    expect(clock.pending).toBe(0);
    scheduler.set('b', 10, false);
    scheduler.close();
    scheduler.set('c', 10, false);
    expect(clock.pending).toBe(0);
    clock.advanceTo(20);
    expect(due).toEqual([]);
  });

  test('the scheduler agrees with a plain list for any order of sets, cancels and moves of time', () => {
    const key = fc.integer({ min: 0, max: 20 }).map(String);
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), key, inMs: fc.integer({ min: 1, max: 50 }) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), key, inMs: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('move' as const), key, inMs: fc.integer({ min: 1, max: 20 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const clock = new VirtualClock(0);
        const plain = new Map<string, number>();
        const due: [string, number][] = [];
        const scheduler = new Scheduler(clock, (name) => due.push([name, clock.now()]));
        for (const { kind, key: name, inMs } of steps) {
          const atMs = clock.now() + inMs;
          if (kind === 'set') {
            scheduler.set(name, atMs, false);
            plain.set(name, Math.min(plain.get(name) ?? atMs, atMs));
          } else if (kind === 'cancel') {
            scheduler.cancel(name);
            plain.delete(name);
          } else {
            const expected = [...plain].filter(([, at]) => at <= atMs);
            for (const [gone] of expected) plain.delete(gone);
            clock.advanceTo(atMs);
            expect(due.length).toBe(expected.length);
            expect(new Map(due.splice(0))).toEqual(new Map(expected));
          }
          expect(scheduler.nextAtMs).toBe(plain.size === 0 ? undefined : Math.min(...plain.values()));
          expect(clock.pending).toBe(plain.size === 0 ? 0 : 1);
        }
      }),
    );
  });
});
