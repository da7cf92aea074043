import { expect, test } from 'vitest';
import { areAllReady, areNoneReady, isCurrent, readEndpoints } from '../../../../../src/core/release/facts/endpoints.ts';
import { aBackend } from '../../../../fixtures/builders.ts';

test('endpoints that nobody has seen are neither ready nor none', () => {
  const unseen = [undefined, aBackend('v1', { known: false, readyEndpoints: 0 }), aBackend('v1', { external: true, readyEndpoints: 0 })];
  for (const backend of unseen) {
    const endpoints = readEndpoints(backend);
    expect(endpoints).toEqual({ kind: 'unknown' });
    expect([areAllReady(endpoints), areNoneReady(endpoints)]).toEqual([false, false]);
  }
});

test.each([
  [{ readyEndpoints: 2, unreadyEndpoints: 0 }, true, false],
  [{ readyEndpoints: 2, unreadyEndpoints: 1 }, false, false],
  [{ readyEndpoints: 0, unreadyEndpoints: 1 }, false, true],
  [{ readyEndpoints: 0, unreadyEndpoints: 0 }, false, true],
  [{ readyEndpoints: 0, unreadyEndpoints: 0, exists: false }, false, true],
])('%j: all ready is %s, none ready is %s', (counts, all, none) => {
  const endpoints = readEndpoints(aBackend('v1', counts));
  expect([areAllReady(endpoints), areNoneReady(endpoints)]).toEqual([all, none]);
});

test('those that are not ready are named where their names are known', () => {
  const named = readEndpoints(aBackend('v1', { readyEndpoints: 1, unreadyEndpoints: 1, unreadyPods: ['v1-x'] }));
  expect(named).toEqual({ kind: 'seen', current: true, ready: 1, unready: 1, unreadyNames: ['v1-x'] });
  expect(readEndpoints(aBackend('v1'))).toMatchObject({ unreadyNames: [] });
});

test('endpoints whose watch fails are ready for no raise, and none is none for a rollback', () => {
  const stale = (readyEndpoints: number) => readEndpoints(aBackend('v1', { readyEndpoints, unreadyEndpoints: 0, stale: true }));
  expect([areAllReady(stale(2)), areNoneReady(stale(2)), isCurrent(stale(2))]).toEqual([false, false, false]);
  expect(areNoneReady(stale(0))).toBe(true);
});
