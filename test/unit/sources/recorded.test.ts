// Each source against recorded metric text: its selectors pick exactly the series of one backend, and its
// classification counts a backend without endpoints as failing.
import { describe, expect, test } from 'vitest';
import { SOURCES, findSource } from '../../../src/sources/catalogue.ts';
import type { BackendIdentity, MetricsSource } from '../../../src/sources/source.ts';
import { countRecorded, pick, readRecorded } from '../../fixtures/recorded.ts';

type Kind = 'HTTPRoute' | 'GRPCRoute';

const WORKLOAD = { name: 'store-api', templateHashes: ['5f6d8b7c9'] };

function backend(service: string, backendIndex = 0, kind: Kind = 'HTTPRoute'): BackendIdentity {
  const route = { kind, namespace: 'shop', name: 'store', ruleIndex: 0, backendIndex };
  return { namespace: 'shop', service, port: 80, route };
}

function source(name: string): MetricsSource {
  const found = findSource(name);
  if (found === undefined) throw new Error(`no source ${name}`);
  return found;
}

const V1 = backend('store-api-v1');
const EMPTY = backend('store-api-v2', 1);
const NONE = { success: 0, clientError: 0, serverError: 0, ignore: 0 };

describe('requests of a serving backend, by outcome', () => {
  test.each([
    ['Contour', 'contour', V1, { success: 4211 + 12 + 2, clientError: 31, serverError: 3 }],
    ['Kgateway', 'kgateway', V1, { success: 4211, serverError: 3 }],
    ['Cilium', 'cilium', V1, { success: 4211, serverError: 3 }],
    ['EnvoyGateway', 'envoygateway', V1, { success: 4211, serverError: 3 }],
    ['EnvoyGateway', 'envoygateway', backend('store-api-v1', 0, 'GRPCRoute'), { success: 55 }],
    ['EnvoyGatewayMerged', 'envoygateway', V1, { success: 808 }],
    ['Istio', 'istio', V1, { success: 4211, clientError: 31, serverError: 2 + 5, ignore: 6 }],
    ['IstioWaypoint', 'istio', { ...V1, workload: { ...WORKLOAD, name: 'store-api-v1' } }, { success: 640 }],
    ['Linkerd', 'linkerd', V1, { success: 4211, clientError: 1, serverError: 3 + 4 }],
    ['Linkerd', 'linkerd', backend('store-api-v1', 0, 'GRPCRoute'), { success: 88, serverError: 2 + 1 }],
    ['Traefik', 'traefik', V1, { success: 4211 + 60, serverError: 3 }],
    ['OpenTelemetry', 'opentelemetry', V1, { success: 4211, serverError: 3 + 2 }],
    ['OpenTelemetry', 'opentelemetry', { ...V1, workload: WORKLOAD }, { success: 4211, serverError: 3 + 2 }],
    ['OpenTelemetry', 'opentelemetry', backend('store-api-v1', 0, 'GRPCRoute'), { success: 88, serverError: 2 }],
    ['PrometheusClient', 'prometheusclient', V1, { success: 4211, clientError: 31, serverError: 3 + 2 }],
    ['PrometheusClient', 'prometheusclient', { ...V1, workload: WORKLOAD }, { success: 4211, clientError: 31, serverError: 3 + 2 }],
    ['PrometheusClient', 'prometheusclient', backend('store-api-v1', 0, 'GRPCRoute'), { success: 88, clientError: 1, serverError: 2 }],
  ] as const)('%s counts every request once (%s.txt, %j)', (name, recording, identity, expected) => {
    expect(countRecorded(recording, source(name), identity)).toEqual({ ...NONE, ...expected });
  });
});

describe('a backend without endpoints', () => {
  test.each([
    ['Contour', 'contour', 180],
    ['Kgateway', 'kgateway', 180],
    ['Cilium', 'cilium', 180],
    ['EnvoyGateway', 'envoygateway', 180],
    ['EnvoyGatewayMerged', 'envoygateway', 41],
    ['Istio', 'istio', 180],
    ['Linkerd', 'linkerd', 180],
    ['OpenTelemetry', 'opentelemetry', 180],
    ['PrometheusClient', 'prometheusclient', 180],
  ])('a backend without endpoints is all errors for %s', (name, recording, errors) => {
    expect(countRecorded(recording, source(name), EMPTY)).toEqual({ ...NONE, serverError: errors });
  });
});

describe('a backend that nobody called', () => {
  test.each(SOURCES.map(({ name }) => [name]))('a backend that no one called has no series at all for %s', (name) => {
    const unknown = { ...backend('store-api-v9', 9), workload: { name: 'store-api-v9', templateHashes: ['aa'] } };
    const recording = { EnvoyGatewayMerged: 'envoygateway', IstioWaypoint: 'istio' }[name] ?? name.toLowerCase();
    expect(pick(readRecorded(recording), source(name).requests(unknown, 60_000))).toEqual([]);
  });
});

describe('latency buckets', () => {
  test.each([
    ['Contour', 'contour', V1, 'ms', ['5', '500', '+Inf']],
    ['Kgateway', 'kgateway', V1, 'ms', ['500', '+Inf']],
    ['Cilium', 'cilium', V1, 'ms', ['500', '+Inf']],
    ['EnvoyGateway', 'envoygateway', V1, 'ms', ['500', '+Inf']],
    ['EnvoyGatewayMerged', 'envoygateway', V1, 'ms', ['+Inf']],
    ['Istio', 'istio', V1, 'ms', ['500', '+Inf']],
    ['IstioWaypoint', 'istio', { ...V1, workload: { ...WORKLOAD, name: 'store-api-v1' } }, 'ms', ['+Inf']],
    ['Linkerd', 'linkerd', V1, 's', ['0.5', '+Inf']],
    ['Traefik', 'traefik', V1, 's', ['0.3', '+Inf']],
    ['OpenTelemetry', 'opentelemetry', { ...V1, workload: WORKLOAD }, 's', ['0.5', '+Inf']],
    ['OpenTelemetry', 'opentelemetry', backend('store-api-v1', 0, 'GRPCRoute'), 'ms', ['+Inf']],
    ['PrometheusClient', 'prometheusclient', V1, 's', ['0.5', '+Inf']],
    ['PrometheusClient', 'prometheusclient', backend('store-api-v1', 0, 'GRPCRoute'), 's', ['+Inf']],
  ] as const)('%s picks the buckets of one backend, with their unit', (name, recording, identity, unit, bounds) => {
    const latency = source(name).latency?.(identity, 60_000);
    expect(latency?.unit).toBe(unit);
    const picked = pick(readRecorded(recording), latency?.query ?? '');
    expect(picked.map(({ labels }) => labels['le'])).toEqual(bounds);
  });
});
