import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

describe('the virtual clock', () => {
  test('the virtual clock stands still by default', () => {
    const clock = new VirtualClock(5);
    clock.schedule(5, () => expect.unreachable('nobody moved the clock'));
    expect(clock.now()).toBe(5);
    expect(clock.nextAtMs).toBe(5);
  });

  test('the virtual clock runs due timers by time and then by age, each at its own time', () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name}@${clock.now()}`);
    clock.schedule(20, note('c'));
    clock.schedule(10, note('a'));
    clock.schedule(10, note('b'));
    clock.schedule(21, note('later'));
    clock.advanceTo(20);
    expect(ran).toEqual(['a@10', 'b@10', 'c@20']);
    expect(clock.now()).toBe(20);
    expect(clock.pending).toBe(1);
  });

  test('the virtual clock runs timers that timers set, if they are due on the way', () => {
    const clock = new VirtualClock(0);
    const ran: number[] = [];
    const tick = (): void => {
      ran.push(clock.now());
      clock.schedule(clock.now() + 10, tick);
    };
    clock.schedule(10, tick);
    clock.advanceTo(35);
    expect(ran).toEqual([10, 20, 30]);
    expect(clock.nextAtMs).toBe(40);
  });

  test('the virtual clock runs an overdue timer at the present time: time never goes back', () => {
    const clock = new VirtualClock(100);
    const ran: number[] = [];
    clock.schedule(1, () => ran.push(clock.now()));
    clock.advanceBy(0);
    expect(ran).toEqual([100]);
    expect(() => clock.advanceTo(99)).toThrow('cannot move');
    expect(() => clock.advanceTo(Number.NaN)).toThrow('cannot move');
  });

  test('forgets what was cancelled', () => {
    const clock = new VirtualClock(0);
    clock.schedule(1, () => expect.unreachable('it was cancelled'))();
    clock.advanceTo(10);
    expect(clock.pending).toBe(0);
  });

  test('the virtual clock refuses timers that go round in circles without time moving', () => {
    const clock = new VirtualClock(0);
    const again = (): void => {
      clock.schedule(clock.now(), again);
    };
    again();
    expect(() => clock.advanceTo(1)).toThrow('timers keep setting timers');
  });

  test('runTo lets promises settle between two timers', async () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    const later = async (): Promise<void> => {
      await Promise.resolve();
      await Promise.resolve();
      ran.push('settled');
    };
    clock.schedule(1, () => void later());
    clock.schedule(2, () => ran.push('second'));
    await clock.runTo(3);
    expect(ran).toEqual(['settled', 'second']);
    expect(clock.now()).toBe(3);
  });
});
