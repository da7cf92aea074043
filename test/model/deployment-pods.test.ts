// Deployment mode: pods of the canary that cannot run, and a canary that goes only when its requests have stopped.

import { describe, expect, test } from 'vitest';
import { buildRule } from '../fakes/memory/gateway.ts';
import { DeploymentStory } from '../fixtures/deployment-story.ts';
import { crashing, homeless, PLACED, READY, running, statusWith, waiting } from '../fixtures/pods.ts';
import { untilState } from '../fixtures/story.ts';

/** A canary whose pods say this. */
async function startWith(status: Parameters<DeploymentStory['world']['deployments']['setPodStatus']>[1], change = {}) {
  const story = await DeploymentStory.begin(change);
  story.world.deployments.podStatuses.set('store:2', status);
  story.apply('store:2');
  await story.world.until('the canary', () => story.canary !== undefined);
  return story;
}

describe('before the first weight', () => {
  test('a canary that crashes again and again is rejected at once, and the Deployment stays held', async () => {
    const story = await startWith(statusWith(crashing(2)));
    const { world } = story;
    const images = story.watchImages();
    const took = await world.until('the end', () => world.status('web')?.state === 'rolledBack');
    expect(took).toBeLessThan(5_000);
    expect(world.status('web')?.release).toMatchObject({ reason: 'CanaryCrashLooping', rejects: true, maxWeight: 0 });
    expect(world.status('web')?.message).toContain('container app: CrashLoopBackOff, exited with 1 (Error), 2 restarts: Error: no such');
    expect(story.deployment.spec.paused).toBe(true);
    await world.run(700_000);
    expect([world.status('web')?.state, images, story.leftovers()]).toEqual(['rolledBack', ['store:1'], []]);
  });

  test('an image that cannot be pulled for a minute is rejected; one that comes meanwhile is released', async () => {
    const story = await startWith(statusWith(waiting('ErrImagePull', 'store:2: not found'), { phase: 'Pending' }));
    const { world } = story;
    await world.run(30_000);
    expect(world.status('web')).toMatchObject({ phase: 'Preparing', message: expect.stringContaining('store:2: not found') });
    world.deployments.setPodStatus('store:2', statusWith(running()));
    await world.run(60_000);
    expect(world.status('web')?.phase).toBe('Preparing');
    world.deployments.setPodStatus('store:2', statusWith(waiting('ImagePullBackOff', 'store:2: not found'), { phase: 'Pending' }));
    const took = await world.until('the end', () => world.status('web')?.state === 'rolledBack');
    expect(took).toBeGreaterThanOrEqual(60_000);
    expect(took).toBeLessThan(65_000);
    expect(world.status('web')?.release).toMatchObject({ reason: 'ImageNotPulled', rejects: true, maxWeight: 0 });
    expect(story.leftovers()).toEqual([]);
  });

  test('pods without a node block, whatever the progress deadline says, and the version is not rejected', async () => {
    const story = await startWith(homeless(new Date(Date.UTC(2000, 0)).toISOString()), { onBlocked: { after: '30m', then: 'Rollback' } });
    const { world } = story;
    await untilState(world, 'blocked');
    expect(world.status('web')?.message).toContain('PodsUnschedulable: no node takes the canary');
    const failed = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store-canary' };
    world.api.update(key, 'kube-controller-manager', (old) => ({ ...old, status: { conditions: [failed] } }), 'status');
    await world.run(700_000);
    expect(world.status('web')?.state).toBe('blocked');
    // Room is made: the pods have their time from then on.
    const placed = { ...PLACED, lastTransitionTime: new Date(world.clock.now()).toISOString() };
    world.deployments.setPodStatus('store:2', statusWith(running(), { conditions: [placed] }));
    await world.run(5_000);
    expect(world.status('web')?.state).toBe('preparing');
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release).toMatchObject({ reason: 'CanaryNotReady' });
  });
});

describe('with weight', () => {
  test('a crash loop of one pod beside a ready one goes home', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    const set = world.deployments.replicaSets().find(({ metadata }) => metadata.name.startsWith('store-canary-'));
    const named = { name: 'store-canary-x-1', namespace: 'shop', ownerReferences: [{ kind: 'ReplicaSet', uid: set?.metadata.uid ?? '' }] };
    const pod = { kind: 'Pod', namespace: 'shop', name: named.name };
    const say = (status: object) => world.api.update(pod, 'kubelet', (old) => ({ ...old, status }), 'status');
    world.api.create({ apiVersion: 'v1', kind: 'Pod', metadata: named, spec: {} }, 'kubelet');
    say(statusWith(running(1), { conditions: [PLACED, READY] }));
    await world.run(3_000);
    expect(world.status('web')?.phase).toBe('Analyzing');
    say(statusWith(crashing(2, 137, 'OOMKilled', '')));
    expect(await world.until('home', () => story.share === 0)).toBeLessThan(500);
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release).toMatchObject({ reason: 'CanaryCrashLooping', rejects: true });
    expect(world.status('web')?.release?.reasonMessage).toContain('exited with 137 (OOMKilled), 2 restarts');
  });
});

