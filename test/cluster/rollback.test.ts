// A bad version goes home by itself, whatever shows that it is bad, and stays there.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleDeployment } from '../lab/sample.ts';
import type { App } from '../fixtures/cluster/app.ts';
import { Stand } from '../fixtures/cluster/stand.ts';
import { expectNothingAfterHome, expectNothingLeft, sharesOf, trajectoryOf } from '../fixtures/cluster/trajectory.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open({
    name: 'rollback',
    versions: {
      one: { version: 'v1' },
      two: { version: 'v2' },
      bad: { version: 'bad', errorRate: 0.3 },
      slow: { version: 'slow', delayMs: 400 },
      fragile: { version: 'fragile' },
    },
    flags: ['--allow-queries'],
  });
});

afterAll(() => stand?.close());

const LONG = [{ weight: 50, duration: '60s' }];

/** Rolled back for this reason, to the weights that were there before, with nothing left behind. */
async function expectRolledBack(app: App, reason: string): Promise<void> {
  const status = await app.untilPhase('RolledBack');
  expect(status.release?.reason, status.message).toBe(reason);
  expect(status.history?.[0]).toMatchObject({ outcome: 'RolledBack', reason });
  // What was not to blame begins again without a person.
  const type = reason === 'CanaryEmpty' ? 'Reconciling' : 'Stalled';
  expect(status.conditions).toContainEqual(expect.objectContaining({ type, status: 'True', reason: 'RolledBack' }));
  expectNothingAfterHome(trajectoryOf(app));
  await expectNothingLeft(app);
  expect(app.route.spec).toEqual(stand.routes.history(app.name)[0]?.object.spec);
}

describe.concurrent('a release is rolled back', () => {
  test('a release is rolled back on errors; the same pods are not tried again automatically, but a person can, once they are fixed', async () => {
    const app = await stand.app({ name: 'errors', services: { v1: 'one', v2: 'bad' } });
    await app.release();
    await expectRolledBack(app, 'ErrorRatio');
    expect(sharesOf(trajectoryOf(app))).toEqual([0, 20, 0]);
    const events = await stand.untilEvents(app.name, 'RollbackStarted', 'RolledBack');
    // The limit or the comparison with serving, whichever is broken first.
    expect(events.find(({ reason }) => reason === 'RollbackStarted')?.note).toMatch(/errors .*% \(limit <= 5%\)|canary .*% errors/);
    expect(app.status?.rejected).toHaveLength(1);
    const { id } = app.status?.release ?? {};
    await app.release({ stages: [{ weight: 30, duration: '2s' }] });
    const edited = await app.until('the edit', (status, { metadata }) => status.observedGeneration === metadata.generation);
    expect(edited).toMatchObject({ phase: 'RolledBack', release: { id } });
    await stand.behave('bad', { errorRate: 0 });
    await app.command('retry');
    const status = await app.untilPhase('Promoted');
    expect(status.release).toMatchObject({ attempt: 2, outcome: 'Promoted' });
  });

  test('a release is rolled back on a crash loop behind the canary Service, with pod, container and exit, before it had any weight', async () => {
    const crashing = sampleDeployment({ namespace: stand.namespace, name: 'crashing', version: 'crashing' });
    const { template, ...rest } = crashing['spec'] as { template: { spec: { containers: readonly object[] } } };
    const command = ['node', '--max-old-space-size=32', '-e', "console.error('no database'); process.exit(3)"];
    const words = { command, terminationMessagePolicy: 'FallbackToLogsOnError' };
    const containers = template.spec.containers.map((container) => ({ ...container, ...words }));
    await stand.cluster.apply({ ...crashing, spec: { ...rest, template: { ...template, spec: { ...template.spec, containers } } } });
    const app = await stand.app({ name: 'crashing', services: { v1: 'one', v2: 'crashing' } });
    await app.release();
    const status = await app.until('the rollback', ({ phase }) => phase === 'RolledBack', 120_000);
    expect(status.release).toMatchObject({ reason: 'CanaryCrashLooping', maxWeight: 0 });
    expect(status.release?.reasonMessage).toMatch(
      /pod crashing-\S+, container \S+: .*exited with 3 \(Error\), \d restarts?: .*no database/,
    );
    expect(status.rejected?.[0]?.templateHashes).toHaveLength(1);
    await expectNothingLeft(app);
  });

  test('a release is rolled back on latency', async () => {
    const app = await stand.app({ name: 'latency', services: { v1: 'one', v2: 'slow' } });
    await app.release({ analysis: { checks: [{ name: 'p95', metric: 'Latency', quantile: '0.95', max: '250ms' }] } });
    await expectRolledBack(app, 'Latency');
  });

  test('a release is rolled back on a query of its own', async () => {
    const app = await stand.app({ name: 'query', services: { v1: 'one', v2: 'two' } });
    const query = 'sum(rate(envoy_cluster_upstream_rq{envoy_cluster_name="$(namespace)_$(canary)_80"}[$(window)]))';
    await app.release({ stages: LONG, analysis: { checks: [{ name: 'calls', query, max: '4' }] } });
    await expectRolledBack(app, 'Query');
  });

  test('a release is rolled back when the canary loses its last endpoint at 50%', async () => {
    const app = await stand.app({ name: 'fragile', services: { v1: 'one', v2: 'fragile' } });
    await app.release({ stages: LONG });
    await app.untilPhase('Analyzing');
    const deployment = { kind: 'Deployment', namespace: stand.namespace, name: 'fragile' } as const;
    await stand.cluster.patch(deployment, { spec: { replicas: 0 } });
    await expectRolledBack(app, 'CanaryEmpty');
    await stand.untilEvents(app.name, 'CanaryEmpty', 'RolledBack');
  });

  test('a release is rolled back when a person aborts it', async () => {
    const app = await stand.app({ name: 'aborted' });
    await app.release({ stages: LONG });
    const { release } = await app.untilPhase('Analyzing');
    await app.annotate('glidepath.dev/abort', release?.id ?? '');
    await expectRolledBack(app, 'Aborted');
  });

  test('a release is rolled back at its deadline', async () => {
    const app = await stand.app({ name: 'late' });
    await app.release({ stages: LONG, deadline: { after: '5s' } });
    await expectRolledBack(app, 'DeadlineExceeded');
  });
});

test('a new revision in mid-release goes home first and is then released from the first stage', async () => {
  const app = await stand.app({ name: 'superseded' });
  await app.release({
    stages: [
      { weight: 20, duration: '3s' },
      { weight: 50, duration: '60s' },
    ],
  });
  const { release } = await app.until('the second stage', (status) => status.weight === 50 && status.phase === 'Analyzing');
  await app.serve('v2', 'slow');
  const second = await app.until('another release', (status) => status.release?.id !== release?.id && status.phase === 'Analyzing');
  expect(second.history?.[0]).toMatchObject({ id: release?.id, outcome: 'RolledBack', reason: 'Superseded' });
  expect(second.rejected ?? []).toEqual([]);
  await app.untilShare(20);
  expect(sharesOf(trajectoryOf(app)).slice(0, 5)).toEqual([0, 20, 50, 0, 20]);
});
