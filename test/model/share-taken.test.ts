// A re-applied manifest in mid-release takes all traffic from the canary. No Pass can come then, so the release begins again with its
// first stage; a manager that does so again and again contests the route.

import { describe, expect, test } from 'vitest';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { DeploymentStory, sharesOf } from '../fixtures/deployment-story.ts';
import { buildStore, reasonsOf, SPEC, shareOf, specWith, startStory, untilState } from '../fixtures/story.ts';

const KUBECTL = 'kubectl-client-side-apply';
const drifts = (world: MemoryWorld) => world.journal.events.filter(({ reason }) => reason === 'RouteDrift').map(({ note }) => note);
const raisesOf = (world: MemoryWorld) => world.guardian.raises.map(({ to }) => to);

/** `kubectl apply` writes the list of rules as the file has it, and leaves annotations that it did not write. */
const applyServices = (world: MemoryWorld, manager = KUBECTL) =>
  world.editRoute('store', manager, (route) => ({ ...route, spec: { ...route.spec, rules: [buildRule({ v1: 1, v2: 0 })] } }));
const applyDeployment = ({ world }: DeploymentStory) =>
  world.editRoute('store', KUBECTL, (route) => ({ ...route, spec: { ...route.spec, rules: [buildRule({ store: 1, beta: 1 })] } }));

describe('Services mode', () => {
  test('rule 7: a manifest that is applied again in the second stage begins again with the first, and the release is promoted', async () => {
    const world = await startStory();
    await world.until('50%', () => shareOf(world) === 50);
    await untilState(world, 'stage.analyzing');
    await world.run(5_000);
    applyServices(world);
    expect(await world.until('10%', () => shareOf(world) === 10, 2_000)).toBeLessThanOrEqual(1_000);
    await untilState(world, 'promoted');
    expect(raisesOf(world)).toEqual([10, 50, 10, 50, 100]);
    expect(drifts(world)).toEqual([
      `HTTPRoute store, rule rules[0]: field manager ${KUBECTL} lowered the canary's share (wanted 50%); the canary gets no traffic, so the release begins again with its first stage`,
    ]);
    expect(world.journal.events.find(({ note }) => note.includes('10% again'))?.note).toContain(KUBECTL);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
  });

  test('rule 7: every stage of the second run has its whole duration and a Pass of its own', async () => {
    const world = await startStory();
    await world.run(50_000);
    applyServices(world);
    await world.until('10%', () => shareOf(world) === 10, 2_000);
    const again = world.clock.now();
    await world.until('50%', () => shareOf(world) === 50);
    expect(world.clock.now() - again).toBeGreaterThanOrEqual(60_000);
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 60_000);
  });

  test('rule 7: who does it three times contests the route, and the message says what to leave out', async () => {
    const world = await startStory({ stages: [{ weight: 20, duration: '1h' }], onBlocked: { after: '2h', then: 'Pause' } });
    for (let round = 0; round < 3; round += 1) {
      await world.run(61_000);
      applyServices(world);
      await world.run(2_000);
    }
    expect(world.status('web')).toMatchObject({
      state: 'blocked',
      release: { contestedBy: KUBECTL, putBacks: [{ manager: KUBECTL, count: 3 }] },
    });
    expect(world.status('web')?.message).toContain(`leave the route out of what ${KUBECTL} applies`);
    expect(reasonsOf(world).filter((reason) => reason === 'RouteContested')).toHaveLength(1);
    await world.run(600_000);
    expect(raisesOf(world)).toEqual([20, 20, 20]);
    world.command('web', 'resume');
    await untilState(world, 'promoted');
  });

  test('rule 7: also a write that takes our annotation with it, during the bake and during a raise', async () => {
    const world = await startStory({ promotion: { bake: '2m' } });
    const replace = () =>
      world.editRoute('store', 'kubectl-replace', (route) => ({
        ...route,
        metadata: { ...route.metadata, annotations: { 'example.org/team': 'shop' } },
        spec: { ...route.spec, rules: [buildRule({ v1: 1, v2: 0 })] },
      }));
    await untilState(world, 'promoting.baking');
    replace();
    await world.until('10%', () => shareOf(world) === 10, 2_000);
    world.gateway.delayMs = 20_000;
    await world.until('50%', () => shareOf(world) === 50);
    await world.run(2_000);
    expect(world.status('web')?.state).toBe('stage.shifting');
    replace();
    await world.until('10%', () => shareOf(world) === 10, 60_000);
    world.gateway.delayMs = 40;
    world.gateway.wake();
    await untilState(world, 'promoted');
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop' });
  });

  test('rule 7: one of two routes that is applied again leaves traffic, so it waits for a Pass', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
    world.createRelease('web', specWith({ stages: [{ weight: 20, duration: '1h' }] }));
    await untilState(world, 'stage.analyzing');
    await world.run(61_000);
    applyServices(world);
    await world.run(1_000);
    expect([shareOf(world), world.share('other', 'v1', 'v2')]).toEqual([0, 20]);
    expect(drifts(world)[0]).toContain('left as it is until the next Pass');
    await world.until('20%', () => shareOf(world) === 20, 60_000);
    expect(world.status('web')?.state).toBe('stage.analyzing');
  });

  test('rules 2 and 6: nothing begins again while the canary is not ready or Prometheus does not answer, and the status says why', async () => {
    const world = await startStory({ stages: [{ weight: 20, duration: '1h' }] });
    world.setService('v2', { unready: 1 });
    await world.run(1_000);
    applyServices(world);
    await world.run(30_000);
    expect(shareOf(world)).toBe(0);
    expect(world.status('web')?.message).toContain(`field manager ${KUBECTL} took all traffic from the canary`);
    expect(world.status('web')?.message).toContain('the canary is not ready');
    expect(JSON.stringify(world.status('web'))).not.toContain('is the gateway still scraped?');
    expect(reasonsOf(world)).not.toContain('NoTraffic');
    world.prometheus.mode = 'down';
    await world.run(30_000);
    world.setService('v2', { unready: 0 });
    await world.run(30_000);
    expect([shareOf(world), world.status('web')?.message]).toEqual([0, expect.stringContaining('Prometheus does not answer')]);
    world.prometheus.mode = 'up';
    await world.until('20%', () => shareOf(world) === 20, 60_000);
  });

  test('rule 13: a release that is blocked meanwhile begins again when the trouble is over', async () => {
    const world = await startStory({ onBlocked: { after: '2h', then: 'Pause' } });
    await world.until('50%', () => shareOf(world) === 50);
    await untilState(world, 'stage.analyzing');
    world.api.delete({ kind: 'Service', namespace: 'shop', name: 'v1' }, 'kubectl-delete');
    await untilState(world, 'blocked');
    applyServices(world);
    await world.run(60_000);
    expect(shareOf(world)).toBe(0);
    world.setService('v1', {});
    await world.until('10%', () => shareOf(world) === 10, 10_000);
    await untilState(world, 'promoted');
  });

  test('a paused release stays paused, and begins again when it is resumed', async () => {
    const world = await startStory();
    await world.until('50%', () => shareOf(world) === 50);
    world.command('web', 'pause');
    await untilState(world, 'paused');
    applyServices(world);
    await world.run(600_000);
    expect([shareOf(world), world.status('web')?.state]).toEqual([0, 'paused']);
    world.command('web', 'resume');
    await world.until('10%', () => shareOf(world) === 10, 2_000);
    await untilState(world, 'promoted');
  });

  test('an approval that was given is not asked for again', async () => {
    const stages = [
      { weight: 10, duration: '1m', approval: 'Required' as const },
      { weight: 50, duration: '2m' },
    ];
    const world = await startStory({ stages });
    await untilState(world, 'stage.awaitingApproval');
    world.command('web', 'approve', 1);
    await world.until('50%', () => shareOf(world) === 50);
    applyServices(world);
    await untilState(world, 'promoted');
    expect(reasonsOf(world).filter((reason) => reason === 'ApprovalNeeded')).toHaveLength(1);
  });

  test.each([0, 900])('rule 5: an operator that is killed in between, with a watch %i ms late, ends the same', async (lagMs) => {
    for (let write = 1; write <= 8; write += 1) {
      const world = await startStory(SPEC, { lagMs: ({ kind }) => (kind === 'HTTPRoute' ? lagMs : 0) });
      await world.until('50%', () => shareOf(world) === 50);
      await world.run(2_000);
      for (const operator of world.operators) operator.kill();
      world.startOperator({ write, side: write % 2 === 0 ? 'before' : 'after' });
      applyServices(world);
      await world.run(4_000);
      for (const operator of world.operators) operator.kill();
      world.startOperator();
      await untilState(world, 'promoted');
      expect(world.status('web')?.release?.putBacks).toEqual([{ manager: KUBECTL, count: 1 }]);
    }
  });
});

