import { describe, expect, test } from 'vitest';
import { createSystemClock, type SystemTime } from '../../../src/adapters/clock.ts';

/** Time that a test moves, with the limit of setTimeout: what is longer fires at once. */
function fakeTime() {
  let nowMs = 1_000;
  let sleeping: { readonly delayMs: number; readonly run: () => void } | undefined;
  const delays: number[] = [];
  const time: SystemTime = {
    now: () => nowMs,
    sleep(delayMs, run) {
      delays.push(delayMs);
      const mine = { delayMs: delayMs > 2 ** 31 - 1 ? 1 : delayMs, run };
      sleeping = mine;
      return () => {
        if (sleeping === mine) sleeping = undefined;
      };
    },
  };
  const wake = (earlyMs = 0): void => {
    const mine = sleeping;
    sleeping = undefined;
    nowMs += (mine?.delayMs ?? 0) - earlyMs;
    mine?.run();
  };
  return { time, delays, wake, now: () => nowMs, set: (ms: number) => (nowMs = ms), isSleeping: () => sleeping !== undefined };
}

describe('the system clock', () => {
  test('the system clock runs at the given time, once', () => {
    const { time, wake, now, isSleeping } = fakeTime();
    const ran: number[] = [];
    createSystemClock(time).schedule(1_250, () => ran.push(now()));
    wake();
    expect(ran).toEqual([1_250]);
    expect(isSleeping()).toBe(false);
  });

  test('the system clock sleeps a delay of months in parts that setTimeout can hold', () => {
    const { time, wake, now, delays } = fakeTime();
    const atMs = 1_000 + 100 * 86_400_000;
    const ran: number[] = [];
    createSystemClock(time).schedule(atMs, () => ran.push(now()));
    for (let waking = 0; waking < 10 && ran.length === 0; waking++) wake();
    expect(ran).toEqual([atMs]);
    expect(delays.every((delay) => delay <= 2 ** 31 - 1)).toBe(true);
    expect(delays).toHaveLength(Math.ceil((100 * 86_400_000) / (2 ** 31 - 1)));
  });

  test('the system clock sleeps on when it was woken a millisecond early or the wall clock was set back', () => {
    const { time, wake, now, set } = fakeTime();
    const ran: number[] = [];
    createSystemClock(time).schedule(1_250, () => ran.push(now()));
    wake(1);
    expect(ran).toEqual([]);
    set(500);
    wake();
    expect(ran).toEqual([]);
    wake();
    expect(ran).toEqual([1_250]);
  });

  test('the system clock runs what is overdue without delay, but never inside schedule', () => {
    const { time, wake, delays } = fakeTime();
    const ran: string[] = [];
    createSystemClock(time).schedule(10, () => ran.push('overdue'));
    expect(ran).toEqual([]);
    expect(delays).toEqual([0]);
    wake();
    expect(ran).toEqual(['overdue']);
  });

  test('the system clock does not run what was cancelled, also after a part of a long sleep', () => {
    const { time, wake, isSleeping } = fakeTime();
    const cancel = createSystemClock(time).schedule(1_000 + 2 ** 33, () => expect.unreachable('it was cancelled'));
    wake();
    cancel();
    expect(isSleeping()).toBe(false);
  });

  test('the system clock uses the wall clock and real timers by default', async () => {
    const clock = createSystemClock();
    const beforeMs = Date.now();
    const ranAtMs = await new Promise<number>((resolve) => clock.schedule(beforeMs + 5, () => resolve(clock.now())));
    expect(ranAtMs).toBeGreaterThanOrEqual(beforeMs + 5);
  });
});
