// Jobs of gates against a fake API server over real sockets: created once, read, their logs, and what stands against them.

import { beforeEach, describe, expect, test } from 'vitest';
import { connectFake, type Harness, jobs, pods } from './harness.ts';

const MANIFEST = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'web-smoke-1' }, spec: { template: {} } };
const LABELS = { 'batch.kubernetes.io/job-name': 'web-smoke-1' };

let harness: Harness;

const store = () => harness.connection.jobs;
const refuseCreate = (action: { readonly code: number; readonly details?: Readonly<Record<string, unknown>>; readonly message?: string }) =>
  harness.server.fault({ when: ({ method, path }) => method === 'POST' && path.endsWith('/jobs'), action: { kind: 'status', ...action } });

beforeEach(async () => {
  harness = await connectFake();
});

describe('a Job', () => {
  test('a Job is created in the namespace of the release, and one that is there already is left as it is', async () => {
    const made = await store().create('shop', MANIFEST);
    expect(made).toMatchObject({ metadata: { name: 'web-smoke-1', namespace: 'shop' } });
    expect(await store().create('shop', { ...MANIFEST, spec: { other: true } })).toBeUndefined();
    expect(await store().read('shop', 'web-smoke-1')).toMatchObject({ spec: { template: {} } });
  });

  test('a Job that is not there is none, and to delete it is no error', async () => {
    expect(await store().read('shop', 'gone')).toBeUndefined();
    await store().delete('shop', 'gone');
  });

  test('a Job is deleted with its pods', async () => {
    await store().create('shop', MANIFEST);
    await store().delete('shop', 'web-smoke-1');
    expect(harness.server.get(jobs, 'shop', 'web-smoke-1')).toBeUndefined();
    expect(harness.server.requests.find(({ method }) => method === 'DELETE')?.body).toMatchObject({ propagationPolicy: 'Background' });
  });

  test('a create whose answer is lost fails, and the next try finds what the first one created', async () => {
    harness.server.fault({ when: ({ method, path }) => method === 'POST' && path.endsWith('/jobs'), action: { kind: 'loseAnswer' } });
    await expect(store().create('shop', MANIFEST)).rejects.toThrow(/jobs/);
    expect(await store().create('shop', MANIFEST)).toBeUndefined();
  });
});

describe('a trial', () => {
  test('a trial creates nothing', async () => {
    expect(await store().tryCreate('shop', MANIFEST)).toEqual({ kind: 'ready' });
    expect(harness.server.get(jobs, 'shop', 'web-smoke-1')).toBeUndefined();
    expect(harness.server.requests.at(-1)?.query).toMatchObject({ dryRun: 'All' });
  });

  test('a missing right is forbidden, and a quota is a refusal although the API server says 403 to both', async () => {
    const review = (allowed: boolean) =>
      harness.server.fault({
        when: ({ path }) => path.endsWith('/selfsubjectaccessreviews'),
        action: { kind: 'body', text: JSON.stringify({ status: { allowed } }) },
      });
    refuseCreate({ code: 403, message: 'jobs.batch is forbidden' });
    review(false);
    expect(await store().tryCreate('shop', MANIFEST)).toMatchObject({ kind: 'forbidden', message: expect.stringContaining('forbidden') });
    refuseCreate({ code: 403, message: 'exceeded quota: jobs' });
    review(true);
    expect(await store().tryCreate('shop', MANIFEST)).toMatchObject({ kind: 'refused', message: expect.stringContaining('quota') });
  });

  test('a template that the API server does not take is refused, and no answer is not known', async () => {
    refuseCreate({ code: 422, message: 'restartPolicy: Unsupported value: "Always"' });
    expect(await store().tryCreate('shop', MANIFEST)).toMatchObject({ kind: 'refused', message: expect.stringContaining('Always') });
    refuseCreate({ code: 500 });
    expect(await store().tryCreate('shop', MANIFEST)).toMatchObject({ kind: 'unknown' });
    refuseCreate({ code: 403, message: 'exceeded quota: jobs' });
    harness.server.fault({
      when: ({ path }) => path.endsWith('/selfsubjectaccessreviews'),
      action: { kind: 'status', code: 500 },
      times: 99,
    });
    expect(await store().tryCreate('shop', MANIFEST)).toMatchObject({ kind: 'unknown', message: expect.stringContaining('quota') });
  });
});

describe('the log of a Job', () => {
  const putPod = (name: string, creationTimestamp: string, exitCode = 1) =>
    harness.server.put(pods, {
      metadata: { name, namespace: 'shop', labels: LABELS, creationTimestamp },
      spec: { containers: [{ name: 'side' }, { name: 'test' }] },
      status: {
        containerStatuses: [
          { name: 'side', state: {} },
          { name: 'test', state: { terminated: { exitCode } } },
        ],
      },
    });
  const answerLog = (text: string) =>
    harness.server.fault({ when: ({ path }) => path.endsWith('/log'), action: { kind: 'body', text, contentType: 'text/plain' } });

  test('the last lines come from the container that failed in the newest pod, without control characters', async () => {
    putPod('web-smoke-1-a', '2030-01-01T00:00:00Z');
    putPod('web-smoke-1-b', '2030-01-01T00:01:00Z');
    answerLog('\u001b[31mexpected 200, got 500\u001b[0m\n\nsee \u0007above\n');
    expect(await store().readLog('shop', 'web-smoke-1')).toBe('expected 200, got 500\nsee  above');
    const asked = harness.server.requests.at(-1);
    expect(asked?.path).toBe('/api/v1/namespaces/shop/pods/web-smoke-1-b/log');
    expect(asked?.query).toMatchObject({ container: 'test', tailLines: '10' });
  });

  test('logs that may not be read say so, and a Job without pods has none', async () => {
    expect(await store().readLog('shop', 'web-smoke-1')).toBe('');
    putPod('web-smoke-1-a', '2030-01-01T00:00:00Z', 0);
    harness.server.fault({ when: ({ path }) => path.endsWith('/log'), action: { kind: 'status', code: 403 } });
    expect(await store().readLog('shop', 'web-smoke-1')).toContain('logs not readable: the operator has no right to pods/log');
    harness.server.fault({ when: ({ path }) => path.endsWith('/log'), action: { kind: 'status', code: 500 }, times: 99 });
    expect(await store().readLog('shop', 'web-smoke-1')).toMatch(/^logs not readable: .*500/);
  });
});
