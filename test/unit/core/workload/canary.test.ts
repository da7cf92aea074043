import { describe, expect, test } from 'vitest';
import { keepApart } from '../../../../src/core/workload/apart.ts';
import { buildCanary, type CanaryWish } from '../../../../src/core/workload/canary-manifests.ts';
import { nameCanary } from '../../../../src/core/workload/canary-names.ts';
import type { DeploymentObject, ServiceObject } from '../../../../src/core/workload/objects.ts';
import { countCanaryReplicas } from '../../../../src/core/workload/replicas.ts';
import { hashTemplate } from '../../../../src/core/workload/template.ts';

const deployment: DeploymentObject = {
  metadata: {
    name: 'store-api',
    namespace: 'shop',
    uid: 'uid-deploy',
    labels: { 'app.kubernetes.io/instance': 'store' },
    annotations: { 'argocd.argoproj.io/tracking-id': 'store:apps/Deployment:shop/store-api' },
  },
  spec: {
    replicas: 4,
    paused: true,
    progressDeadlineSeconds: 60,
    selector: { matchLabels: { app: 'store-api', tier: 'web' } },
    template: {
      metadata: {
        labels: { app: 'store-api', tier: 'web', team: 'shop' },
        annotations: { 'prometheus.io/scrape': 'true', 'argocd.argoproj.io/sync-wave': '1' },
      },
      spec: {
        containers: [{ name: 'app', image: 'store:2' }],
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: { matchLabels: { app: 'store-api' } }, topologyKey: 'kubernetes.io/hostname' },
              {
                labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['store-api', 'other'] }] },
                topologyKey: 'zone',
              },
            ],
          },
          nodeAffinity: { x: [{ key: 'app', operator: 'In', values: ['store-api'] }] },
        },
        topologySpreadConstraints: [{ maxSkew: 1, labelSelector: { matchLabels: { app: 'store-api', team: 'shop' } } }],
      },
    },
  },
};

const service: ServiceObject = {
  metadata: { name: 'store-api', namespace: 'shop', labels: { argo: 'x' } },
  spec: {
    selector: { app: 'store-api', team: 'shop' },
    clusterIP: '10.0.0.1',
    type: 'NodePort',
    sessionAffinity: 'None',
    ports: [{ name: 'http', port: 80, targetPort: 'http', nodePort: 30_080, protocol: 'TCP' }],
  },
};

function build(change: Partial<CanaryWish> = {}) {
  const plan = buildCanary({ deployment, service, owner: { name: 'web', uid: 'uid-web' }, labels: {}, ...change });
  if (plan.kind === 'impossible') throw new Error(plan.message);
  return plan.manifests as unknown as { readonly deployment: DeploymentObject; readonly service: ServiceObject };
}

