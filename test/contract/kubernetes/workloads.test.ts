import { beforeEach, describe, expect, test } from 'vitest';
import { GlidepathError } from '../../../src/api/errors.ts';
import type { PodTemplate } from '../../../src/core/workload/objects.ts';
import type { WorkloadIntent } from '../../../src/core/release/desired/intents.ts';
import type { FakeInput } from '../../fakes/api-server/server.ts';
import { until } from '../../fixtures/until.ts';
import { connectFake, deployments, type Harness, pods, replicaSets, serviceNamed, services } from './harness.ts';

const KEY = { namespace: 'shop', release: 'web', deployment: 'store', service: 'store' };
const TEMPLATE: PodTemplate = { metadata: { labels: { app: 'store' } }, spec: { containers: [{ name: 'app', image: 'store:1' }] } };
const HELD = { 'glidepath.dev/held': 'web', 'example.org/note': 'kept' };

let harness: Harness;

function deploymentNamed(name: string, spec: object = {}, annotations: object = HELD): FakeInput {
  const selector = { matchLabels: { app: name } };
  return {
    metadata: { name, namespace: 'shop', annotations, managedFields: [{ manager: 'git' }] },
    spec: { replicas: 2, paused: true, selector, template: TEMPLATE, ...spec },
  };
}

async function observed() {
  const { workloads } = harness.connection;
  await until(() => workloads.observe(KEY).known);
  return workloads.observe(KEY);
}

const write = (intent: WorkloadIntent) => harness.connection.workloads.write('shop', intent);
const stored = (name = 'store') => harness.server.get(deployments, 'shop', name);

beforeEach(async () => {
  harness = await connectFake();
  harness.server.put(deployments, deploymentNamed('store'));
  harness.server.put(services, serviceNamed('store'));
});

describe('the watches of Deployment mode', () => {
  const paths = () => harness.server.requests.map(({ path }) => path).filter((path) => path.includes('/apps/'));

  test('the watches of Deployment mode begin with the first release that asks, in its namespace alone', async () => {
    harness.connection.start();
    await until(() => harness.connection.synced());
    expect(paths()).toEqual([]);
    expect(harness.connection.workloads.observe(KEY)).toEqual({ known: false, replicaSets: [], services: [] });
    await observed();
    expect(new Set(paths())).toEqual(new Set(['/apis/apps/v1/namespaces/shop/deployments', '/apis/apps/v1/namespaces/shop/replicasets']));
  });

  test('the watches of Deployment mode end with the last release that asked', async () => {
    const { workloads } = harness.connection;
    await observed();
    workloads.observe({ ...KEY, release: 'other' });
    await until(() => harness.server.openWatches === 3);
    workloads.forget('shop', 'web');
    workloads.forget('shop', 'web');
    expect(workloads.watched).toEqual(['shop']);
    workloads.forget('shop', 'other');
    workloads.forget('elsewhere', 'other');
    expect(workloads.watched).toEqual([]);
    await until(() => harness.server.openWatches === 0);
  });

  test('the watches of Deployment mode say why they do not sync', async () => {
    harness.server.fault({ when: ({ path }) => path.endsWith('/replicasets'), action: { kind: 'status', code: 403 }, times: 99 });
    const { workloads } = harness.connection;
    await until(() => workloads.observe(KEY).problem !== undefined);
    expect(workloads.observe(KEY)).toMatchObject({ known: false, problem: expect.stringContaining('403') });
  });

  test('the watches of Deployment mode report changes of Deployments, of their ReplicaSets as of themselves, and of Services', async () => {
    await observed();
    harness.changes.length = 0;
    const ownerReferences = [{ kind: 'Deployment', name: 'store', uid: stored()?.metadata.uid }];
    harness.server.put(replicaSets, { metadata: { name: 'store-1', namespace: 'shop', ownerReferences }, spec: { template: TEMPLATE } });
    harness.server.put(services, serviceNamed('store-canary'));
    harness.server.put(deployments, deploymentNamed('store-canary'));
    await until(() => harness.changes.length >= 3);
    expect(harness.changes.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'Deployment store',
      'Deployment store-canary',
      'Service store-canary',
    ]);
  });
});

