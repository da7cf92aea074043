// `init deploy/x`: a manifest from what the cluster shows of a Deployment, or one sentence on what stands in the way.

import { beforeEach, describe, expect, test } from 'vitest';
import { readReleases } from '../../../src/cli/manifest.ts';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { deployments, httpRoutes, services } from '../kubernetes/harness.ts';
import { openShop, type Shop } from './shop.ts';

let shop: Shop;

beforeEach(async () => {
  shop = await openShop();
  putDeployment();
  putService('store-api', { app: 'store' });
  putRoute('store', 'store-api');
  shop.server.put(FAKE_RESOURCES.mutatingPolicies, { metadata: { name: 'glidepath-hold' } });
  shop.server.put(FAKE_RESOURCES.mutatingPolicyBindings, { metadata: { name: 'glidepath-hold' } });
});

function putDeployment(spec: object = {}, labels: object = { app: 'store', tier: 'api' }): void {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'api', image: 'store:1' }] } };
  const whole = { selector: { matchLabels: { app: 'store' } }, template, ...spec };
  shop.server.put(deployments, { metadata: { name: 'store', namespace: 'shop' }, spec: whole });
}

function putService(name: string, selector: object, ports: readonly object[] = [{ port: 80 }]): void {
  shop.server.put(services, { metadata: { name, namespace: 'shop' }, spec: { selector, ports } });
}

function putRoute(name: string, service: string, more: object = {}): void {
  const rules = [{ name: 'api', backendRefs: [{ name: service, port: 80 }] }];
  const status = { parents: [{ parentRef: { name: 'gateway' }, controllerName: 'projectcontour.io/gateway-controller' }] };
  shop.server.put(httpRoutes, {
    metadata: { name, namespace: 'shop' },
    spec: { rules, parentRefs: [{ name: 'gateway' }] },
    status,
    ...more,
  });
}

const init = (more = '') => shop.run(`init deploy/store -n shop${more}`);

