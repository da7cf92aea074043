import { describe, expect, test } from 'vitest';
import { envoyGateway, envoyGatewayMerged } from '../../../src/sources/envoygateway.ts';

describe('backends of a rule of Envoy Gateway', () => {
  test('backends of a rule of Envoy Gateway may be told apart, by their series alone', () => {
    expect(envoyGateway.refuseRoute?.('store')).toBeUndefined();
  });

  test('backends of a rule of Envoy Gateway have no usable names when the route name has a dot', () => {
    const answer = envoyGateway.refuseRoute?.('store.v1');
    expect(answer).toHaveProperty('message', expect.stringContaining('store.v1'));
  });

  test('backends of a rule of Envoy Gateway cannot be asked for without the rule', () => {
    expect(() => envoyGateway.requests({ namespace: 'shop', service: 'store-api', port: 80 }, 1_000)).toThrow(/needs the route and rule/);
  });

  test('backends of a rule of Envoy Gateway that are alone in it may be counted by the name of the rule', () => {
    const route = { kind: 'HTTPRoute', namespace: 'shop', name: 'store', ruleIndex: 1, backendIndex: 0 } as const;
    const backend = { namespace: 'shop', service: 'v2', port: 80 };
    expect(envoyGateway.requests({ ...backend, route }, 10_000)).toBe(
      'envoy_cluster_upstream_rq{envoy_cluster_name="httproute/shop/store/rule/1/backend/0"}[10s]',
    );
    const copies = { ...backend, route: { ...route, mirrorIndex: 2 } };
    for (const source of [envoyGateway, envoyGatewayMerged])
      expect(source.requests(copies, 10_000)).toBe(
        'envoy_cluster_upstream_rq{envoy_cluster_name="httproute/shop/store/rule/1-mirror-2"}[10s]',
      );
    const alone = { ...backend, route: { ...route, isAlone: true } } as const;
    expect(envoyGateway.requests(alone, 10_000)).toBe(
      'envoy_cluster_upstream_rq{envoy_cluster_name=~"httproute/shop/store/rule/1(/backend/0)?"}[10s]',
    );
    const counts = (name: string) =>
      envoyGateway.sentinel?.counts(alone, { __name__: 'envoy_cluster_upstream_rq', envoy_cluster_name: name });
    expect(['httproute/shop/store/rule/1', 'httproute/shop/store/rule/1/backend/0', 'httproute/shop/store/rule/10'].map(counts)).toEqual([
      true,
      true,
      false,
    ]);
  });
});