test('a release sees its Deployment, the ReplicaSets that this one owns, its Service, and its canary', async () => {
  const uid = stored()?.metadata.uid;
  const ownedBy = (owner: unknown) => [{ kind: 'Deployment', name: 'store', uid: owner }];
  const setNamed = (name: string, owner: unknown): FakeInput => ({
    metadata: { name, namespace: 'shop', ownerReferences: ownedBy(owner) },
    spec: { replicas: 1, template: TEMPLATE },
  });
  harness.server.put(replicaSets, setNamed('store-1', uid));
  harness.server.put(replicaSets, setNamed('store-old', 'another'));
  harness.server.put(deployments, deploymentNamed('store-canary'));
  harness.server.put(services, serviceNamed('store-canary'));
  const seen = await observed();
  expect(seen.deployment?.metadata).toMatchObject({ name: 'store', annotations: HELD });
  expect(seen.deployment?.metadata.managedFields).toMatchObject([{ manager: 'git' }]);
  expect(seen.replicaSets.map(({ metadata }) => metadata.name)).toEqual(['store-1']);
  expect(seen.service?.spec.selector).toEqual({ app: 'store' });
  expect(seen.canaryDeployment?.metadata.name).toBe('store-canary');
  expect(seen.canaryService?.metadata.name).toBe('store-canary');
  expect(seen.services?.map(({ metadata }) => metadata.name).toSorted()).toEqual(['store', 'store-canary']);
});

describe('the pods of a canary', () => {
  const role = { 'glidepath.dev/role': 'canary' };
  const isPods = ({ path }: { readonly path: string }) => path.endsWith('/namespaces/shop/pods');
  const asked = () => harness.server.requests.filter(isPods);

  /** A canary with one pod, which waits. @returns puts the pod's next state */
  function putCanary(labels: object = role): (reason: string) => void {
    const canary = deploymentNamed('store-canary');
    harness.server.put(deployments, { ...canary, metadata: { ...canary.metadata, labels } });
    const ownedBy = (name: string, uid: unknown) => [{ name, uid: String(uid) }];
    const set = {
      name: 'store-canary-5f',
      namespace: 'shop',
      ownerReferences: ownedBy('store-canary', stored('store-canary')?.metadata.uid),
    };
    harness.server.put(replicaSets, { metadata: set, spec: { template: TEMPLATE } });
    const uid = harness.server.get(replicaSets, 'shop', 'store-canary-5f')?.metadata.uid;
    const put = (name: string, owner: unknown, reason: string) => {
      const state = { waiting: { reason } };
      const status = {
        phase: 'Pending',
        podIP: '10.0.0.1',
        containerStatuses: [{ name: 'app', restartCount: 0, image: 'store:2', state }],
      };
      const named = { name, namespace: 'shop', labels: { ...role, 'pod-template-hash': '5f', app: 'x' } };
      harness.server.put(pods, {
        metadata: { ...named, ownerReferences: ownedBy('store-canary-5f', owner) },
        spec: { nodeName: 'n' },
        status,
      });
    };
    put('store-canary-5f-a', uid, 'ContainerCreating');
    put('other-canary-5f-a', 'another', 'CrashLoopBackOff');
    return (reason) => put('store-canary-5f-a', uid, reason);
  }

  test('the pods of a canary are not asked for while there is none', async () => {
    await observed();
    expect(asked()).toEqual([]);
    expect(await observed()).not.toHaveProperty('canaryPods');
  });

  test('the pods of a canary are watched by their label from the canary on, without what says nothing about whether they run', async () => {
    putCanary();
    await observed();
    await until(() => harness.connection.workloads.observe(KEY).canaryPods !== undefined);
    const seen = harness.connection.workloads.observe(KEY).canaryPods;
    expect(seen?.map(({ metadata }) => metadata.name)).toEqual(['store-canary-5f-a']);
    expect(seen?.[0]?.status).toEqual({
      phase: 'Pending',
      conditions: [],
      initContainerStatuses: [],
      containerStatuses: [{ name: 'app', restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } }, lastState: {} }],
    });
    expect(seen?.[0]).not.toHaveProperty('spec');
    expect(asked().every(({ query }) => query['labelSelector'] === 'glidepath.dev/role=canary')).toBe(true);
    await until(() => asked().some(({ watch }) => watch));
  });

  test('the pods of a canary are reported as a change of their Deployment when their state changes, and only then', async () => {
    const put = putCanary();
    await observed();
    await until(() => asked().some(({ watch }) => watch));
    harness.changes.length = 0;
    put('ContainerCreating');
    put('ErrImagePull');
    await until(() => harness.changes.length > 0);
    expect(harness.changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['Deployment store-canary']);
  });

  test('the pods of a canary are watched no more when the last canary of the namespace is gone', async () => {
    putCanary();
    await observed();
    await until(() => harness.server.openWatches === 4);
    harness.server.remove(deployments, 'shop', 'store-canary');
    await until(() => harness.connection.workloads.observe(KEY).canaryDeployment === undefined);
    await until(() => harness.server.openWatches === 3);
  });

  test('the pods of a canary are watched no more when the release asks no more, nor after the end', async () => {
    putCanary();
    await observed();
    await until(() => harness.server.openWatches === 4);
    harness.connection.workloads.observe({ ...KEY, release: 'other', deployment: 'none' });
    harness.connection.workloads.forget('shop', 'web');
    await until(() => harness.server.openWatches === 3);
    await harness.connection.close();
    await until(() => harness.server.openWatches === 0);
  });

  test('the pods of a canary that may not be watched are unknown, and hold nothing up', async () => {
    harness.server.fault({ when: isPods, action: { kind: 'status', code: 403 }, times: 99 });
    putCanary();
    await observed();
    await until(() => harness.faults.some(({ watch }) => watch === 'pods shop'));
    expect(await observed()).toMatchObject({ known: true });
    expect(await observed()).not.toHaveProperty('canaryPods');
  });

  test("pods of something else with the canary's name are none of ours", async () => {
    putCanary({});
    await observed();
    expect(await observed()).not.toHaveProperty('canaryPods');
    expect(asked()).toEqual([]);
  });
});

