// The Lua of config/argocd over releases that the real operator drives: what Argo CD shows of each state, which actions it
// offers, and that the operator obeys what an action writes.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { ARGOCD_ACTIONS, readLua } from '../../tools/generate/argocd-cm.ts';
import { runLua } from '../fixtures/lua.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, reasonsOf, specWith, startStory, untilState } from '../fixtures/story.ts';

const HEALTHS = { default: readLua('health.lua'), waves: readLua('health-waves.lua') };

function releaseOf(world: MemoryWorld): object {
  const release = world.release('web');
  if (release === undefined) throw new Error('there is no release');
  return release;
}

async function healthOf(world: MemoryWorld, kind: keyof typeof HEALTHS = 'default') {
  return (await runLua(HEALTHS[kind], releaseOf(world))) as { readonly status: string; readonly message?: string };
}

async function offeredIn(world: MemoryWorld): Promise<readonly string[]> {
  const actions = (await runLua(readLua('actions/discovery.lua'), releaseOf(world))) as Record<string, { disabled: boolean }>;
  expect(Object.keys(actions).toSorted()).toEqual([...ARGOCD_ACTIONS].toSorted());
  return ARGOCD_ACTIONS.filter((name) => actions[name]?.disabled === false);
}

/** Runs the action as Argo CD does: what it returns differs from the object in annotations only, and those are patched in. */
async function act(world: MemoryWorld, action: (typeof ARGOCD_ACTIONS)[number]): Promise<void> {
  const release = releaseOf(world) as { readonly metadata: object };
  // The action takes the time from its own clock; the world has another one.
  const now = `${new Date(world.clock.now()).toISOString().slice(0, 19)}Z`;
  const script = `local time = require("os")\ntime.date = function() return "${now}" end\n${readLua(`actions/${action}.lua`)}`;
  const result = (await runLua(script, release)) as { readonly metadata: { readonly annotations: Readonly<Record<string, string>> } };
  const withoutAnnotations = (object: { readonly metadata: object }) => ({ ...object.metadata, annotations: undefined });
  expect(withoutAnnotations(result)).toMatchObject({ name: 'web' });
  world.annotate('web', result.metadata.annotations);
}

const LONG: Partial<SpecInput> = { stages: [{ weight: 20, duration: '1h' }] };
const APPROVED: Partial<SpecInput> = {
  stages: [{ weight: 20, duration: '1m', approval: 'Required' }],
  promotion: { approval: 'Required' },
};

describe('health of a release in Argo CD', () => {
  test('Progressing until the operator has seen it, and while it runs', async () => {
    const unseen = { metadata: { generation: 2 }, status: { observedGeneration: 1, phase: 'Idle' } };
    expect(await runLua(HEALTHS.default, unseen)).toMatchObject({ status: 'Progressing' });
    expect(await runLua(HEALTHS.waves, unseen)).toMatchObject({ status: 'Progressing' });
    expect(await runLua(HEALTHS.default, { metadata: { generation: 1 } })).toMatchObject({ status: 'Progressing' });
    const world = await startStory(LONG);
    expect(await healthOf(world)).toMatchObject({ status: 'Progressing', message: world.status('web')?.message });
  });

  test('Healthy once it is promoted, and Degraded after a rollback', async () => {
    const good = await startStory();
    await untilState(good, 'promoted');
    await good.run(1_000);
    expect(await healthOf(good)).toMatchObject({ status: 'Healthy' });
    const bad = await startStory(LONG);
    bad.setVersion('v2', { errorRatio: 1 });
    await untilState(bad, 'rolledBack');
    await bad.run(1_000);
    expect(await healthOf(bad)).toMatchObject({ status: 'Degraded', message: bad.status('web')?.message });
    expect(await healthOf(bad, 'waves')).toMatchObject({ status: 'Degraded' });
  });

  test('Suspended while it is paused or waits for an approval', async () => {
    const world = await startStory(APPROVED);
    await untilState(world, 'stage.awaitingApproval');
    await world.run(1_000);
    expect(await healthOf(world)).toMatchObject({ status: 'Suspended' });
    const paused = await startStory(LONG);
    paused.command('web', 'pause');
    await untilState(paused, 'paused');
    await paused.run(1_000);
    expect(await healthOf(paused)).toMatchObject({ status: 'Suspended' });
  });

  test('Degraded when it is blocked, Progressing while a missing object may only be late, and while it is deleted', async () => {
    const world = buildStore();
    world.createRelease('web', specWith({ routeRefs: [{ name: 'nowhere' }] }));
    await world.run(5_000);
    expect(await healthOf(world)).toMatchObject({ status: 'Progressing', message: expect.stringContaining('RouteNotFound') });
    await world.run(60_000);
    expect(await healthOf(world)).toMatchObject({ status: 'Degraded', message: expect.stringContaining('RouteNotFound') });
    const release = releaseOf(await startStory(LONG)) as { metadata: object };
    const deleted = { ...release, metadata: { ...release.metadata, deletionTimestamp: '2026-03-04T10:11:12Z' } };
    expect(await runLua(HEALTHS.default, deleted)).toMatchObject({ status: 'Progressing' });
  });

  test('in an app with waves a release is Healthy while it runs and while it waits for people, so that a fix can be synced', async () => {
    const world = await startStory(APPROVED);
    expect(await healthOf(world, 'waves')).toMatchObject({ status: 'Healthy', message: world.status('web')?.message });
    await untilState(world, 'stage.awaitingApproval');
    await world.run(1_000);
    expect(await healthOf(world, 'waves')).toMatchObject({ status: 'Healthy' });
  });
});

