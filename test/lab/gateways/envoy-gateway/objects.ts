// Envoy Gateway as its users run it: a control plane pod, and a Deployment of Envoy that it makes for each Gateway.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { PROJECT_FOLDER } from '../../settings.ts';
import { ENVOY_GATEWAY_ADDRESS, PROXY_ADDRESSES } from '../gateways.ts';

export const ENVOY_GATEWAY_NAMESPACE = 'envoy-gateway-system';
export const ENVOY_GATEWAY_IMAGE = 'localhost/glidepath-lab-envoy-gateway:1';
/** Where `dns` finds it. */
const NAME = 'envoy-gateway';
const CONTROLLER = 'gateway.envoyproxy.io/gatewayclass-controller';
/** With less a proxy starves on a busy machine, and what is measured then is the machine. */
const PROXY_REQUESTS = { cpu: '300m', memory: '64Mi' };

type ProxyName = keyof typeof PROXY_ADDRESSES;
export const PROXY_NAMES = Object.keys(PROXY_ADDRESSES) as readonly ProxyName[];

const inNamespace = (name: string) => ({ name, namespace: ENVOY_GATEWAY_NAMESPACE });

function settings(): string {
  return stringify({
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'EnvoyGateway',
    gateway: { controllerName: CONTROLLER },
    logging: { level: { default: 'info' } },
    provider: {
      type: 'Kubernetes',
      kubernetes: { shutdownManager: { image: ENVOY_GATEWAY_IMAGE }, leaderElection: { disable: true } },
    },
  });
}

function controlPlane(): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: inNamespace(NAME),
    spec: {
      selector: { matchLabels: { app: NAME } },
      template: {
        metadata: { labels: { app: NAME } },
        spec: {
          serviceAccountName: NAME,
          containers: [
            {
              name: NAME,
              image: ENVOY_GATEWAY_IMAGE,
              imagePullPolicy: 'Never',
              args: ['server', '--config-path=/config/envoy-gateway.yaml'],
              env: [
                { name: 'ENVOY_GATEWAY_NAMESPACE', value: ENVOY_GATEWAY_NAMESPACE },
                { name: 'KUBERNETES_CLUSTER_DOMAIN', value: 'cluster.local' },
              ],
              readinessProbe: { httpGet: { path: '/readyz', port: 8081 }, periodSeconds: 1 },
              volumeMounts: [
                { name: 'config', mountPath: '/config' },
                { name: 'certs', mountPath: '/certs' },
              ],
            },
          ],
          volumes: [
            { name: 'config', configMap: { name: NAME } },
            { name: 'certs', secret: { secretName: NAME } },
          ],
        },
      },
    },
  };
}

/** What the control plane needs before it starts; its certificates are made by itself, `certgen`. */
export const CONTROL_PLANE_OBJECTS: readonly object[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace(NAME) },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'envoy-gateway-lab' },
    // The lab is private: rights are no question here.
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...inNamespace(NAME) }],
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: inNamespace(NAME),
    spec: {
      clusterIP: ENVOY_GATEWAY_ADDRESS,
      selector: { app: NAME },
      ports: [
        { name: 'grpc', port: 18_000 },
        { name: 'ratelimit', port: 18_001 },
        { name: 'wasm', port: 18_002 },
        { name: 'metrics', port: 19_001 },
      ],
    },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: inNamespace(NAME), data: { 'envoy-gateway.yaml': settings() } },
  controlPlane(),
];

/** A gateway of Envoy Gateway. */
export interface GatewayOptions {
  readonly name: string;
  readonly namespace: string;
  /** Its cluster IP; absent: any. */
  readonly address?: string;
  /** Clusters are named by Service. */
  readonly mergesBackends?: boolean;
}

function proxy({ name, namespace, address, mergesBackends = false }: GatewayOptions): object {
  const container = { image: ENVOY_GATEWAY_IMAGE, resources: { requests: PROXY_REQUESTS } };
  const containers = [
    // The image's own entry point is the control plane.
    { name: 'envoy', command: ['/usr/local/bin/envoy'], imagePullPolicy: 'Never' },
    { name: 'shutdown-manager', imagePullPolicy: 'Never' },
  ];
  return {
    apiVersion: 'gateway.envoyproxy.io/v1alpha1',
    kind: 'EnvoyProxy',
    metadata: { name, namespace },
    spec: {
      ...(mergesBackends ? { mergeBackends: {} } : {}),
      provider: {
        type: 'Kubernetes',
        kubernetes: {
          envoyDeployment: {
            container,
            patch: { type: 'StrategicMerge', value: { spec: { template: { spec: { containers, terminationGracePeriodSeconds: 1 } } } } },
          },
          envoyService: {
            type: 'ClusterIP',
            ...(address === undefined ? {} : { patch: { type: 'StrategicMerge', value: { spec: { clusterIP: address } } } }),
          },
        },
      },
    },
  };
}

function gateway({ name, namespace }: GatewayOptions): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: {
      gatewayClassName: 'envoy-gateway',
      infrastructure: { parametersRef: { group: 'gateway.envoyproxy.io', kind: 'EnvoyProxy', name } },
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  };
}

/** The policy that platform teams apply once, for a gateway. */
function perBackendPolicy({ name, namespace }: GatewayOptions): object {
  const file = join(PROJECT_FOLDER, 'config/gateways/envoy-gateway/per-backend.yaml');
  const policy = parse(readFileSync(file, 'utf8')) as {
    readonly metadata: object;
    readonly spec: { readonly targetRefs: readonly object[] };
  };
  const targetRefs = policy.spec.targetRefs.map((target) => ({ ...target, name }));
  return { ...policy, metadata: { ...policy.metadata, namespace }, spec: { ...policy.spec, targetRefs } };
}

/** A gateway whose backends are counted apart by the policy. */
export function gatewayObjects(options: GatewayOptions): readonly object[] {
  return [proxy(options), gateway(options), perBackendPolicy(options)];
}

const PROXIES = PROXY_NAMES.map((name) => ({
  name,
  namespace: 'default',
  address: PROXY_ADDRESSES[name],
  mergesBackends: name === 'edge-eg-merged',
}));

/** The gateways and what they are made of. */
export const PROXY_OBJECTS: readonly object[] = [
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'envoy-gateway' },
    spec: { controllerName: CONTROLLER },
  },
  ...PROXIES.flatMap((options) => [proxy(options), gateway(options)]),
  ...PROXIES.filter(({ name }) => name === 'edge-eg').map(perBackendPolicy),
];
