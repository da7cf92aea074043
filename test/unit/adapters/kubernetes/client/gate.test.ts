import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HomeGate } from '../../../../../src/adapters/kubernetes/client/gate.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Whether the promise has resolved after so much time. */
async function isOver(promise: Promise<void> | undefined, ms: number): Promise<boolean> {
  let over = false;
  void promise?.then(() => (over = true));
  await vi.advanceTimersByTimeAsync(ms);
  return over;
}

describe('the gate behind home writes', () => {
  test('the gate behind home writes is quiet when nothing goes home', () => {
    expect(new HomeGate().untilQuiet()).toBeUndefined();
  });

  test('the gate behind home writes is not quiet while a home write is under way, nor between the writes of one burst', async () => {
    const gate = new HomeGate();
    const write = Promise.withResolvers<void>();
    const writing = gate.hold(() => write.promise);
    const quiet = gate.untilQuiet();
    expect(await isOver(quiet, 500)).toBe(false);
    write.resolve();
    await writing;
    expect(gate.untilQuiet()).toBe(quiet);
    expect(await isOver(quiet, 50)).toBe(false);
    await gate.hold(() => Promise.resolve());
    expect(await isOver(quiet, 80)).toBe(false);
    expect(await isOver(quiet, 80)).toBe(true);
    expect(gate.untilQuiet()).toBeUndefined();
  });

  test('the gate behind home writes lets others continue when a burst does not end', async () => {
    const gate = new HomeGate(1_000);
    void gate.hold(() => new Promise(() => undefined));
    const quiet = gate.untilQuiet();
    expect(await isOver(quiet, 900)).toBe(false);
    expect(await isOver(quiet, 200)).toBe(true);
    expect(gate.untilQuiet()).toBeUndefined();
  });
});
