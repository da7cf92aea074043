import { describe, expect, test } from 'vitest';
import { SOURCES, chooseSource, findSource } from '../../../src/sources/catalogue.ts';
import type { SourceQuestion } from '../../../src/sources/catalogue.ts';

const CONTOUR = 'projectcontour.io/gateway-controller';
const TRAEFIK = 'traefik.io/gateway-controller';

function choose(question: Partial<SourceQuestion>) {
  return chooseSource({ wanted: 'Auto', kinds: ['HTTPRoute'], controllerNames: [], ...question });
}

function nameOf(question: Partial<SourceQuestion>): string {
  const choice = choose(question);
  return choice.ok ? choice.source.name : choice.message;
}

describe('Auto', () => {
  test.each([
    [CONTOUR, 'Contour'],
    [TRAEFIK, 'Traefik'],
    ['gateway.envoyproxy.io/gatewayclass-controller', 'EnvoyGateway'],
    ['istio.io/gateway-controller', 'Istio'],
    ['istio.io/mesh-controller', 'IstioWaypoint'],
    ['linkerd.io/policy-controller', 'Linkerd'],
    ['kgateway.dev/kgateway', 'Kgateway'],
    ['io.cilium/gateway-controller', 'Cilium'],
  ])('Auto takes the source of the controller %s', (controller, name) => {
    expect(nameOf({ controllerNames: [controller, controller] })).toBe(name);
  });

  test.each([
    ['konghq.com/kic-gateway-controller', /Kong counts .*OpenTelemetry or PrometheusClient/],
    ['gateway.nginx.org/nginx-gateway-controller', /NGINX .*OpenTelemetry or PrometheusClient/],
    ['haproxy-ingress.github.io/controller', /HAProxy .*OpenTelemetry or PrometheusClient/],
    ['gate.haproxy.org/hug', /HAProxy .*OpenTelemetry or PrometheusClient/],
    ['example.net/unheard-of', /"example.net\/unheard-of".*OpenTelemetry or PrometheusClient/],
  ])('Auto refuses %s with advice', (controller, message) => {
    expect(choose({ controllerNames: [controller] })).toMatchObject({ ok: false, reason: 'NotSupported' });
    expect(nameOf({ controllerNames: [controller] })).toMatch(message);
  });

  test('Auto waits as long as no controller has taken the route', () => {
    expect(choose({})).toMatchObject({ ok: false, reason: 'Unavailable' });
  });

  test('Auto refuses two gateways that count differently, and one that counts nothing beside one that does', () => {
    expect(nameOf({ controllerNames: [CONTOUR, TRAEFIK] })).toMatch(/Contour and Traefik/);
    expect(nameOf({ controllerNames: [CONTOUR, 'konghq.com/gateway-operator'] })).toMatch(/Kong/);
  });
});

describe('a named source', () => {
  test('a named source is taken whatever serves the route', () => {
    expect(nameOf({ wanted: 'PrometheusClient', controllerNames: ['konghq.com/gateway-operator'] })).toBe('PrometheusClient');
  });

  test('a source name that does not exist is refused with the names that exist', () => {
    expect(choose({ wanted: 'Nagios' })).toMatchObject({ ok: false, reason: 'InvalidSpec' });
    expect(nameOf({ wanted: 'Nagios' })).toMatch(/Auto, Contour, .*PrometheusClient/);
  });
});

describe('routes without requests', () => {
  test('routes without requests cannot be judged by a gateway, but by the application behind them', () => {
    const kinds = ['HTTPRoute', 'TLSRoute'] as const;
    expect(nameOf({ kinds, controllerNames: [CONTOUR] })).toMatch(/no requests for a TLSRoute/);
    expect(nameOf({ kinds, wanted: 'OpenTelemetry' })).toBe('OpenTelemetry');
  });
});

describe('the sources', () => {
  test('the sources have names of their own and are found by them', () => {
    expect(new Set(SOURCES.map(({ name }) => name)).size).toBe(SOURCES.length);
    expect(SOURCES.map(({ name }) => findSource(name))).toEqual(SOURCES);
  });

  test('the sources whose gateway can retry say that retries hide failures', () => {
    const warned = SOURCES.filter(({ hazards }) => hazards.some(({ code }) => code === 'RetriesHideFailures'));
    const retrying = ['Contour', 'Traefik', 'EnvoyGateway', 'EnvoyGatewayMerged', 'Istio', 'IstioWaypoint', 'Kgateway', 'Cilium'];
    expect(warned.map(({ name }) => name).toSorted()).toEqual(retrying.toSorted());
  });
});
