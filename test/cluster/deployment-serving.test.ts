// Deployment mode while the serving version cannot answer, on a real API server: a selector that one commit changed with the labels,
// pods that are all down, a first version that never got ready, and a Deployment that sleeps at 0 replicas.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject } from '../fixtures/cluster/api.ts';
import { waitFor } from '../fixtures/cluster/cluster.ts';
import { type DeploymentApp, DeploymentStand, kubectl } from '../fixtures/cluster/deployment-stand.ts';

type Slice = KubeObject & { readonly endpoints?: readonly unknown[] | null };

const V1 = [{ version: 'v1' }];
let home: DeploymentStand;

beforeAll(async () => {
  home = await DeploymentStand.open('serving');
});

afterAll(() => home?.close());

const conditionOf = (app: DeploymentApp, type: string) => app.load.status?.conditions?.find((one) => one.type === type);

/** The Service and the template change labels in one commit. @param tier the new label */
function relabelled(tier: { value?: string }) {
  return (spec: Readonly<Record<string, unknown>>) => {
    const template = spec['template'] as { readonly metadata: { readonly labels: object } };
    const labels = { ...template.metadata.labels, ...(tier.value === undefined ? {} : { tier: tier.value }) };
    return { ...spec, template: { ...template, metadata: { ...template.metadata, labels } } };
  };
}

async function select(app: DeploymentApp, selector: Readonly<Record<string, string>>): Promise<void> {
  const service = { kind: 'Service', namespace: home.stand.namespace, name: `${app.name}-api` } as const;
  await home.stand.cluster.patch(service, { spec: { selector } });
}

/** No release of the template was made, and its pods alone serve. */
async function expectRolledAlone(app: DeploymentApp, version: string, count: number): Promise<void> {
  await app.untilReady({ [version]: count });
  await app.untilRolledOut();
  const event = await waitFor('the event', async () =>
    (await home.stand.events(app.load.name)).find(({ reason }) => reason === 'ServingEmpty'),
  );
  expect(event.note).toContain('rolls out at once, without a canary');
  expect(app.load.status?.history ?? []).toEqual([]);
  expect(app.pods.filter(({ isCanary }) => isCanary)).toEqual([]);
  expect(await app.leftovers()).toEqual([]);
}

describe.concurrent('a serving version that cannot answer', () => {
  test('a selector that was changed with the labels is named at once, nothing rises, and the command promote ends the outage', async () => {
    const tier: { value?: string } = {};
    const app = await home.deploy({ name: 'relabelled', before: V1, change: relabelled(tier), rps: 15 });
    tier.value = 'web';
    await select(app, { app: 'relabelled', tier: 'web' });
    await app.apply({ version: 'v2' });
    const told = await app.load.until('the cause', ({ message = '' }) => message.includes('it selects none of the serving pods'));
    expect(told.message).toMatch(/its selector app=relabelled,tier=web does not match the labels of ReplicaSet relabelled-/);
    expect(conditionOf(app, 'ServingReady')).toMatchObject({ status: 'False', reason: 'NoEndpoints' });
    const waits = await app.load.until('the canary', ({ message = '' }) => message.includes('ready for its first share'));
    expect(waits).toMatchObject({ phase: 'Preparing', weight: 0 });
    await app.load.command('promote');
    await app.load.untilPhase('Promoted');
    await app.untilRolledOut();
    const fromMs = await app.untilOnly('v2');
    expect(app.load.badAnswers(fromMs)).toEqual([]);
    expect(await app.leftovers()).toEqual([]);
    const reasons = (await home.stand.events(app.load.name)).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'ServingEmpty')).toHaveLength(1);
  });

  test('where all serving pods are down, the fix rolls out without a canary after 10 s', async () => {
    const app = await home.deploy({ name: 'down', before: V1, rps: 0 });
    await home.stand.behave('down', { unready: 1 });
    await app.untilReady({});
    await app.apply({ version: 'v2' });
    expect((await app.deployment())?.spec.paused).toBe(true);
    await app.load.until('the wait', ({ message = '' }) => message.includes('the new revision rolls out without a canary at '));
    await expectRolledAlone(app, 'v2', 2);
  });

  test('a first version that never got ready is followed by its fix at once', async () => {
    const app = await home.serve({ name: 'stillborn', before: [], rps: 0 });
    await app.apply({ version: 'v1', unready: 1 });
    await waitFor('the pods', async () => ((await app.deployment())?.status?.replicas ?? 0) === 2);
    await app.release();
    await app.load.until('the hold', ({ conditions = [] }) =>
      conditions.some(({ type, status }) => type === 'TemplateHeld' && status === 'True'),
    );
    await app.apply({ version: 'v2' });
    expect((await app.deployment())?.spec.paused).toBe(true);
    await expectRolledAlone(app, 'v2', 2);
  });

  test('a Deployment with 0 replicas takes a change at once and wakes up with it', async () => {
    const app = await home.deploy({ name: 'asleep', before: V1, rps: 0 });
    await app.scale(0);
    await waitFor('the end of all pods and endpoints', async () => {
      const slices = await home.stand.cluster.list<Slice>('EndpointSlice', home.stand.namespace);
      const own = slices.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'asleep-api');
      return ((await app.deployment())?.status?.replicas ?? 0) === 0 && own.every(({ endpoints }) => (endpoints ?? []).length === 0);
    });
    await app.apply({ version: 'v2' });
    await waitFor('the rollout', async () => (await app.deployment())?.spec.paused !== true);
    await app.scale(2);
    await expectRolledAlone(app, 'v2', 2);
    const { stdout } = await kubectl('rollout', 'status', 'deployment/asleep', '-n', home.stand.namespace, '--timeout=10s');
    expect(stdout).toContain('successfully rolled out');
  });
});