describe('a Deployment with its Service and route', () => {
  test('a Deployment with its Service and route becomes a manifest that lint accepts, with what was seen beside it', async () => {
    shop.server.put(FAKE_RESOURCES.horizontalPodAutoscalers, {
      metadata: { name: 'store-hpa', namespace: 'shop' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'store' } },
    });
    shop.server.put(services, { metadata: { name: 'prometheus', namespace: 'monitoring' }, spec: { ports: [{ port: 9090 }] } });
    const { code, out, err } = await init();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [release] = readReleases(out, 'init');
    expect(release?.metadata).toMatchObject({ name: 'store', namespace: 'shop' });
    expect(release?.spec).toMatchObject({
      targetRef: { kind: 'Deployment', name: 'store' },
      service: { name: 'store-api' },
      routeRefs: [{ kind: 'HTTPRoute', name: 'store' }],
      stages: [{ weight: 5 }, { weight: 25 }, { weight: 50 }],
    });
    expect(out).toContain('#   HTTPRoute store, api: store-api weight 1\n');
    expect(out).toContain(
      "#   the canary's pods have label app=store-canary instead: policies that select by this label do not cover them\n",
    );
    expect(out).toContain('#   HorizontalPodAutoscaler store-hpa scales it and continues to do so');
    expect(out).toContain('source: Auto   # Contour, by');
    expect(out).toContain(
      '# prometheus: {url: http://prometheus.monitoring.svc:9090}   # found; to use it for all releases start the operator',
    );
    expect(out).not.toContain('WARNING');
    expect(shop.server.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('init takes the metrics source from the class of the Gateway where no controller has answered yet', async () => {
    putRoute('store', 'store-api', { status: {} });
    shop.server.put(FAKE_RESOURCES.gateways, { metadata: { name: 'gateway', namespace: 'shop' }, spec: { gatewayClassName: 'traefik' } });
    shop.server.put(FAKE_RESOURCES.gatewayClasses, {
      metadata: { name: 'traefik' },
      spec: { controllerName: 'traefik.io/gateway-controller' },
    });
    expect((await init()).out).toContain('source: Auto   # Traefik, by');
  });

  test('init names the port where the Service has several, and the address that the operator asks', async () => {
    putService('store-api', { app: 'store' }, [{ port: 80 }, { port: 9000 }]);
    const args = ['--prometheus-url=http://prometheus:9090'];
    shop.server.put(deployments, {
      metadata: { name: 'glidepath', namespace: 'glidepath-system' },
      spec: { template: { spec: { containers: [{ args }] } } },
    });
    const { out } = await init();
    expect(readReleases(out, 'init')[0]?.spec.service).toEqual({ name: 'store-api', port: 80 });
    expect(out).toContain("default: the operator's, http://prometheus:9090\n");
  });

  test('chooses the Service that a route names, and never the one of a canary', async () => {
    putService('store-metrics', { tier: 'api' });
    shop.server.put(services, {
      metadata: { name: 'store-api-canary', namespace: 'shop', labels: { 'glidepath.dev/role': 'canary' } },
      spec: { selector: { app: 'store' } },
    });
    const { out, err } = await init();
    expect(err).toBe('');
    expect(out).toContain('#   Service store-api selects its pods; so do store-metrics, which no route names\n');
  });

  test('a Deployment of strategy Recreate gets a last stage that bridges the gap, and init says so', async () => {
    putDeployment({ strategy: { type: 'Recreate' } });
    const { code, out, err } = await init();
    expect(code).toBe(0);
    expect(readReleases(out, 'init')[0]?.spec.stages.at(-1)).toMatchObject({ weight: 100 });
    expect(err).toBe(
      'warning: Deployment store has strategy Recreate: a release needs a last stage of weight 100, as below, or strategy RollingUpdate\n',
    );
  });
});

describe('says what stands in the way', () => {
  test.each<readonly [string, () => void, RegExp]>([
    [
      'no route',
      () => shop.server.remove(httpRoutes, 'shop', 'store'),
      /^warning: no route of the namespace names Service store-api; add it as a backendRef of an HTTPRoute\n$/,
    ],
    [
      'selectors without a label in common',
      () => putService('store-api', { tier: 'api' }),
      /^warning: the selectors of Deployment store and Service store-api share no label, so the canary's pods have other values of both app and tier; policies .*\n$/,
    ],
    [
      'no hold',
      () => shop.server.remove(FAKE_RESOURCES.mutatingPolicies, undefined, 'glidepath-hold'),
      /^warning: no admission policy or webhook holds .*: kubectl apply --server-side -k config\/deployment-mode .*\n$/,
    ],
    [
      'a hold that binds nothing',
      () => shop.server.remove(FAKE_RESOURCES.mutatingPolicyBindings, undefined, 'glidepath-hold'),
      /^warning: ValidatingAdmissionPolicy glidepath-hold has no binding; install it: kubectl apply/,
    ],
    [
      'another release of it',
      () =>
        shop.put('web', undefined, {
          spec: { services: undefined, targetRef: { kind: 'Deployment', name: 'store' }, service: { name: 'x' } } as never,
        }),
      /^warning: CanaryRelease web already has targetRef to this Deployment; only one may\n$/,
    ],
  ])('init reports what stands in the way as a warning: %s', async (_what, breakIt, warning) => {
    breakIt();
    const { code, out, err } = await init();
    expect(code).toBe(0);
    expect(err).toMatch(warning);
    expect(out).toContain(`# WARNING: ${err.slice('warning: '.length)}`);
    expect(readReleases(out, 'init')).toHaveLength(1);
  });

  test('a webhook holds as well as the policy', async () => {
    shop.server.remove(FAKE_RESOURCES.mutatingPolicies, undefined, 'glidepath-hold');
    shop.server.put(FAKE_RESOURCES.mutatingWebhooks, {
      metadata: { name: 'glidepath-hold' },
      webhooks: [{ rules: [{ resources: ['deployments'] }] }],
    });
    expect((await init()).err).toBe('');
  });

  test.each<readonly [string, () => void, string, RegExp]>([
    [
      'no Service',
      () => shop.server.remove(services, 'shop', 'store-api'),
      '',
      /^error: no Service selects the pods of Deployment shop\/store, so no route can send traffic to them; create a Service whose selector matches the labels of the pods, and add it to a route\n$/,
    ],
    [
      'several Services that routes name',
      () => {
        putService('store-web', { app: 'store' });
        putRoute('web', 'store-web');
      },
      '',
      /^error: several Services select the pods of Deployment shop\/store \(store-api, store-web\), and the routes name more than one of them; choose with --service NAME\n$/,
    ],
    [
      'several Services that no route names',
      () => {
        putService('store-web', { app: 'store' });
        putRoute('store', 'other');
      },
      '',
      /, and no route names any of them; choose with --service NAME\n$/,
    ],
    [
      'another Service than asked for',
      () => undefined,
      ' --service other',
      /^error: Service other does not select the pods of Deployment shop\/store; Services that do: store-api\n$/,
    ],
    ['another route than asked for', () => undefined, ' --route other', /^error: no rule of route shop\/other names Service store-api; /],
    [
      'nothing that could be changed in a selector',
      () => putDeployment({ selector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } }),
      '',
      /^error: Deployment shop\/store cannot have a canary: the Deployment selects its pods by matchExpressions alone; give its selector/,
    ],
    [
      'no Deployment',
      () => shop.server.remove(deployments, 'shop', 'store'),
      '',
      /^error: Deployment shop\/store not found; choose another namespace with -n\n$/,
    ],
  ])('init reports what stands in the way as an error: %s', async (_what, breakIt, more, error) => {
    breakIt();
    const { code, out, err } = await init(more);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(error);
  });

  test('init with neither a Deployment nor two Services is a wrong call', async () => {
    expect(await shop.run('init -n shop')).toMatchObject({
      code: 2,
      err: 'error: init needs a target: write deploy/NAME, or services A B\n',
    });
    expect(await shop.run('init store -n shop')).toMatchObject({ code: 2, err: expect.stringContaining('write deploy/NAME, such as') });
  });

  test('init says which Services to choose from where several could be meant', async () => {
    putService('store-web', { app: 'store' });
    putRoute('web', 'store-web');
    expect(readReleases((await init(' --service store-web')).out, 'init')[0]?.spec).toMatchObject({
      service: { name: 'store-web' },
      routeRefs: [{ name: 'web' }],
    });
  });
});
