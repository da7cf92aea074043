// The lab on a Docker engine: a k3d cluster with Contour and Prometheus as pods, at the same addresses as the bare lab.
// NOT TRIED where it was written: that machine has no Docker engine. Kept small for that reason. Known differences:
// no audit log, a change of the scrape interval loses what Prometheus has stored, k3s runs its controllers in the server.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { GATEWAY_OBJECTS, WAKE_ROUTE, type ScrapeInterval } from './configuration.ts';
import { showStep } from './progress.ts';
import { isOnPath, KUBECONFIG, LabError, STATE } from './settings.ts';
import { run, tryRun } from './shell.ts';
import { ensureDefinitions } from './tools.ts';

const CLUSTER = 'glidepath-lab';
const PROMETHEUS_IMAGE = 'prom/prometheus:v3.5.0';
const CONTOUR_FLAGS = ['backendtlspolicies', 'tcproutes', 'tlsroutes'].map((feature) => `--disable-feature=${feature}`);
const WORKLOADS: Readonly<Record<string, string>> = {
  prometheus: 'deployment/prometheus -n monitoring',
  contour: 'deployment/contour -n projectcontour',
};

function kubectl(...args: readonly string[]): Promise<string> {
  return run('kubectl', [`--kubeconfig=${KUBECONFIG}`, ...args]);
}

async function apply(objects: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const args = ['apply', '--server-side', '--field-manager=lab', '--force-conflicts', '-f', '-'];
  await run('kubectl', [`--kubeconfig=${KUBECONFIG}`, ...args], { input });
}

function ensurePrograms(): void {
  const missing = ['docker', 'k3d', 'kubectl', 'go'].filter((program) => !isOnPath(program));
  if (missing.length > 0)
    throw new LabError(`The lab on Docker needs ${missing.join(', ')} on the PATH: install what is missing and try again.`);
}

async function createCluster(): Promise<void> {
  const known = await tryRun('k3d', ['cluster', 'get', CLUSTER]);
  if (known.code === 0) await run('k3d', ['cluster', 'start', CLUSTER, '--wait']);
  else {
    const ports = ['-p', '127.0.0.1:8080:80@loadbalancer', '-p', '127.0.0.1:9090:30090@server:0'];
    const quiet = ['--kubeconfig-update-default=false', '--kubeconfig-switch-context=false', '--wait'];
    await run('k3d', ['cluster', 'create', CLUSTER, '--k3s-arg', '--disable=traefik@server:0', ...ports, ...quiet]);
  }
  mkdirSync(STATE, { recursive: true });
  writeFileSync(KUBECONFIG, await run('k3d', ['kubeconfig', 'get', CLUSTER]), { mode: 0o600 });
}

/** Contour's own manifest with the gateway it serves and without the kinds that Gateway API 1.6 dropped. */
function contourObjects(manifest: string): readonly object[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    if (document.contents === null) return [];
    const kind = document.get('kind');
    const isContour = document.getIn(['metadata', 'name']) === 'contour';
    if (kind === 'ConfigMap') document.setIn(['data', 'contour.yaml'], 'gateway:\n  gatewayRef: {namespace: default, name: edge}\n');
    if (kind === 'Deployment' && isContour) {
      for (const flag of CONTOUR_FLAGS) document.addIn(['spec', 'template', 'spec', 'containers', 0, 'args'], flag);
      document.setIn(['spec', 'replicas'], 1);
    }
    return [document.toJS() as object];
  });
}

function scrapeConfig(interval: ScrapeInterval): string {
  const meta = '__meta_kubernetes_pod';
  const common = [
    { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
    { source_labels: [`${meta}_name`], target_label: 'pod' },
    { action: 'labelmap', regex: `${meta}_label_(.+)` },
  ];
  const address = {
    source_labels: [`${meta}_ip`, `${meta}_annotation_prometheus_io_port`],
    regex: '(.+);(.+)',
    replacement: '$1:$2',
    target_label: '__address__',
  };
  const envoy = [
    { source_labels: [`${meta}_label_app`], regex: 'envoy', action: 'keep' },
    { source_labels: [`${meta}_ip`], regex: '(.+)', replacement: '$1:8002', target_label: '__address__' },
  ];
  const pods = [{ source_labels: [`${meta}_annotation_prometheus_io_scrape`], regex: 'true', action: 'keep' }, address, ...common];
  return JSON.stringify({
    global: { scrape_interval: interval, scrape_timeout: interval },
    scrape_configs: [
      // One Envoy pod shows its series on several container ports; the rewritten address makes them one target.
      {
        job_name: 'envoy',
        metrics_path: '/stats/prometheus',
        kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: ['projectcontour'] } }],
        relabel_configs: envoy,
      },
      { job_name: 'pods', kubernetes_sd_configs: [{ role: 'pod' }], relabel_configs: pods },
    ],
  });
}

