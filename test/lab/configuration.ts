// The files that the bare lab's programs read, and the Kubernetes objects that every lab starts with.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  API_SERVICE_ADDRESS,
  API_URL,
  CONTAINERD_SOCKET,
  DNS_SERVICE_ADDRESS,
  KUBECONFIG,
  LAB_NAME,
  NODE_ADDRESS,
  PROMETHEUS_SERVICE_ADDRESS,
  STATE,
} from './settings.ts';
import { run } from './shell.ts';
import { PAUSE_IMAGE } from './tools.ts';

export const CERTIFICATE = join(STATE, 'certs/api.crt');
export const SCRAPE_INTERVALS = ['1s', '10s', '15s', '30s', '60s'] as const;
export type ScrapeInterval = (typeof SCRAPE_INTERVALS)[number];

function writeState(path: string, content: string, mode = 0o644): void {
  writeFileSync(join(STATE, path), content, { mode });
}

/** One self-signed certificate is server certificate and authority in one, so clients verify it as everywhere else. */
async function createCredentials(): Promise<void> {
  if (existsSync(KUBECONFIG)) return;
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...[NODE_ADDRESS, API_SERVICE_ADDRESS, '127.0.0.1'].map((address) => `IP:${address}`),
  ];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', join(STATE, 'certs/api.key'), '-out', CERTIFICATE];
  await run('openssl', [
    'req',
    '-x509',
    ...key,
    '-days',
    '3650',
    '-subj',
    '/CN=glidepath-lab',
    '-addext',
    `subjectAltName=${alternatives.join(',')}`,
  ]);
  await run('openssl', ['genrsa', '-out', join(STATE, 'certs/accounts.key'), '2048']);
  const token = randomBytes(24).toString('hex');
  writeState('certs/tokens.csv', `${token},admin,admin,"system:masters"\n`, 0o600);
  writeState('certs/token', token, 0o600);
  const authority = readFileSync(CERTIFICATE).toString('base64');
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server: API_URL, 'certificate-authority-data': authority } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'admin' } }],
    'current-context': 'lab',
  };
  writeState('kubeconfig', stringify(kubeconfig), 0o600);
}

/** Each pod hangs on its own point-to-point link: answers always pass the node's address translation. */
function podNetwork(): object {
  const ipam = {
    type: 'host-local',
    dataDir: join(STATE, 'cni/networks'),
    ranges: [[{ subnet: '10.88.0.0/16' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const plugins = [
    { type: 'ptp', ipMasq: false, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  return { cniVersion: '0.4.0', name: 'glidepath-lab', plugins };
}

/** `restrict_oom_score_adj`: runc must not fail where lowering the score is not allowed. */
function containerdConfig(): string {
  return `version = 2
root = "${STATE}/containerd/root"
state = "${STATE}/containerd/state"
[grpc]
  address = "${CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${STATE}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "${STATE}/containerd/runc"
`;
}

function kubeletConfig(): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    cgroupDriver: 'cgroupfs',
    // A kubelet ends whatever it finds below its control group and does not know.
    cgroupRoot: `/${LAB_NAME}`,
    failSwapOn: false,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    clusterDNS: [DNS_SERVICE_ADDRESS],
    clusterDomain: 'cluster.local',
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    resolvConf: join(STATE, 'resolv.conf'),
    podLogsDir: join(STATE, 'log/pods'),
    volumePluginDir: join(STATE, 'kubelet/volume-plugins'),
    maxPods: 200,
    serializeImagePulls: false,
  };
}

const AUDIT_POLICY = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules: [{ level: 'Metadata' }] };

/** Prometheus scrapes Envoy and the pods that `discovery.ts` finds (Debian's build has no Kubernetes discovery). */
export function prometheusConfig(interval: ScrapeInterval): object {
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    scrape_configs: [
      { job_name: 'envoy', metrics_path: '/stats/prometheus', static_configs: [{ targets: ['127.0.0.1:8804'] }] },
      { job_name: 'pods', file_sd_configs: [{ files: [join(STATE, 'targets/*.json')], refresh_interval: '5s' }] },
    ],
  };
}

/** Writes Prometheus' configuration with this scrape interval; it is read at the next start or reload. */
export function writePrometheusConfig(interval: ScrapeInterval): void {
  writeState('prometheus.yml', stringify(prometheusConfig(interval)));
}

/** Writes everything the programs read. Credentials are made once, the rest is written anew. */
export async function writeConfiguration(): Promise<void> {
  for (const folder of ['certs', 'cni', 'containerd', 'log', 'pid', 'prometheus', 'targets'])
    mkdirSync(join(STATE, folder), { recursive: true });
  await createCredentials();
  writeState('cni/10-lab.conflist', JSON.stringify(podNetwork()));
  writeState('containerd.toml', containerdConfig());
  writeState('kubelet.yaml', stringify(kubeletConfig()));
  writeState('audit-policy.yaml', stringify(AUDIT_POLICY));
  writeState('contour.yaml', stringify({ gateway: { gatewayRef: { namespace: 'default', name: 'edge' } } }));
  writeState('resolv.conf', '');
  if (!existsSync(join(STATE, 'prometheus.yml'))) writePrometheusConfig('1s');
}

/** The gateway `default/edge`, open to routes of all namespaces. */
export const GATEWAY_OBJECTS: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'projectcontour' } },
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'monitoring' } },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'contour' },
    spec: { controllerName: 'projectcontour.io/gateway-controller' },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge', namespace: 'default' },
    spec: {
      gatewayClassName: 'contour',
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  },
];

/** Envoy listens only once there is a route: this one serves no traffic and makes the gateway answer from the start. */
export const WAKE_ROUTE: object = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'wake', namespace: 'projectcontour' },
  spec: {
    parentRefs: [{ name: 'edge', namespace: 'default' }],
    hostnames: ['wake.invalid'],
    rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { statusCode: 302, hostname: 'wake.invalid' } }] }],
  },
};

/** Gives the Prometheus outside the pods a Service address inside. */
export const PROMETHEUS_OBJECTS: readonly object[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'prometheus', namespace: 'monitoring' },
    spec: { clusterIP: PROMETHEUS_SERVICE_ADDRESS, ports: [{ name: 'http', port: 9090, targetPort: 9090 }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'prometheus-lab', namespace: 'monitoring', labels: { 'kubernetes.io/service-name': 'prometheus' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 9090, protocol: 'TCP' }],
    endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
  },
];
