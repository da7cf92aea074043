// A background program of the bare lab: watches the pods and tells Prometheus which of them to scrape, by a file.
// Debian's Prometheus is built without Kubernetes discovery; the labels are those that discovery would give.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingMessage } from 'node:http';
import { API_URL, STATE } from './settings.ts';

export const TARGETS_FILE = join(STATE, 'targets/pods.json');

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

interface Target {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** What Prometheus scrapes of a pod: only running ones with the annotations `prometheus.io/scrape` and `prometheus.io/port`. */
export function targetOf(pod: Pod): Target | undefined {
  const { name, namespace, labels = {}, annotations = {} } = pod.metadata;
  const port = annotations['prometheus.io/port'];
  const address = pod.status?.podIP;
  const wanted = annotations['prometheus.io/scrape'] === 'true' && pod.status?.phase === 'Running';
  if (!wanted || port === undefined || address === undefined) return undefined;
  const podLabels = Object.entries(labels).map(([key, value]) => [key.replaceAll(/\W/g, '_'), value] as const);
  const path = annotations['prometheus.io/path'] ?? '/metrics';
  return { targets: [`${address}:${port}`], labels: { ...Object.fromEntries(podLabels), namespace, pod: name, __metrics_path__: path } };
}

let written = '';

function writeTargets(pods: Iterable<Pod>): void {
  const targets = [...pods].flatMap((pod) => targetOf(pod) ?? []);
  const text = JSON.stringify(targets);
  if (text === written) return;
  mkdirSync(dirname(TARGETS_FILE), { recursive: true });
  writeFileSync(`${TARGETS_FILE}.new`, text);
  renameSync(`${TARGETS_FILE}.new`, TARGETS_FILE);
  written = text;
}

function open(path: string): Promise<IncomingMessage> {
  const ca = readFileSync(join(STATE, 'certs/api.crt'));
  const authorization = `Bearer ${readFileSync(join(STATE, 'certs/token'), 'utf8')}`;
  return new Promise((resolve, reject) => {
    get(`${API_URL}${path}`, { ca, headers: { authorization } }, resolve).on('error', reject);
  });
}

async function readJson(path: string): Promise<unknown> {
  const response = await open(path);
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`);
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return JSON.parse(text);
}

/** Lists the pods once and follows them until the watch ends. */
async function followPods(): Promise<void> {
  const list = (await readJson('/api/v1/pods')) as { metadata: { resourceVersion: string }; items: Pod[] };
  const pods = new Map(list.items.map((pod) => [pod.metadata.uid, pod]));
  writeTargets(pods.values());
  const watch = await open(`/api/v1/pods?watch=1&resourceVersion=${list.metadata.resourceVersion}`);
  for await (const line of createInterface({ input: watch })) {
    const { type, object } = JSON.parse(line) as { type: string; object: Pod };
    if (type === 'ERROR') return;
    if (type === 'DELETED') pods.delete(object.metadata.uid);
    else pods.set(object.metadata.uid, object);
    writeTargets(pods.values());
  }
}

/** Follows the pods for ever; a broken watch starts again. */
async function discoverForEver(): Promise<never> {
  for (;;) {
    await followPods().catch((error: unknown) => console.error(String(error)));
    await delay(500);
  }
}

if (import.meta.main) await discoverForEver();
