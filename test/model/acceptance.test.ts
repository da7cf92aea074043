// Gateways that do not answer, answer for parents that are gone, or take smaller weights than others.

import { describe, expect, test } from 'vitest';
import type { RouteParentStatus } from '../../src/api/routes.ts';
import { buildRule, CONTOUR } from '../fakes/memory/gateway.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';
import { buildStore, reasonsOf, specWith, untilState } from '../fixtures/story.ts';

/** What a gateway left behind for a parent that the spec no longer has. */
function leftBehind(status: 'True' | 'False', controllerName = CONTOUR): RouteParentStatus {
  const conditions = ['Accepted', 'ResolvedRefs'].map((type) => ({ type, status, reason: 'NoMatchingParent', observedGeneration: 1 }));
  return { parentRef: { name: 'old' }, controllerName, conditions };
}

function conditionOf(world: MemoryWorld, type: string) {
  return world.status('web')?.conditions?.find((condition) => condition.type === type);
}

/** Stages of 1 and 2 minutes, and what is left behind at each write. */
async function startBeside(stale: RouteParentStatus): Promise<MemoryWorld> {
  const world = buildStore();
  world.gateway.leftBehind = [stale];
  world.gateway.wake();
  await world.run(2_000);
  world.createRelease('web', specWith({}));
  return world;
}

describe('an answer for a parent that the spec no longer has', () => {
  test.each(['True', 'False'] as const)(
    'an answer of Accepted=%s for a parent that the spec no longer has holds no raise up',
    async (status) => {
      const world = await startBeside(leftBehind(status));
      expect(await untilState(world, 'promoted')).toBeLessThan(200_000);
      expect(reasonsOf(world)).not.toContain('RouteNotAccepted');
    },
  );

  test('an answer by another controller for a former parent chooses no metrics source', async () => {
    const world = await startBeside(leftBehind('True', 'traefik.io/gateway-controller'));
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world, 'MetricsAvailable')).toMatchObject({ status: 'True', message: 'metrics source Contour' });
    await untilState(world, 'promoted');
  });
});

