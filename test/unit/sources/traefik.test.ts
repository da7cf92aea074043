import { describe, expect, test } from 'vitest';
import type { BackendIdentity } from '../../../src/sources/source.ts';
import { traefik } from '../../../src/sources/traefik.ts';
import { parseSelector, selects } from '../../fakes/prometheus/promql-selector.ts';

function collisions(namespace: string, service: string, siblings: readonly string[] = [], grpc = false) {
  const route = { kind: 'GRPCRoute', namespace, name: 'r', ruleIndex: 0, backendIndex: 0 } as const;
  const backend: BackendIdentity = { namespace, service, port: 80, ...(grpc ? { route } : {}) };
  return traefik.collisions?.(backend, siblings);
}

function picks(backend: BackendIdentity, other: { namespace: string; service: string }): boolean {
  const selector = parseSelector(traefik.requests(backend, 60_000));
  if (selector === undefined) throw new Error('no selector');
  const service = `${other.namespace}-${other.service}-http-80@kubernetesgateway`;
  return selects(selector, { __name__: 'traefik_service_requests_total', service });
}

describe('Services whose series Traefik names alike', () => {
  test('Services whose series Traefik names alike cannot exist when neither name has a dash', () => {
    expect(collisions('shop', 'store')).toEqual([]);
  });

  test('every other cut of the joined name at a dash is a Service that Traefik names alike, and its series would really be picked', () => {
    const backend = { namespace: 'shop-eu', service: 'store-api', port: 80 };
    const found = traefik.collisions?.(backend, []) ?? [];
    expect(found).toEqual([
      { namespace: 'shop', service: 'eu-store-api', certain: false },
      { namespace: 'shop-eu-store', service: 'api', certain: false },
    ]);
    expect(found.every((other) => picks(backend, other))).toBe(true);
    expect(picks(backend, { namespace: 'shop-eu', service: 'store' })).toBe(false);
  });

  test('a cut that would leave a name beginning or ending with a dash is no Service that Traefik names alike', () => {
    expect(collisions('a', 'b--c')).toEqual([]);
    expect(collisions('a--b', 'c')).toEqual([]);
  });

  test('a Service of the same name with -grpc is certain to be named alike for a GRPCRoute', () => {
    expect(collisions('shop', 'store', ['store', 'store-grpc'], true)).toEqual([
      { namespace: 'shop', service: 'store-grpc', certain: true },
    ]);
    expect(collisions('shop', 'store', ['store', 'store-grpc'])).toEqual([]);
  });
});
