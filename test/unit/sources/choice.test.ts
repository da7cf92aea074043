import { describe, expect, test } from 'vitest';
import type { RouteKind } from '../../../src/api/names.ts';
import { chooseSources, nameSources, type RoutedBy } from '../../../src/sources/choice.ts';

const CONTOUR = 'projectcontour.io/gateway-controller';
const TRAEFIK = 'traefik.io/gateway-controller';
const LINKERD = 'linkerd.io/policy-controller';
const ISTIO = 'istio.io/gateway-controller';

interface Question {
  readonly wanted?: string;
  readonly kinds?: readonly RouteKind[];
  readonly controllers?: readonly string[];
}

/** A route of each kind, served by all these controllers as a Gateway. */
function choose({ wanted = 'Auto', kinds = ['HTTPRoute'], controllers = [] }: Question) {
  return chooseSources(
    wanted,
    kinds.map((kind) => ({ kind, name: 'store', controllers: controllers.map((name) => ({ name, isMesh: false })) })),
  );
}

function nameOf(question: Question): string {
  const choice = choose(question);
  return choice.ok ? nameSources(choice.chosen) : choice.message;
}

function aRoute(name: string, controllers: readonly string[], meshes: readonly string[] = [], wanted?: string): RoutedBy {
  const all = [...controllers.map((one) => ({ name: one, isMesh: false })), ...meshes.map((one) => ({ name: one, isMesh: true }))];
  return { kind: 'HTTPRoute', name, wanted, controllers: all };
}

/** Source by source the routes that it judges, and the codes of what is reported. */
function chooseFor(...routes: readonly RoutedBy[]) {
  const choice = chooseSources('Auto', routes);
  if (!choice.ok) return choice.message;
  const byName = choice.chosen.map(({ source, routes: own }) => [source.name, own.map(({ name }) => name).join(' ')]);
  return [...byName, choice.hazards.map(({ code }) => code).join(' ')];
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
    ['istio.io/unmanaged-gateway', 'Istio'],
    ['projectcontour.io/projectcontour/contour', 'Contour'],
  ])('Auto takes the source of the controller %s', (controller, name) => {
    expect(nameOf({ controllers: [controller, controller] })).toBe(name);
  });

  test.each([
    ['konghq.com/kic-gateway-controller', /Kong counts .*OpenTelemetry or PrometheusClient/],
    ['gateway.nginx.org/nginx-gateway-controller', /NGINX .*OpenTelemetry or PrometheusClient/],
    ['haproxy-ingress.github.io/controller', /HAProxy .*OpenTelemetry or PrometheusClient/],
    ['haproxy-ingress.github.io/controller/staging', /HAProxy .*OpenTelemetry or PrometheusClient/],
    ['gate.haproxy.org/hug', /HAProxy .*OpenTelemetry or PrometheusClient/],
    ['networking.gke.io/gateway', /GKE report to Cloud Monitoring.*OpenTelemetry or PrometheusClient/],
    ['application-networking.k8s.aws/gateway-api-controller', /Lattice .*CloudWatch.*OpenTelemetry or PrometheusClient/],
    ['gateway.k8s.aws/alb', /AWS .*CloudWatch.*OpenTelemetry or PrometheusClient/],
    ['gateway.k8s.aws/nlb', /AWS .*CloudWatch.*OpenTelemetry or PrometheusClient/],
    ['alb.networking.azure.io/alb-controller', /Azure Monitor.*OpenTelemetry or PrometheusClient/],
    ['agentgateway.dev/agentgateway', /agentgateway .*OpenTelemetry or PrometheusClient/],
    ['kgateway.dev/agentgateway', /agentgateway .*OpenTelemetry or PrometheusClient/],
    ['solo.io/gloo-gateway', /Gloo .*OpenTelemetry or PrometheusClient/],
    ['apisix.apache.org/apisix-ingress-controller', /APISIX .*OpenTelemetry or PrometheusClient/],
    ['stunner.l7mp.io/gateway-operator', /STUNner .*OpenTelemetry or PrometheusClient/],
    ['example.net/unheard-of', /"example.net\/unheard-of".*OpenTelemetry or PrometheusClient/],
  ])('Auto refuses %s with advice', (controller, message) => {
    expect(choose({ controllers: [controller] })).toMatchObject({ ok: false, reason: 'NotSupported' });
    expect(nameOf({ controllers: [controller] })).toMatch(message);
  });

  test('Auto waits as long as no controller has taken the route', () => {
    expect(choose({})).toMatchObject({ ok: false, reason: 'Unavailable' });
  });

  test('Auto refuses a gateway that counts nothing, also beside one that does', () => {
    expect(nameOf({ controllers: [CONTOUR, 'konghq.com/gateway-operator'] })).toMatch(/Kong/);
  });
});

test('Traefik is refused for a GRPCRoute, found by itself or named', () => {
  const message = /^Traefik cannot judge a GRPCRoute: .*OpenTelemetry or PrometheusClient/;
  expect(nameOf({ kinds: ['GRPCRoute'], controllers: [TRAEFIK] })).toMatch(message);
  expect(nameOf({ kinds: ['GRPCRoute'], wanted: 'Traefik' })).toMatch(message);
});

