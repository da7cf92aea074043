// A cluster for `doctor` in which all is well: the operator is there, knows a Prometheus and may do what it needs.

import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { CRD_NAME, SCHEMA_ANNOTATION, SCHEMA_NUMBER } from '../../../src/api/names.ts';
import type { CanaryReleaseStatus, SpecInput } from '../../../src/api/release.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { type FakePrometheus, startFakePrometheus } from '../../fakes/prometheus/server.ts';
import { crds, deployments, httpRoutes } from '../kubernetes/harness.ts';
import { aRunningStatus, LOOKED_AT, openShop, type Shop } from './shop.ts';

const { mutatingPolicies, mutatingPolicyBindings, validatingPolicies, validatingPolicyBindings } = FAKE_RESOURCES;
const CONTOUR = 'projectcontour.io/gateway-controller';

/** A release that has ended well. */
export const over = aRunningStatus({ state: 'promoted', phase: 'Promoted', serving: { service: 'v1' } });
/** The spec of a release of Deployment store. */
export const target: Partial<SpecInput> = {
  services: undefined,
  targetRef: { kind: 'Deployment', name: 'store' },
  service: { name: 'store-api' },
} as never;

/** What the report says, and what it ends with. */
export type Case = readonly [what: string, arrange: () => unknown, line: RegExp, code?: number];

class DoctorWorld {
  shop!: Shop;
  /** Has series of Service shop/v1 of Contour and of Traefik, every 15 s, and of shop/v4 of Contour since the last scrape. */
  prometheus!: FakePrometheus;
  /** Scrapes nothing. */
  idle!: FakePrometheus;

  async start(): Promise<void> {
    const options = { scrapeIntervalMs: 15_000, now: () => LOOKED_AT };
    [this.prometheus, this.idle] = await Promise.all([startFakePrometheus(options), startFakePrometheus(options)]);
    for (const server of [this.prometheus, this.idle]) server.answer('vector(1)', () => [{ labels: {}, value: 1 }]);
    this.prometheus.answer(/^count\(/, () => [{ labels: {}, value: 7 }]);
    this.idle.answer(/^count\(/, () => []);
    const labels = { envoy_cluster_name: 'shop_v1_80', envoy_response_code: '200' };
    this.prometheus.counter('envoy_cluster_upstream_rq', labels, (atMs) => Math.floor(atMs / 100));
    this.#timeTraefik();
    const young = { ...labels, envoy_cluster_name: 'shop_v4_80' };
    this.prometheus.counter('envoy_cluster_upstream_rq', young, (atMs) => (atMs > LOOKED_AT - 15_000 ? 1 : undefined));
  }

  /** Traefik has timed Service shop/v1 at 21 ms, and a handful of requests of shop/v4. */
  #timeTraefik(): void {
    for (const [name, perSecond] of [
      ['v1', 10],
      ['v4', 0.1],
    ] as const) {
      const service = `shop-${name}-http-80@kubernetesgateway`;
      const value = (atMs: number) => Math.floor((atMs / 1_000) * perSecond);
      this.prometheus.counter('traefik_service_requests_total', { service, code: '200', protocol: 'http' }, value);
      for (const le of ['0.1', '0.3', '1.2', '5', '+Inf'])
        this.prometheus.counter('traefik_service_request_duration_seconds_bucket', { service, le }, value);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.prometheus.close(), this.idle.close()]);
  }

  /** Another cluster, in which nobody is asked for rights yet. */
  async reopen(): Promise<void> {
    this.shop = await openShop();
    this.shop.server.put(crds, { metadata: { name: CRD_NAME, annotations: { [SCHEMA_ANNOTATION]: String(SCHEMA_NUMBER) } } });
    for (const name of ['glidepath-commands', 'glidepath-authors']) {
      this.shop.server.put(validatingPolicies, { metadata: { name } });
      this.shop.server.put(validatingPolicyBindings, { metadata: { name } });
    }
    putOperator(this.prometheus.url);
  }

  /** Arranges the case, examines namespace shop, and looks for the line. */
  async expectLine([, arrange, line, code = 0]: Case): Promise<void> {
    arrange();
    const ended = await this.shop.run('doctor -n shop');
    expect(ended.err).toBe('');
    expect(ended.out).toMatch(line);
    expect(ended.code).toBe(code);
  }
}

/** The one of this test file. */
export const world = new DoctorWorld();

/** Makes it anew before each test. */
export function useDoctorWorld(): void {
  beforeAll(() => world.start());
  afterAll(() => world.close());
  beforeEach(async () => {
    await world.reopen();
    allow();
  });
}

export function putOperator(url: string, more: readonly string[] = []): void {
  const template = { spec: { containers: [{ args: [`--prometheus-url=${url}`, ...more] }] } };
  const metadata = { name: 'glidepath', namespace: 'glidepath-system' };
  world.shop.server.put(deployments, { metadata, spec: { replicas: 1, template }, status: { readyReplicas: 1 } });
}

/** The authorizer: everybody may do everything, but the operator not this. */
export function allow(unless?: RegExp): void {
  world.shop.server.fault({
    when: ({ path, body }) => path.endsWith('/subjectaccessreviews') && unless?.test(JSON.stringify(body)) === true,
    times: 999,
    action: { kind: 'body', text: JSON.stringify({ status: { allowed: false } }), code: 201 },
  });
  world.shop.server.fault({
    when: ({ path }) => path.includes('subjectaccessreviews'),
    times: 999,
    action: { kind: 'body', text: JSON.stringify({ status: { allowed: true } }), code: 201 },
  });
}

export function forbid(part: string): void {
  world.shop.server.fault({
    when: ({ path }) => path.includes(part),
    times: 9,
    action: { kind: 'status', code: 403, reason: 'Forbidden', message: 'no' },
  });
}

interface RouteInput {
  readonly annotations?: object;
  readonly labels?: object;
  readonly controller?: string;
  readonly refs?: readonly object[];
}

export function putRoute({
  annotations = {},
  labels = {},
  controller = CONTOUR,
  refs = [
    { name: 'v1', port: 80 },
    { name: 'v2', port: 80, weight: 0 },
  ],
}: RouteInput = {}) {
  world.shop.server.put(httpRoutes, {
    metadata: { name: 'store', namespace: 'shop', annotations, labels },
    spec: { parentRefs: [{ name: 'gateway' }], rules: [{ backendRefs: refs }] },
    status: { parents: [{ parentRef: { name: 'gateway' }, controllerName: controller }] },
  });
}

export function putHold(): void {
  world.shop.server.put(mutatingPolicies, { metadata: { name: 'glidepath-hold' } });
  world.shop.server.put(mutatingPolicyBindings, { metadata: { name: 'glidepath-hold' } });
}

export function putHeld(name: string, paused = true): void {
  const metadata = { name, namespace: 'shop', annotations: { 'glidepath.dev/held': 'web' } };
  world.shop.server.put(deployments, { metadata, spec: { paused, selector: {}, template: {} } });
}

export const noOperator = () => world.shop.server.remove(deployments, 'glidepath-system', 'glidepath');
export const put = (spec: Partial<SpecInput>, status: CanaryReleaseStatus = over) => world.shop.put('web', status, { spec });