describe('the canary Deployment', () => {
  test('the canary Deployment has the same spec under a name of its own, unpaused, with its own count', () => {
    const canary = build().deployment;
    expect(canary.metadata.name).toBe('store-api-canary');
    expect(canary.spec).toMatchObject({ progressDeadlineSeconds: 60 });
    expect(canary.spec.paused).toBeUndefined();
    expect(canary.spec.template.spec?.['containers']).toEqual([
      { name: 'app', image: 'store:2', terminationMessagePolicy: 'FallbackToLogsOnError' },
    ]);
  });

  test('the canary Deployment keeps the last words of containers whose owner left the default, and is no other revision for that', () => {
    const spec = {
      initContainers: [{ name: 'migrate', image: 'migrate:2', terminationMessagePolicy: 'File' }],
      containers: [
        { name: 'app', image: 'store:2' },
        { name: 'proxy', image: 'proxy:1', terminationMessagePolicy: 'FallbackToLogsOnError' },
      ],
    };
    const template = { ...deployment.spec.template, spec };
    const canary = build({ deployment: { ...deployment, spec: { ...deployment.spec, template } } }).deployment;
    const { initContainers, containers } = canary.spec.template.spec ?? {};
    const policies = [initContainers, containers].flat().map((one) => (one as Record<string, unknown>)['terminationMessagePolicy']);
    expect(policies).toEqual(['FallbackToLogsOnError', 'FallbackToLogsOnError', 'FallbackToLogsOnError']);
    expect(canary.metadata.annotations).toEqual({ 'glidepath.dev/template': hashTemplate(template) });
  });

  test('the canary Deployment changes one label that both selectors share, in its selector and on its pods', () => {
    const canary = build().deployment;
    expect(canary.spec.selector).toEqual({ matchLabels: { app: 'store-api-canary', tier: 'web' } });
    expect(canary.spec.template.metadata?.labels).toEqual({
      app: 'store-api-canary',
      tier: 'web',
      team: 'shop',
      'glidepath.dev/role': 'canary',
    });
  });

  test('the canary Deployment keeps away from its own kind and spreads with it, and leaves node affinity alone', () => {
    const spec = JSON.stringify(build().deployment.spec.template.spec);
    expect(JSON.parse(spec)).toMatchObject({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchLabels: { app: 'store-api-canary' } } },
            { labelSelector: { matchExpressions: [{ key: 'app', values: ['store-api-canary', 'other'] }] } },
          ],
        },
        nodeAffinity: { x: [{ key: 'app', values: ['store-api'] }] },
      },
      topologySpreadConstraints: [{ labelSelector: { matchLabels: { app: 'store-api-canary', team: 'shop' } } }],
    });
  });

  test('belongs to the release, is no object of a GitOps tool, and says which template it runs', () => {
    const { metadata, spec } = build().deployment;
    expect(metadata.ownerReferences).toEqual([
      { apiVersion: 'glidepath.dev/v1alpha1', kind: 'CanaryRelease', name: 'web', uid: 'uid-web', controller: true },
    ]);
    expect(metadata.labels).toEqual({ 'glidepath.dev/role': 'canary', 'app.kubernetes.io/managed-by': 'glidepath' });
    expect(metadata.annotations).toEqual({ 'glidepath.dev/template': hashTemplate(deployment.spec.template) });
    expect(spec.template.metadata?.annotations).toEqual({ 'prometheus.io/scrape': 'true' });
  });

  test('the canary Deployment takes labels that people want, and is kept apart by those that the selectors have', () => {
    const canary = build({ labels: { track: 'canary', app: 'mine', team: 'guests' } });
    expect(canary.deployment.spec.template.metadata?.labels).toMatchObject({ track: 'canary', app: 'mine', team: 'guests' });
    expect(canary.deployment.spec.selector).toEqual({ matchLabels: { app: 'mine', tier: 'web' } });
    expect(canary.service.spec.selector).toEqual({ app: 'mine', team: 'guests' });
  });

  test('the canary Deployment keeps the label that would be changed by default where another one of both selectors is chosen', () => {
    const labels = { app: 'store-api', track: 'stable' };
    const both = { ...deployment, spec: { ...deployment.spec, selector: { matchLabels: labels } } };
    const canary = build({ deployment: both, service: { ...service, spec: { selector: labels } }, labels: { track: 'canary' } });
    expect(canary.deployment.spec.selector).toEqual({ matchLabels: { app: 'store-api', track: 'canary' } });
    expect(canary.service.spec.selector).toEqual({ app: 'store-api', track: 'canary' });
  });

  test('the canary Deployment has a template without annotations where there is nothing to copy', () => {
    const { annotations: _none, ...metadata } = deployment.spec.template.metadata ?? {};
    const bare = { ...deployment, spec: { ...deployment.spec, template: { metadata, spec: { containers: [] } } } };
    expect(build({ deployment: bare }).deployment.spec.template).toEqual({
      metadata: { labels: { app: 'store-api-canary', tier: 'web', team: 'shop', 'glidepath.dev/role': 'canary' } },
      spec: { containers: [] },
    });
  });
});

describe('the canary Service', () => {
  test('selects the canary pods on the same ports, with addresses of its own', () => {
    const canary = build().service;
    expect(canary.metadata.name).toBe('store-api-canary');
    expect(canary.metadata.labels).toEqual({ 'glidepath.dev/role': 'canary', 'app.kubernetes.io/managed-by': 'glidepath' });
    expect(canary.spec).toEqual({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      selector: { app: 'store-api-canary', team: 'shop' },
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
    });
  });

  test('the canary Service is called by gateways as yours is, and belongs to no other release', () => {
    const read = {
      'projectcontour.io/upstream-protocol.tls': 'https',
      'projectcontour.io/max-connections': '100',
      'traefik.ingress.kubernetes.io/service.serversscheme': 'https',
      'traefik.io/service.nativelb': 'true',
      'konghq.com/protocol': 'grpc',
      'cloud.google.com/app-protocols': '{"https":"HTTPS"}',
      'service.alpha.kubernetes.io/app-protocols': '{"https":"HTTPS"}',
      'alb.ingress.kubernetes.io/backend-protocol-version': 'GRPC',
      'alb.ingress.kubernetes.io/healthcheck-path': '/ready',
      'config.linkerd.io/opaque-ports': '6379',
      'haproxy-ingress.github.io/backend-protocol': 'h2-ssl',
    };
    const ofOneService = {
      'argocd.argoproj.io/tracking-id': 'store:/Service:shop/store-api',
      'kustomize.toolkit.fluxcd.io/ssa': 'Merge',
      'meta.helm.sh/release-name': 'store',
      'external-dns.alpha.kubernetes.io/hostname': 'store.example',
      'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb',
      'metallb.universe.tf/loadBalancerIPs': '192.0.2.7',
      'cloud.google.com/neg': '{"exposed_ports":{"80":{"name":"store"}}}',
      'cloud.google.com/neg-status': '{}',
      'service.beta.openshift.io/serving-cert-secret-name': 'store-tls',
      'getambassador.io/config': 'kind: Mapping',
      'traefik.ingress.kubernetes.io/service.nodeportlb': 'true',
      'projectcontour.io/upstream-protocols': 'a name that only begins like one',
    };
    const annotated = { ...service, metadata: { ...service.metadata, annotations: { ...read, ...ofOneService } } };
    expect(build({ service: annotated }).service.metadata.annotations).toEqual(read);
    expect(build().service.metadata.annotations).toBeUndefined();
  });

  test('the canary Service is headless where yours is', () => {
    const headless = { ...service, spec: { ...service.spec, clusterIP: 'None' } };
    expect(build({ service: headless }).service.spec.clusterIP).toBe('None');
  });
});

