// A Gateway that istiod makes no Deployment for (`spec.addresses` names the Service), and the Envoy that serves it.
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
const LABELS = { app: NAME, 'gateway.networking.k8s.io/gateway-name': NAME };

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

function bootstrap(): string {
  const ads = { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' };
  return stringify({
    node: {
      cluster: `${NAME}.default`,
      metadata: {
        NAMESPACE: 'default',
        CLUSTER_ID: 'Kubernetes',
        ISTIO_VERSION: '1.31.0',
        MESH_ID: 'cluster.local',
        WORKLOAD_NAME: NAME,
        OWNER: `kubernetes://apis/apps/v1/namespaces/default/deployments/${NAME}`,
        SERVICE_ACCOUNT: 'default',
        LABELS,
      },
    },
    admin: { address: { socket_address: { address: '0.0.0.0', port_value: ADMIN_PORT } } },
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
      clusters: [
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
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: NODE_ADDRESS, port_value: XDS_PORT } } } }] }],
          },
        },
      ],
    },
  });
}

function proxy(): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: inNamespace,
    spec: {
      selector: { matchLabels: { app: NAME } },
      template: {
        metadata: {
          labels: LABELS,
          annotations: {
            'prometheus.io/scrape': 'true',
            'prometheus.io/port': String(ADMIN_PORT),
            'prometheus.io/path': '/stats/prometheus',
          },
        },
        spec: {
          terminationGracePeriodSeconds: 1,
          // The listener's port is opened as it is written.
          securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
          containers: [
            {
              name: 'envoy',
              image: PROXY_IMAGE,
              imagePullPolicy: 'Never',
              resources: { requests: { cpu: '300m', memory: '64Mi' } },
              args: [
                '-c',
                '/etc/envoy/envoy.yaml',
                '--service-node',
                'router~$(POD_IP)~$(POD_NAME).default~default.svc.cluster.local',
                '--log-level',
                'warning',
              ],
              env: [
                { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
                { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              ],
              volumeMounts: [{ name: 'config', mountPath: '/etc/envoy' }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: NAME } }],
        },
      },
    },
  };
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
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: inNamespace, data: { 'envoy.yaml': bootstrap() } },
  proxy(),
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