test('a raise whose pods a quota refuses is tried again each minute, not all the time', async () => {
  const story = await DeploymentStory.begin({ canary: { minReplicas: 1 }, onBlocked: { after: '1h', then: 'Pause' } });
  const { world } = story;
  const key = { kind: 'Deployment', namespace: 'shop', name: 'store-canary' };
  let quota = 1;
  world.api.onChange(({ kind, now }) => {
    if (kind !== 'Deployment' || now?.metadata.name !== key.name) return;
    const refuses = ((now.spec as { replicas?: number }).replicas ?? 0) > quota;
    const conditions = refuses ? [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }] : [];
    const isTold = JSON.stringify((now.status as { conditions?: unknown } | undefined)?.conditions ?? []) === JSON.stringify(conditions);
    const tell = () =>
      world.api.update(key, 'controller', (old) => ({ ...old, status: { ...(old.status as object), conditions } }), 'status');
    if (!isTold) world.clock.schedule(world.clock.now() + 50, tell);
  });
  story.apply('store:2');
  await untilState(world, 'blocked');
  expect(world.status('web')?.message).toContain('PodsRefused');
  const before = world.journal.transitions.length;
  await world.run(300_000);
  // Out of the block and into it again, once a minute.
  expect(world.journal.transitions.length - before).toBeLessThanOrEqual(12);
  expect(story.share).toBe(10);
  quota = 2;
  await world.until('the raise', () => story.share === 50, 130_000);
  await untilState(world, 'promoted');
});

/** Another route goes on giving requests to the canary. */
function callDirectly({ world }: DeploymentStory): void {
  world.createRoute('direct', [buildRule({ 'store-canary': 1 })]);
}

/** Home, with a canary that drains. @returns the time at which it began */
async function abortAtWeight(story: DeploymentStory, callers: 'calledBefore' | 'calledDirectly' | 'none' = 'none'): Promise<number> {
  const { world } = story;
  if (callers === 'calledBefore') callDirectly(story);
  story.apply('store:2');
  await untilState(world, 'stage.analyzing');
  await world.run(10_000);
  if (callers === 'calledDirectly') callDirectly(story);
  world.abort('web');
  await untilState(world, 'rollingBack.draining');
  return world.clock.now();
}

describe('a canary that drains', () => {
  test('a draining canary is removed after the drain time when two scrapes have shown that nothing was counted any more', async () => {
    const story = await DeploymentStory.begin({}, { scrapeMs: 9_000, scrapePhaseMs: 0 });
    const began = await abortAtWeight(story);
    await story.world.until('the canary to go', () => story.canary === undefined);
    const took = story.world.clock.now() - began;
    expect(took).toBeGreaterThanOrEqual(10_000);
    // Two scrapes of every 9 s are at most 18 s away.
    expect(took).toBeLessThan(20_000);
  });

  test('a draining canary stays while requests still reach it, and is removed when they have stopped', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    const began = await abortAtWeight(story, 'calledDirectly');
    await world.run(25_000);
    expect(story.canary).toBeDefined();
    expect(world.status('web')?.message).toContain('the canary is kept until its requests have stopped');
    world.api.delete({ kind: 'HTTPRoute', namespace: 'shop', name: 'direct' }, 'kubectl-delete');
    await world.until('the canary to go', () => story.canary === undefined);
    expect(world.clock.now() - began).toBeLessThan(45_000);
    await untilState(world, 'rolledBack');
  });

  test('a draining canary stays no longer than a minute, whoever continues to call it', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    const began = await abortAtWeight(story, 'calledBefore');
    // Times in a status are whole seconds.
    await world.until('the canary to go', () => story.canary === undefined);
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(58_000);
    expect(world.clock.now() - began).toBeLessThan(63_000);
  });

  test('a draining canary is removed by time alone when Prometheus does not answer, and the rollback does not wait for that', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    world.prometheus.mode = 'hangs';
    world.abort('web');
    await untilState(world, 'rollingBack.draining');
    expect(story.share).toBe(0);
    const took = await world.until('the canary to go', () => story.canary === undefined);
    expect(took).toBeGreaterThanOrEqual(59_000);
    expect(took).toBeLessThan(63_000);
    await untilState(world, 'rolledBack');
    expect(story.leftovers()).toEqual([]);
  });

  test('a draining canary is removed after the drain time alone where nothing is judged', async () => {
    const story = await DeploymentStory.begin({ analysis: { mode: 'Off' } } as never);
    const began = await abortAtWeight(story);
    await story.world.until('the canary to go', () => story.canary === undefined);
    expect(story.world.clock.now() - began).toBeLessThan(12_000);
  });

  test('the canary of a promotion is removed when its requests have stopped, while the Deployment serves', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.apply('store:2');
    await untilState(world, 'promoting.rollingOut');
    callDirectly(story);
    await untilState(world, 'promoting.restoring');
    await world.until('the route as it was', () => story.share === 0);
    await world.run(25_000);
    expect(story.canary).toBeDefined();
    expect(story.behindService()).toEqual({ 'store:2': 4 });
    world.api.delete({ kind: 'HTTPRoute', namespace: 'shop', name: 'direct' }, 'kubectl-delete');
    await untilState(world, 'promoted');
    expect(story.leftovers()).toEqual([]);
  });
});
