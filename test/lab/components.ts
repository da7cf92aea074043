// The programs of the bare lab: how each is called, and how one sees that it is ready.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARGOCD_COMPONENTS, ARGOCD_NAMES, type ArgocdName } from './argocd/components.ts';
import { type Component, NOT_STARTED, whyNotOk } from './component.ts';
import { CERTIFICATE } from './configuration.ts';
import { ensureControlGroup } from './control-groups.ts';
import { TARGETS_FILE } from './discovery.ts';
import { type Extra, wantedExtras } from './extras.ts';
import { FLUX_COMPONENTS, FLUX_NAMES, type FluxName } from './flux/components.ts';
import { DNS_COMPONENT } from './gateways/dns/dns.ts';
import { ISTIO_COMPONENT } from './gateways/istio/istio.ts';
import { TRAEFIK_COMPONENT } from './gateways/traefik/traefik.ts';
import {
  API_URL,
  AUDIT_LOG,
  CONTAINERD_SOCKET,
  KUBECONFIG,
  LAB_FOLDER,
  NODE_ADDRESS,
  NODE_NAME,
  PROMETHEUS_URL,
  SERVICE_RANGE,
  STATE,
} from './settings.ts';
import { run, tryRun } from './shell.ts';
import { toolPath } from './tools.ts';

/** In the order in which they start; they end in the opposite one. */
export const COMPONENT_NAMES = [
  'etcd',
  'containerd',
  'prometheus',
  'apiserver',
  'controllers',
  'scheduler',
  'kubelet',
  'proxy',
  'discovery',
  'contour',
  'envoy',
] as const;
type CoreName = (typeof COMPONENT_NAMES)[number];
/** Any program of the bare lab; those of an extra run only where it was asked for. */
export type ComponentName = CoreName | 'dns' | 'traefik' | 'istiod' | ArgocdName | FluxName;

/** The programs of each extra; some run as pods instead. */
const EXTRA_NAMES: Readonly<Record<Extra, readonly ComponentName[]>> = {
  dns: ['dns'],
  'envoy-gateway': [],
  traefik: ['traefik'],
  istio: ['istiod'],
  argocd: ARGOCD_NAMES,
  flux: FLUX_NAMES,
};

/** Every program that a lab can have, in the order in which they start. */
export const ALL_NAMES: readonly ComponentName[] = [...COMPONENT_NAMES, ...Object.values(EXTRA_NAMES).flat()];

/** The programs that this lab is to run. */
export function wantedNames(): readonly ComponentName[] {
  return [...COMPONENT_NAMES, ...wantedExtras().flatMap((extra) => EXTRA_NAMES[extra])];
}

/** Asks the API server as the lab's admin. */
async function whyApiNotReady(): Promise<string | undefined> {
  if (!existsSync(CERTIFICATE)) return NOT_STARTED;
  return whyNotOk(`${API_URL}/readyz`, { authority: CERTIFICATE, token: readFileSync(join(STATE, 'certs/token'), 'utf8') });
}

async function whyContainerdNotReady(): Promise<string | undefined> {
  const { code, stderr } = await tryRun('ctr', ['-a', CONTAINERD_SOCKET, 'version']);
  return code === 0 ? undefined : stderr.trim();
}

async function whyNoTargets(): Promise<string | undefined> {
  return existsSync(TARGETS_FILE) ? undefined : 'it has not listed the pods yet';
}

function etcdArguments(): readonly string[] {
  const client = 'http://127.0.0.1:2379';
  const peers = 'http://127.0.0.1:2380';
  return [
    toolPath('etcd'),
    '--data-dir=etcd',
    '--unsafe-no-fsync',
    '--log-level=warn',
    '--quota-backend-bytes=4294967296',
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
  ];
}

function apiserverArguments(): readonly string[] {
  return [
    toolPath('kube-apiserver'),
    '--etcd-servers=http://127.0.0.1:2379',
    '--bind-address=0.0.0.0',
    '--secure-port=6443',
    `--advertise-address=${NODE_ADDRESS}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--cert-dir=certs',
    `--tls-cert-file=${CERTIFICATE}`,
    '--tls-private-key-file=certs/api.key',
    '--token-auth-file=certs/tokens.csv',
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-account-key-file=certs/accounts.key',
    '--service-account-signing-key-file=certs/accounts.key',
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    '--kubelet-preferred-address-types=InternalIP',
    '--max-requests-inflight=2000',
    '--max-mutating-requests-inflight=1000',
    '--audit-policy-file=audit-policy.yaml',
    `--audit-log-path=${AUDIT_LOG}`,
    '--audit-log-maxsize=200',
    '--audit-log-maxbackup=3',
  ];
}

function controllersArguments(): readonly string[] {
  return [
    toolPath('kube-controller-manager'),
    `--kubeconfig=${KUBECONFIG}`,
    '--service-account-private-key-file=certs/accounts.key',
    `--root-ca-file=${CERTIFICATE}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    '--cert-dir=certs/controllers',
    '--use-service-account-credentials=false',
    '--kube-api-qps=300',
    '--kube-api-burst=600',
  ];
}