describe('a gateway that does not answer', () => {
  /** Ten minutes in stage 1 of 10%, then 50%. */
  async function startAndHang(at: 'before' | 'in mid-stage') {
    const world = buildStore();
    await world.run(2_000);
    if (at === 'before') world.gateway.delayMs = Number.POSITIVE_INFINITY;
    world.createRelease(
      'web',
      specWith({
        stages: [
          { weight: 10, duration: '10m' },
          { weight: 50, duration: '10m' },
        ],
        onBlocked: { after: '15m' },
      }),
    );
    await untilState(world, at === 'before' ? 'stage.shifting' : 'stage.analyzing');
    if (at === 'in mid-stage') {
      world.gateway.delayMs = Number.POSITIVE_INFINITY;
      world.editRoute('store', 'helm', (route) => ({ ...route, spec: { ...route.spec, hostnames: ['other.example'] } }));
    }
    return world;
  }

  const SILENT = 'HTTPRoute store: projectcontour.io/gateway-controller has not taken the last change yet';

  test('a gateway that does not answer is reported after a minute, and blocks the release after onBlocked.after, with since when', async () => {
    const world = await startAndHang('before');
    const since = new Date(world.clock.now()).toISOString().slice(0, 15);
    await world.run(61_000);
    expect(world.status('web')?.message).toMatch(`stage 1/2 at 10%: ${SILENT}, since ${since}`);
    expect(conditionOf(world, 'RoutesAccepted')).toMatchObject({
      status: 'False',
      message: expect.stringContaining(`${SILENT}, since ${since}`),
    });
    expect(world.journal.events.filter(({ reason }) => reason === 'RouteNotAccepted')).toHaveLength(1);
    await world.run(15 * 60_000);
    expect(world.status('web')).toMatchObject({ phase: 'Blocked', weight: 0 });
    expect(world.status('web')?.message).toContain(`blocked: RouteNotAccepted: ${SILENT}, since ${since}`);
    expect(world.journal.events.filter(({ reason }) => reason === 'RouteNotAccepted')).toHaveLength(2);
    // And what blocked it for as long again stays in the message of the pause.
    await world.run(16 * 60_000);
    expect(world.status('web')?.phase).toBe('Paused');
    expect(world.status('web')?.message).toContain(`it was blocked for too long (RouteNotAccepted: ${SILENT}, since ${since}`);
    expect(conditionOf(world, 'Stalled')).toMatchObject({ status: 'True', reason: 'Blocked' });
    world.gateway.delayMs = 40;
    world.gateway.wake();
    world.command('web', 'resume');
    await untilState(world, 'promoted');
    expect(conditionOf(world, 'Stalled')).toBeUndefined();
  });

  test('the message about a gateway that does not answer names no time that has passed, when the stage is proven', async () => {
    const world = await startAndHang('in mid-stage');
    await world.run(9 * 60_000);
    expect(world.status('web')?.message).toMatch(/; 50% at 00:10:\d\dZ at the earliest$/);
    await world.until('the stage to be served', () => Date.parse(world.status('web')?.release?.stageEndsAt ?? '') <= world.clock.now());
    await world.run(0);
    expect(world.status('web')?.message).toMatch(new RegExp(`; 50% waits: ${SILENT}, since 2\\d{3}-\\d\\d-\\d\\dT00:00:0\\dZ$`));
    await world.run(6 * 60_000);
    expect(world.status('web')).toMatchObject({
      phase: 'Blocked',
      weight: 10,
      message: expect.stringContaining(`RouteNotAccepted: ${SILENT}`),
    });
    world.gateway.delayMs = 40;
    world.gateway.wake();
    await untilState(world, 'promoted');
  });

  test('a gateway that answers again before the release is blocked leaves nothing of the wait behind', async () => {
    const world = await startAndHang('in mid-stage');
    await world.run(5 * 60_000);
    expect(world.status('web')?.release?.gatewayWaitSince).toBeDefined();
    world.gateway.delayMs = 40;
    world.gateway.wake();
    await untilState(world, 'promoted');
    expect(world.status('web')?.release?.gatewayWaitSince).toBeUndefined();
    expect(world.journal.transitions.map(({ to }) => to)).not.toContain('blocked');
  });
});

