// `doctor` on what judges releases (gateways, Prometheus and its series) and on the tools that apply the routes.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import { FAKE_RESOURCES } from '../../fakes/api-server/resources.ts';
import { deployments } from '../kubernetes/harness.ts';
import { type Case, forbid, over, put, putHold, putOperator, putRoute, target, useDoctorWorld, world } from './doctor-world.ts';

const { applications, configMaps } = FAKE_RESOURCES;

useDoctorWorld();

const analysis = (change: object) => put({ analysis: change } as never);
const judge: readonly Case[] = [
  [
    'a gateway that is known, and its series',
    () => [analysis({ interval: '15s', window: '1m' }), putRoute()],
    /^ok +metrics source +Contour \(live-tested\) for shop\/web$[\s\S]*^ok +metrics +found for shop\/web, scraped every 15s$/m,
  ],
  [
    'a gateway that nobody knows',
    () => [put({}), putRoute({ controller: 'example.com/gateway' })],
    /^FAIL +metrics source of shop\/web +no metrics source is known for the controller "example\.com\/gateway": .*\n +fix: kubectl patch crel web -n shop --type merge/m,
    1,
  ],
  [
    'the same, where the judge does not act',
    () => [analysis({ mode: 'Observe' }), putRoute({ controller: 'example.com/gateway' })],
    /^warn +metrics source of shop\/web/m,
  ],
  ['hazards of a source', () => [put({}), putRoute({ controller: 'linkerd.io/policy-controller' })], /^warn +metrics source +Linkerd: /m],
  [
    'looks faster than the scrape',
    () => [analysis({ interval: '5s' }), putRoute()],
    /^warn +metrics of shop\/web +evaluated every 5s, but scraped only every 15s: .*\n +fix: kubectl patch crel web -n shop --type merge -p '\{"spec":\{"analysis":\{"interval":"15s"\}\}\}'$/m,
  ],
  [
    'a window of less than two scrapes',
    () => [analysis({ interval: '15s', window: '20s' }), putRoute()],
    /^warn +metrics of shop\/web +a window of 20s has fewer than two scrapes \(one every 15s\).*\n.*"window":"30s"/m,
  ],
  [
    'labels that fit nothing',
    () => [
      put({ services: [{ name: 'v3' }, { name: 'v2' }] }, { ...over, serving: { service: 'v3' } }),
      putRoute({ refs: [{ name: 'v3', port: 80 }] }),
    ],
    /^warn +metrics of shop\/web +no series of the serving backend within 10 minutes: no envoy_cluster_upstream_rq has envoy_cluster_name="shop_v3_80", only shop_v1_80, shop_v4_80\n +fix: send a request through the gateway, then run this query in Prometheus: envoy_cluster_upstream_rq/m,
  ],
  [
    'a bucket that hides what is slower',
    () => [analysis({ interval: '15s' }), putRoute({ controller: 'traefik.io/gateway-controller' })],
    /^ok +latency of shop\/web +p50 to p99 of serving are in the bucket up to 100ms: only a canary slower than 100ms can be seen$/m,
  ],
  [
    'a backend that was scraped once',
    () => [
      put({ services: [{ name: 'v4' }, { name: 'v2' }] }, { ...over, serving: { service: 'v4' } }),
      putRoute({ refs: [{ name: 'v4', port: 80 }] }),
    ],
    /^ok +metrics of shop\/web +found, but scraped only once so far/m,
  ],
  [
    'a Prometheus that does not scrape the gateway',
    () => [put({}), putRoute(), putOperator(world.idle.url)],
    /^FAIL +metrics of shop\/web +Prometheus has no series of envoy_cluster_upstream_rq at all, so it does not scrape Contour$/m,
    1,
  ],
  [
    'an operator with a token',
    () => putOperator(world.prometheus.url, ['--prometheus-token-file=/t']),
    /^warn +Prometheus +\S+ requires the operator's token, so it was not queried from this machine\n +fix: kubectl canary doctor --prometheus/m,
  ],
];

