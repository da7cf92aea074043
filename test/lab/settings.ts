// Where the lab lives: its kind, folders, addresses and the variables it hands to the programs that use it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

export type LabKind = 'bare' | 'k3d';

const DEFAULT_STATE = '/var/tmp/glidepath-lab';
/** Files that the bare lab keeps while it is up; all of them go with `down`. Another folder is another lab, which can stand beside this one. */
export const STATE = resolve(process.env['GLIDEPATH_LAB_STATE'] || DEFAULT_STATE);
/** Names what a machine has only once, apart from the same of another lab. */
export const LAB_NAME =
  STATE === DEFAULT_STATE ? 'glidepath-lab' : `glidepath-lab-${createHash('sha256').update(STATE).digest('hex').slice(0, 8)}`;
/** The network namespace that holds the whole bare cluster. */
export const NETNS = LAB_NAME;
export const NETNS_PATH = `/var/run/netns/${NETNS}`;
/** The node's address: pods reach what listens in the namespace here. */
export const NODE_ADDRESS = '10.89.0.1';
export const NODE_NAME = 'node1';
export const SERVICE_RANGE = '10.96.0.0/16';
export const API_SERVICE_ADDRESS = '10.96.0.1';
/** From the part of the Service range that Kubernetes never hands out by itself. */
export const PROMETHEUS_SERVICE_ADDRESS = '10.96.0.90';
export const DNS_SERVICE_ADDRESS = '10.96.0.10';
export const GATEWAY_URL = 'http://127.0.0.1:8080';
export const PROMETHEUS_URL = 'http://127.0.0.1:9090';
export const API_URL = 'https://127.0.0.1:6443';

export const KUBECONFIG = join(STATE, 'kubeconfig');
export const CONTAINERD_SOCKET = join(STATE, 'containerd/sock');
/** One line per finished request at the API server (level Metadata). */
export const AUDIT_LOG = join(STATE, 'log/audit.log');
/** Built tools and images, kept over `down`. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'glidepath-lab');
export const LAB_FOLDER = import.meta.dirname;
export const TOOLS_FOLDER = join(LAB_FOLDER, 'tools');
export const PROJECT_FOLDER = resolve(LAB_FOLDER, '../..');

/** An error whose message is meant for the person at the terminal, without a stack. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

/** Whether a program of this name is on the PATH. */
export function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function dockerAnswers(): boolean {
  return isOnPath('docker') && spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** Where Docker answers but k3d is missing, a root on Linux is still served by the bare lab. */
function detectKind(): LabKind {
  if (!dockerAnswers()) return 'bare';
  const bareCanRun = process.platform === 'linux' && process.getuid?.() === 0;
  return isOnPath('k3d') || !bareCanRun ? 'k3d' : 'bare';
}

let kind: LabKind | undefined;

/** The kind of the lab: `GLIDEPATH_LAB_KIND`, else k3d where a Docker engine answers, else bare. */
export function labKind(): LabKind {
  const wanted = process.env['GLIDEPATH_LAB_KIND'] || process.env['LAB_KIND'];
  if (wanted === 'bare' || wanted === 'k3d') return wanted;
  if (wanted) throw new LabError(`GLIDEPATH_LAB_KIND is "${wanted}"; it can be bare or k3d.`);
  kind ??= detectKind();
  return kind;
}

/** The variables that `env` prints and `exec` sets. */
export function labEnvironment(): Readonly<Record<string, string>> {
  return {
    KUBECONFIG,
    GATEWAY_URL,
    PROMETHEUS_URL,
    LAB_KIND: labKind(),
    GLIDEPATH_LAB_STATE: STATE,
    ...(labKind() === 'bare' ? { LAB_NETNS: NETNS } : {}),
  };
}

/** The address at which pods of the lab ask Prometheus. */
export function prometheusUrlForPods(): string {
  return labKind() === 'bare' ? `http://${PROMETHEUS_SERVICE_ADDRESS}:9090` : 'http://prometheus.monitoring.svc:9090';
}
