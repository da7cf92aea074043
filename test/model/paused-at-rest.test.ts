// `targetRef.hold: PausedAtRest` over a cluster in memory that has no policy: what holds is the pause between releases.

import { beforeEach, describe, expect, test } from 'vitest';
import { FINALIZER, HELD_ANNOTATION } from '../../src/api/names.ts';
import { GlidepathError } from '../../src/api/errors.ts';
import { DeploymentStory, deploymentSpec } from '../fixtures/deployment-story.ts';
import { reasonsOf, untilState } from '../fixtures/story.ts';

let story: DeploymentStory;

const atRest = { targetRef: { name: 'store', hold: 'PausedAtRest' } } as const;
const isHeld = () => story.deployment.spec.paused === true && story.deployment.metadata.annotations?.[HELD_ANNOTATION] === 'web';
const finalizers = () => story.world.release('web')?.metadata.finalizers ?? [];

beforeEach(async () => {
  story = await DeploymentStory.begin(atRest);
  story.world.holds = false;
  await story.world.until('the pause at rest', isHeld);
});

describe('at rest', () => {
  test('the Deployment is paused and marked, with the finalizer there before; nothing else is written', async () => {
    const { world } = story;
    await world.run(1_200_000);
    expect(finalizers()).toEqual([FINALIZER]);
    const calls = world.journal.calls.map(({ verb, target }) => `${verb} ${target}`);
    const [finalizer, rest] = [
      calls.findIndex((call) => call.includes('inalizer')),
      calls.findIndex((call) => call.includes('rest store')),
    ];
    expect(finalizer).toBeGreaterThanOrEqual(0);
    expect(rest).toBeGreaterThan(finalizer);
    expect(new Set(calls.filter((call) => call.startsWith('workload')))).toEqual(new Set(['workload rest store']));
    expect(world.status('web')).toMatchObject({ phase: 'Idle', message: expect.not.stringContaining('HoldUnavailable') });
    expect(world.status('web')?.conditions).toContainEqual(expect.objectContaining({ type: 'TemplateHeld', status: 'True' }));
  });

  test('a Deployment at rest scales, and nobody has to be asked', async () => {
    story.edit('hpa', (spec) => ({ ...spec, replicas: 6 }));
    await story.world.run(10_000);
    expect([story.behindService(), isHeld()]).toEqual([{ 'store:1': 6 }, true]);
  });

  test('a Deployment that is paused at rest is found paused again by whoever resumes it', async () => {
    story.edit('kubectl-rollout', (spec) => ({ ...spec, paused: false }));
    await story.world.until('the pause', isHeld, 10_000);
    expect(reasonsOf(story.world)).not.toContain('HoldBypassed');
  });

  test('a rollout that nobody held is not frozen in its middle', async () => {
    story.edit('argocd-controller', (spec) => ({ ...spec, paused: false }));
    story.apply('store:2');
    await story.world.until('pods of both', () => Object.keys(story.behindService()).length === 2);
    expect(story.deployment.spec.paused).toBe(false);
    await story.world.until('the pause', isHeld);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
    expect(reasonsOf(story.world)).toContain('HoldBypassed');
  });
});

