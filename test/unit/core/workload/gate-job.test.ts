import { describe, expect, test } from 'vitest';
import { buildGateJob, type GateJobParts } from '../../../../src/core/workload/gate-job.ts';
import { readJobResult } from '../../../../src/core/workload/job-result.ts';

const CONTAINER = { name: 'test', image: 'test', env: [{ name: 'URL', value: 'http://$(GLIDEPATH_CANARY_SERVICE)' }] };

function build(change: Partial<GateJobParts> = {}) {
  const spec = { template: { metadata: { labels: { app: 'smoke' } }, spec: { restartPolicy: 'Never', containers: [CONTAINER] } } };
  const job = buildGateJob({
    name: 'web-smoke-0123456789',
    gate: 'smoke',
    owner: { name: 'web', uid: 'uid-1' },
    template: { metadata: { labels: { team: 'shop' } }, spec },
    timeoutMs: 90_500,
    env: { GLIDEPATH_CANARY_SERVICE: 'v2' },
    ...change,
  });
  return job as {
    readonly metadata: Record<string, unknown>;
    readonly spec: Record<string, unknown> & { template: Record<string, unknown> };
  };
}

describe('the Job of a gate', () => {
  test('the Job has our name, our owner and our label, and keeps the labels of the template', () => {
    expect(build().metadata).toMatchObject({
      name: 'web-smoke-0123456789',
      labels: { team: 'shop', 'glidepath.dev/gate': 'smoke' },
      ownerReferences: [{ kind: 'CanaryRelease', name: 'web', uid: 'uid-1', controller: true }],
    });
    expect(build().spec.template['metadata']).toEqual({ labels: { app: 'smoke', 'glidepath.dev/gate': 'smoke' } });
  });

  test('the Job fails at the first failure and at the timeout unless the template says otherwise, and is kept for its log', () => {
    expect(build().spec).toMatchObject({ backoffLimit: 0, activeDeadlineSeconds: 91, ttlSecondsAfterFinished: 691_200 });
    const spec = { backoffLimit: 2, activeDeadlineSeconds: 30, ttlSecondsAfterFinished: 1, template: {} };
    expect(build({ template: { spec } }).spec).toMatchObject({
      backoffLimit: 2,
      activeDeadlineSeconds: 30,
      ttlSecondsAfterFinished: 691_200,
    });
    expect(build({ timeoutMs: undefined }).spec).not.toHaveProperty('activeDeadlineSeconds');
  });

  test('every container has our variables in front of its own, and one that sets such a variable keeps it', () => {
    const own = { ...CONTAINER, env: [{ name: 'GLIDEPATH_CANARY_SERVICE', value: 'mine' }] };
    const pod = { initContainers: [{ name: 'init', image: 'init' }], containers: [CONTAINER, own] };
    expect(build({ template: { spec: { template: { spec: pod } } } }).spec.template['spec']).toEqual({
      initContainers: [{ name: 'init', image: 'init', env: [{ name: 'GLIDEPATH_CANARY_SERVICE', value: 'v2' }] }],
      containers: [{ ...CONTAINER, env: [{ name: 'GLIDEPATH_CANARY_SERVICE', value: 'v2' }, ...CONTAINER.env] }, own],
    });
  });

  test('no ServiceAccount is added', () => {
    expect(JSON.stringify(build())).not.toContain('serviceAccount');
  });
});

describe('the result of a Job', () => {
  const jobWith = (...conditions: readonly object[]) => ({ metadata: { name: 'web-smoke', uid: 'u' }, status: { conditions } });

  test('a Job without a final condition is active, also when it is about to fail', () => {
    expect(readJobResult({ metadata: { name: 'web-smoke', uid: 'u' } })).toEqual({ kind: 'active', uid: 'u' });
    expect(readJobResult(jobWith({ type: 'FailureTarget', status: 'True' }))).toEqual({ kind: 'active', uid: 'u' });
    expect(readJobResult(jobWith({ type: 'Failed', status: 'False' }))).toEqual({ kind: 'active', uid: 'u' });
  });

  test('a Job completes, fails, or fails by its deadline', () => {
    expect(readJobResult(jobWith({ type: 'Complete', status: 'True' }))).toEqual({ kind: 'succeeded', uid: 'u' });
    expect(readJobResult(jobWith({ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'twice' }))).toEqual({
      kind: 'failed',
      uid: 'u',
      message: 'Job web-smoke failed (BackoffLimitExceeded): twice',
      timedOut: false,
    });
    expect(readJobResult(jobWith({ type: 'Failed', status: 'True', reason: 'DeadlineExceeded' }))).toMatchObject({ timedOut: true });
  });
});