function kubeletArguments(): readonly string[] {
  return [
    toolPath('kubelet'),
    '--config=kubelet.yaml',
    `--kubeconfig=${KUBECONFIG}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
    `--root-dir=${STATE}/kubelet`,
    `--cert-dir=${STATE}/certs/kubelet`,
  ];
}

function contourArguments(): readonly string[] {
  return [
    toolPath('contour'),
    'serve',
    `--kubeconfig=${KUBECONFIG}`,
    '--insecure',
    '--xds-address=127.0.0.1',
    '--xds-port=8801',
    '--http-address=127.0.0.1',
    '--http-port=8802',
    '--health-address=127.0.0.1',
    '--health-port=8803',
    '--stats-address=127.0.0.1',
    '--stats-port=8804',
    '--config-path=contour.yaml',
    '--disable-leader-election',
    '--disable-feature=backendtlspolicies',
    '--disable-feature=tcproutes',
    '--disable-feature=tlsroutes',
    '--kubernetes-client-qps=300',
    '--kubernetes-client-burst=600',
  ];
}

async function writeEnvoyBootstrap(): Promise<void> {
  const args = ['bootstrap', '--xds-address=127.0.0.1', '--xds-port=8801', `--admin-address=${STATE}/envoy-admin.sock`];
  await run(toolPath('contour'), [...args, `--resources-dir=${STATE}/envoy`, join(STATE, 'envoy.json')]);
}

/** Every program of the bare lab. */
export const COMPONENTS: Readonly<Record<ComponentName, Component>> = {
  ...ARGOCD_COMPONENTS,
  ...FLUX_COMPONENTS,
  dns: DNS_COMPONENT,
  traefik: TRAEFIK_COMPONENT,
  istiod: ISTIO_COMPONENT,
  etcd: { argv: etcdArguments, whyNotReady: () => whyNotOk('http://127.0.0.1:2379/health') },
  containerd: { argv: () => ['containerd', '-c', 'containerd.toml'], whyNotReady: whyContainerdNotReady },
  prometheus: {
    argv: () => [
      'prometheus',
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=prometheus',
      '--web.listen-address=0.0.0.0:9090',
      '--web.enable-lifecycle',
    ],
    whyNotReady: () => whyNotOk(`${PROMETHEUS_URL}/-/ready`),
  },
  apiserver: { argv: apiserverArguments, whyNotReady: whyApiNotReady },
  controllers: { argv: controllersArguments, whyNotReady: () => whyNotOk('https://127.0.0.1:10257/healthz') },
  scheduler: {
    argv: () => [
      toolPath('kube-scheduler'),
      `--kubeconfig=${KUBECONFIG}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      '--cert-dir=certs/scheduler',
      '--kube-api-qps=300',
      '--kube-api-burst=600',
    ],
    whyNotReady: () => whyNotOk('https://127.0.0.1:10259/healthz'),
  },
  kubelet: { argv: kubeletArguments, whyNotReady: () => whyNotOk('http://127.0.0.1:10248/healthz'), prepare: ensureControlGroup },
  proxy: {
    argv: () => [
      toolPath('kube-proxy'),
      `--kubeconfig=${KUBECONFIG}`,
      '--proxy-mode=nftables',
      `--hostname-override=${NODE_NAME}`,
      '--conntrack-max-per-core=0',
    ],
    whyNotReady: () => whyNotOk('http://127.0.0.1:10256/healthz'),
  },
  discovery: { argv: () => [process.execPath, '--max-old-space-size=64', join(LAB_FOLDER, 'discovery.ts')], whyNotReady: whyNoTargets },
  contour: { argv: contourArguments, whyNotReady: () => whyNotOk('http://127.0.0.1:8803/healthz') },
  envoy: {
    argv: () => [
      toolPath('envoy'),
      '-c',
      'envoy.json',
      '--service-cluster',
      'projectcontour',
      '--service-node',
      'lab',
      // It would share memory with the Envoy of a lab beside this one.
      '--disable-hot-restart',
      '--log-level',
      'warn',
    ],
    whyNotReady: () => whyNotOk('http://127.0.0.1:8804/ready'),
    prepare: writeEnvoyBootstrap,
  },
};