describe('health of a Deployment in Argo CD, for apps with waves', () => {
  const health = async (change: { readonly spec?: object; readonly status?: object; readonly metadata?: object }) => {
    const status = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3, ...change.status };
    const metadata = { name: 'store', generation: 2, ...change.metadata };
    return (await runLua(readLua('health-deployment.lua'), { metadata, spec: { replicas: 3, ...change.spec }, status })) as {
      status: string;
    };
  };

  test('held by a release it is Healthy, so that a sync goes on; paused by anybody else it is Suspended', async () => {
    const metadata = { annotations: { 'glidepath.dev/held': 'web' } };
    const held = await health({ spec: { paused: true }, metadata, status: { updatedReplicas: 0 } });
    expect(held).toMatchObject({ status: 'Healthy', message: expect.stringContaining('held by canaryrelease/web') });
    expect(await health({ spec: { paused: true } })).toMatchObject({ status: 'Suspended' });
  });

  test.each<[string, object, string]>([
    ['all pods are new and available', {}, 'Healthy'],
    ['the change was not seen yet', { observedGeneration: 1 }, 'Progressing'],
    ['new pods are missing', { updatedReplicas: 1 }, 'Progressing'],
    ['old pods are left', { replicas: 4 }, 'Progressing'],
    ['a pod is not available', { availableReplicas: 2 }, 'Progressing'],
    ['it makes no progress', { conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] }, 'Degraded'],
    ['it has no status at all', { observedGeneration: undefined, replicas: undefined, updatedReplicas: undefined }, 'Progressing'],
  ])('otherwise it is what Argo CD says by itself: %s', async (_what, status, wanted) => {
    expect((await health({ status })).status).toBe(wanted);
  });
});

describe('actions on a release in Argo CD', () => {
  test('those that fit the state are offered', async () => {
    const world = await startStory(APPROVED);
    expect(await offeredIn(world)).toEqual(['advance', 'promote', 'abort', 'pause']);
    await untilState(world, 'stage.awaitingApproval');
    await world.run(1_000);
    expect(await offeredIn(world)).toEqual(['approve', 'advance', 'promote', 'abort', 'pause']);
    world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(1_000);
    expect(await offeredIn(world)).toEqual(['abort', 'resume']);
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(1_000);
    expect(await offeredIn(world)).toEqual(['retry']);
  });

  test('undo takes a promotion back, in the bake as well, unless its author marked it irreversible', async () => {
    const world = await startStory({ promotion: { bake: '10m' } });
    await untilState(world, 'promoting.baking');
    await world.run(1_000);
    expect(await offeredIn(world)).toEqual(['abort', 'undo']);
    await untilState(world, 'promoted');
    await world.run(1_000);
    expect(await offeredIn(world)).toEqual(['undo']);
    const marked = { status: { phase: 'Promoted', release: { id: '7c1f0e22ab', workload: { irreversible: 'drops a column' } } } };
    expect(await runLua(readLua('actions/discovery.lua'), marked)).toMatchObject({ undo: { disabled: true } });
    await act(world, 'undo');
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('Undone');
  });

  test('none before there is a release, and none on one that is blocked before it began', async () => {
    expect(await runLua(readLua('actions/discovery.lua'), { metadata: {} })).toMatchObject({ abort: { disabled: true } });
    const world = buildStore();
    world.createRelease('web', specWith({ routeRefs: [{ name: 'nowhere' }] }));
    await world.run(5_000);
    expect(await offeredIn(world)).toEqual([]);
  });

  test('approve names the stage that waits, then the promotion', async () => {
    const world = await startStory(APPROVED);
    await untilState(world, 'stage.awaitingApproval');
    await world.run(1_000);
    await act(world, 'approve');
    await world.run(2_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({ verb: 'approve', stage: 1, result: 'Done' });
    expect(world.status('web')?.state).toBe('stage.awaitingApproval');
    await act(world, 'approve');
    await untilState(world, 'promoted', 60_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({ verb: 'approve', stage: 2, result: 'Done' });
  });

  test('approve lets a release go on that had no proof in time', async () => {
    const stages = [
      { weight: 20, duration: '1m', timeout: '2m' },
      { weight: 50, duration: '1h' },
    ];
    const world = await startStory({ stages, analysis: { onInconclusive: 'Approve' } });
    world.setTraffic(0);
    await untilState(world, 'stage.awaitingApproval');
    await world.run(1_000);
    await act(world, 'approve');
    await world.until('the next stage', () => world.status('web')?.release?.stageIndex === 1, 60_000);
  });

  test.each([
    ['advance', 'stage.analyzing', 'WeightShifted'],
    ['promote', 'promoting.rollingOut', 'Promoted'],
    ['pause', 'paused', 'Paused'],
    ['abort', 'rolledBack', 'RolledBack'],
  ] as const)('%s is obeyed', async (action, _state, reason) => {
    const world = await startStory({
      stages: [
        { weight: 20, duration: '1h' },
        { weight: 50, duration: '1h' },
      ],
    });
    await world.run(1_000);
    const before = reasonsOf(world).filter((one) => one === reason).length;
    await act(world, action);
    await world.until(reason, () => reasonsOf(world).filter((one) => one === reason).length > before, 120_000);
    expect(reasonsOf(world)).not.toContain('CommandRefused');
  });

  test('resume and retry are obeyed', async () => {
    const world = await startStory(LONG);
    world.command('web', 'pause');
    await untilState(world, 'paused');
    await world.run(2_000);
    await act(world, 'resume');
    await untilState(world, 'stage.analyzing', 10_000);
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(2_000);
    await act(world, 'retry');
    await untilState(world, 'stage.analyzing', 120_000);
  });
});
