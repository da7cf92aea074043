import { describe, expect, test } from 'vitest';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, reasonsOf, untilState } from '../fixtures/story.ts';

const STAGES = [
  { weight: 20, duration: '20m' },
  { weight: 50, duration: '20m' },
];
const SERVICES = [{ name: 'v1' }, { name: 'v2' }] as const;
const RQ = 'envoy_cluster_upstream_rq';
const CHECKS_ONLY = { comparison: { mode: 'Off' as const } };

/** A counter of the canary's Envoy cluster that is another one's, or another gateway's. */
function addSeries(
  world: MemoryWorld,
  code: string,
  labels: Readonly<Record<string, string>>,
  valueAt: (seconds: number) => number | undefined,
  service = 'v2',
) {
  const began = world.clock.now();
  world.prometheus.others.push({
    labels: { __name__: RQ, envoy_cluster_name: `shop_${service}_80`, envoy_response_code: code, ...labels },
    valueAt: (atMs) => valueAt((atMs - began) / 1_000),
  });
}

describe('one Prometheus for two clusters', () => {
  const growing = (seconds: number) => 1_000 + Math.floor(5 * (seconds + 10_000));

  test('a Service of the same name that fails in another cluster blocks the release before the first weight, and says what to set', async () => {
    const world = buildStore();
    addSeries(world, '503', { cluster: 'us-2' }, growing);
    await world.run(60_000);
    world.createRelease('web', { services: [...SERVICES], stages: STAGES });
    await world.run(60_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked', weight: 0 });
    expect(world.status('web')?.message).toContain(
      'SeriesMixed: the series of the Services are of several clusters (no cluster, cluster="us-2")',
    );
    expect(world.status('web')?.message).toContain('spec.analysis.metrics.matchers.cluster');
    expect(reasonsOf(world)).toContain('Blocked');
    expect(world.share('store', 'v1', 'v2')).toBe(0);
  });

  test('with a matcher a healthy canary is untouched by the failures of the other cluster', async () => {
    const world = buildStore();
    addSeries(world, '503', { cluster: 'us-2' }, growing);
    await world.run(60_000);
    world.createRelease('web', { services: [...SERVICES], analysis: { metrics: { matchers: { cluster: '' } } } });
    await untilState(world, 'promoted');
    expect(world.status('web')?.release?.failedRequests ?? 0).toBe(0);
  });

  test('a matcher that is set later lets a blocked release begin', async () => {
    const world = buildStore();
    addSeries(world, '503', { cluster: 'us-2' }, growing);
    await world.run(60_000);
    world.createRelease('web', { services: [...SERVICES] });
    await world.run(60_000);
    world.editSpec('web', (spec) => ({ ...spec, analysis: { metrics: { matchers: { cluster: '' } } } }));
    await untilState(world, 'promoted');
  });
});

describe('a gateway that comes back after a gap', () => {
  /** What a second gateway counted last week, without samples between second 90 and second 330. */
  const away = (value: number) => (seconds: number) => (seconds > 90 && seconds < 330 ? undefined : value);

  test('the life of a gateway that comes back is not counted as new by checks', async () => {
    const world = buildStore();
    addSeries(world, '200', { instance: 'envoy-b' }, away(20_000));
    addSeries(world, '503', { instance: 'envoy-b' }, away(2_000));
    world.createRelease('web', { services: [...SERVICES], stages: STAGES, analysis: CHECKS_ONLY });
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({ state: 'stage.analyzing', verdict: 'Pass', checks: [{ name: 'errors', value: '0%' }] });
    expect(world.status('web')?.release?.failedRequests ?? 0).toBe(0);
    expect(world.status('web')?.checks?.[0]?.requests).toBeLessThan(700);
  });

  test('the comparison goes on, and no split mismatch is found', async () => {
    const world = buildStore();
    addSeries(world, '200', { instance: 'envoy-b' }, away(20_000));
    addSeries(world, '503', { instance: 'envoy-b' }, away(2_000));
    world.createRelease('web', { services: [...SERVICES], stages: STAGES });
    await world.run(600_000);
    expect(world.status('web')).toMatchObject({ state: 'stage.analyzing', verdict: 'Pass' });
    expect(reasonsOf(world)).not.toContain('TrafficSplitMismatch');
  });

  test('the first bad answers of a gateway that is new are counted', async () => {
    const world = buildStore();
    world.createRelease('web', { services: [...SERVICES], stages: STAGES, analysis: CHECKS_ONLY });
    await world.run(60_000);
    addSeries(world, '503', { instance: 'envoy-b' }, (seconds) => (seconds < 0 ? undefined : 200));
    await world.run(15_000);
    expect(world.status('web')?.release?.failedRequests).toBe(200);
  });
});

describe('two replicas of Prometheus without deduplication', () => {
  test('each request is counted once', async () => {
    const world = buildStore();
    world.prometheus.replicas = ['prometheus-0', 'prometheus-1'];
    await world.run(60_000);
    world.createRelease('web', { services: [...SERVICES], stages: [{ weight: 20, duration: '5m' }] });
    await untilState(world, 'stage.analyzing');
    await world.run(120_000);
    // 50 requests/s, of which the canary has a fifth.
    expect(world.status('web')?.release?.stageRequests).toBeLessThan(1_250);
    expect(world.status('web')?.checks?.[0]?.requests).toBeLessThan(650);
  });
});
