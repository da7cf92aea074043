// A release changes two weights of a route and nothing else: filters, other rules, other backends and their shares stay.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../fixtures/cluster/app.ts';
import { shareIn, weightsIn } from '../fixtures/cluster/app.ts';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import type { RouteRule, RouteSpec } from '../fixtures/cluster/stand.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingLeft, sharesOf, specWithoutWeights, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({ name: 'routes', versions: { one: { version: 'v1' }, two: { version: 'v2' }, three: { version: 'v3' } } });
});

afterAll(() => stand?.close());

const header = (type: 'RequestHeaderModifier' | 'ResponseHeaderModifier', name: string) => {
  const modifier = { set: [{ name: `${name}-set`, value: 'a' }], add: [{ name: `${name}-add`, value: 'b, c' }], remove: [`${name}-gone`] };
  return type === 'RequestHeaderModifier' ? { type, requestHeaderModifier: modifier } : { type, responseHeaderModifier: modifier };
};

const path = (value: string, type = 'PathPrefix') => ({ path: { type, value } });

/** A rule for every standard filter, a redirect without backends, a rule of others, and the plain one that is under load. */
function richRoute(spec: RouteSpec, app: App): RouteSpec {
  const pair = [app.backend('v1', 3), app.backend('v2', 0)];
  const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: app.service('v3'), port: 80 } } };
  const rewrite = { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } } };
  const redirect = { type: 'RequestRedirect', requestRedirect: { scheme: 'https', hostname: 'elsewhere.test', statusCode: 301 } };
  const rules: readonly RouteRule[] = [
    { matches: [path('/')], backendRefs: pair },
    {
      name: 'headers',
      matches: [
        { ...path('/headers'), method: 'GET', headers: [{ name: 'x-kind', value: 'a' }], queryParams: [{ name: 'q', value: '1' }] },
      ],
      filters: [header('RequestHeaderModifier', 'x-rule'), header('ResponseHeaderModifier', 'x-rule')],
      backendRefs: [{ ...app.backend('v1', 5), filters: [header('RequestHeaderModifier', 'x-backend')] } as never, app.backend('v2', 0)],
    },
    { name: 'rewrite', matches: [path('/old')], filters: [rewrite], backendRefs: pair },
    {
      name: 'mirror',
      matches: [path('/mirror', 'Exact')],
      filters: [mirror],
      backendRefs: pair,
      timeouts: { request: '5s', backendRequest: '4s' },
    },
    { name: 'redirect', matches: [path('/moved')], filters: [redirect] },
    { name: 'others', matches: [path('/others')], backendRefs: [app.backend('v3', 42)] },
  ];
  return { ...spec, rules };
}

/** All rules that name both Services have the same share at any time that the release is at rest. */
function expectSameShares(app: App): void {
  const { rules = [] } = app.route.spec;
  const managed = rules.flatMap(({ backendRefs = [] }, index) =>
    backendRefs.some(({ name }) => name === app.service('v2')) ? [index] : [],
  );
  const shares = managed.map((rule) => shareIn(app.route, app.service('v1'), app.service('v2'), rule));
  expect(managed).toHaveLength(4);
  expect(new Set(shares)).toEqual(new Set([shareIn(app.route, app.service('v1'), app.service('v2'))]));
}

const SERVICES = { v1: 'one', v2: 'two', v3: 'three' };

