// A Gateway that istiod makes no Deployment for (`spec.addresses` names the Service), and Envoys that istiod tells what to do: the one that
// serves it, and those beside clients in the mesh.
import { stringify } from 'yaml';
import { NODE_ADDRESS } from '../../settings.ts';
import { ISTIO_ADDRESS } from '../gateways.ts';

export const ISTIO_NAMESPACE = 'istio-system';
export const PROXY_IMAGE = 'localhost/glidepath-lab-envoy:1';
/** Where istiod tells proxies what to do, in plain text. */
export const XDS_PORT = 15_010;
const NAME = 'edge-istio';
const ADMIN_PORT = 15_000;

const inNamespace = { name: NAME, namespace: 'default' };

/** Settings of the mesh: nothing that only Istio's own proxy has. */
export function istioMesh(): string {
  return stringify({
    // The filter istio.stats.
    defaultProviders: { metrics: [] },
    enablePrometheusMerge: false,
    accessLogFile: '',
    trustDomain: 'cluster.local',
    rootNamespace: ISTIO_NAMESPACE,
    // With it every cluster waits for a certificate of the agent that stands beside Istio's own proxies only.
    enableAutoMtls: false,
  });
}

/** Where a client in the mesh is reached from outside of its pod: what comes here is what the client calls. */
export const MESH_CLIENT_PORT = 10_080;

/** An Envoy that istiod tells what to do: a gateway, or the proxy beside a client. */
interface ProxyOptions {
  readonly name: string;
  readonly namespace: string;
  readonly type: 'router' | 'sidecar';
}

const labelsOf = ({ name }: ProxyOptions) => ({ app: name, 'gateway.networking.k8s.io/gateway-name': name });

function bootstrap(options: ProxyOptions): string {
  const { name, namespace, type } = options;
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  const address = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } });
  const endpointsOf = (cluster: string, host: string, port: number) => ({
    cluster_name: cluster,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(host, port) } }] }],
  });
  const client = {
    name: 'client',
    address: address('0.0.0.0', MESH_CLIENT_PORT),
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.tcp_proxy',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
              stat_prefix: 'client',
              cluster: 'client',
            },
          },
        ],
      },
    ],
  };
  return stringify({
    node: {
      cluster: `${name}.${namespace}`,
      metadata: {
        NAMESPACE: namespace,
        CLUSTER_ID: 'Kubernetes',
        ISTIO_VERSION: '1.31.0',
        MESH_ID: 'cluster.local',
        WORKLOAD_NAME: name,
        OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${name}`,
        SERVICE_ACCOUNT: 'default',
        LABELS: labelsOf(options),
        // Nothing redirects the pod's connections: it calls the ports of Services on its own loopback.
        ...(type === 'sidecar' ? { INTERCEPTION_MODE: 'NONE' } : {}),
      },
    },
    admin: { address: address('0.0.0.0', ADMIN_PORT) },
    // A cluster's name ends with a semicolon here; Envoy's own rule would cut it at the first dot.
    stats_config: {
      use_all_default_tags: false,
      stats_tags: [
        { tag_name: 'envoy.cluster_name', regex: '^cluster\\.((.+?);\\.)' },
        { tag_name: 'envoy.response_code', regex: '_rq(_(\\d{3}))$' },
        { tag_name: 'envoy.response_code_class', regex: '_rq(_(\\dxx))$' },
      ],
    },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
    },
    static_resources: {
      ...(type === 'sidecar' ? { listeners: [client] } : {}),
      clusters: [
        ...(type === 'sidecar'
          ? [{ name: 'client', type: 'STATIC', connect_timeout: '1s', load_assignment: endpointsOf('client', '127.0.0.1', 80) }]
          : []),
        {
          name: 'xds-grpc',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: endpointsOf('xds-grpc', NODE_ADDRESS, XDS_PORT),
        },
      ],
    },
  });
}

/** The pod and its settings. */
export function proxyObjects(options: ProxyOptions): readonly object[] {
  const { name, namespace, type } = options;
  const labels = labelsOf(options);
  const annotations = {
    'prometheus.io/scrape': 'true',
    'prometheus.io/port': String(ADMIN_PORT),
    'prometheus.io/path': '/stats/prometheus',
  };
  const container = {
    name: 'envoy',
    image: PROXY_IMAGE,
    imagePullPolicy: 'Never',
    resources: { requests: { cpu: type === 'router' ? '300m' : '100m', memory: '64Mi' } },
    args: [
      '-c',
      '/etc/envoy/envoy.yaml',
      '--service-node',
      `${type}~$(POD_IP)~$(POD_NAME).${namespace}~${namespace}.svc.cluster.local`,
      '--log-level',
      'warning',
    ],
    env: [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    volumeMounts: [{ name: 'config', mountPath: '/etc/envoy' }],
  };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { 'envoy.yaml': bootstrap(options) } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels, annotations },
          spec: {
            terminationGracePeriodSeconds: 1,
            // Ports of listeners are opened as they are written.
            securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
            containers: [container],
            volumes: [{ name: 'config', configMap: { name } }],
          },
        },
      },
    },
  ];
}

/** Its class, its gateway `default/edge-istio`, open to routes of all namespaces, and what serves that. */
export const ISTIO_OBJECTS: readonly object[] = [
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'istio' },
    spec: { controllerName: 'istio.io/gateway-controller' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: inNamespace,
    spec: {
      clusterIP: ISTIO_ADDRESS,
      selector: { app: NAME },
      ports: [
        { name: 'status-port', port: 15_021, targetPort: 15_021 },
        { name: 'http', port: 80, targetPort: 80 },
      ],
    },
  },
  ...proxyObjects({ ...inNamespace, type: 'router' }),
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: inNamespace,
    spec: {
      gatewayClassName: 'istio',
      addresses: [{ type: 'Hostname', value: `${NAME}.default.svc.cluster.local` }],
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  },
];
