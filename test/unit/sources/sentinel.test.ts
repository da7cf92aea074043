// The counters that the sentinel reads are the same series that the queries select, by the same names.
import { describe, expect, test } from 'vitest';
import { SOURCES } from '../../../src/sources/catalogue.ts';
import type { BackendIdentity, GatewayCounters, MetricsSource } from '../../../src/sources/source.ts';
import { pick, readRecorded } from '../../fixtures/recorded.ts';

function backend(service: string, backendIndex: number): BackendIdentity {
  const route = { kind: 'HTTPRoute', namespace: 'shop', name: 'store', ruleIndex: 0, backendIndex } as const;
  return { namespace: 'shop', service, port: 80, route };
}

const BACKENDS = [backend('store-api-v1', 0), backend('store-api-v2', 1), backend('store-api-v9', 9)];
const WITH_COUNTERS = SOURCES.flatMap((source) => (source.sentinel === undefined ? [] : [[source.name, source, source.sentinel] as const]));

const recordingOf = (name: string) => ({ EnvoyGatewayMerged: 'envoygateway' })[name] ?? name.toLowerCase();
const filterOf = (counters: GatewayCounters, backends: readonly BackendIdentity[]) =>
  new URL(counters.path(backends), 'http://gateway').searchParams.get('filter') ?? '';

describe('gateways whose own counters are read', () => {
  test('gateways whose own counters are read are those whose pods answer with a filter', () => {
    expect(WITH_COUNTERS.map(([name, , { port }]) => `${name} ${port}`)).toEqual([
      'Contour 8002',
      'EnvoyGateway 19001',
      'EnvoyGatewayMerged 19001',
      'Istio 15090',
    ]);
  });

  test.each(WITH_COUNTERS)('%s takes exactly the series of a text that its query selects', (name, source: MetricsSource, counters) => {
    const samples = readRecorded(recordingOf(name));
    const taken = BACKENDS.map((one) => samples.filter(({ labels }) => counters.counts(one, labels)));
    expect(taken).toEqual(BACKENDS.map((one) => pick(samples, source.requests(one, 60_000))));
    expect(taken[0]?.length).toBeGreaterThan(0);
    expect(taken[1]?.length).toBeGreaterThan(0);
    expect(taken[2]).toEqual([]);
  });

  test.each(WITH_COUNTERS)(
    '%s asks for both backends at once, each once, in characters that a path may have',
    (_name, _source, counters) => {
      const path = counters.path([...BACKENDS, ...BACKENDS]);
      expect(path).toMatch(/^\/stats\/prometheus\?filter=[!-~]+$/);
      expect(path).not.toMatch(/[ #|^"<>\\{}]/);
      expect(filterOf(counters, BACKENDS)).toBe(filterOf(counters, [...BACKENDS, ...BACKENDS]));
    },
  );
});

describe('the filter of Envoy', () => {
  test('the filter of Envoy lets through the counters by code of these clusters and no other statistic', () => {
    const contour = WITH_COUNTERS.find(([name]) => name === 'Contour')?.[2];
    if (contour === undefined) throw new Error('Contour has counters');
    const filter = new RegExp(filterOf(contour, BACKENDS.slice(0, 2)));
    const names = [
      'cluster.shop_store-api-v1_80.upstream_rq_200',
      'cluster.shop_store-api-v2_80.upstream_rq_503',
      'cluster.shop_store-api-v1_80.upstream_rq_5xx',
      'cluster.shop_store-api-v1_80.upstream_rq_total',
      'cluster.shop_store-api-v1_80.upstream_rq_time',
      'cluster.shop_store-api-v1_80.external.upstream_rq_200',
      'cluster.shop_store-api-v10_80.upstream_rq_200',
      'cluster.xshop_store-api-v1_80.upstream_rq_200',
    ];
    expect(names.filter((name) => filter.test(name))).toEqual(names.slice(0, 2));
  });

  test('a name with characters that expressions know is taken literally', () => {
    const gateway = WITH_COUNTERS.find(([name]) => name === 'EnvoyGateway')?.[2];
    if (gateway === undefined) throw new Error('Envoy Gateway has counters');
    const odd = {
      ...backend('a', 0),
      route: { kind: 'HTTPRoute', namespace: 'shop', name: 'a.b', ruleIndex: 0, backendIndex: 0 },
    } as const;
    const filter = new RegExp(filterOf(gateway, [odd]));
    expect(filter.test('cluster.httproute/shop/a.b/rule/0/backend/0.upstream_rq_200')).toBe(true);
    expect(filter.test('cluster.httproute/shop/axb/rule/0/backend/0.upstream_rq_200')).toBe(false);
  });
});