describe.concurrent('a release', () => {
  test('a release leaves filters and other rules byte for byte while it runs and when it is promoted', async () => {
    const app = await stand.app({ name: 'rich', services: SERVICES, route: richRoute });
    const before = app.route;
    await app.release();
    await app.until('the second stage', ({ phase, weight }) => phase === 'Analyzing' && weight === 50);
    expectSameShares(app);
    await app.untilPhase('Promoted');
    expectSameShares(app);
    const specs = new Set(stand.routes.history('rich').map(({ object }) => specWithoutWeights(object)));
    expect(specs).toEqual(new Set([specWithoutWeights(before)]));
    expect(weightsIn(app.route, 0)).toEqual({ 'rich-v1': 0, 'rich-v2': 3 });
    expect(weightsIn(app.route, 1)).toEqual({ 'rich-v1': 0, 'rich-v2': 5 });
    expect(weightsIn(app.route, 5)).toEqual({ 'rich-v3': 42 });
    await expectNothingLeft(app);
  });

  test('a release restores the route byte for byte when it is rolled back', async () => {
    const app = await stand.app({ name: 'restored', services: SERVICES, route: richRoute });
    const before = JSON.stringify(app.route.spec);
    await app.release({ stages: [{ weight: 33, duration: '60s' }] });
    const { release } = await app.untilPhase('Analyzing');
    await app.annotate('glidepath.dev/abort', release?.id ?? '');
    await app.untilPhase('RolledBack');
    expect(JSON.stringify(app.route.spec)).toBe(before);
    await expectNothingLeft(app);
  });

  test('a release keeps the share of a third backend exact in every single write', async () => {
    const weights = { v1: 7, v2: 0, v3: 3 };
    const app = await stand.app({ name: 'third', services: SERVICES, weights });
    await app.release({
      stages: [
        { weight: 1, duration: '1s' },
        { weight: 33, duration: '2s' },
      ],
      analysis: { minRequests: 1 },
    });
    await app.untilPhase('Promoted');
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 1, 33, 100]);
    for (const { object } of stand.routes.history('third')) {
      const { 'third-v1': one = 0, 'third-v2': two = 0, 'third-v3': three = 0 } = weightsIn(object);
      expect(three * 7).toBe((one + two) * 3);
    }
    expect(weightsIn(app.route)).toEqual({ 'third-v1': 0, 'third-v2': 7, 'third-v3': 3 });
    await expectNothingLeft(app);
  });

  test('a release moves every route that names the Services, also of another kind, and leaves the others alone', async () => {
    const app = await stand.app({ name: 'many', services: SERVICES });
    const { namespace, cluster } = stand;
    const backendRefs = [app.backend('v1', 1), app.backend('v2', 0)];
    const parentRefs = [{ name: 'edge', namespace: 'default' }];
    const grpc = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'GRPCRoute', metadata: { name: 'many-grpc', namespace } };
    const grpcRef = { kind: 'GRPCRoute', namespace, name: 'many-grpc' } as const;
    await cluster.apply({ ...grpc, spec: { parentRefs, hostnames: ['grpc.many.test'], rules: [{ backendRefs }] } });
    const http = { apiVersion: grpc.apiVersion, kind: 'HTTPRoute', metadata: { name: 'many-foreign', namespace } };
    await cluster.apply({
      ...http,
      spec: { parentRefs, hostnames: ['foreign.many.test'], rules: [{ backendRefs: [app.backend('v3', 1)] }] },
    });
    // The operator hears of it no later than the gateway's answer; a route that comes later than the claims is no part of the release.
    const isAnswered = async () =>
      (await cluster.get<KubeObject<RouteSpec, { parents?: object[] }>>(grpcRef))?.status?.parents?.length === 1;
    await waitFor('the gateway to answer the GRPCRoute', isAnswered);
    // Contour does not see the status of gRPC calls, so nothing can be enforced here.
    await app.release({ routeRefs: [], analysis: { mode: 'Observe' } });
    await app.until('the second stage', ({ phase, weight }) => phase === 'Analyzing' && weight === 50);
    const moved = await cluster.get<KubeObject<RouteSpec>>(grpcRef);
    expect(moved?.spec.rules?.[0]?.backendRefs?.map(({ weight }) => weight)).toEqual([5_000, 5_000]);
    await app.untilPhase('Promoted');
    const left = await cluster.get<KubeObject<RouteSpec>>(grpcRef);
    expect(left?.spec.rules?.[0]?.backendRefs?.map(({ weight }) => weight)).toEqual([0, 1]);
    expect(left?.metadata.annotations ?? {}).toEqual({});
    expect(stand.routes.history('many-foreign').map(({ object }) => object.metadata.generation)).toEqual(
      stand.routes.history('many-foreign').map(() => 1),
    );
    await expectNothingLeft(app);
  });
});