describe('the proof of the hold', () => {
  const prove = (maxAgeMs = 60_000) => harness.connection.workloads.proveHold('shop', 'store', maxAgeMs);
  const probes = () => harness.server.requests.filter(({ query }) => query['dryRun'] === 'All');

  test('the proof of the hold is a change of the template that would unpause, which comes back paused and is never stored', async () => {
    const before = stored();
    harness.server.admit = (next) => ({ ...next, spec: { ...(next['spec'] as object), paused: true } });
    expect(await prove()).toEqual({ kind: 'proven' });
    expect(probes()[0]?.body).toMatchObject({ spec: { paused: false, template: { metadata: { annotations: expect.anything() } } } });
    expect(stored()).toEqual(before);
  });

  test('the proof of the hold fails where nothing holds the change', async () => {
    expect(await prove()).toEqual({ kind: 'unavailable' });
  });

  test('the proof of the hold is asked for again when it is too old; a doubt is asked about sooner', async () => {
    harness.server.admit = (next) => ({ ...next, spec: { ...(next['spec'] as object), paused: true } });
    await prove();
    await prove();
    expect(probes()).toHaveLength(1);
    await prove(0);
    expect(probes()).toHaveLength(2);
  });

  test('the proof of the hold is asked for once by all who ask at the same time', async () => {
    harness.server.admit = (next) => ({ ...next, spec: { ...(next['spec'] as object), paused: true } });
    expect(await Promise.all([prove(), prove(), prove(0)])).toEqual([{ kind: 'proven' }, { kind: 'proven' }, { kind: 'proven' }]);
    expect(probes()).toHaveLength(1);
  });

  test('a proof of the hold that cannot be had says why', async () => {
    harness.server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'status', code: 403 } });
    expect(await prove()).toMatchObject({ kind: 'unknown', message: expect.stringContaining('403') });
  });
});

