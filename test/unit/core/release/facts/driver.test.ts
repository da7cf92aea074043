import { describe, expect, test } from 'vitest';
import type { CanaryRelease, CanaryReleaseStatus, SpecInput } from '../../../../../src/api/release.ts';
import { defaultSpec } from '../../../../../src/api/release.ts';
import type { Route } from '../../../../../src/api/routes.ts';
import { findDriver } from '../../../../../src/core/release/facts/driver.ts';
import { aRelease, aReleaseStatus, aRoute, aRule, aStatus, marked, timeAfter } from '../../../../fixtures/builders.ts';

interface Wish {
  readonly spec: SpecInput;
  readonly created?: number;
  readonly status?: CanaryReleaseStatus;
  readonly deleting?: true;
}

function named(name: string, { spec, created = 0, status, deleting }: Wish): CanaryRelease {
  const metadata = {
    name,
    uid: `uid-${name}`,
    creationTimestamp: timeAfter(created),
    ...(deleting === undefined ? {} : { deletionTimestamp: timeAfter(created + 60) }),
  };
  return aRelease({ spec: defaultSpec(spec), metadata, ...(status === undefined ? {} : { status }) });
}

const ofDeployment = (deployment: string, service: string): SpecInput => ({ targetRef: { name: deployment }, service: { name: service } });
const ofServices = (first: string, second: string, more: Partial<SpecInput> = {}): SpecInput => ({
  services: [{ name: first }, { name: second }],
  ...more,
});
const RUNNING = aStatus({ release: aReleaseStatus({ serving: { service: 'a1' }, canary: { service: 'a2' }, routes: [] }) });
const US = { kind: 'us' };

/** Both ask, and one of them has to be the driver. */
function drivenBy(one: CanaryRelease, two: CanaryRelease, routes: readonly Route[] = []) {
  return { one: findDriver(one, [one, two], routes), two: findDriver(two, [one, two], routes) };
}

describe('two releases that share a Deployment', () => {
  test('two releases that share a Deployment are driven by the older one, and the message to the younger one says which Deployment', () => {
    const older = named('zulu', { spec: ofDeployment('store', 'store') });
    const younger = named('alpha', { spec: ofDeployment('store', 'other'), created: 5 });
    expect(drivenBy(older, younger)).toEqual({
      one: US,
      two: { kind: 'other', name: 'zulu', shared: { kind: 'Deployment', name: 'store' } },
    });
  });

  test('two releases that share a Deployment are driven by the one with the lesser name where both are as old', () => {
    const [a, b] = [named('a', { spec: ofDeployment('store', 'x') }), named('b', { spec: ofDeployment('store', 'y') })];
    expect(drivenBy(a, b)).toMatchObject({ one: US, two: { kind: 'other', name: 'a' } });
  });

  test('two releases that share a Deployment are driven by the one that is under way, though it is the younger one', () => {
    const older = named('older', { spec: ofDeployment('store', 'a1') });
    const younger = named('younger', { spec: ofDeployment('store', 'a1'), created: 5, status: RUNNING });
    expect(drivenBy(older, younger)).toMatchObject({ one: { kind: 'other', name: 'younger' }, two: US });
  });

  test('two releases that share a Deployment are driven by the older one where both are under way', () => {
    const older = named('older', { spec: ofDeployment('store', 'a1'), status: RUNNING });
    const younger = named('younger', { spec: ofDeployment('store', 'a1'), created: 5, status: RUNNING });
    expect(drivenBy(older, younger)).toMatchObject({ one: US, two: { kind: 'other', name: 'older' } });
  });
});

