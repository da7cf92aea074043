import { describe, expect, test } from 'vitest';
import { checkHealth, checkReadiness, EventLoopLag, LONGEST_LAG_MS, LONGEST_WATCH_FAILURE_MS } from '../../../src/server/probes.ts';

const NOW = 10_000_000;
const ALIVE = { nowMs: NOW, lagMs: 3, watches: [{ kind: 'HTTPRoute', synced: true }] };

describe('health', () => {
  test('health is good while the event loop turns and the watches work', () => {
    expect(checkHealth(ALIVE)).toEqual({ ok: true, lines: ['[+] event loop 3ms late', '[+] watch of HTTPRoute'] });
  });

  test('health survives a watch that fails for two minutes, and names the one that fails for longer', () => {
    const failing = (forMs: number) => ({ kind: 'Service', synced: true, failingSinceMs: NOW - forMs, lastError: 'HTTP 503\nno leader' });
    expect(checkHealth({ ...ALIVE, watches: [failing(LONGEST_WATCH_FAILURE_MS)] }).ok).toBe(true);
    expect(checkHealth({ ...ALIVE, watches: [...ALIVE.watches, failing(LONGEST_WATCH_FAILURE_MS + 1_500)] })).toEqual({
      ok: false,
      lines: ['[+] event loop 3ms late', '[+] watch of HTTPRoute', '[-] watch of Service failing for 2m1s: HTTP 503 no leader'],
    });
  });

  test('health does not take a wall clock that was set back for a failure of ages', () => {
    expect(checkHealth({ ...ALIVE, watches: [{ kind: 'Service', synced: true, heardAtMs: NOW - 71_400 }] }).lines).toContain(
      '[+] watch of Service, last heard of 1m11s ago',
    );
    expect(checkHealth({ ...ALIVE, watches: [{ kind: 'Service', synced: true, failingSinceMs: NOW + 5_000 }] }).lines).toContain(
      '[+] watch of Service failing for 0s',
    );
  });

  test('health is bad when the event loop is late by more than ten seconds', () => {
    expect(checkHealth({ ...ALIVE, lagMs: LONGEST_LAG_MS }).ok).toBe(true);
    expect(checkHealth({ ...ALIVE, lagMs: LONGEST_LAG_MS + 1 })).toMatchObject({
      ok: false,
      lines: ['[-] event loop 10s1ms late', '[+] watch of HTTPRoute'],
    });
  });
});

describe('readiness', () => {
  test('readiness waits for every watch to be synced, and a failing one that was synced stays ready', () => {
    const synced = { kind: 'HTTPRoute', synced: true, failingSinceMs: 1 };
    expect(checkReadiness({ watches: [synced] })).toEqual({ ok: true, lines: ['[+] HTTPRoute synced'] });
    expect(checkReadiness({ watches: [synced, { kind: 'Service', synced: false }] })).toEqual({
      ok: false,
      lines: ['[+] HTTPRoute synced', '[-] Service not synced yet'],
    });
  });
});

test('a replica that cannot answer the API server yet is not ready', () => {
  const watches = [{ kind: 'HTTPRoute', synced: true }];
  expect(checkReadiness({ watches, certificate: false })).toEqual({
    ok: false,
    lines: ['[+] HTTPRoute synced', '[-] webhook has no certificate yet'],
  });
  expect(checkReadiness({ watches, certificate: true }).ok).toBe(true);
});

describe('the lag of the event loop', () => {
  function setUp() {
    let nowMs = 500;
    let tick = (): void => expect.unreachable('no timer was set');
    let stopped = false;
    const lag = new EventLoopLag({
      now: () => nowMs,
      every: (_ms, run) => {
        tick = run;
        return () => (stopped = true);
      },
    });
    const tickAfter = (ms: number): void => {
      nowMs += ms;
      tick();
    };
    return { lag, tickAfter, wait: (ms: number) => (nowMs += ms), isStopped: () => stopped };
  }

  test('the lag of the event loop is how late the last tick came', () => {
    const { lag, tickAfter } = setUp();
    expect(lag.ms).toBe(0);
    tickAfter(1_000);
    expect(lag.ms).toBe(0);
    tickAfter(1_250);
    expect(lag.ms).toBe(250);
    tickAfter(1_000);
    expect(lag.ms).toBe(0);
  });

  test('the lag of the event loop is how overdue the next tick is', () => {
    const { lag, tickAfter, wait } = setUp();
    tickAfter(1_000);
    wait(13_000);
    expect(lag.ms).toBe(12_000);
  });

  test('the lag of the event loop is measured until it is closed', () => {
    const { lag, isStopped } = setUp();
    lag.close();
    expect(isStopped()).toBe(true);
    new EventLoopLag().close();
  });
});
