// An operator with nothing to do: releases that were promoted and have no new revision, beside a crowd that is none of its
// business: Deployments without pods, and EndpointSlices that change all the time.
//
// What is measured:
// - synced-seconds: from the start of the process until /readyz says that all watches are synced.
// - idle-api-requests-per-minute: finished requests of the operator's account in the audit log over a minute, watches and the
//   lease left out (there is no lease with one replica).
// - idle-cpu-percent, idle-rss-mb: of the process over that minute and at its end, from /proc.

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { say, showStep } from '../lab/progress.ts';
import { AuditReader } from './audit.ts';
import { Cluster } from './cluster.ts';
import { type App, createApps, createReleases, crowdOf, dropCrowds, inBatches, servicesOf } from './crowd.ts';
import { printFigure } from './figures.ts';
import { applyRights, buildOperator, OPERATOR_USER, type OperatorProcess, startOperator } from './operator-process.ts';

const PREFIX = 'bench-idle';
const FOREIGN_DEPLOYMENTS = 2_000;
const FOREIGN_SLICES = 200;
const CHURN_MS = 200;
const MEASURED_MS = 60_000;
/** What a start leaves to do (first statuses, garbage) is done by then. */
const CALM_MS = 10_000;
const MOST_CALM_CHECKS = 20;
/** Clock ticks a second of /proc/PID/stat: 100 on every Linux that Node runs on. */
const TICKS = 100;

/** As a promotion leaves it, so far as the operator reads it. It writes the rest itself when it sees the release. */
function promotedStatus(name: string): object {
  const [serving, canary] = servicesOf(name);
  return {
    status: {
      observedGeneration: 1,
      phase: 'Promoted',
      state: 'promoted',
      stateVersion: 1,
      weight: 0,
      serving: { service: serving, revision: '1' },
      settled: { service: canary, templateHashes: [] },
    },
  };
}

function foreignDeployment(namespace: string, index: number): object {
  const labels = { app: `foreign-${index}` };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'example.com/foreign:1' }] } };
  const metadata = { name: `foreign-${index}`, namespace };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 0, selector: { matchLabels: labels }, template } };
}

function foreignSlice(namespace: string, index: number, turn: number): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `foreign-${index}`, namespace, labels: { 'kubernetes.io/service-name': `foreign-${index}` } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    endpoints: [{ addresses: [`10.201.${turn % 250}.${(index % 250) + 1}`], conditions: { ready: turn % 2 === 0 } }],
  };
}

async function createForeign(cluster: Cluster, namespace: string): Promise<void> {
  await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]);
  const numbers = Array.from({ length: FOREIGN_DEPLOYMENTS }, (_, index) => index);
  await inBatches(numbers, (index) => cluster.apply([foreignDeployment(namespace, index)]));
  await inBatches(numbers.slice(0, FOREIGN_SLICES), (index) => cluster.apply([foreignSlice(namespace, index, 0)]));
}

/** Changes one foreign slice after the other until the returned function is called, which says how many changes were made. */
function startChurn(cluster: Cluster, namespace: string): () => number {
  let turn = 0;
  const timer = setInterval(() => {
    turn += 1;
    cluster.apply([foreignSlice(namespace, turn % FOREIGN_SLICES, turn)]).catch((error: unknown) => say(`churn: ${String(error)}`));
  }, CHURN_MS);
  return () => {
    clearInterval(timer);
    return turn;
  };
}

/** Requests of the operator since the reader was made, watches and the lease left out, by verb and kind. */
function countRequests(audit: AuditReader): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { verb, requestURI, objectRef } of audit.read(OPERATOR_USER)) {
    if (verb === 'watch' || objectRef?.resource === 'leases') continue;
    const what = `${verb} ${objectRef?.resource ?? requestURI}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return counts;
}

/** Waits until the operator has asked and written nothing for a while. */
async function untilCalm(): Promise<void> {
  for (let check = 0; check < MOST_CALM_CHECKS; check += 1) {
    const audit = new AuditReader();
    await delay(CALM_MS / 2);
    const calm = countRequests(audit).size === 0;
    audit.close();
    if (calm) return;
  }
}

function readCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function readRssMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1_024;
}

async function measureIdle(cluster: Cluster, operator: OperatorProcess, namespace: string): Promise<void> {
  await delay(CALM_MS);
  const audit = new AuditReader();
  const cpuBefore = readCpuSeconds(operator.pid);
  const startedAt = performance.now();
  const endChurn = startChurn(cluster, namespace);
  await showStep('One idle minute', () => delay(MEASURED_MS));
  const changes = endChurn();
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuPercent = ((readCpuSeconds(operator.pid) - cpuBefore) / seconds) * 100;
  const counts = countRequests(audit);
  audit.close();
  say(`  ${changes} foreign changes; requests: ${[...counts].map(([what, count]) => `${count} ${what}`).join(', ') || 'none'}`);
  printFigure('idle-api-requests-per-minute', ([...counts.values()].reduce((sum, count) => sum + count, 0) / seconds) * 60, 'requests/min');
  printFigure('idle-cpu-percent', cpuPercent, '%');
  printFigure('idle-rss-mb', readRssMb(operator.pid), 'MiB');
}

async function prepare(cluster: Cluster, apps: readonly App[], foreign: string): Promise<void> {
  await showStep(`${apps.length} releases, promoted`, async () => {
    await createApps(cluster, apps);
    await createReleases(cluster, apps, {});
    await inBatches(apps, ({ namespace, name }) => cluster.merge('CanaryRelease', namespace, name, promotedStatus(name), 'status'));
  });
  await showStep(`${FOREIGN_DEPLOYMENTS} foreign Deployments`, () => createForeign(cluster, foreign));
}

/** Runs the benchmark. */
export async function runIdle(count: number): Promise<void> {
  await buildOperator();
  await applyRights();
  const cluster = new Cluster();
  const apps = crowdOf(`${PREFIX}-${process.pid}`, count);
  const foreign = `${PREFIX}-foreign-${process.pid}`;
  // Nobody answers there, and nobody is to be asked.
  const flags = ['--prometheus-url=http://127.0.0.1:9', '--log-level=error'];
  try {
    await dropCrowds(cluster, PREFIX);
    await prepare(cluster, apps, foreign);
    const first = await startOperator(cluster, flags);
    await showStep('A first operator completes the statuses', untilCalm);
    await first.stop();
    const operator = await startOperator(cluster, flags);
    printFigure('synced-seconds', operator.readySeconds, 's');
    try {
      await measureIdle(cluster, operator, foreign);
    } finally {
      await operator.stop();
    }
  } finally {
    await showStep('Clearing up', () => dropCrowds(cluster, PREFIX));
    await cluster.close();
  }
}