describe('Deployment mode', () => {
  test('N1: one file with Deployment, Service and route: applied again while the release begins, it is promoted', async () => {
    for (const delayMs of [20, 200, 2_000, 8_000, 30_000]) {
      const story = await DeploymentStory.begin();
      const { world } = story;
      story.commit('store:2');
      await world.run(delayMs);
      applyDeployment(story);
      await untilState(world, 'promoted', 600_000);
      await world.run(2_000);
      expect(story.leftovers()).toEqual([]);
      expect(story.behindService()).toEqual({ 'store:2': 4 });
    }
  });

  test('rule 7: the canary’s ref and our annotation come back with the first stage', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.commit('store:2');
    await world.until('50%', () => story.share === 50);
    await untilState(world, 'stage.analyzing');
    world.editRoute('store', KUBECTL, (route) => ({
      ...route,
      metadata: { ...route.metadata, annotations: {} },
      spec: { ...route.spec, rules: [buildRule({ store: 1, beta: 1 })] },
    }));
    await world.until('10%', () => story.share === 10, 3_000);
    expect(world.route('store').metadata.annotations?.[RELEASE_ANNOTATION]).toContain('web/');
    await untilState(world, 'promoted');
    expect(sharesOf(story).filter((share, index, all) => share !== all[index - 1])).toEqual([0, 10, 50, 10, 50, 0]);
  });

  test('rule 7: a bake that loses its traffic begins again, and the Deployment rolls only after it', async () => {
    const story = await DeploymentStory.begin({ promotion: { bake: '5m' } });
    const { world } = story;
    story.commit('store:2');
    await untilState(world, 'promoting.baking');
    applyDeployment(story);
    await world.until('10%', () => story.share === 10, 3_000);
    expect(story.deployment.spec.paused).toBe(true);
    await untilState(world, 'promoted');
    expect(story.behindService()).toEqual({ 'store:2': 4 });
  });

  test('rule 7: while the Deployment rolls, a share that is taken holds nothing up', async () => {
    const story = await DeploymentStory.begin();
    const { world } = story;
    story.commit('store:2');
    await untilState(world, 'promoting.rollingOut');
    applyDeployment(story);
    await untilState(world, 'promoted', 120_000);
    expect(drifts(world)[0]).toContain('left as it is: Deployment store rolls');
    await world.run(2_000);
    expect(story.leftovers()).toEqual([]);
  });
});
