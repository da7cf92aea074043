// A test of the compiler: what the Gateway API publishes fits into our shape of it. tsc is what fails here; the run only
// shows that the file is part of the suite.
import type { IGRPCRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute';
import type { IHTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute';
import type { ITLSRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/TLSRoute';
import type { ITCPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1alpha2/TCPRoute';
import type { IUDPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1alpha2/UDPRoute';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { ROUTE_KINDS } from '../../../src/api/names.ts';
import type { Route, RouteKind } from '../../../src/api/routes.ts';

/** Published types leave out what the API server always fills in. */
type Served<R> = Omit<R, 'metadata'> & { readonly metadata: Route['metadata'] };

describe('the part of the route types that we touch', () => {
  test('every published kind is a Route', () => {
    expectTypeOf<Served<IHTTPRoute>>().toExtend<Route>();
    expectTypeOf<Served<IGRPCRoute>>().toExtend<Route>();
    expectTypeOf<Served<ITLSRoute>>().toExtend<Route>();
    expectTypeOf<Served<ITCPRoute>>().toExtend<Route>();
    expectTypeOf<Served<IUDPRoute>>().toExtend<Route>();
  });

  test('metadata as it is published, with a name and a namespace, fits too', () => {
    type Published = NonNullable<IHTTPRoute['metadata']> & { name: string; namespace: string };
    expectTypeOf<Published>().toExtend<Route['metadata']>();
  });

  test('the kinds are those of the Gateway API', () => {
    expectTypeOf<
      IHTTPRoute['kind'] | IGRPCRoute['kind'] | ITLSRoute['kind'] | ITCPRoute['kind'] | IUDPRoute['kind']
    >().toEqualTypeOf<RouteKind>();
    expect(ROUTE_KINDS).toEqual(['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute', 'UDPRoute']);
  });
});