describe('the judge', () => {
  test.each(judge.map((one) => ({ what: one[0], one })))('doctor about the judge: $what', ({ one }) => world.expectLine(one));

  describe('backends behind Envoy Gateway', () => {
    let present: readonly string[] = [];
    beforeAll(() =>
      world.prometheus.answer(/^envoy_cluster_membership_total/, () =>
        present.map((name) => ({ labels: { envoy_cluster_name: name }, value: 1 })),
      ),
    );
    const clusters = (...names: readonly string[]) => {
      present = names;
    };
    const examine = async () => {
      put({});
      putRoute({ controller: 'gateway.envoyproxy.io/gatewayclass-controller' });
      return world.shop.run('doctor -n shop');
    };

    test('backends that share a cluster are named with the policy that sets them apart', async () => {
      clusters('httproute/shop/store/rule/0');
      const { out, code } = await examine();
      expect(out).toMatch(
        /^FAIL +backends of shop\/web +rules\[0\] of HTTPRoute store: Envoy Gateway has one cluster for all of its backends/m,
      );
      const policy = /<<'EOF'.*\n(.*)\nEOF/.exec(out)?.[1] ?? '';
      const file = parse(readFileSync(new URL('../../../config/gateways/envoy-gateway/per-backend.yaml', import.meta.url), 'utf8'));
      expect(JSON.parse(policy)).toMatchObject({ kind: file.kind, spec: { loadBalancer: file.spec.loadBalancer } });
      expect(JSON.parse(policy)).toMatchObject({
        kind: 'BackendTrafficPolicy',
        metadata: { name: 'gateway-per-backend', namespace: 'shop' },
        spec: { targetRefs: [{ kind: 'Gateway', name: 'gateway' }] },
      });
      expect(code).toBe(1);
    });

    test('backends that are counted apart are found so, by rule or by Service', async () => {
      clusters('httproute/shop/store/rule/0/backend/0', 'httproute/shop/store/rule/0/backend/1');
      expect((await examine()).out).toMatch(/^ok +backends of shop\/web +are counted apart$/m);
      clusters('service/shop/v1/80/http');
      const { out } = await examine();
      expect(out).toMatch(/^ok +backends of shop\/web +are counted apart$/m);
      expect(out).toContain('envoy_cluster_name=~"service/shop/v1/80/[^/]+"');
    });

    test('backends of which Prometheus has no series are a doubt, with what to scrape', async () => {
      clusters();
      expect((await examine()).out).toMatch(
        /^warn +backends of shop\/web +rules\[0\] of HTTPRoute store: Prometheus has no series .*\n +fix: .*19001/m,
      );
    });
  });

  test('a Prometheus of the cluster is asked through the API server, and it is said', async () => {
    putOperator('http://prometheus.monitoring.svc.invalid:9090');
    expect((await world.shop.run('doctor -n shop')).out).toMatch(
      /^warn +Prometheus +\S+ does not answer from this machine \(.*\), or through the API server/m,
    );
    putOperator('http://prometheus.monitoring:9090');
    world.shop.server.fault({
      when: ({ path }) => path === '/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1/query',
      times: 9,
      action: { kind: 'body', text: JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } }), code: 200 },
    });
    expect((await world.shop.run('doctor -n shop')).out).toMatch(
      /^ok +Prometheus +http:\/\/prometheus\.monitoring:9090 answers inside the cluster \(queried through the API server\)$/m,
    );
  });

  test('a label that fits nothing is named through the API server, too', async () => {
    putOperator('http://prometheus.monitoring:9090');
    put({ services: [{ name: 'v3' }, { name: 'v2' }] }, { ...over, serving: { service: 'v3' } });
    putRoute({ refs: [{ name: 'v3', port: 80 }] });
    const proxy = '/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1';
    const answer = (path: string, of: RegExp, data: unknown) =>
      world.shop.server.fault({
        when: (request) => request.path === `${proxy}${path}` && of.test(request.query['query'] ?? ''),
        times: 9,
        action: { kind: 'body', text: JSON.stringify({ status: 'success', data }), code: 200 },
      });
    const vector = (values: readonly string[]) => ({
      resultType: 'vector',
      result: values.map((value) => ({ metric: {}, value: [1, value] })),
    });
    answer('/query', /^vector|^count/, vector(['1']));
    answer('/query', /^envoy/, vector([]));
    answer('/label/envoy_cluster_name/values', /^$/, ['bank_x_80', 'shop_v9_80']);
    expect((await world.shop.run('doctor -n shop')).out).toMatch(
      /: no envoy_cluster_upstream_rq has envoy_cluster_name="shop_v3_80", only shop_v9_80, bank_x_80$/m,
    );
  });

  test('doctor about the judge says nothing of buckets where the comparison is off, or where few requests were timed', async () => {
    putRoute({ controller: 'traefik.io/gateway-controller' });
    analysis({ interval: '15s', comparison: { mode: 'Off' } });
    expect((await world.shop.run('doctor -n shop')).out).not.toContain('in the bucket');
    put({ services: [{ name: 'v4' }, { name: 'v2' }] }, { ...over, serving: { service: 'v4' } });
    putRoute({ controller: 'traefik.io/gateway-controller', refs: [{ name: 'v4', port: 80 }] });
    expect((await world.shop.run('doctor -n shop')).out).not.toContain('in the bucket');
  });

  test("the operator's matchers go into every query, and those of a release take precedence", async () => {
    put({ services: [{ name: 'v3' }, { name: 'v2' }] }, { ...over, serving: { service: 'v3' } });
    putRoute({ refs: [{ name: 'v3', port: 80 }] });
    putOperator(world.prometheus.url, ['--prometheus-matchers=cluster=eu-1,env=live', '--prometheus-matchers', 'region=eu']);
    const asked = /then run this query in Prometheus: envoy_cluster_upstream_rq\{[^}]*cluster="eu-1"[^}]*env="live"[^}]*region="eu"/;
    expect((await world.shop.run('doctor -n shop')).out).toMatch(asked);
    const services = [{ name: 'v3' }, { name: 'v2' }];
    put({ services, analysis: { metrics: { matchers: { cluster: 'us-1' } } } } as never, { ...over, serving: { service: 'v3' } });
    const { out } = await world.shop.run('doctor -n shop');
    expect(out).toMatch(/run this query in Prometheus: envoy_cluster_upstream_rq\{[^}]*cluster="us-1"[^}]*env="live"/);
    expect(out).not.toContain('eu-1');
  });

  test('an address that is given is asked in place of the others', async () => {
    put({ analysis: { interval: '15s' } } as never);
    putRoute();
    putOperator('http://prometheus.monitoring:9090', ['--prometheus-token-file=/t']);
    const { out } = await world.shop.run(`doctor -n shop --prometheus ${world.prometheus.url}`);
    expect(out).toMatch(/^ok +metrics +found for shop\/web/m);
    expect(out).not.toContain('not asked from here');
  });
});