describe('a gateway that takes smaller weights than others', () => {
  /** Weights of every write of the route, in their order. */
  function watchWeights(world: MemoryWorld): readonly (readonly number[])[] {
    const seen: number[][] = [];
    world.api.onChange(({ kind, old, now }) => {
      if (kind !== 'HTTPRoute' || old?.metadata.generation === now?.metadata.generation) return;
      seen.push(Object.values(world.weights('store')));
    });
    return seen;
  }

  async function startBehind(gateway: Partial<MemoryWorld['gateway']>, weights: Readonly<Record<string, number>> = { v1: 1, v2: 0 }) {
    const world = buildStore();
    world.editRoute('store', 'kubectl', (route) => ({ ...route, spec: { ...route.spec, rules: [buildRule(weights)] } }));
    Object.assign(world.gateway, gateway);
    world.gateway.wake();
    await world.run(2_000);
    const written = watchWeights(world);
    world.createRelease('web', specWith({ analysis: { metrics: { source: 'Contour' } } }));
    return { world, written };
  }

  test('a gateway that is known by its controller to take smaller weights gets small weights from the first write', async () => {
    const { world, written } = await startBehind({ controllerName: 'gateway.k8s.aws/alb', maxWeight: 999 });
    await untilState(world, 'promoted');
    expect(written).toEqual([
      [810, 90],
      [450, 450],
      [0, 900],
      [0, 1],
    ]);
    expect(reasonsOf(world)).not.toContain('RouteNotAccepted');
  });

  test('a gateway that takes smaller weights is found by one refusal, and remembered for the next release', async () => {
    const { world, written } = await startBehind({ maxWeight: 999 });
    await untilState(world, 'stage.analyzing');
    expect(written).toEqual([
      [9_000, 1_000],
      [810, 90],
    ]);
    expect(world.journal.events.find(({ reason }) => reason === 'RouteNotAccepted')).toMatchObject({
      note: expect.stringMatching(/Accepted=False, UnsupportedValue.*; trying weights up to 999$/),
    });
    await untilState(world, 'promoted');
    expect(world.journal.transitions.map(({ to }) => to)).not.toContain('blocked');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
    world.setService('v1', { hashes: ['v1-2'] });
    await world.until('the next release', () => world.share('store', 'v2', 'v1') > 0);
    expect(Math.max(...written.flat().slice(4))).toBeLessThan(1_000);
    expect(reasonsOf(world).filter((reason) => reason === 'RouteNotAccepted')).toHaveLength(1);
  });

  test('a gateway may take percents only', async () => {
    const { world, written } = await startBehind({ maxWeight: 200 });
    await untilState(world, 'promoted');
    expect(written.slice(0, 3)).toEqual([
      [9_000, 1_000],
      [810, 90],
      [90, 10],
    ]);
  });

  test('a gateway whose integers cannot say the share gives the canary a little less than asked for', async () => {
    const { world, written } = await startBehind({ controllerName: 'gateway.k8s.aws/alb', maxWeight: 999 }, { v1: 37, v2: 0, legacy: 61 });
    await untilState(world, 'promoted');
    expect(written[0]).toEqual([37 * 16 - 59, 59, 61 * 16]);
    expect(world.guardian.shares.every(({ percent }) => [0, 10, 50, 100].some((asked) => percent <= asked && percent > asked - 0.2))).toBe(
      true,
    );
    expect(world.weights('store')).toEqual({ v1: 0, v2: 37, legacy: 61 });
  });

  test('a gateway is not asked for a share that none of its integers can say', async () => {
    const { world, written } = await startBehind({ controllerName: 'gateway.k8s.aws/alb', maxWeight: 999 }, { v1: 1, v2: 0, legacy: 500 });
    await world.run(10_000);
    expect(world.status('web')?.message).toBe(
      'blocked: WeightsTooLarge: HTTPRoute store, rule rules[0]: its weights cannot be split into whole numbers up to 999, which is the most that its gateway takes; make them smaller',
    );
    expect(written).toEqual([]);
  });

  test('a gateway that refuses all weights gets the route back as it was, and the reason stays through block and pause', async () => {
    const { world, written } = await startBehind({ maxWeight: 1 });
    await untilState(world, 'blocked');
    await world.run(1_000);
    expect(written).toEqual([
      [9_000, 1_000],
      [810, 90],
      [90, 10],
      [1, 0],
    ]);
    await untilState(world, 'paused');
    expect(world.status('web')).toMatchObject({
      weight: 0,
      message: expect.stringMatching(/blocked for too long \(RouteNotAccepted: HTTPRoute store: .*UnsupportedValue/),
    });
    await world.run(5_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    // What did not help is not remembered.
    expect(world.status('web')?.internal?.weightLimits).toBeUndefined();
    world.gateway.maxWeight = Number.POSITIVE_INFINITY;
    world.command('web', 'resume');
    await untilState(world, 'promoted');
  });

  test('a gateway that cannot resolve a ref does not count as one that takes smaller weights', async () => {
    const world = buildStore();
    await world.run(2_000);
    world.createRelease('web', specWith({}));
    await untilState(world, 'stage.analyzing');
    const written = watchWeights(world);
    world.gateway.refused.set('store', 'RefNotPermitted');
    world.gateway.refusedType = 'ResolvedRefs';
    world.gateway.wake();
    await untilState(world, 'blocked');
    await world.run(5_000);
    expect(written).toEqual([]);
  });
});
