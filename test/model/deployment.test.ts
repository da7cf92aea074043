// Deployment mode over a cluster in memory: what is behind the serving Service at any time, whatever happens meanwhile.

import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import { DeploymentStory, deploymentSpec } from '../fixtures/deployment-story.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';

/** A release that is judged at its first weight. */
async function startRelease(...settings: Parameters<typeof DeploymentStory.begin>): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin(...settings);
  story.apply('store:2');
  await untilState(story.world, 'stage.analyzing');
  return story;
}

describe('a good image', () => {
  test('a good image is held, tried beside the old one, and rolled only when every stage is proven', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    const images = story.watchImages();
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    expect(story.deployment.spec.paused).toBe(true);
    expect(story.canary?.spec).toMatchObject({ replicas: 2, selector: { matchLabels: { app: 'store-canary' } } });
    expect(story.share).toBe(10);
    await untilState(world, 'promoting.rollingOut');
    expect(images).toEqual(['store:1']);
    expect([story.share, story.canary?.spec.replicas]).toEqual([50, 2]);
    await untilState(world, 'promoting.restoring');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
    await untilState(world, 'promoted');
    expect(story.leftovers()).toEqual([]);
    expect(world.guardian.raises.map(({ from, to }) => [from, to])).toEqual([
      [0, 10],
      [10, 50],
    ]);
    expect(world.status('web')).toMatchObject({ serving: { service: 'store', revision: expect.stringMatching(/^2-/) } });
    expect(reasonsOf(world).at(-1)).toBe('Promoted');
  });

  test('a good image gets its pods before the share that needs them, and keeps them until it has answered', async () => {
    const story = await startRelease();
    const { world } = story;
    await world.until('the second stage', () => story.share === 50);
    const service = world.api.get({ kind: 'Service', namespace: 'shop', name: 'store-canary' });
    expect(service?.spec).toMatchObject({ ready: 2, unready: 0 });
    await untilState(world, 'promoting.restoring');
    await world.until('the route as it was', () => story.share === 0);
    const left = world.clock.now();
    await world.until('the canary to go', () => story.canary === undefined);
    expect(world.clock.now() - left).toBeGreaterThanOrEqual(10_000);
  });

  test('the ref of a good image stays on the route until its requests have stopped: the share goes first, and may not be given back', async () => {
    const story = await startRelease();
    const { world } = story;
    await untilState(world, 'promoting.restoring');
    await world.until('no share', () => story.share === 0);
    await world.run(1_000);
    const weights = () => world.weights('store');
    expect([weights()['store-canary'], world.status('web')?.state]).toEqual([0, 'promoting.restoring']);
    expect(world.status('web')?.message).toContain('is kept until its requests have stopped');
    world.editWeights('store', 'kubectl-edit', { 'store-canary': 2_000 });
    await world.until('the edit to be lowered', () => story.share === 0, 1_000);
    await untilState(world, 'promoted');
    expect([weights(), story.leftovers()]).toEqual([{ store: 1, beta: 1 }, []]);
  });

  test('a route that is taken out of the release keeps the ref of the canary for the drain time, and the others continue', async () => {
    const story = await DeploymentStory.begin({ routeRefs: [{ name: 'store' }, { name: 'other' }] });
    const { world } = story;
    world.createRoute('other', [buildRule({ store: 4 })]);
    await world.run(1_000);
    story.apply('store:2');
    await untilState(world, 'stage.analyzing');
    expect(world.share('other', 'store', 'store-canary')).toBe(10);
    world.editSpec('web', (spec) => ({ ...spec, routeRefs: [{ name: 'store' }] }));
    await world.until('its share to go', () => world.share('other', 'store', 'store-canary') === 0, 1_000);
    expect(world.weights('other')).toMatchObject({ 'store-canary': 0 });
    await world.until('its ref to go', () => world.weights('other')['store-canary'] === undefined, 15_000);
    expect([world.weights('other'), world.route('other').metadata.annotations]).toEqual([{ store: 4 }, { 'example.org/team': 'shop' }]);
    expect(story.share).toBe(10);
    await untilState(world, 'promoted');
    expect(story.leftovers()).toEqual([]);
  });

  test('a good image is promoted at once by a person, and the canary keeps its share while the Deployment rolls', async () => {
    const story = await startRelease();
    story.world.command('web', 'promote');
    await untilState(story.world, 'promoting.rollingOut');
    expect(story.share).toBe(10);
    await untilState(story.world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('a good image is promoted although the operator is killed and started again all the time', async () => {
    const story = await startRelease();
    const { world } = story;
    const images = story.watchImages();
    for (let round = 0; world.status('web')?.state !== 'promoted' && round < 200; round += 1) {
      for (const operator of world.operators) operator.kill();
      world.startOperator();
      await world.run(7_300);
    }
    expect(world.status('web')?.state).toBe('promoted');
    expect([images, story.leftovers()]).toEqual([['store:1', 'store:2'], []]);
  });
});

describe('a bad image', () => {
  test('a bad image is rolled back and stays held; its pods never stand behind the serving Service', async () => {
    const story = await startRelease();
    const { world } = story;
    const images = story.watchImages();
    world.setVersion('store-canary', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack');
    await world.run(60_000);
    expect([images, story.behindService()]).toEqual([['store:1'], { 'store:1': 4 }]);
    expect(story.deployment.spec.paused).toBe(true);
    expect(story.leftovers()).toEqual([]);
    expect(world.status('web')?.message).toContain('Deployment store stays held at it, the old pods serve');
    // A sync of the same manifest, and a person who resumes, change nothing.
    story.apply('store:2');
    story.edit('kubectl-rollout', (spec) => ({ ...spec, paused: false }));
    await world.run(60_000);
    expect([world.status('web')?.state, story.behindService()]).toEqual(['rolledBack', { 'store:1': 4 }]);
  });

  test('a bad image whose pods do not get ready in time is rejected before it had any weight', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    world.deployments.broken.add('store:2');
    story.apply('store:2');
    await untilState(world, 'preparing');
    await world.until('the canary', () => story.canary !== undefined);
    const failed = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'store-canary made no progress' };
    const key = { kind: 'Deployment', namespace: 'shop', name: 'store-canary' };
    world.api.update(key, 'kube-controller-manager', (old) => ({ ...old, status: { replicas: 1, conditions: [failed] } }), 'status');
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release).toMatchObject({ reason: 'CanaryNotReady', maxWeight: 0 });
    expect(story.leftovers()).toEqual([]);
  });

  test('found out while it rolls is taken back from the Deployment, too', async () => {
    const story = await startRelease();
    const { world } = story;
    await untilState(world, 'promoting.rollingOut');
    await world.until('half a rollout', () => (story.behindService()['store:2'] ?? 0) >= 1);
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(10_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    expect(story.deployment.spec.paused).toBe(true);
    expect(story.leftovers()).toEqual([]);
  });
});

test('rule 1: where the route cannot be written the canary Service is pointed at the serving pods', async () => {
  const story = await startRelease();
  const { world } = story;
  const away = { when: 'instead', error: new GlidepathError('GLIDEPATH_E_FORBIDDEN', 'no right to patch the route') } as const;
  world.faults = ({ verb }) => (verb === 'patch' ? away : undefined);
  const selectorOf = () => world.api.get({ kind: 'Service', namespace: 'shop', name: 'store-canary' })?.spec;
  expect(selectorOf()).toMatchObject({ selector: { app: 'store-canary' } });
  world.abort('web');
  await world.until('the second brake', () => JSON.stringify(selectorOf()).includes('"app":"store"'), 2_000);
  expect(story.share).toBe(10);
  world.faults = () => undefined;
  await untilState(world, 'rolledBack');
  expect(story.leftovers()).toEqual([]);
});

describe('another change in Git', () => {
  test('another change in Git during the release rolls back first and starts again from the first stage', async () => {
    const story = await startRelease();
    const { world } = story;
    const images = story.watchImages();
    const first = world.status('web')?.release?.id;
    story.apply('store:3');
    await world.until('another release', () => world.status('web')?.release?.id !== first && story.share === 10);
    expect(world.status('web')?.history).toMatchObject([{ outcome: 'RolledBack', reason: 'Superseded' }]);
    await untilState(world, 'promoted');
    expect([images, story.behindService()]).toEqual([['store:1', 'store:3'], { 'store:3': 4 }]);
  });

  test('another change in Git while the Deployment rolls stops the rollout; the version that served serves again until the new one is proven', async () => {
    const story = await startRelease();
    const { world } = story;
    await untilState(world, 'promoting.rollingOut');
    await world.until('half a rollout', () => (story.behindService()['store:2'] ?? 0) >= 1);
    story.apply('store:3');
    await world.until('the new release at its first weight', () => story.share === 10);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    expect(reasonsOf(world)).toContain('WrongVersionServing');
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:3': 4 });
  });

  test('the new pods answer until the version that served is ready again when the old pods are all gone already', async () => {
    const story = await startRelease();
    const { world } = story;
    await untilState(world, 'promoting.rollingOut');
    const service = () => world.api.get({ kind: 'Service', namespace: 'shop', name: 'store' });
    const readyBehind = () => (service()?.spec as { readonly ready?: number } | undefined)?.ready;
    // The operator has not heard of it yet.
    for (const operator of world.operators) operator.kill();
    await world.until('the whole rollout', () => JSON.stringify(story.behindService()) === '{"store:2":4}' && readyBehind() === 4);
    story.apply('store:3');
    let least: unknown = 4;
    world.api.onChange(({ kind }) => {
      if (kind === 'Service' && readyBehind() === 0) least = 0;
    });
    world.startOperator();
    await world.until('the new release at its first weight', () => story.share === 10 && story.canary?.spec.template !== undefined);
    await world.until('the old version', () => JSON.stringify(story.behindService()) === '{"store:1":4}');
    expect(least).toBe(4);
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:3': 4 });
  });

  test('a change in Git that reverts to what serves is let go at once, without a canary', async () => {
    const story = await startRelease();
    const { world } = story;
    story.apply('store:1');
    await world.until('the hold to be lifted', () => story.deployment.spec.paused !== true);
    await untilState(world, 'rolledBack');
    await world.run(30_000);
    expect(world.status('web')).toMatchObject({ release: { reason: 'Superseded' } });
    expect([story.behindService(), story.leftovers()]).toEqual([{ 'store:1': 4 }, []]);
  });

  test('a change in Git that takes a rejected one back ends the story: no one is needed any more', async () => {
    const story = await startRelease();
    const { world } = story;
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(1_000);
    expect(world.status('web')).toMatchObject({ phase: 'RolledBack', message: expect.stringContaining('stays held') });
    story.apply('store:1');
    await world.until('the hold to be lifted', () => story.deployment.spec.paused !== true);
    await world.run(1_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Idle',
      message: expect.stringMatching(/^revision 1-\w+ serves; nothing to release$/),
    });
    expect(world.status('web')?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True', reason: 'Idle' }));
    expect(world.status('web')?.conditions?.map(({ type }) => type)).not.toContain('Stalled');
    // The rejected one stays rejected: it is held again, and nothing begins.
    story.apply('store:2');
    await world.run(10_000);
    expect([world.status('web')?.phase, story.deployment.spec.paused]).toEqual(['RolledBack', true]);
  });

  test('a change in Git that goes back to what is proven rolls at once, without a canary', async () => {
    const story = await startRelease();
    const { world } = story;
    await untilState(world, 'promoted');
    const { release } = world.status('web') ?? {};
    story.apply('store:1');
    await world.until('the old version', () => story.behindService()['store:1'] === 4, 30_000);
    await world.run(1_000);
    expect(world.status('web')).toMatchObject({ release: { id: release?.id }, serving: { revision: expect.stringMatching(/^1-/) } });
    expect(reasonsOf(world).at(-1)).toBe('Promoted');
    // And forward again: it was promoted once.
    story.apply('store:2');
    await world.until('the new version', () => story.behindService()['store:2'] === 4, 30_000);
    expect(world.status('web')?.release?.id).toBe(release?.id);
  });
});

describe('the hold', () => {
  test('a hold that is not in force blocks before anything is changed, and the message says what to install', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    world.holds = false;
    await world.run(700_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked', message: expect.stringContaining('-k config/deployment-mode') });
    expect(world.status('web')?.conditions).toContainEqual(expect.objectContaining({ type: 'TemplateHeld', status: 'False' }));
    world.holds = true;
    await world.run(60_000);
    expect(world.status('web')?.phase).toBe('Idle');
  });

  test('a hold that goes away while a release waits for a person is reported once within ten minutes, and stops nothing', async () => {
    const stages = [{ weight: 10, duration: '1m', approval: 'Required' as const }];
    const story = await startRelease({ stages });
    const { world } = story;
    await untilState(world, 'stage.awaitingApproval');
    const held = () => world.status('web')?.conditions?.find(({ type }) => type === 'TemplateHeld');
    expect(held()).toMatchObject({ status: 'True', reason: 'Proven' });
    world.holds = false;
    await world.run(640_000);
    expect(held()).toMatchObject({ status: 'False', reason: 'HoldUnavailable' });
    await world.run(3_600_000);
    const told = world.journal.events.filter(({ reason }) => reason === 'HoldUnavailable');
    expect(told.map(({ note }) => note)).toEqual([
      expect.stringContaining('the release continues, but nothing holds a change of Deployment store'),
    ]);
    expect([world.status('web')?.state, story.share]).toEqual(['stage.awaitingApproval', 10]);
    world.holds = true;
    await world.run(60_000);
    expect(held()).toMatchObject({ status: 'True', reason: 'Proven' });
    world.command('web', 'approve', 1);
    await untilState(world, 'promoted');
  });

  test('a change that went past the hold is reported, and what rolled is what serves', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    world.holds = false;
    story.apply('store:2');
    await world.run(30_000);
    expect(reasonsOf(world)).toContain('HoldBypassed');
    expect(world.status('web')).toMatchObject({ serving: { revision: expect.stringMatching(/^2-/) } });
    expect(story.canary).toBeUndefined();
  });

  test('a hold that someone lifts during the release rolls the canary back', async () => {
    const story = await startRelease();
    const { world } = story;
    world.holds = false;
    story.edit('kubectl-edit', (spec) => ({ ...spec, paused: false }));
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('HoldBypassed');
    expect(story.leftovers()).toEqual([]);
  });

  test('the hold keeps another old version from serving after a scale to 0 and back', async () => {
    const story = await startRelease();
    const { world } = story;
    await untilState(world, 'promoted');
    story.apply('store:1');
    await world.until('the old version', () => story.behindService()['store:1'] === 4);
    await world.run(5_000);
    story.apply('store:3');
    await untilState(world, 'stage.analyzing');
    story.edit('keda', (spec) => ({ ...spec, replicas: 0 }));
    await world.run(2_000);
    story.edit('keda', (spec) => ({ ...spec, replicas: 4 }));
    await world.run(5_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    expect(reasonsOf(world)).toContain('WrongVersionServing');
    // The Deployment controller must know that its scaling is over, or it would never roll again.
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:3': 4 });
  });
});

describe('a release that is deleted', () => {
  test('a release that is deleted is rolled back, its canary is removed, and the Deployment stays as it is', async () => {
    const story = await startRelease();
    const { world } = story;
    world.deleteRelease('web');
    await world.until('the end', () => world.release('web') === undefined);
    expect(world.journal.events.find(({ reason }) => reason === 'RolledBack')?.note).toContain('kubectl rollout resume deployment/store');
    expect(story.leftovers()).toEqual([]);
    expect(story.deployment.spec.paused).toBe(true);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
  });

  test('a release that is deleted with its Deployment is rolled back, too', async () => {
    const story = await startRelease();
    const { world } = story;
    world.api.delete({ kind: 'Deployment', namespace: 'shop', name: 'store' }, 'kubectl-delete');
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('WorkloadDeleted');
    expect(story.leftovers()).toEqual([]);
    await world.run(1_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked', message: expect.stringContaining('Deployment store is not there') });
  });
});

test('the first image rolls without a canary: nothing serves yet that could be protected', async () => {
  const story = await DeploymentStory.begin();
  const { world } = story;
  world.deleteRelease('web');
  for (const operator of world.operators) operator.kill();
  story.edit('keda', (spec) => ({ ...spec, replicas: 0 }));
  await world.run(5_000);
  for (const { metadata } of world.deployments.replicaSets())
    world.api.delete({ kind: 'ReplicaSet', namespace: 'shop', name: metadata.name }, 'kubectl-delete');
  story.edit('git', (spec) => ({ ...spec, replicas: 2, paused: true }));
  story.apply('store:2');
  world.startOperator();
  world.createRelease('web', deploymentSpec());
  await world.until('pods', () => story.behindService()['store:2'] === 2);
  expect(world.status('web')?.release).toBeUndefined();
});
