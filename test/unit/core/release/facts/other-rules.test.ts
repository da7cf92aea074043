import { describe, expect, test } from 'vitest';
import type { ReleaseStatus } from '../../../../../src/api/release.ts';
import type { Route } from '../../../../../src/api/routes.ts';
import type { Observation } from '../../../../../src/core/release/observation.ts';
import { needsRoutesRead } from '../../../../../src/core/release/desired/reading.ts';
import { findSplitSide } from '../../../../../src/core/release/facts/split-side.ts';
import {
  after,
  anObservation,
  aRecordedRoute,
  aRelease,
  aReleaseStatus,
  aRoute,
  aRule,
  aSpec,
  aStatus,
  marked,
} from '../../../../fixtures/builders.ts';
import { gatherFacts } from '../../../../fixtures/facts.ts';

const home = aRoute({ rules: [aRule({ v1: 1, v2: 0 })] });
const late = (weights: Readonly<Record<string, number>>, change: Partial<Route['metadata']> = {}) =>
  aRoute({ metadata: { name: 'late', ...change }, rules: [aRule(weights)] });

/** A rollback whose own writes are made. */
function know(observation: Partial<Observation> = {}, release: Partial<ReleaseStatus> = {}, spec = aSpec()) {
  const status = aStatus({ weight: 0, release: aReleaseStatus({ outcome: 'RolledBack', maxWeight: 25, ...release }) });
  const seen = anObservation({ routes: [home], ...observation });
  const facts = gatherFacts(spec, status, 'rollingBack.cleaning', seen, after(60));
  return { facts, reads: needsRoutesRead(status, 'rollingBack.cleaning', facts) };
}

const holdersOf = ({ facts: { clearance } }: ReturnType<typeof know>) =>
  clearance.kind === 'held' ? clearance.holders.map(({ route, rule, stays }) => [route, rule, stays]) : clearance.kind;

describe('the end of a release', () => {
  test('the end of a release needs routes that were just read, and asks for them only when nothing else is missing', () => {
    expect([know().facts.clearance.kind, know().facts.allLeft, know().reads]).toEqual(['clear', true, false]);
    const unread = know({ routesFresh: false });
    expect([unread.facts.clearance.kind, unread.facts.allLeft, unread.reads]).toEqual(['unread', false, true]);
    const notYet = know({ routesFresh: false, routes: [aRoute({ metadata: marked(), rules: [aRule({ v1: 75, v2: 25 })] })] });
    expect(notYet.reads).toBe(false);
  });

  test('the end of a release is held up by a rule of any route that gives the canary weight', () => {
    const held = know({ routes: [home, late({ v1: 3, v2: 1 })] });
    expect(holdersOf(held)).toEqual([['HTTPRoute late', 'rules[0]', false]]);
    expect([held.facts.allLeft, held.reads]).toEqual([false, false]);
    expect(holdersOf(know({ routes: [home, late({ v2: 1 })] }))).toEqual([['HTTPRoute late', 'rules[0]', true]]);
    expect(holdersOf(know({ routes: [home, late({ v1: 1, v2: 0 })] }))).toBe('clear');
  });

  test('the end of a release is held up permanently by a route that the spec leaves out, or that another release drives', () => {
    const chosen = aSpec({ routeRefs: [{ name: 'store' }] });
    expect(holdersOf(know({ routes: [home, late({ v1: 3, v2: 1 })] }, {}, chosen))).toEqual([['HTTPRoute late', 'rules[0]', true]]);
    const driven = late({ v1: 3, v2: 1 }, marked('other/1234567890'));
    expect(holdersOf(know({ routes: [home, driven] }))).toEqual([['HTTPRoute late', 'rules[0]', true]]);
  });

  test('the end of a release is not held up after a promotion, by a deletion, or where the canary never had weight', () => {
    const routes = [home, late({ v2: 1 })];
    expect(holdersOf(know({ routes }, { outcome: 'Promoted' }))).toBe('clear');
    expect(holdersOf(know({ routes, release: aRelease({ metadata: { deletionTimestamp: '2030-01-01T12:00:00Z' } }) }))).toBe('clear');
    expect(holdersOf(know({ routes }, { maxWeight: 0 }))).toBe('clear');
  });
});

describe('the share that the gateways count', () => {
  const side = (...routes: readonly Route[]) => findSplitSide(aReleaseStatus({ routes: [aRecordedRoute()] }), routes);
  const store = aRoute({ rules: [aRule({ v1: 7_500, v2: 2_500 })] });

  test('the share that the gateways count is that of the release where only its rules send requests', () => {
    expect(side(store)).toBe('both');
    expect(side(store, late({ v1: 0, v2: 0, other: 1 }))).toBe('both');
  });

  test('the share that the gateways count may be larger where another rule sends the canary requests, smaller where one sends serving some, and anything where both are', () => {
    expect(side(store, late({ v2: 1 }))).toBe('tooLittle');
    expect(side(store, late({ v1: 1 }))).toBe('tooMuch');
    expect(side(store, late({ v1: 1, v2: 1 }))).toBe('neither');
  });

  test('the share that the gateways count may be anything where a rule keeps users on the version that answered them first', () => {
    const [rule = {}] = store.spec.rules ?? [];
    const keeps = { ...store, spec: { ...store.spec, rules: [{ ...rule, sessionPersistence: { type: 'Cookie' } }] } };
    expect(side(keeps)).toBe('neither');
  });
});