describe('a named source', () => {
  test('a named source is taken whatever serves the route', () => {
    expect(nameOf({ wanted: 'PrometheusClient', controllers: ['konghq.com/gateway-operator'] })).toBe('PrometheusClient');
  });

  test('a source name that does not exist is refused with the names that exist', () => {
    expect(choose({ wanted: 'Nagios' })).toMatchObject({ ok: false, reason: 'InvalidSpec' });
    expect(nameOf({ wanted: 'Nagios' })).toMatch(/Auto, Contour, .*PrometheusClient/);
  });
});

describe('routes without requests', () => {
  test('routes without requests cannot be judged by a gateway, but by the application behind them', () => {
    const kinds = ['HTTPRoute', 'TLSRoute'] as const;
    const refused = choose({ kinds, controllers: [CONTOUR] });
    expect(refused).toMatchObject({ ok: false, reason: 'InvalidSpec' });
    for (const controllers of [[CONTOUR], ['example.com/unknown'], []])
      expect(nameOf({ kinds: ['TLSRoute'], controllers })).toMatch(
        /^TLSRoute store carries connections.*a query of your own.*OpenTelemetry or PrometheusClient/,
      );
    expect(nameOf({ kinds, wanted: 'Contour' })).toMatch(/no requests for a TLSRoute.*a query of your own/);
    expect(nameOf({ kinds, wanted: 'OpenTelemetry' })).toBe('OpenTelemetry');
  });
});

describe('several gateways', () => {
  test('several gateways are read by a source each, for the routes that they serve', () => {
    expect(chooseFor(aRoute('a', [CONTOUR, TRAEFIK]), aRoute('b', [TRAEFIK]))).toEqual([
      ['Contour', 'a'],
      ['Traefik', 'a b'],
      'SeveralGateways',
    ]);
  });

  test('a route that no controller has answered for is asked of every source', () => {
    expect(chooseFor(aRoute('a', [CONTOUR]), aRoute('b', [TRAEFIK]), aRoute('new', []))).toEqual([
      ['Contour', 'a new'],
      ['Traefik', 'b new'],
      'SeveralGateways',
    ]);
  });

  test('a kind of route that one of them cannot judge is refused only where that one serves it', () => {
    const grpc = { ...aRoute('calls', [ISTIO]), kind: 'GRPCRoute' } as const;
    expect(chooseFor(grpc, aRoute('web', [TRAEFIK]))).toEqual([['Istio', 'calls'], ['Traefik', 'web'], 'SeveralGateways']);
    expect(chooseFor({ ...grpc, controllers: aRoute('', [TRAEFIK]).controllers }, aRoute('web', [ISTIO]))).toMatch(/^Traefik cannot judge/);
  });
});

describe('a mesh beside a gateway', () => {
  test('a mesh is left out where a gateway is read: its proxies would count the same requests again, and that is reported', () => {
    expect(chooseFor(aRoute('a', [CONTOUR], [LINKERD]))).toEqual([['Contour', 'a'], 'MeshLeftOut']);
    expect(chooseFor(aRoute('a', [CONTOUR]), aRoute('inside', [], [LINKERD]))).toEqual([['Contour', 'a'], 'MeshLeftOut']);
  });

  test('a mesh whose controller nobody knows does not stop a release behind a gateway', () => {
    expect(chooseFor(aRoute('a', [CONTOUR], ['example.net/mesh']))).toEqual([['Contour', 'a'], '']);
  });

  test('a mesh is read where no gateway serves the routes', () => {
    expect(chooseFor(aRoute('inside', [], [LINKERD]))).toEqual([['Linkerd', 'inside'], '']);
  });

  test('a mesh is read where the spec names it for a route', () => {
    expect(chooseFor(aRoute('a', [CONTOUR]), aRoute('inside', [], [LINKERD], 'Linkerd'))).toEqual([
      ['Contour', 'a'],
      ['Linkerd', 'inside'],
      'SeveralGateways',
    ]);
  });

  test('Istio as gateway and mesh is one source: whoever sends a request counts it once', () => {
    expect(chooseFor(aRoute('a', [ISTIO], [ISTIO]))).toEqual([['Istio', 'a'], '']);
  });
});

describe('a source that a route names', () => {
  test('a source that a route names is taken whatever serves the route', () => {
    expect(chooseFor(aRoute('a', [CONTOUR]), aRoute('b', ['konghq.com/gateway-operator'], [], 'EnvoyGatewayMerged'))).toEqual([
      ['Contour', 'a'],
      ['EnvoyGatewayMerged', 'b'],
      'SeveralGateways',
    ]);
  });

  test('a route that names Auto has the source of its own controller, although the release names another', () => {
    const choice = chooseSources('Traefik', [aRoute('a', [CONTOUR], [], 'Auto'), aRoute('b', [CONTOUR])]);
    expect(choice.ok && nameSources(choice.chosen)).toBe('Contour and Traefik');
  });

  test('an application beside a gateway is refused, because it counts what the gateway counts', () => {
    expect(chooseFor(aRoute('a', [CONTOUR]), aRoute('b', [], [], 'PrometheusClient'))).toMatch(
      /^metrics source PrometheusClient counts the requests of every route, also those that Contour counts: set spec\.analysis/,
    );
  });

  test('a source that does not exist is refused by the field that names it', () => {
    expect(chooseFor(aRoute('a', [CONTOUR], [], 'Nagios'))).toMatch(/^spec\.routeRefs\[\]\.metrics\.source is "Nagios": write one of Auto/);
  });
});
