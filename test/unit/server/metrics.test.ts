import { describe, expect, test } from 'vitest';
import type { CanaryRelease } from '../../../src/api/release.ts';
import { createMetrics, type MetricsOptions, type OperatorMetrics } from '../../../src/server/metrics.ts';

function releaseNamed(
  name: string,
  status?: { readonly phase: string; readonly weight: number; readonly progress?: string },
): CanaryRelease {
  return { metadata: { namespace: 'shop', name, uid: name }, ...(status === undefined ? {} : { status }) } as unknown as CanaryRelease;
}

function setUp(options: MetricsOptions = {}): OperatorMetrics {
  return createMetrics({ processMetrics: false, ...options });
}

/** Lines of the exposition that hold samples of one metric. */
async function samples(metrics: OperatorMetrics, name: string): Promise<readonly string[]> {
  const text = await metrics.render();
  return text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
}

describe('the metrics of releases', () => {
  test('the metrics of releases show weight, stage and phase', async () => {
    const metrics = setUp();
    metrics.telemetry.release(releaseNamed('api', { phase: 'Analyzing', weight: 25, progress: '2/3' }));
    expect(await samples(metrics, 'glidepath_release_weight')).toEqual(['glidepath_release_weight{namespace="shop",name="api"} 25']);
    expect(await samples(metrics, 'glidepath_release_stage')).toEqual(['glidepath_release_stage{namespace="shop",name="api"} 2']);
    expect(await samples(metrics, 'glidepath_release_phase')).toEqual([
      'glidepath_release_phase{namespace="shop",name="api",phase="Analyzing"} 1',
    ]);
  });

  test('the metrics of releases have one phase at a time', async () => {
    const metrics = setUp();
    for (const phase of ['Analyzing', 'Analyzing', 'Promoting', 'Promoted']) {
      metrics.telemetry.release(releaseNamed('api', { phase, weight: 100 }));
      expect(await samples(metrics, 'glidepath_release_phase')).toEqual([
        `glidepath_release_phase{namespace="shop",name="api",phase="${phase}"} 1`,
      ]);
    }
  });

  test('the metrics of releases begin before a release has a status', async () => {
    const metrics = setUp();
    metrics.telemetry.release(releaseNamed('api'));
    expect(await samples(metrics, 'glidepath_release_weight')).toEqual(['glidepath_release_weight{namespace="shop",name="api"} 0']);
    expect(await samples(metrics, 'glidepath_release_stage')).toEqual(['glidepath_release_stage{namespace="shop",name="api"} 0']);
    expect(await samples(metrics, 'glidepath_release_phase')).toEqual([]);
  });

  test('the metrics of releases go with the release and leave those of others', async () => {
    const metrics = setUp();
    for (const name of ['api', 'web']) metrics.telemetry.release(releaseNamed(name, { phase: 'Idle', weight: 0 }));
    metrics.telemetry.forget('shop', 'api');
    metrics.telemetry.forget('shop', 'never-seen');
    const text = await metrics.render();
    expect(text).not.toContain('name="api"');
    expect(text.match(/name="web"/g)).toHaveLength(3);
    metrics.telemetry.release(releaseNamed('api', { phase: 'Idle', weight: 0 }));
    expect(await samples(metrics, 'glidepath_release_phase')).toHaveLength(2);
  });
});

