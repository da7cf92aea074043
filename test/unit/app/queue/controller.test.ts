import { describe, expect, test } from 'vitest';
import type { Route } from '../../../../src/api/routes.ts';
import { Interests } from '../../../../src/app/queue/controller.ts';
import type { Change } from '../../../../src/ports/cluster.ts';

function aRelease(name: string, services: readonly [string, string], extra: { readonly metadata?: object; readonly status?: object } = {}) {
  return {
    apiVersion: 'glidepath.dev/v1alpha1',
    kind: 'CanaryRelease',
    metadata: { namespace: 'shop', name, uid: name, generation: 1, ...extra.metadata },
    spec: { services: services.map((service) => ({ name: service })), routeRefs: [{ name: `${name}-route` }] },
    ...(extra.status === undefined ? {} : { status: extra.status }),
  };
}

function aRoute(name: string, service: string) {
  return { kind: 'HTTPRoute', metadata: { namespace: 'shop', name }, spec: { rules: [{ backendRefs: [{ name: service, port: 80 }] }] } };
}

function ofRelease(name: string, old: unknown, now: unknown): Change {
  return { kind: 'CanaryRelease', namespace: 'shop', name, old, new: now };
}

const running = { observedGeneration: 1, state: 'stage.analyzing', phase: 'Analyzing' };

function knowing(...releases: readonly ReturnType<typeof aRelease>[]): Interests {
  const interests = new Interests();
  for (const release of releases) interests.note('shop', release.metadata.name, release);
  return interests;
}

describe('which release a change concerns', () => {
  test('a Service concerns the releases that list it, and no others', () => {
    const interests = knowing(aRelease('a', ['a1', 'a2']), aRelease('b', ['b1', 'b2']));
    expect(interests.concerned({ kind: 'Service', namespace: 'shop', name: 'a2' })).toEqual([{ key: 'shop/a', priority: 'normal' }]);
    expect(interests.concerned({ kind: 'Service', namespace: 'shop', name: 'other' })).toEqual([]);
    expect(interests.concerned({ kind: 'Service', namespace: 'elsewhere', name: 'a2' })).toEqual([]);
  });

  test('what concerns a running release goes first, because it may have to go home', () => {
    const interests = knowing(aRelease('a', ['a1', 'a2'], { status: running }));
    expect(interests.concerned({ kind: 'Service', namespace: 'shop', name: 'a2' })).toEqual([{ key: 'shop/a', priority: 'urgent' }]);
  });

  test('a route concerns releases by name, and by the Services that it names or named', () => {
    const interests = knowing(aRelease('a', ['a1', 'a2']));
    const route = { kind: 'HTTPRoute', namespace: 'shop' };
    expect(interests.concerned({ ...route, name: 'a-route' })).toHaveLength(1);
    expect(interests.concerned({ ...route, name: 'x', new: aRoute('x', 'a1') })).toHaveLength(1);
    expect(interests.concerned({ ...route, name: 'x', old: aRoute('x', 'a2') })).toHaveLength(1);
    expect(interests.concerned({ ...route, name: 'x', new: aRoute('x', 'z') })).toEqual([]);
  });

  test('our own status writes concern nobody', () => {
    const before = aRelease('a', ['a1', 'a2']);
    const after = aRelease('a', ['a1', 'a2'], { metadata: { resourceVersion: '7' }, status: running });
    expect(knowing(before).concerned(ofRelease('a', before, after))).toEqual([]);
  });

  test.each([
    ['a new spec', { generation: 2 }],
    ['a command', { annotations: { 'glidepath.dev/command': 'x' } }],
    ['deletion', { deletionTimestamp: '2030-01-01T00:00:00Z' }],
    ['another object of that name', { uid: 'other' }],
  ])('%s concerns the release', (_what, metadata) => {
    const before = aRelease('a', ['a1', 'a2']);
    const after = aRelease('a', ['a1', 'a2'], { metadata });
    expect(knowing(before).concerned(ofRelease('a', before, after))).toEqual([{ key: 'shop/a', priority: 'normal' }]);
  });

  test('a release that goes is told to those that share its Services: they may have waited for it', () => {
    const [first, second] = [aRelease('a', ['s1', 's2']), aRelease('b', ['s2', 's3'])];
    const interests = knowing(first, second);
    expect(interests.concerned(ofRelease('a', first, undefined)).map(({ key }) => key)).toEqual(['shop/a', 'shop/b']);
    expect(interests.concerned({ kind: 'Service', namespace: 'shop', name: 's1' })).toEqual([]);
  });

  test('a release that begins or ends concerns those that share its Services, though only its status changed', () => {
    const [before, other] = [aRelease('a', ['s1', 's2']), aRelease('b', ['s2', 's3'])];
    const after = aRelease('a', ['s1', 's2'], { metadata: { resourceVersion: '7' }, status: running });
    const interests = knowing(before, other);
    expect(interests.concerned(ofRelease('a', before, after))).toEqual([{ key: 'shop/b', priority: 'normal' }]);
    expect(interests.concerned(ofRelease('a', after, before))).toEqual([{ key: 'shop/b', priority: 'normal' }]);
  });
});

describe('the neighbours of a release', () => {
  test('share a Service with it, or name one that its routes name; it is none of its own', () => {
    const releases = [aRelease('a', ['s1', 's2']), aRelease('b', ['s2', 's3']), aRelease('c', ['c1', 'c2']), aRelease('d', ['d1', 'd2'])];
    const interests = knowing(...releases);
    const route = aRoute('x', 'c1') as unknown as Route;
    expect(interests.neighbours({ namespace: 'shop', name: 'a' }, [])).toEqual([{ namespace: 'shop', name: 'b' }]);
    expect(interests.neighbours({ namespace: 'shop', name: 'a' }, [route]).map(({ name }) => name)).toEqual(['b', 'c']);
  });
});