describe('a write', () => {
  test('lifts a hold, if the template is still the one that is meant, and takes the mark away', async () => {
    await write({ kind: 'unpause', name: 'store', template: TEMPLATE, held: true });
    expect(stored()).toMatchObject({ spec: { paused: false }, metadata: { annotations: { 'example.org/note': 'kept' } } });
    expect(stored()?.metadata['annotations']).not.toHaveProperty('glidepath.dev/held');
  });

  test('a write leaves another template held', async () => {
    const other = { ...TEMPLATE, spec: { containers: [{ name: 'app', image: 'store:2' }] } };
    const lifted = write({ kind: 'unpause', name: 'store', template: other, held: false });
    await expect(lifted).rejects.toMatchObject({ code: 'GLIDEPATH_E_GUARD' });
    expect(stored()).toMatchObject({ spec: { paused: true } });
  });

  test('a write stops a rollout', async () => {
    harness.server.put(deployments, deploymentNamed('store', { paused: undefined }));
    await write({ kind: 'pause', name: 'store', template: TEMPLATE });
    expect(stored()).toMatchObject({ spec: { paused: true } });
  });

  test('puts a template back, if the present one is still the one that is meant', async () => {
    const back = { metadata: { labels: { app: 'store' } }, spec: { containers: [{ name: 'app', image: 'store:0' }] } };
    await write({ kind: 'writeTemplate', name: 'store', template: TEMPLATE, to: back });
    expect(stored()).toMatchObject({ spec: { template: back, paused: true } });
    const again = write({ kind: 'writeTemplate', name: 'store', template: TEMPLATE, to: back });
    await expect(again).rejects.toMatchObject({ code: 'GLIDEPATH_E_GUARD' });
  });

  test('a write takes the release out of the owners of what is to outlive it, and no one else', async () => {
    const ours = { kind: 'CanaryRelease', name: 'web', uid: 'u-web', controller: true };
    const other = { kind: 'Application', name: 'shop', uid: 'u-shop' };
    harness.server.put(services, { metadata: { name: 'store-canary', namespace: 'shop', ownerReferences: [ours] }, spec: {} });
    harness.server.put(deployments, { metadata: { name: 'store-canary', namespace: 'shop', ownerReferences: [other, ours] }, spec: {} });
    await write({ kind: 'disown', object: 'Service', name: 'store-canary', owners: [ours], uid: 'u-web' });
    await write({ kind: 'disown', object: 'Deployment', name: 'store-canary', owners: [other, ours], uid: 'u-web' });
    expect(harness.server.get(services, 'shop', 'store-canary')?.metadata).not.toHaveProperty('ownerReferences');
    expect(stored('store-canary')).toMatchObject({ metadata: { ownerReferences: [other] } });
    const late = write({ kind: 'disown', object: 'Deployment', name: 'store-canary', owners: [ours], uid: 'u-web' });
    await expect(late).rejects.toMatchObject({ code: 'GLIDEPATH_E_GUARD' });
  });

  test('pauses and marks what serves, with annotations and without', async () => {
    const rest = { kind: 'rest', name: 'store', template: TEMPLATE, release: 'web' } as const;
    harness.server.put(deployments, deploymentNamed('store', { paused: undefined }, { 'example.org/note': 'kept' }));
    await write({ ...rest, annotated: true });
    expect(stored()).toMatchObject({ spec: { paused: true }, metadata: { annotations: HELD } });
    const { annotations: _none, ...metadata } = deploymentNamed('bare').metadata;
    harness.server.put(deployments, { ...deploymentNamed('bare', { paused: undefined }), metadata: metadata as FakeInput['metadata'] });
    await write({ ...rest, name: 'bare', annotated: false });
    expect(stored('bare')).toMatchObject({ spec: { paused: true }, metadata: { annotations: { 'glidepath.dev/held': 'web' } } });
  });

  test('a write leaves another template rolling', async () => {
    const other = { ...TEMPLATE, spec: { containers: [{ name: 'app', image: 'store:2' }] } };
    harness.server.put(deployments, deploymentNamed('store', { paused: undefined }));
    const rest = write({ kind: 'rest', name: 'store', template: other, release: 'web', annotated: true });
    await expect(rest).rejects.toMatchObject({ code: 'GLIDEPATH_E_GUARD' });
    expect(stored()?.['spec']).not.toHaveProperty('paused', true);
  });

  test('a write scales the canary, and ReplicaSets through their scale', async () => {
    harness.server.put(replicaSets, { metadata: { name: 'store-1', namespace: 'shop' }, spec: { replicas: 1 } });
    await write({ kind: 'scaleDeployment', name: 'store', replicas: 5 });
    await write({ kind: 'scaleReplicaSet', name: 'store-1', replicas: 0, why: 'wrong' });
    expect(stored()).toMatchObject({ spec: { replicas: 5 } });
    expect(harness.server.get(replicaSets, 'shop', 'store-1')).toMatchObject({ spec: { replicas: 0 } });
    expect(harness.server.requests.at(-1)?.path).toBe('/apis/apps/v1/namespaces/shop/replicasets/store-1/scale');
  });

  test('a write makes the canary in the namespace, once', async () => {
    const create: WorkloadIntent = { kind: 'createDeployment', manifest: { metadata: { name: 'store-canary' }, spec: { replicas: 1 } } };
    await write(create);
    await write(create);
    await write({ kind: 'createService', manifest: { metadata: { name: 'store-canary' }, spec: { selector: { app: 'x' } } } });
    expect(stored('store-canary')).toMatchObject({ metadata: { namespace: 'shop' }, spec: { replicas: 1 } });
    expect(harness.server.get(services, 'shop', 'store-canary')).toMatchObject({ spec: { selector: { app: 'x' } } });
  });

  test('a write removes the canary by its uid, and what is gone already is removed', async () => {
    await write({ kind: 'deleteDeployment', name: 'store', uid: 'uid-1' });
    await write({ kind: 'deleteDeployment', name: 'store', uid: 'uid-1' });
    await write({ kind: 'deleteService', name: 'store', uid: 'uid-2' });
    expect(stored()).toBeUndefined();
    expect(harness.server.get(services, 'shop', 'store')).toBeUndefined();
    const [first] = harness.server.requests.filter(({ method }) => method === 'DELETE');
    expect(first?.body).toMatchObject({ preconditions: { uid: 'uid-1' } });
  });

  test('a write that the API server refuses is an error', async () => {
    harness.server.fault({ when: ({ method }) => method === 'PATCH', action: { kind: 'status', code: 403 } });
    await expect(write({ kind: 'scaleDeployment', name: 'store', replicas: 5 })).rejects.toBeInstanceOf(GlidepathError);
  });
});

test('the canary Service can be pointed at the serving pods', async () => {
  await harness.connection.workloads.redirect('shop', 'store', { app: 'serving' });
  expect(harness.server.get(services, 'shop', 'store')).toMatchObject({ spec: { selector: { app: 'serving' } } });
});