describe('the counters', () => {
  test('the counters count steps, verdicts, looks, and drift without naming a release, and rollbacks by release', async () => {
    const metrics = setUp();
    const { telemetry } = metrics;
    const release = releaseNamed('api');
    telemetry.transition(release, 'Analyzing', 'RollingBack', 'ErrorRatio', 'errors 3%');
    telemetry.verdict(release, 'errors', 'Fail');
    telemetry.verdict(release, 'errors', 'Fail');
    telemetry.look(release);
    telemetry.drift(release);
    expect(await samples(metrics, 'glidepath_transitions_total')).toEqual([
      'glidepath_transitions_total{from="Analyzing",to="RollingBack",reason="ErrorRatio"} 1',
    ]);
    expect(await samples(metrics, 'glidepath_verdicts_total')).toContain('glidepath_verdicts_total{check="errors",verdict="Fail"} 2');
    expect(await samples(metrics, 'glidepath_looks_total')).toEqual(['glidepath_looks_total 1']);
    expect(await samples(metrics, 'glidepath_route_drift_total')).toEqual(['glidepath_route_drift_total 1']);
    expect(await metrics.render()).not.toContain('name="api"');
    telemetry.rollback(release, 'ErrorRatio');
    const { namespace } = release.metadata;
    expect(await samples(metrics, 'glidepath_rollbacks_total')).toEqual([
      `glidepath_rollbacks_total{namespace="${namespace}",name="api",reason="ErrorRatio"} 1`,
    ]);
    telemetry.forget(namespace, 'api');
    expect(await metrics.render()).not.toContain('name="api"');
  });

  test('the conditions of a release that are trouble have a series while they are, and the others have none', async () => {
    const metrics = setUp();
    const release = releaseNamed('api');
    const withConditions = (...conditions: readonly (readonly [type: string, status: string])[]) => ({
      ...release,
      status: { observedGeneration: 1, conditions: conditions.map(([type, status]) => ({ type, status })) },
    });
    const types = async () =>
      (await samples(metrics, 'glidepath_release_condition')).map((line) => /type="([A-Za-z]+)"/.exec(line)?.[1] ?? '').toSorted();
    metrics.telemetry.release(withConditions(['RouteContested', 'True'], ['MetricsAvailable', 'False'], ['Ready', 'False']) as never);
    expect(await types()).toEqual(['NotMetricsAvailable', 'RouteContested']);
    metrics.telemetry.release(withConditions(['RouteContested', 'False'], ['MetricsAvailable', 'True'], ['Stalled', 'True']) as never);
    expect(await types()).toEqual(['Stalled']);
    metrics.telemetry.forget(release.metadata.namespace, 'api');
    expect(await types()).toEqual([]);
  });

  test('the counters begin at 0 wherever their labels are known beforehand', async () => {
    const metrics = setUp({ watchKinds: ['HTTPRoute'] });
    metrics.telemetry.verdict(releaseNamed('api'), 'p99', 'Pass');
    expect(await samples(metrics, 'glidepath_verdicts_total')).toEqual([
      'glidepath_verdicts_total{check="p99",verdict="Pass"} 1',
      'glidepath_verdicts_total{check="p99",verdict="Fail"} 0',
      'glidepath_verdicts_total{check="p99",verdict="Inconclusive"} 0',
      'glidepath_verdicts_total{check="p99",verdict="Unavailable"} 0',
    ]);
    expect(await samples(metrics, 'glidepath_route_writes_total')).toEqual(
      ['ok', 'guard', 'forbidden', 'invalid', 'error'].map((result) => `glidepath_route_writes_total{result="${result}"} 0`),
    );
    expect(await samples(metrics, 'glidepath_watch_restarts_total')).toEqual(['glidepath_watch_restarts_total{kind="HTTPRoute"} 0']);
    expect(await samples(metrics, 'glidepath_leader')).toEqual(['glidepath_leader 0']);
  });

  test('the counters count route writes by result and watch restarts by kind', async () => {
    const metrics = setUp();
    metrics.telemetry.routeWrite('guard');
    metrics.watchRestarted('HTTPRoute');
    expect(await samples(metrics, 'glidepath_route_writes_total')).toContain('glidepath_route_writes_total{result="guard"} 1');
    expect(await samples(metrics, 'glidepath_watch_restarts_total')).toEqual(['glidepath_watch_restarts_total{kind="HTTPRoute"} 1']);
  });
});

test('times are observed in seconds', async () => {
  const metrics = setUp();
  metrics.telemetry.querySeconds(0.3);
  metrics.telemetry.reconcileSeconds(0.02);
  metrics.telemetry.rollbackSeconds(1.5);
  metrics.queue.waited(4);
  metrics.queue.worked(7);
  const sums = (await metrics.render()).split('\n').filter((line) => line.includes('_seconds_sum'));
  expect(sums.toSorted()).toEqual([
    'glidepath_query_seconds_sum 0.3',
    'glidepath_reconcile_seconds_sum 0.02',
    'glidepath_rollback_seconds_sum 1.5',
    'glidepath_workqueue_wait_seconds_sum 4',
    'glidepath_workqueue_work_seconds_sum 7',
  ]);
});

test('the work queue shows depth, running keys, adds and retries', async () => {
  const metrics = setUp();
  metrics.queue.added('urgent');
  metrics.queue.depth(3);
  metrics.queue.running(2);
  metrics.queue.retried();
  expect(await samples(metrics, 'glidepath_workqueue_adds_total')).toEqual([
    'glidepath_workqueue_adds_total{priority="urgent"} 1',
    'glidepath_workqueue_adds_total{priority="normal"} 0',
  ]);
  expect(await samples(metrics, 'glidepath_workqueue_depth')).toEqual(['glidepath_workqueue_depth 3']);
  expect(await samples(metrics, 'glidepath_workqueue_running')).toEqual(['glidepath_workqueue_running 2']);
  expect(await samples(metrics, 'glidepath_workqueue_retries_total')).toEqual(['glidepath_workqueue_retries_total 1']);
});

test('the leader is the replica that acts', async () => {
  const metrics = setUp();
  metrics.setLeader(true);
  expect(await samples(metrics, 'glidepath_leader')).toEqual(['glidepath_leader 1']);
  metrics.setLeader(false);
  expect(await samples(metrics, 'glidepath_leader')).toEqual(['glidepath_leader 0']);
});

test('the process is measured too unless that is switched off, and two registries do not meet', async () => {
  const [first, second] = [createMetrics(), setUp()];
  first.telemetry.look(releaseNamed('api'));
  expect(await first.render()).toContain('process_resident_memory_bytes');
  expect(await second.render()).not.toContain('process_');
  expect(await samples(second, 'glidepath_looks_total')).toEqual(['glidepath_looks_total 0']);
});

test('every metric has a help text and the prefix of the operator', async () => {
  const text = await setUp().render();
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
  const helped = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name = '']) => name);
  expect(helped).toEqual(names);
  expect(names.filter((name) => !name.startsWith('glidepath_'))).toEqual([]);
  const promised = [
    'release_weight release_phase release_stage release_condition transitions_total verdicts_total rollbacks_total rollback_seconds',
    'route_writes_total route_drift_total foreign_status_total looks_total query_seconds reconcile_seconds watch_restarts_total leader',
  ];
  for (const name of promised.join(' ').split(' ')) expect(names).toContain(`glidepath_${name}`);
});
