// `deletionPolicy: Retain` in Deployment mode: the canary goes on serving at the last weight although its release is gone, and
// although the garbage collector deletes what a deleted object owns.

import { expect, test } from 'vitest';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { WorkloadMetadata } from '../../src/core/workload/objects.ts';
import type { CrashPlan } from '../fakes/memory/calls.ts';
import { NAMESPACE } from '../fakes/memory/world.ts';
import { DeploymentStory, deploymentSpec } from '../fixtures/deployment-story.ts';
import { untilState } from '../fixtures/story.ts';

const KEEPS = { deletionPolicy: 'Retain' } as const;

/** Deletes what belongs to a release that is gone, as soon as it is. */
function collectGarbage({ world }: DeploymentStory): void {
  world.api.onChange(({ kind, old, now }) => {
    if (kind !== 'CanaryRelease' || old === undefined || now !== undefined) return;
    for (const owned of ['Deployment', 'Service'])
      for (const { metadata } of world.api.list(owned))
        if (((metadata as WorkloadMetadata).ownerReferences ?? []).some(({ uid }) => uid === old.metadata.uid))
          world.api.delete({ kind: owned, namespace: NAMESPACE, name: metadata.name }, 'garbage-collector');
  });
}

async function startRelease(state: string, change = {}): Promise<DeploymentStory> {
  const story = await DeploymentStory.begin({ ...KEEPS, ...change });
  collectGarbage(story);
  story.apply('store:2');
  await untilState(story.world, state);
  return story;
}

/** Deletes the release and waits until it is gone; an operator that dies on the way is followed by another one. */
async function deleteRelease(story: DeploymentStory, crash?: CrashPlan): Promise<boolean> {
  const { world } = story;
  for (const operator of world.operators) operator.kill();
  const first = world.startOperator(crash);
  world.deleteRelease('web');
  const isGone = () => world.release('web') === undefined;
  await world.until('the end or the crash', () => first.gate.dead || isGone(), 60_000);
  const crashed = first.gate.dead;
  if (crashed) world.startOperator();
  await world.until('the end', isGone, 60_000);
  await world.run(5_000);
  return crashed;
}

function expectKept(story: DeploymentStory, share: number, pods: number): void {
  expect([story.share, story.canary?.spec.replicas, story.canary?.metadata.ownerReferences]).toEqual([share, pods, []]);
  const service = story.world.api.get({ kind: 'Service', namespace: NAMESPACE, name: 'store-canary' });
  expect(service?.spec).toMatchObject({ ready: pods });
  expect(story.world.route('store').metadata.annotations?.[RELEASE_ANNOTATION]).toBeUndefined();
}

test('deleted in a stage it leaves canary and weight, wherever the operator is killed meanwhile', async () => {
  for (let write = 1; ; write += 1) {
    const story = await startRelease('stage.analyzing');
    const crashed = await deleteRelease(story, { write, side: 'after' });
    expectKept(story, 10, 2);
    expect([story.behindService(), story.deployment.spec.paused]).toEqual([{ 'store:1': 4 }, true]);
    if (crashed) continue;
    expect(write).toBeGreaterThan(4);
    return;
  }
});

test('deleted in the bake it leaves everything on the canary, and says whose it is now', async () => {
  const story = await startRelease('promoting.baking', { promotion: { bake: '10m' } });
  await deleteRelease(story);
  expectKept(story, 100, 4);
  const told = story.world.journal.events.find(({ reason }) => reason === 'RolledBack')?.note;
  expect(told).toContain('Deployment store-canary and Service store-canary keep 100% and are yours to remove');
});

test('deleted while the Deployment rolls it lets it roll', async () => {
  const story = await startRelease('promoting.rollingOut');
  await deleteRelease(story);
  await story.world.run(30_000);
  expectKept(story, 50, 2);
  expect(story.behindService()).toEqual({ 'store:2': 4 });
});

test.each(['preparing', 'promoting.restoring'])('deleted in %s, where nothing has weight, it takes the canary with it', async (state) => {
  const story = await startRelease(state);
  await deleteRelease(story);
  expect(story.leftovers()).toEqual([]);
  expect(story.behindService()).toEqual(state === 'preparing' ? { 'store:1': 4 } : { 'store:2': 4 });
});

test('a release that comes later says what is in its way', async () => {
  const story = await startRelease('stage.analyzing');
  await deleteRelease(story);
  const { world } = story;
  world.createRelease('web', deploymentSpec());
  await world.until('the block', () => world.status('web')?.phase === 'Blocked', 60_000);
  expect(world.status('web')?.message).toMatch(/CanaryAlreadyHasTraffic|NameTaken/);
  expectKept(story, 10, 2);
});
