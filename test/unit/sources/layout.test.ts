import { describe, expect, test } from 'vitest';
import { type CountedRule, envoyGatewayLayout, worstLayout } from '../../../src/sources/layout.ts';

const RULE: CountedRule = { kind: 'HTTPRoute', namespace: 'shop', route: 'store', index: 0, services: ['store-v1', 'store-v2'] };

const clusters = (...names: readonly string[]) => names.map((name) => ({ envoy_cluster_name: name }));

describe('the layout of a rule of Envoy Gateway', () => {
  test('a rule with a cluster for each backend is counted by backend', () => {
    expect(envoyGatewayLayout.read(RULE, clusters('httproute/shop/store/rule/0/backend/0', 'httproute/shop/store/rule/1'))).toBe(
      'byBackend',
    );
  });

  test('a rule with one cluster is counted together, even beside the clusters that it is about to get', () => {
    expect(envoyGatewayLayout.read(RULE, clusters('httproute/shop/store/rule/0'))).toBe('together');
    expect(envoyGatewayLayout.read(RULE, clusters('httproute/shop/store/rule/0', 'httproute/shop/store/rule/0/backend/0'))).toBe(
      'together',
    );
  });

  test('a rule whose Services have clusters is counted by Service', () => {
    expect(envoyGatewayLayout.read(RULE, clusters('service/shop/store-v1/80/http'))).toBe('byService');
  });

  test('a rule without series is unseen: those of another rule, route, namespace or Service are none', () => {
    const others = clusters(
      'httproute/shop/store/rule/10',
      'httproute/shop/store-two/rule/0',
      'httproute/shops/store/rule/0',
      'service/shop/store-v10/80',
    );
    expect(envoyGatewayLayout.read(RULE, others)).toBe('unseen');
  });

  test('the query names routes and Services once, with what regular expressions know escaped', () => {
    const dotted = { ...RULE, route: 'store.v1', index: 3, services: ['store-v1'] };
    expect(envoyGatewayLayout.query([RULE, dotted])).toBe(
      'envoy_cluster_membership_total{envoy_cluster_name=~"httproute/shop/store/rule/[0-9]+(/backend/[0-9]+)?|' +
        'httproute/shop/store\\\\.v1/rule/[0-9]+(/backend/[0-9]+)?|service/shop/store-v1/.+|service/shop/store-v2/.+"}',
    );
  });

  test('the layout of several rules is that of the one that says least', () => {
    expect(worstLayout(['byBackend', 'together'])).toBe('together');
    expect(worstLayout(['byService', 'unseen'])).toBe('unseen');
    expect(worstLayout(['byBackend'])).toBe('byBackend');
    expect(worstLayout([])).toBe('unseen');
  });
});