const RECIPE = {
  annotations: { 'argocd.argoproj.io/compare-options': 'IgnoreExtraneous,ServerSideDiff=true' },
  syncOptions: ['CreateNamespace=true', 'RespectIgnoreDifferences=true'],
  ignoreDifferences: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', jqPathExpressions: ['.spec.rules[].backendRefs[].weight'] }],
};

function putApplication(recipe: Partial<typeof RECIPE>, selfHeal = true): void {
  const { annotations = {}, syncOptions = ['CreateNamespace=true'], ignoreDifferences = [] } = recipe;
  world.shop.server.resources.serve(applications);
  world.shop.server.put(applications, {
    metadata: { name: 'shop', namespace: 'argocd', annotations },
    spec: { syncPolicy: { automated: { selfHeal }, syncOptions }, ignoreDifferences },
    status: { resources: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop', name: 'store' }] },
  });
}

const HEALTH = { 'resource.customizations.health.glidepath.dev_CanaryRelease': 'return {}' };
const tools: readonly Case[] = [
  [
    'Argo CD with the recipe and the health',
    () => [
      put({}),
      putRoute(),
      putApplication(RECIPE),
      world.shop.server.put(configMaps, { metadata: { name: 'argocd-cm', namespace: 'argocd' }, data: HEALTH }),
    ],
    /^ok +Argo CD +Application argocd\/shop: all settings are present$[\s\S]*^ok +Argo CD health +has a health check for CanaryReleases$/m,
  ],
  [
    'Argo CD that heals without the recipe',
    () => [put({}), putRoute(), putApplication({})],
    /^FAIL +Application argocd\/shop +lacks the annotation argocd\.argoproj\.io\/compare-options: ServerSideDiff=true, and the sync option RespectIgnoreDifferences=true, and ignoreDifferences of \.spec\.rules\[\]\.backendRefs\[\]\.weight; self-heal reverts weights within a second\n +fix: kubectl -n argocd patch application shop --type merge -p '(.*)'/m,
    1,
  ],
  [
    'Argo CD that syncs without a part of it',
    () => [put({}), putRoute(), putApplication({ ...RECIPE, annotations: {} as never }, false)],
    /^warn +Application argocd\/shop +lacks the annotation .*; a sync reverts weights$/m,
  ],
  [
    'Argo CD with a recipe that does not know the canary of a Deployment',
    () => [put(target), putHold(), putRoute({ refs: [{ name: 'store-api' }] }), putApplication(RECIPE)],
    /^FAIL +Application argocd\/shop +lacks ignoreDifferences of \.spec\.rules\[\]\.backendRefs\[\] \| select\(\.name \| endswith\("-canary"\)\);/m,
    1,
  ],
  [
    'Argo CD without the health',
    () => [put({}), putRoute(), putApplication(RECIPE)],
    /^warn +Argo CD health +has no health check for CanaryReleases: .*\n +fix: kubectl -n argocd patch configmap argocd-cm/m,
  ],
  [
    'Argo CD whose Applications may not be listed',
    () => {
      put({});
      putRoute({ annotations: { 'argocd.argoproj.io/tracking-id': 'shop:gateway.networking.k8s.io/HTTPRoute:shop/store' } });
      forbid('/applications');
    },
    /^warn +Argo CD +it applies routes, and you may not list its Applications/m,
  ],
  [
    'Flux in Services mode',
    () => [put({}), putRoute({ labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' } })],
    /^warn +Flux and HTTPRoute shop\/store +restores the weights of Git after a promotion.*\n +fix: kubectl annotate httproute store -n shop kustomize\.toolkit\.fluxcd\.io\/ssa=IfNotPresent/m,
  ],
  [
    'Flux in Deployment mode',
    () => [put(target), putHold(), putRoute({ labels: { 'kustomize.toolkit.fluxcd.io/name': 'shop' }, refs: [{ name: 'store-api' }] })],
    /^ok +Flux and HTTPRoute shop\/store +reconciliation is disabled while a release is running/m,
  ],
];

const TRACKED = { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:shop/store' };

/** The Deployment of the release as a tool applies it: by the server, or with a copy of what was applied. */
function putApplied(manager: string, fields: object, annotations: object = {}): void {
  const metadata = { name: 'store', namespace: 'shop', annotations, managedFields: [{ manager, fieldsV1: { 'f:spec': fields } }] };
  world.shop.server.put(deployments, { metadata, spec: { selector: {}, template: {} } });
}

const copyOf = (spec: object) => ({ ...TRACKED, 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ spec }) });
const atRest = { ...target, targetRef: { kind: 'Deployment', name: 'store', hold: 'PausedAtRest' } } as never;
const pauses: readonly Case[] = [
  [
    'Flux that applies spec.paused',
    () => [put(target), putHold(), putApplied('kustomize-controller', { 'f:paused': {} })],
    /^warn +Deployment shop\/store +kustomize-controller writes its spec\.paused: while a change is held, every sync unpauses .*\n +fix: remove spec\.paused from Deployment store in Git/m,
  ],
  [
    'Argo CD that applies it by the client',
    () => [put(target), putHold(), putApplied('argocd-controller', {}, copyOf({ paused: false }))],
    /^warn +Deployment shop\/store +Argo CD writes its spec\.paused: false: while a change is held/m,
  ],
  [
    'Argo CD that pauses for good',
    () => [put(target), putHold(), putApplied('argocd-controller', { 'f:paused': {} }, copyOf({ paused: true }))],
    /^FAIL +Deployment shop\/store +argocd-controller writes its spec\.paused: true, and pauses the rollout of every promotion again$/m,
    1,
  ],
  [
    'Argo CD that unpauses what the operator pauses at rest',
    () => [put(atRest), putApplied('argocd-controller', { 'f:paused': {} })],
    /^FAIL +Deployment shop\/store +argocd-controller writes its spec\.paused: a commit bypasses the hold and rolls out without a canary$/m,
    1,
  ],
];

describe('tools that apply the Deployment', () => {
  test.each(pauses.map((one) => ({ what: one[0], one })))('$what is told', ({ one }) => world.expectLine(one));

  test.each([
    ['leave its pause to the hold', () => putApplied('argocd-controller', { 'f:template': {} }, copyOf({ replicas: 2 }))],
    ['are people', () => putApplied('kubectl-client-side-apply', { 'f:paused': {} })],
    [
      'wrote a copy that cannot be read',
      () => putApplied('argocd-controller', {}, { ...TRACKED, 'kubectl.kubernetes.io/last-applied-configuration': '{' }),
    ],
  ])('tools that apply the Deployment are fine where they %s', async (_what, arrange) => {
    put(target);
    putHold();
    arrange();
    expect((await world.shop.run('doctor -n shop')).out).not.toMatch(/Deployment shop\/store/);
  });
});

describe('tools that apply the routes', () => {
  test.each(tools.map((one) => ({ what: one[0], one })))('doctor about tools that apply the routes: $what', ({ one }) =>
    world.expectLine(one),
  );

  test('the patch that is offered makes the recipe whole, and keeps what is there', async () => {
    put({});
    putRoute();
    putApplication({ ignoreDifferences: [{ group: 'apps', kind: 'Deployment', jqPathExpressions: ['.spec.replicas'] }] });
    const { out } = await world.shop.run('doctor -n shop');
    const patch = JSON.parse(/--type merge -p '(\{"metadata".*\})' /.exec(out)?.[1] ?? '') as Record<string, Record<string, object>>;
    world.shop.server.put(applications, {
      metadata: { name: 'shop', namespace: 'argocd', ...patch['metadata'] },
      spec: { ...patch['spec'] },
      status: { resources: [{ kind: 'HTTPRoute', namespace: 'shop', name: 'store' }] },
    });
    expect(JSON.stringify(patch)).toContain('.spec.replicas');
    expect(JSON.stringify(patch)).toContain('CreateNamespace=true');
    expect((await world.shop.run('doctor -n shop')).out).toMatch(/^ok +Argo CD +Application argocd\/shop: all settings are present$/m);
  });
});
