import { describe, expect, test } from 'vitest';
import { describeMixture, dropReplicas, findMixture } from '../../../../src/core/analysis/origins.ts';
import type { Series } from '../../../../src/core/analysis/series.ts';

function series(labels: Readonly<Record<string, string>>, ...seconds: readonly number[]): Series {
  return { labels, samples: seconds.map((at) => ({ atMs: at * 1_000, value: at })) };
}

describe('replicas of one Prometheus', () => {
  const a = series({ code: '200', prometheus_replica: 'a' }, 5, 10, 15);
  const b = series({ code: '200', prometheus_replica: 'b' }, 7, 12, 17);

  test('a series that both have is one, and it is always that of the same replica', () => {
    expect(dropReplicas([b, a])).toEqual([a]);
    expect(dropReplicas([series({ code: '200', prometheus_replica: 'b' }, 7, 12), a])).toEqual([a]);
  });

  test('a replica that stopped gives way, with the samples that it had before', () => {
    const late = series({ code: '200', prometheus_replica: 'b' }, 12, 100);
    expect(dropReplicas([a, late])).toEqual([{ labels: late.labels, samples: [...a.samples.slice(0, 2), ...late.samples] }]);
  });

  test('a replica without any sample gives way to one that has some, and alone it stays', () => {
    const empty = series({ code: '200', prometheus_replica: 'b' });
    expect(dropReplicas([a, empty])).toEqual([a]);
    expect(dropReplicas([empty])).toEqual([empty]);
    const unnamed = series({ code: '200' }, 5);
    expect(dropReplicas([unnamed, series({ code: '200', prometheus_replica: 'b' }, 6)])).toEqual([unnamed]);
  });

  test('shards, each with series of its own, stay as they are', () => {
    const shard = series({ code: '200', pod: 'x', prometheus_replica: 'b' }, 7);
    expect(dropReplicas([a, shard])).toEqual([a, shard]);
  });

  test('without such a label nothing is touched', () => {
    const plain = [series({ code: '200' }, 5), series({ code: '200' }, 5)];
    expect(dropReplicas(plain)).toBe(plain);
  });
});

describe('series of several clusters', () => {
  test('series of several clusters are found by a label of clusters, also where some have none', () => {
    expect(findMixture([series({ cluster: 'us-2' }), series({})])).toEqual({ label: 'cluster', values: ['', 'us-2'] });
    expect(findMixture([series({ k8s_cluster_name: 'b' }), series({ k8s_cluster_name: 'a' })])).toEqual({
      label: 'k8s_cluster_name',
      values: ['a', 'b'],
    });
  });

  test('series of one cluster, and those that differ in pods and codes, are no mixture', () => {
    expect(
      findMixture([series({ cluster: 'eu', pod: 'a', code: '200' }), series({ cluster: 'eu', pod: 'b', code: '503' })]),
    ).toBeUndefined();
    expect(findMixture([])).toBeUndefined();
  });

  test('the setting that separates them is named', () => {
    expect(describeMixture({ label: 'cluster', values: ['', 'us-2'] })).toBe(
      'the series of the Services are of several clusters (no cluster, cluster="us-2"); set spec.analysis.metrics.matchers.cluster to the value of this cluster ("" for none), or start the operator with --prometheus-matchers cluster=VALUE',
    );
    expect(describeMixture({ label: 'env', values: ['a', 'b', 'c', 'd', 'e', 'f'] })).toContain('env="d", 2 more)');
  });
});