function prometheusObjects(interval: ScrapeInterval): readonly object[] {
  const metadata = { name: 'prometheus', namespace: 'monitoring' };
  const args = ['--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus'];
  const container = {
    name: 'prometheus',
    image: PROMETHEUS_IMAGE,
    args,
    ports: [{ containerPort: 9090 }],
    volumeMounts: [{ name: 'config', mountPath: '/etc/prometheus' }],
  };
  const pod = {
    serviceAccountName: 'prometheus',
    containers: [container],
    volumes: [{ name: 'config', configMap: { name: 'prometheus' } }],
  };
  // A changed interval changes the template, so that the Deployment starts Prometheus anew with it.
  const template = { metadata: { labels: { app: 'prometheus' }, annotations: { interval } }, spec: pod };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'lab-prometheus' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'lab-prometheus' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'lab-prometheus' },
      subjects: [{ kind: 'ServiceAccount', name: 'prometheus', namespace: 'monitoring' }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'prometheus.yml': scrapeConfig(interval) } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: { app: 'prometheus' } }, strategy: { type: 'Recreate' }, template },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'NodePort', selector: { app: 'prometheus' }, ports: [{ port: 9090, nodePort: 30090 }] },
    },
  ];
}

async function waitForWorkloads(): Promise<void> {
  await kubectl('rollout', 'status', 'deployment/contour', '-n', 'projectcontour', '--timeout=300s');
  await kubectl('rollout', 'status', 'daemonset/envoy', '-n', 'projectcontour', '--timeout=300s');
  await kubectl('rollout', 'status', 'deployment/prometheus', '-n', 'monitoring', '--timeout=300s');
  await kubectl('wait', '--for=condition=Programmed', 'gateway/edge', '-n', 'default', '--timeout=120s');
}

/** Brings the cluster up, or starts it again when it exists. */
export async function upK3d(): Promise<void> {
  ensurePrograms();
  const definitions = await ensureDefinitions();
  await showStep('k3d cluster (usually 1 min)', createCluster);
  await showStep('Gateway and Prometheus (usually 1 min)', async () => {
    await kubectl('apply', '--server-side', '--force-conflicts', '-f', join(definitions, 'crds'));
    await kubectl('wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all');
    await apply(GATEWAY_OBJECTS);
    await apply(contourObjects(readFileSync(join(definitions, 'contour-in-cluster.yaml'), 'utf8')));
    await apply([...prometheusObjects('1s'), WAKE_ROUTE]);
    await waitForWorkloads();
  });
}

/** Deletes the cluster. */
export async function downK3d(): Promise<void> {
  if (isOnPath('k3d')) await run('k3d', ['cluster', 'delete', CLUSTER]);
  rmSync(STATE, { recursive: true, force: true });
}

/** Prints nodes and pods; 1 when the cluster does not answer. */
export async function statusK3d(): Promise<number> {
  const { code, stdout, stderr } = await tryRun('kubectl', [
    `--kubeconfig=${KUBECONFIG}`,
    'get',
    'nodes,pods',
    '--all-namespaces',
    '-o',
    'wide',
  ]);
  process.stdout.write(code === 0 ? stdout : `The lab (k3d) is down: ${stderr.trim()}\n`);
  return code === 0 ? 0 : 1;
}

/** Ends (0) or starts (1) one part and waits until that is so. */
export async function scaleK3d(name: string, replicas: 0 | 1): Promise<void> {
  if (name === 'envoy') {
    const selector = replicas === 0 ? { 'glidepath-lab/away': 'true' } : { 'glidepath-lab/away': null };
    await kubectl(
      'patch',
      'daemonset/envoy',
      '-n',
      'projectcontour',
      '-p',
      JSON.stringify({ spec: { template: { spec: { nodeSelector: selector } } } }),
    );
    await kubectl('rollout', 'status', 'daemonset/envoy', '-n', 'projectcontour', '--timeout=120s');
    return;
  }
  const workload = WORKLOADS[name]?.split(' ');
  if (workload === undefined) throw new LabError(`${name} is a part of k3s and cannot be stopped alone on k3d; use the bare lab for that.`);
  await kubectl('scale', ...workload, `--replicas=${replicas}`);
  await kubectl('rollout', 'status', ...workload, '--timeout=120s');
}

/** Makes Prometheus scrape this often; it starts anew and forgets what it had. */
export async function scrapeK3d(interval: ScrapeInterval): Promise<void> {
  await apply(prometheusObjects(interval));
  await kubectl('rollout', 'status', 'deployment/prometheus', '-n', 'monitoring', '--timeout=120s');
}

/** Loads an image of the Docker engine into the cluster. */
export async function loadK3dImage(tag: string): Promise<void> {
  await run('k3d', ['image', 'import', tag, '--cluster', CLUSTER]);
}