describe('two releases that share a name', () => {
  test('share a Service, whatever routes they are about and whichever port they name', () => {
    const older = named('a', { spec: ofServices('web', 'web-new', { routeRefs: [{ name: 'one' }] }) });
    const younger = named('b', { spec: { ...ofServices('other', 'web'), routeRefs: [{ name: 'two' }] }, created: 1 });
    expect(drivenBy(older, younger).two).toEqual({ kind: 'other', name: 'a', shared: { kind: 'Service', name: 'web' } });
  });

  test('share the Service that the older one makes for its canary', () => {
    const older = named('a', { spec: ofDeployment('store', 'store') });
    const younger = named('b', { spec: ofServices('store-canary', 'other'), created: 1 });
    expect(drivenBy(older, younger).two).toEqual({ kind: 'other', name: 'a', shared: { kind: 'Service', name: 'store-canary' } });
  });

  test('share the Deployment that the younger one would make for its canary, and the message can say so', () => {
    const older = named('a', { spec: ofDeployment('store-canary', 'one') });
    const younger = named('b', { spec: ofDeployment('store', 'two'), created: 1 });
    const shared = { kind: 'Deployment', name: 'store-canary', isMade: true };
    expect(drivenBy(older, younger).two).toEqual({ kind: 'other', name: 'a', shared });
  });

  test('share what a release under way still has, though its spec was edited', () => {
    const edited = named('a', { spec: ofServices('b1', 'b2'), status: RUNNING });
    const other = named('b', { spec: ofServices('a2', 'a3'), created: 1 });
    expect(drivenBy(edited, other).two).toEqual({ kind: 'other', name: 'a', shared: { kind: 'Service', name: 'a2' } });
  });

  test('share nothing where a Service is called like a Deployment', () => {
    const a = named('a', { spec: ofDeployment('store', 'front') });
    const b = named('b', { spec: ofServices('store', 'back'), created: 1 });
    expect(drivenBy(a, b)).toEqual({ one: US, two: US });
  });

  test('share nothing any more when the older one is deleted and at rest', () => {
    const going = named('a', { spec: ofDeployment('store', 'store'), deleting: true });
    const other = named('b', { spec: ofDeployment('store', 'store'), created: 1 });
    expect(findDriver(other, [going], [])).toEqual(US);
    const onItsWay = named('a', { spec: ofDeployment('store', 'store'), deleting: true, status: RUNNING });
    expect(findDriver(other, [onItsWay], [])).toMatchObject({ kind: 'other', name: 'a' });
  });
});

describe('two releases that share a route', () => {
  const rules = [aRule({ a1: 1, a2: 0 }), aRule({ b1: 1, b2: 0 })];
  const a = named('a', { spec: ofServices('a1', 'a2') });
  const b = named('b', { spec: ofServices('b1', 'b2'), created: 1 });

  test('two releases that share a route are driven by the older one where the route carries no mark', () => {
    const shared = { kind: 'HTTPRoute', name: 'store' };
    expect(drivenBy(a, b, [aRoute({ rules })])).toEqual({ one: US, two: { kind: 'other', name: 'a', shared } });
  });

  test('two releases that share a route are driven by the one that the route is marked for while it is under way', () => {
    const routes = [aRoute({ rules, metadata: marked('b/0123456789') })];
    const underWay = { ...b, status: RUNNING };
    expect(drivenBy(a, underWay, routes)).toMatchObject({ one: { kind: 'other', name: 'b' }, two: US });
    // A mark that was left behind drives nothing.
    expect(drivenBy(a, b, routes)).toMatchObject({ one: US, two: { kind: 'other', name: 'a' } });
    // The route's word goes before everybody's state and age.
    expect(drivenBy({ ...a, status: RUNNING }, underWay, routes)).toMatchObject({ one: { kind: 'other', name: 'b' }, two: US });
  });

  test('two releases that name a route do not share it where the other one cannot find its roles there', () => {
    const listed = named('listed', { spec: ofServices('c1', 'c2', { routeRefs: [{ name: 'store' }] }) });
    expect(findDriver(b, [listed], [aRoute({ rules: [aRule({ b1: 1, b2: 0 })] })])).toEqual(US);
  });
});

test('the same release is named whatever the order of the cache', () => {
  const spec = ofDeployment('store', 'store');
  const own = named('z', { spec, created: 9 });
  const [old, older] = [named('x', { spec, created: 5 }), named('y', { spec, created: 1 })];
  const names = [
    [old, older],
    [older, old],
  ].map((others) => findDriver(own, others, []));
  expect(names).toEqual([names[0], names[0]]);
  expect(names[0]).toMatchObject({ name: 'y' });
});