describe('the labels that keep apart', () => {
  test('the labels that keep apart are one of each selector where they share none', () => {
    expect(keepApart({ app: 'a', zone: 'z' }, { tier: 'web' })).toEqual({
      kind: 'labels',
      changed: { app: 'a-canary', tier: 'web-canary' },
    });
  });

  test('the labels that keep apart are the one that names the application where several are shared', () => {
    const labels = { component: 'api', 'app.kubernetes.io/name': 'store', app: 'x' };
    expect(keepApart(labels, labels)).toEqual({ kind: 'labels', changed: { 'app.kubernetes.io/name': 'store-canary' } });
  });

  test('the labels that keep apart are the first in order where none is better known', () => {
    expect(keepApart({ b: '1', a: '2' }, { a: '2', b: '1' })).toEqual({ kind: 'labels', changed: { a: '2-canary' } });
  });

  test.each([
    [{ track: 'x' }, { track: 'x' }],
    [{ track: 'stable' }, { app: 'a-canary' }],
    [{ tier: 'x' }, { app: 'a-canary', tier: 'x' }],
    [{ other: 'x' }, { app: 'a-canary' }],
  ])('chosen labels %j change %j', (wanted, changed) => {
    const labels = { app: 'a', track: 'stable' };
    expect(keepApart({ ...labels, tier: 'web' }, labels, wanted)).toEqual({ kind: 'labels', changed });
  });

  test('the labels that keep apart cannot be found without labels to change, and the message says what to do', () => {
    expect(keepApart({}, { app: 'a' })).toMatchObject({ kind: 'impossible', message: expect.stringContaining('matchLabels') });
    expect(keepApart({ app: 'a' }, {})).toMatchObject({ kind: 'impossible', message: expect.stringContaining('selector') });
    const { selector: _selector, ...spec } = service.spec;
    const plan = buildCanary({
      deployment,
      service: { ...service, spec },
      owner: { name: 'web', uid: 'u' },
      labels: {},
    });
    expect(plan.kind).toBe('impossible');
  });
});

describe('names and counts', () => {
  test('a name of up to 56 characters gets a suffix, a longer one is shortened with a hash', () => {
    expect(nameCanary('a'.repeat(56))).toBe(`${'a'.repeat(56)}-canary`);
    const [one, two] = [nameCanary(`${'a'.repeat(56)}b`), nameCanary(`${'a'.repeat(56)}c`)];
    expect(one).toMatch(/^a{49}-[0-9a-f]{6}-canary$/);
    expect(one).toHaveLength(63);
    expect(one).not.toBe(two);
    expect(nameCanary(`${'a'.repeat(48)}-${'b'.repeat(14)}`)).toMatch(/^a{48}-[0-9a-f]{6}-canary$/);
  });

  test('a canary has as many pods as serving would need for its share, and at least the wanted ones', () => {
    expect(countCanaryReplicas(10, 25, 1)).toBe(3);
    expect(countCanaryReplicas(10, 100, 1)).toBe(10);
    expect(countCanaryReplicas(10, 5, 2)).toBe(2);
    expect(countCanaryReplicas(0, 50, 1)).toBe(1);
  });

  test('two canary pods stand beside two or more serving pods where the spec does not say how many, so that one may go with its node', () => {
    expect(countCanaryReplicas(10, 5, undefined)).toBe(2);
    expect(countCanaryReplicas(2, 5, undefined)).toBe(2);
    expect(countCanaryReplicas(1, 5, undefined)).toBe(1);
    expect(countCanaryReplicas(0, 5, undefined)).toBe(1);
    expect(countCanaryReplicas(10, 25, undefined)).toBe(3);
    // A written 1 is kept.
    expect(countCanaryReplicas(10, 5, 1)).toBe(1);
  });
});