describe('a new image', () => {
  test('a new image does not roll: a canary is tried, the Deployment rolls when it is proven, and is paused again', async () => {
    const { world } = story;
    const images = story.watchImages();
    story.commit('store:2');
    await untilState(world, 'promoting.rollingOut');
    expect(images).toEqual(['store:1']);
    await untilState(world, 'promoted');
    await world.until('the pause', isHeld);
    expect([story.behindService(), finalizers()]).toEqual([{ 'store:2': 4 }, [FINALIZER]]);
    expect(story.leftovers()).toEqual([FINALIZER]);
    story.commit('store:3');
    await world.until('the next release', () => story.share === 10);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('a new image that is bad is rolled back and stays held; a revert needs no release and stays paused', async () => {
    const { world } = story;
    const images = story.watchImages();
    world.setVersion('store-canary', { errorRatio: 0.5 });
    story.commit('store:2');
    await untilState(world, 'rolledBack');
    story.commit('store:1');
    await world.run(60_000);
    expect([images, story.behindService(), isHeld()]).toEqual([['store:1'], { 'store:1': 4 }, true]);
  });

  test('a new image that was proven before rolls at once, and is paused again', async () => {
    const { world } = story;
    story.commit('store:2');
    await untilState(world, 'promoted');
    await world.until('the pause', isHeld);
    const { release } = world.status('web') ?? {};
    story.commit('store:1');
    await world.until('the old version', () => story.behindService()['store:1'] === 4 && isHeld());
    expect(world.status('web')?.release?.id).toBe(release?.id);
  });

  test('a new image that comes while the operator is dead does not roll', async () => {
    const { world } = story;
    for (const operator of world.operators) operator.kill();
    story.commit('store:2');
    await world.run(600_000);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
    world.startOperator();
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });
});

describe('a release that is taken away', () => {
  const expectFree = () => {
    expect(story.deployment.spec.paused).not.toBe(true);
    expect(story.deployment.metadata.annotations).not.toHaveProperty(HELD_ANNOTATION);
  };

  test('the end of a release leaves a Deployment that is not paused', async () => {
    const { world } = story;
    world.deleteRelease('web');
    await world.until('the end', () => world.release('web') === undefined);
    expectFree();
    await world.run(60_000);
    expectFree();
  });

  test('a release that is removed while the operator is dead waits for it', async () => {
    const { world } = story;
    for (const operator of world.operators) operator.kill();
    world.deleteRelease('web');
    await world.run(60_000);
    expect(finalizers()).toEqual([FINALIZER]);
    world.startOperator();
    await world.until('the end', () => world.release('web') === undefined);
    expectFree();
  });

  test('a release that is removed waits while the Deployment cannot be written', async () => {
    const { world } = story;
    const away = { when: 'instead', error: new GlidepathError('GLIDEPATH_E_UNAVAILABLE', 'away', { retryable: true }) } as const;
    world.faults = ({ verb }) => (verb === 'workload' ? away : undefined);
    world.deleteRelease('web');
    await world.run(30_000);
    expect(finalizers()).toEqual([FINALIZER]);
    world.faults = () => undefined;
    await world.until('the end', () => world.release('web') === undefined);
    expectFree();
  });

  test('a release that is removed with its Deployment goes at once', async () => {
    const { world } = story;
    world.api.delete({ kind: 'Deployment', namespace: 'shop', name: 'store' }, 'kubectl-delete');
    world.deleteRelease('web');
    await world.until('the end', () => world.release('web') === undefined, 10_000);
  });

  test('a release that is removed during its stages leaves what is not proven held', async () => {
    const { world } = story;
    story.commit('store:2');
    await untilState(world, 'stage.analyzing');
    world.deleteRelease('web');
    await world.until('the end', () => world.release('web') === undefined);
    expect([story.behindService(), story.deployment.spec.paused]).toEqual([{ 'store:1': 4 }, true]);
  });
});

describe('the way back', () => {
  test('undo in the bake is one weight write, and what is undone stays held', async () => {
    const { world } = story;
    world.editSpec('web', () => deploymentSpec({ ...atRest, promotion: { bake: '5m' } }));
    story.commit('store:2');
    await untilState(world, 'promoting.baking');
    expect([story.share, story.behindService(), isHeld()]).toEqual([100, { 'store:1': 4 }, true]);
    world.command('web', 'undo');
    await untilState(world, 'rolledBack');
    await world.run(60_000);
    expect([story.behindService(), story.deployment.spec.paused]).toEqual([{ 'store:1': 4 }, true]);
    story.commit('store:1');
    await world.run(60_000);
    expect([story.behindService(), isHeld()]).toEqual([{ 'store:1': 4 }, true]);
  });

  test('after a bake the Deployment rolls, and is paused again', async () => {
    const { world } = story;
    world.editSpec('web', () => deploymentSpec({ ...atRest, promotion: { bake: '1m' } }));
    story.commit('store:2');
    await untilState(world, 'promoted', 600_000);
    await world.until('the pause', isHeld);
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('undo after the promotion lets the former template roll out of the pause, and pauses it again', async () => {
    const { world } = story;
    story.commit('store:2');
    await untilState(world, 'promoted');
    await world.until('the pause', isHeld);
    world.command('web', 'undo');
    await untilState(world, 'rolledBack', 60_000);
    await world.until('the pause', isHeld);
    expect(story.behindService()).toEqual({ 'store:1': 4 });
  });

  test('with Retain the canary stays, and what is not proven stays held', async () => {
    const { world } = story;
    world.editSpec('web', () => deploymentSpec({ ...atRest, deletionPolicy: 'Retain' }));
    story.commit('store:2');
    await untilState(world, 'stage.analyzing');
    world.deleteRelease('web');
    await world.until('the end', () => world.release('web') === undefined);
    expect([story.share, story.behindService(), story.deployment.spec.paused]).toEqual([10, { 'store:1': 4 }, true]);
  });
});

test('asked for no more, the pause is taken back', async () => {
  const { world } = story;
  world.holds = true;
  world.editSpec('web', () => deploymentSpec());
  await world.until('a running Deployment', () => story.deployment.spec.paused !== true);
  await world.run(5_000);
  expect(finalizers()).toEqual([]);
});
