// Other people's edits of our weights in mid-release, and routes that somebody fights over.

import { describe, expect, test } from 'vitest';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { buildStore, reasonsOf, shareOf, SPEC, specWith, startStory, untilState } from '../fixtures/story.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

const LONG = [
  { weight: 20, duration: '1h' },
  { weight: 50, duration: '2m' },
];
const drifts = (world: MemoryWorld) => world.journal.events.filter(({ reason }) => reason === 'RouteDrift');

describe('foreign edits', () => {
  test('rule 7: one that raises our weight is lowered within a second, and the event names the manager', async () => {
    const world = await startStory({ stages: LONG });
    await world.run(30_000);
    world.editWeights('store', 'argocd-controller', { v1: 10, v2: 90 });
    expect(await world.until('20%', () => shareOf(world) === 20)).toBeLessThanOrEqual(1_000);
    expect(drifts(world)).toHaveLength(1);
    expect(drifts(world)[0]?.note).toContain('argocd-controller');
  });

  test('rule 7: also in every other state in which the canary has weight or may get it', async () => {
    const world = await startStory({ stages: [{ weight: 20, duration: '1m', approval: 'Required' }] });
    await untilState(world, 'stage.awaitingApproval');
    world.editWeights('store', 'helm', { v1: 0, v2: 1 });
    await world.until('20%', () => shareOf(world) === 20, 1_000);
    world.command('web', 'pause');
    await untilState(world, 'paused');
    world.editWeights('store', 'helm', { v1: 0, v2: 1 });
    await world.until('20%', () => shareOf(world) === 20, 1_000);
  });

  test('rule 7: while the release still prepares an unproven canary is not left with weight', async () => {
    const world = buildStore();
    world.setService('v2', { unready: 1 });
    world.createRelease('web', SPEC);
    await world.run(5_000);
    expect(world.status('web')?.state).toBe('preparing');
    world.editWeights('store', 'helm', { v1: 1, v2: 1 });
    await world.until('0%', () => shareOf(world) === 0, 1_000);
  });

  test('rules 2 and 7: one that lowers our weight stays until a fresh Pass, and only then goes up again', async () => {
    const world = await startStory({ stages: LONG });
    await world.run(61_000);
    const raises = world.guardian.raises.length;
    world.editWeights('store', 'kubectl-edit', { v1: 9_500, v2: 500 });
    await world.run(3_000);
    expect(shareOf(world)).toBe(5);
    expect(drifts(world)[0]?.note).toContain('kubectl-edit');
    await world.until('20%', () => shareOf(world) === 20, 60_000);
    expect(world.guardian.raises.length).toBe(raises + 1);
    expect(drifts(world)).toHaveLength(1);
  });

  test('rules 2 and 7: without a Pass it stays down', async () => {
    const world = await startStory({ stages: LONG });
    await world.run(31_000);
    world.prometheus.mode = 'down';
    await world.run(11_000);
    world.editWeights('store', 'kubectl-edit', { v1: 1, v2: 0 });
    await world.run(600_000);
    expect(shareOf(world)).toBe(0);
  });

  test('rules 2 and 7: a put-back needs a ready canary and an accepted route as every raise does', async () => {
    const world = await startStory({ stages: LONG });
    await world.run(31_000);
    world.setService('v2', { unready: 1 });
    world.editWeights('store', 'kubectl-edit', { v1: 95, v2: 5 });
    await world.run(120_000);
    expect(shareOf(world)).toBe(5);
    world.setService('v2', { unready: 0 });
    await world.until('20%', () => shareOf(world) === 20, 60_000);
  });

  test('rule 2: no raise while the gateway has not taken the route as it is', async () => {
    const world = await startStory();
    await world.run(30_000);
    world.gateway.delayMs = Number.POSITIVE_INFINITY;
    world.editRoute('store', 'kubectl-edit', (route) => ({ ...route, spec: { ...route.spec, hostnames: ['new.example'] } }));
    await world.run(300_000);
    expect(shareOf(world)).toBe(10);
    world.gateway.delayMs = 40;
    world.gateway.wake();
    await untilState(world, 'promoted');
  });

  test('rule 2: a share that somebody lowered in the bake is not promoted without a Pass', async () => {
    const world = await startStory({ promotion: { bake: '1m' } });
    await untilState(world, 'promoting.baking');
    world.setScrapeOutage(true);
    await world.run(31_000);
    world.editWeights('store', 'kubectl-edit', { v1: 95, v2: 5 });
    await world.run(600_000);
    expect([shareOf(world), world.status('web')?.state]).toEqual([5, 'promoting.baking']);
  });

  test('rule 3: everything else that others edit in mid-release stays', async () => {
    const world = await startStory();
    world.editRoute('store', 'kubectl-edit', (route) => ({
      ...route,
      metadata: { ...route.metadata, annotations: { ...route.metadata.annotations, 'example.org/on-call': 'eve' } },
      spec: { ...route.spec, hostnames: ['a.example'], rules: [buildRule({ other: 4 }, 'before'), ...(route.spec.rules ?? [])] },
    }));
    await untilState(world, 'promoted');
    expect(world.route('store').spec.hostnames).toEqual(['a.example']);
    expect(world.weights('store', 0)).toEqual({ other: 4 });
    expect(world.weights('store', 1)).toEqual({ v1: 0, v2: 1 });
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop', 'example.org/on-call': 'eve' });
  });

  test('rule 3: a foreign backend edited in mid-release keeps the share that its editor gave it', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 3, beta: 2, v2: 0 })]);
    world.createRelease('web', SPEC);
    await untilState(world, 'stage.analyzing');
    const { v1 = 0, v2 = 0 } = world.weights('other');
    world.editWeights('other', 'kubectl-edit', { beta: 2 * (v1 + v2) });
    await untilState(world, 'promoted');
    expect(world.weights('other')).toEqual({ v1: 0, beta: 6, v2: 3 });
  });

  test('rule 7: who keeps lowering our weight contests the route: no more raises, advice, and resume after it', async () => {
    const world = await startStory({ stages: [{ weight: 20, duration: '30m' }], onBlocked: { after: '2h', then: 'Pause' } });
    await world.run(31_000);
    for (let round = 0; round < 4 && world.status('web')?.state !== 'blocked'; round += 1) {
      world.editWeights('store', 'argocd-controller', { v1: 1, v2: 0 });
      await world.until('answered', () => shareOf(world) === 20 || world.status('web')?.state === 'blocked', 300_000);
      await world.run(61_000);
    }
    expect(world.status('web')?.state).toBe('blocked');
    expect(world.status('web')?.message).toContain('ignoreDifferences');
    expect(reasonsOf(world)).toContain('RouteContested');
    const raises = world.guardian.raises.length;
    await world.run(600_000);
    expect(world.guardian.raises.length).toBe(raises);
    world.command('web', 'resume');
    await untilState(world, 'promoted');
  });

  test('rule 7: a controller that is quicker than the gateway contests the route too, not for ever', async () => {
    const world = await startStory({ onBlocked: { after: '30m', then: 'Rollback' } });
    let edits = 0;
    world.api.onChange((change) => {
      if (change.kind !== 'HTTPRoute' || change.manager !== 'glidepath' || shareOf(world) !== 50) return;
      edits += 1;
      world.clock.schedule(
        world.clock.now() + 20,
        () => shareOf(world) === 50 && world.editWeights('store', 'argocd-controller', { v1: 9_000, v2: 1_000 }),
      );
    });
    await world.until('blocked', () => world.status('web')?.state === 'blocked', 600_000);
    expect(edits).toBeLessThanOrEqual(6);
  });

  test('rule 7: while a slow gateway has not taken a raise, an edit that lowers it stays, is told and needs a Pass', async () => {
    const world = await startStory();
    await world.run(30_000);
    world.gateway.delayMs = 45_000;
    await world.until('50%', () => shareOf(world) === 50);
    const raises = world.guardian.raises.length;
    await world.run(5_000);
    expect(world.status('web')?.state).toBe('stage.shifting');
    world.editWeights('store', 'argocd-controller', { v1: 80, v2: 20 });
    await world.run(30_000);
    expect(shareOf(world)).toBe(20);
    expect(drifts(world).map(({ note }) => note)).toEqual([expect.stringContaining('argocd-controller')]);
    await world.until('50%', () => shareOf(world) === 50, 120_000);
    expect(world.guardian.raises.length).toBe(raises + 1);
    expect(world.status('web')?.release?.putBacks).toEqual([{ manager: 'argocd-controller', count: 1 }]);
    await untilState(world, 'promoted');
  });

  test('a route that gets the mark of another release blocks, and the message says who wrote it and how to remove it; home is written all the same', async () => {
    const world = await startStory();
    const forge = (mark: string | undefined) =>
      world.editRoute('store', 'mallory', ({ metadata, ...route }) => {
        const { 'glidepath.dev/release': _mark, ...annotations } = metadata.annotations ?? {};
        return {
          ...route,
          metadata: { ...metadata, annotations: { ...annotations, ...(mark === undefined ? {} : { 'glidepath.dev/release': mark }) } },
        };
      });
    forge(`ghost/0123456789${'x'.repeat(100_000)}`);
    await untilState(world, 'blocked', 60_000);
    const { message = '' } = world.status('web') ?? {};
    expect(message).toMatch(
      /^blocked: AnotherRelease: HTTPRoute store has the mark of another release, glidepath\.dev\/release: ghost\/0123456789x+, last edited by field manager mallory; /,
    );
    expect(message).toContain('kubectl annotate httproute store -n shop glidepath.dev/release-');
    expect(message.length).toBeLessThan(600);
    forge(undefined);
    await untilState(world, 'stage.analyzing', 120_000);
    forge('ghost/0123456789');
    await untilState(world, 'blocked', 60_000);
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 120_000);
    expect(shareOf(world)).toBe(0);
  });

  test('rule 7: where no Pass can come a person is asked, who puts it back', async () => {
    const world = await startStory({ stages: [{ weight: 20, duration: '1m', timeout: '5m' }] });
    await world.run(30_000);
    world.gateway.delayMs = Number.POSITIVE_INFINITY;
    await world.until('100%', () => shareOf(world) === 100);
    world.setTraffic(0);
    await world.run(70_000);
    world.editWeights('store', 'kubectl-edit', { v1: 95, v2: 5 });
    world.gateway.delayMs = 40;
    world.gateway.wake();
    await world.run(240_000);
    expect([shareOf(world), world.status('web')?.state]).toEqual([5, 'promoting.rollingOut']);
    await untilState(world, 'paused', 120_000);
    expect(shareOf(world)).toBe(5);
    world.command('web', 'resume');
    await untilState(world, 'promoted', 60_000);
  });

  test.each([
    ['quick', 40],
    ['slow', 8_000],
  ])('rule 7: who undoes every raise while a %s gateway takes it contests the route at the third put-back', async (_mood, delayMs) => {
    const world = await startStory({ onBlocked: { after: '2h', then: 'Pause' } });
    await world.run(30_000);
    world.gateway.delayMs = delayMs;
    const raises = world.guardian.raises.length;
    world.api.onChange((change) => {
      if (change.kind !== 'HTTPRoute' || change.manager !== 'glidepath' || shareOf(world) !== 50) return;
      world.clock.schedule(world.clock.now() + 20, () => {
        if (shareOf(world) === 50) world.editWeights('store', 'argocd-controller', { v1: 85, v2: 15 });
      });
    });
    await untilState(world, 'blocked', 900_000);
    await world.run(600_000);
    expect(reasonsOf(world)).toContain('RouteContested');
    expect(world.guardian.raises.length - raises).toBe(3);
    expect(drifts(world)).toHaveLength(3);
  });

  test('rule 7: own writes that a watch or another operator shows late are nobody’s edit', async () => {
    const world = await startStory({}, { lagMs: ({ kind }) => (kind === 'HTTPRoute' ? 900 : 0) });
    await world.until('50%', () => shareOf(world) === 50);
    for (const operator of world.operators) operator.kill();
    world.startOperator();
    await untilState(world, 'promoted');
    expect(drifts(world)).toEqual([]);
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 100]);
  });

  test('rules 1 and 7: home is never contested', async () => {
    const world = await startStory({ stages: [{ weight: 20, duration: '30m' }] });
    await world.run(31_000);
    for (let round = 0; round < 8 && world.status('web')?.state !== 'blocked'; round += 1) {
      world.editWeights('store', 'argocd-controller', { v1: 95, v2: 5 });
      await world.until('answered', () => shareOf(world) === 20 || world.status('web')?.state === 'blocked', 300_000);
    }
    world.editWeights('store', 'argocd-controller', { v1: 90, v2: 10 });
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 60_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
  });

  test('rule 1: a route whose refs somebody took away does not keep the others from going home', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
    world.createRelease('web', SPEC);
    await untilState(world, 'stage.analyzing');
    world.editRoute('other', 'kubectl-edit', (route) => ({ ...route, spec: { ...route.spec, rules: [buildRule({ v1: 1 })] } }));
    await untilState(world, 'blocked', 5_000);
    world.abort('web');
    await untilState(world, 'rolledBack', 30_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    expect(world.route('other').metadata.annotations?.[RELEASE_ANNOTATION]).toBeUndefined();
  });

  test('rule 7: our mark that somebody removed is set again before any raise', async () => {
    const world = await startStory();
    world.editRoute('store', 'kubectl-replace', (route) => ({ ...route, metadata: { ...route.metadata, annotations: {} } }));
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 100]);
  });

  test('a release with own stages on a watched route is not disturbed by edits that change nothing of ours', async () => {
    const world = await startStory(specWith({}));
    world.editRoute('store', 'helm', (route) => ({ ...route, spec: { ...route.spec, hostnames: ['b.example'] } }));
    await untilState(world, 'promoted');
    expect(drifts(world)).toEqual([]);
  });
});
