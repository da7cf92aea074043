// The objects of one commit arrive one after the other: the release in front of its route, its Services or its pods. Tools that apply
// Git look at the release right after that, and give up at the first Stalled.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { MemoryWorld } from '../fakes/memory/world.ts';
import { reasonsOf, shareOf, specWith, startStory, untilState } from '../fixtures/story.ts';

const conditionOf = (world: MemoryWorld, type: string) => world.status('web')?.conditions?.find((one) => one.type === type);

/** The release alone, as a first sync applies it first. */
function begin(change: Partial<SpecInput> = {}): MemoryWorld {
  const world = new MemoryWorld();
  world.startOperator();
  world.createRelease('web', specWith(change));
  return world;
}

function addServices(world: MemoryWorld): void {
  world.setService('v1', {});
  world.setService('v2', {});
}

describe('a release that is applied before its objects', () => {
  test('the release is blocked and reconciling, and begins when they are there', async () => {
    const world = begin();
    await world.run(5_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked', message: expect.stringContaining('ServiceNotFound') });
    expect(conditionOf(world, 'Reconciling')).toMatchObject({ status: 'True', reason: 'Blocked', message: world.status('web')?.message });
    expect(conditionOf(world, 'Stalled')).toBeUndefined();
    addServices(world);
    await world.run(5_000);
    expect(world.status('web')?.message).toContain('no route of this namespace names Service');
    expect(conditionOf(world, 'Stalled')).toBeUndefined();
    world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')?.internal?.missingSince).toBeUndefined();
  });

  test('the release is stalled after a minute, until what is missing comes', async () => {
    const world = begin();
    await world.run(59_000);
    expect(conditionOf(world, 'Stalled')).toBeUndefined();
    await world.run(2_000);
    expect(conditionOf(world, 'Stalled')).toMatchObject({ status: 'True', reason: 'Blocked' });
    addServices(world);
    world.createRoute('store', [buildRule({ v1: 1, v2: 0 })]);
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world, 'Stalled')).toBeUndefined();
  });

  test('a real no is stalled at once: the route of spec.routeRefs is there, and names neither Service', async () => {
    const world = begin({ routeRefs: [{ name: 'store' }] });
    addServices(world);
    world.createRoute('store', [buildRule({ other: 1 })]);
    await world.run(5_000);
    expect(conditionOf(world, 'Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining('BackendNotRouted') });
  });
});

describe('a commit of spec.revision and of the pods', () => {
  /** Revision 1.0 is promoted; v1 is the canary of what comes next. */
  async function promoteFirst(): Promise<MemoryWorld> {
    const world = await startStory({ revision: '1.0' });
    await untilState(world, 'promoted');
    await world.run(60_000);
    world.editSpec('web', (spec) => ({ ...spec, revision: '1.1' }));
    return world;
  }

  test('the release waits for the pods of its revision: those that were there before get no request', async () => {
    const world = await promoteFirst();
    await untilState(world, 'preparing');
    await world.run(20_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Preparing',
      message: expect.stringMatching(/waits for pods of revision 1\.1 behind Service v1: .*begins with them at \d\d:\d\d:\d\dZ/),
    });
    const { id } = world.status('web')?.release ?? {};
    world.setService('v1', { hashes: ['v1-1', 'v1-2'] });
    await world.run(5_000);
    expect(shareOf(world)).toBe(100);
    world.setService('v1', { hashes: ['v1-2'] });
    await untilState(world, 'stage.analyzing', 5_000);
    expect(world.status('web')?.release).toMatchObject({ id, revision: '1.1', templateHashes: ['v1-2'] });
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).not.toContain('RollbackStarted');
  });

  test('a promotion that is ordered meanwhile is refused with what the release waits for', async () => {
    const world = await promoteFirst();
    await untilState(world, 'preparing');
    world.command('web', 'promote');
    await world.run(2_000);
    expect(world.status('web')?.lastHandledCommand).toMatchObject({
      result: 'Refused',
      message: expect.stringMatching(/^the release waits for the pods of its revision, until \d\d:\d\d:\d\dZ at the latest$/),
    });
  });

  test('after a minute it begins with the pods that are there: a revision may be new for what pods do not show', async () => {
    const world = await promoteFirst();
    await untilState(world, 'preparing');
    expect(await untilState(world, 'stage.analyzing')).toBeGreaterThan(55_000);
    expect(world.status('web')?.release).toMatchObject({ revision: '1.1', templateHashes: ['v1-1'] });
  });

  test('pods that changed before spec.revision are not waited for', async () => {
    const world = await startStory({ revision: '1.0' });
    await untilState(world, 'promoted');
    world.setService('v1', { hashes: ['v1-2'] });
    world.editSpec('web', (spec) => ({ ...spec, revision: '1.1' }));
    await untilState(world, 'stage.analyzing', 10_000);
  });

  test('the command retry does not wait for other pods', async () => {
    const world = await startStory(specWith({ revision: '1.0' }));
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    await world.run(1_000);
    world.command('web', 'retry');
    await untilState(world, 'stage.analyzing', 10_000);
  });
});
