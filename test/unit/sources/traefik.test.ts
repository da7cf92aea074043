import { describe, expect, test } from 'vitest';
import { refuseKinds } from '../../../src/sources/hazards.ts';
import type { BackendIdentity } from '../../../src/sources/source.ts';
import { traefik } from '../../../src/sources/traefik.ts';
import { countRecorded, readRecorded } from '../../fixtures/recorded.ts';
import { parseSelector, selects } from '../../fakes/prometheus/promql-selector.ts';

function collisions(namespace: string, service: string) {
  return traefik.collisions?.({ namespace, service, port: 80 });
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
    const found = traefik.collisions?.(backend) ?? [];
    expect(found).toEqual([
      { namespace: 'shop', service: 'eu-store-api' },
      { namespace: 'shop-eu-store', service: 'api' },
    ]);
    expect(found.every((other) => picks(backend, other))).toBe(true);
    expect(picks(backend, { namespace: 'shop-eu', service: 'store' })).toBe(false);
  });

  test('a cut that would leave a name beginning or ending with a dash is no Service that Traefik names alike', () => {
    expect(collisions('a', 'b--c')).toEqual([]);
    expect(collisions('a--b', 'c')).toEqual([]);
  });
});

/** Recorded from a running Traefik: 1,000 calls of which 104 ended with gRPC status 14. */
describe('gRPC calls behind Traefik 3.7.13', () => {
  const calls = readRecorded('traefik-3.7.13').filter(
    ({ labels }) => labels['protocol'] === 'grpc' && labels['__name__'] === 'traefik_service_requests_total',
  );

  test('gRPC calls have code 2 whether they failed or not, so none of them counts as an error', () => {
    expect(calls.map(({ labels, value }) => [labels['code'], value])).toEqual([
      ['2', 800],
      ['2', 200],
    ]);
    expect(calls.map(({ labels }) => traefik.classify(labels))).toEqual(['ignore', 'ignore']);
  });

  test('a GRPCRoute is refused whatever else is checked, with the sources that see how calls end', () => {
    expect(refuseKinds(traefik, ['HTTPRoute', 'GRPCRoute'])).toEqual({
      reason: 'NotSupported',
      message: expect.stringMatching(/^Traefik cannot judge a GRPCRoute: .*code 2.*set .*source to OpenTelemetry or PrometheusClient$/),
    });
    expect(refuseKinds(traefik, ['HTTPRoute'])).toBeUndefined();
  });

  test('the requests of the HTTPRoute beside them are counted by backend', () => {
    const backend = { namespace: 'gw-traefik-3-7-13', service: 'store-v1', port: 80 };
    expect(countRecorded('traefik-3.7.13', traefik, backend)).toEqual({ success: 1807, clientError: 0, serverError: 0, ignore: 0 });
  });
});
