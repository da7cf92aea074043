// Where series come from: two replicas of one Prometheus without deduplication count every request twice, and two clusters that write
// to one Prometheus have Services of the same name.

import type { Sample, Series } from './series.ts';

/** Labels of the replicas of a Prometheus, or of a store. What is equal but for these is the same series. */
export const REPLICA_LABELS: readonly string[] = [
  'prometheus_replica',
  '__replica__',
  'replica',
  'thanos_replica',
  'receive_replica',
  'rule_replica',
  'prometheus',
];
/** Labels of clusters and environments. */
const CLUSTER_LABELS = [
  'cluster',
  'cluster_id',
  'cluster_name',
  'clusterName',
  'k8s_cluster',
  'k8s_cluster_name',
  'kube_cluster',
  'kubernetes_cluster',
  'environment',
  'env',
  'datacenter',
];
/** A replica whose newest sample is older than the others' by more than this has stopped. */
const STOPPED_MS = 60_000;

/** Each series once: of those that differ in a label of replicas only, one that still gets samples, with earlier samples of the others. */
export function dropReplicas(series: readonly Series[]): readonly Series[] {
  if (!series.some(({ labels }) => REPLICA_LABELS.some((label) => label in labels))) return series;
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map(mergeReplicas);
}

function keyOf({ labels }: Series): string {
  const entries = Object.entries(labels).filter(([label]) => !REPLICA_LABELS.includes(label));
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Always the same one as long as it lives: scrapes of two replicas lie apart, and a change between them would count some time twice. */
function mergeReplicas(group: readonly Series[]): Series {
  const newestMs = Math.max(...group.map(newestOf));
  const alive = group.filter((one) => newestOf(one) >= newestMs - STOPPED_MS).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const [chosen = { labels: {}, samples: [] }] = alive;
  const firstMs = chosen.samples[0]?.atMs ?? 0;
  const earlier = group.filter((one) => one !== chosen && (one.samples[0]?.atMs ?? firstMs) < firstMs);
  const [longest] = earlier.sort((a, b) => (a.samples[0]?.atMs ?? 0) - (b.samples[0]?.atMs ?? 0));
  const before: readonly Sample[] = longest?.samples.filter(({ atMs }) => atMs < firstMs) ?? [];
  return before.length === 0 ? chosen : { ...chosen, samples: [...before, ...chosen.samples] };
}

function newestOf({ samples }: Series): number {
  return samples.at(-1)?.atMs ?? 0;
}

function nameOf({ labels }: Series): string {
  return REPLICA_LABELS.map((label) => labels[label] ?? '').join('/');
}

/** Series of one Service that come from several clusters. */
export interface Mixture {
  readonly label: string;
  /** In the order of the alphabet; an empty one stands for series without the label. */
  readonly values: readonly string[];
}

/** The first label of clusters by which these series differ; undefined where they are of one cluster. */
export function findMixture(series: readonly Series[]): Mixture | undefined {
  for (const label of CLUSTER_LABELS) {
    const values = [...new Set(series.map(({ labels }) => labels[label] ?? ''))].sort();
    if (values.length > 1) return { label, values };
  }
  return undefined;
}

const MOST_VALUES = 4;

/** What was found, and the setting that separates them. */
export function describeMixture({ label, values }: Mixture): string {
  const named = values.map((value) => (value === '' ? `no ${label}` : `${label}="${value}"`));
  const shown = [...named.slice(0, MOST_VALUES), ...(named.length > MOST_VALUES ? [`${named.length - MOST_VALUES} more`] : [])];
  return `the series of the Services are of several clusters (${shown.join(', ')}); set spec.analysis.metrics.matchers.${label} to the value of this cluster${values.includes('') ? ' ("" for none)' : ''}, or start the operator with --prometheus-matchers ${label}=VALUE`;
}
