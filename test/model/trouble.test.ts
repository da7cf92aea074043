// Things go wrong around a release: refused writes, gateways that say no, objects that go away, late watches, API errors.

import { describe, expect, test } from 'vitest';
import { GlidepathError } from '../../src/api/errors.ts';
import type { Fault } from '../fakes/memory/calls.ts';
import { RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { buildStore, reasonsOf, shareOf, SPEC, specWith, startStory, untilState } from '../fixtures/story.ts';
import { NAMESPACE } from '../fakes/memory/world.ts';

const instead = (code: `GLIDEPATH_E_${string}`): Fault => ({
  when: 'instead',
  error: new GlidepathError(code, `${code} of the test`, { retryable: true }),
});

describe('before the first write', () => {
  test.each([
    ['RouteNotFound', specWith({ routeRefs: [{ name: 'nowhere' }] })],
    ['ServiceNotFound', specWith({ services: [{ name: 'v1' }, { name: 'v9' }] })],
    ['RuleNotFound', specWith({ routeRefs: [{ name: 'store', rules: ['nothing'] }] })],
    ['InvalidSpec', specWith({ analysis: { metrics: { source: 'Nonsense' } } })],
    ['GatewayApiMissing', specWith({ routeRefs: [{ kind: 'TLSRoute', name: 'store' }] })],
  ])('rule 13: %s blocks and writes nothing', async (reason, spec) => {
    const world = buildStore();
    world.servedKinds = ['HTTPRoute'];
    world.createRelease('web', spec);
    await world.run(600_000);
    expect(world.status('web')?.phase).toBe('Blocked');
    expect(world.status('web')?.message).toContain(reason);
    expect(world.journal.routeWrites()).toEqual([]);
  });

  test('rule 3: a candidate that already has weight is Blocked: CanaryAlreadyHasTraffic', async () => {
    const world = buildStore();
    world.editWeights('store', 'kubectl-edit', { v1: 9, v2: 1 });
    world.createRelease('web', SPEC);
    await world.run(60_000);
    expect(world.status('web')?.message).toContain('CanaryAlreadyHasTraffic');
    world.editWeights('store', 'kubectl-edit', { v1: 9, v2: 0 });
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 9 });
  });

  test('a gateway that refuses the route blocks; once it accepts, the release starts', async () => {
    const world = buildStore();
    world.gateway.refused.set('store', 'NotAllowedByListeners');
    world.gateway.wake();
    await world.run(1_000);
    world.createRelease('web', SPEC);
    await world.run(60_000);
    expect(world.status('web')?.message).toContain('NotAllowedByListeners');
    world.gateway.refused.clear();
    world.gateway.wake();
    await untilState(world, 'promoted');
  });

  test('an operator newer than the CRD blocks and writes no weight', async () => {
    const world = buildStore();
    world.oldSchema = true;
    world.createRelease('web', SPEC);
    await world.run(60_000);
    expect(world.status('web')?.message).toContain('OldSchema');
    expect(world.journal.routeWrites()).toEqual([]);
  });
});

describe('in mid-release', () => {
  test('a route that its gateway refuses for a moment while a release is prepared goes on as soon as it is accepted', async () => {
    const world = buildStore();
    world.setService('v2', { unready: 1 });
    await world.run(2_000);
    world.createRelease('web', specWith({}));
    await untilState(world, 'preparing');
    world.gateway.refused.set('store', 'UnsupportedValue');
    world.gateway.wake();
    await untilState(world, 'blocked');
    world.setService('v2', { unready: 0 });
    world.gateway.refused.clear();
    world.gateway.wake();
    expect(await untilState(world, 'stage.analyzing')).toBeLessThan(10_000);
  });

  test('rule 2: a raise that the gateway refuses is taken back; mended, it is wanted again', async () => {
    const world = await startStory();
    world.gateway.refused.set('store', 'UnsupportedValue');
    await world.until('taken back', () => world.status('web')?.state === 'blocked');
    expect(shareOf(world)).toBe(10);
    expect(reasonsOf(world)).toContain('RouteNotAccepted');
    expect(reasonsOf(world)).not.toContain('RouteDrift');
    world.gateway.refused.clear();
    world.gateway.wake();
    await untilState(world, 'promoted');
  });

  test('a raise is written to all routes or taken back from all', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
    world.createRelease('web', SPEC);
    await untilState(world, 'stage.analyzing');
    world.faults = ({ verb, target, lane }) =>
      verb === 'patch' && target.endsWith('other') && lane === 'normal' ? instead('GLIDEPATH_E_INVALID') : undefined;
    await untilState(world, 'blocked');
    await world.run(20_000);
    expect([shareOf(world), world.share('other', 'v1', 'v2')]).toEqual([10, 10]);
  });

  test.each(['Rollback', 'Pause'] as const)(
    'a raise that one of two routes answers with server errors is taken back from both, told, and tried again later; then onBlocked: %s',
    async (then) => {
      const world = buildStore();
      world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
      world.createRelease('web', specWith({ onBlocked: { after: '5m', then } }));
      await untilState(world, 'stage.analyzing');
      let tries = 0;
      world.faults = ({ verb, target, lane, body }) => {
        if (verb !== 'patch' || !target.endsWith('other') || lane !== 'normal') return undefined;
        if (JSON.stringify(body).includes('5000')) tries += 1;
        return instead('GLIDEPATH_E_SERVER');
      };
      await world.until('half raised', () => shareOf(world) === 50);
      await untilState(world, 'blocked', 15_000);
      expect([shareOf(world), world.share('other', 'v1', 'v2')]).toEqual([10, 10]);
      expect(world.status('web')?.message).toContain('RouteWriteFailed');
      expect(world.journal.events.at(-1)).toMatchObject({ reason: 'Blocked', note: expect.stringContaining('HTTPRoute other') });
      await untilState(world, then === 'Pause' ? 'paused' : 'rollingBack.cleaning', 420_000);
      expect(tries).toBeLessThan(100);
      expect(shareOf(world)).toBe(then === 'Pause' ? 10 : 0);
      expect(reasonsOf(world)).not.toContain('RouteDrift');
    },
  );

  test('server errors that end let the raise go on: at once when they were short, on another try when they were not', async () => {
    for (const lastsMs of [4_000, 40_000]) {
      const world = await startStory();
      const from = world.clock.now();
      let began = Number.POSITIVE_INFINITY;
      world.faults = ({ verb, lane }) => {
        if (verb !== 'patch' || lane !== 'normal' || world.clock.now() < from) return undefined;
        began = Math.min(began, world.clock.now());
        return world.clock.now() - began < lastsMs ? instead('GLIDEPATH_E_SERVER') : undefined;
      };
      await untilState(world, 'promoted', 900_000);
      expect(reasonsOf(world).includes('Blocked')).toBe(lastsMs > 10_000);
    }
  });

  test.each([
    ['Rollback', 'rolledBack'],
    ['Pause', 'paused'],
  ] as const)('rule 13: writes that stay refused block the release, and onBlocked: %s decides', async (then, state) => {
    const world = await startStory({ onBlocked: { after: '5m', then } });
    world.faults = ({ verb, lane, body }) =>
      verb === 'patch' && lane === 'normal' && JSON.stringify(body).includes('5000') ? instead('GLIDEPATH_E_FORBIDDEN') : undefined;
    await untilState(world, 'blocked');
    await untilState(world, state, 400_000);
    expect(shareOf(world)).toBe(then === 'Pause' ? 10 : 0);
    expect(reasonsOf(world).filter((reason) => reason === 'Blocked').length).toBeLessThanOrEqual(6);
  });

  test('a claim that stays refused blocks without a storm of events', async () => {
    const world = buildStore();
    world.faults = ({ verb }) => (verb === 'patch' ? instead('GLIDEPATH_E_FORBIDDEN') : undefined);
    world.createRelease('web', SPEC);
    await world.run(600_000);
    expect(world.status('web')?.phase).toBe('Blocked');
    expect(world.status('web')?.message).toContain('Forbidden');
    expect(world.journal.events.length).toBeLessThan(25);
    world.faults = () => undefined;
    await untilState(world, 'promoted');
  });

  test('rule 3: what a late watch did not show is recorded from a fresh read, because the claim tests what was recorded', async () => {
    const world = buildStore({ lagMs: ({ kind, manager }) => (kind === 'HTTPRoute' && manager === 'helm' ? 20_000 : 0) });
    world.createRoute('other', [buildRule({ v1: 3, beta: 2, v2: 0 })]);
    await world.run(1_000);
    world.createRelease('web', SPEC);
    world.editWeights('store', 'helm', { v1: 7, v2: 0 });
    world.editWeights('other', 'helm', { beta: 5 });
    await untilState(world, 'stage.analyzing');
    const recorded = world.status('web')?.release?.routes?.map(({ rules }) => rules[0]);
    expect(recorded).toMatchObject([{ serving: 7 }, { serving: 3, others: [{ name: 'beta', weight: 5 }] }]);
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect([world.weights('store'), world.weights('other')]).toEqual([
      { v1: 7, v2: 0 },
      { v1: 3, beta: 5, v2: 0 },
    ]);
  });

  test('rule 3: weight that a late watch did not show blocks before the claim, and is not taken away', async () => {
    const world = buildStore({ lagMs: ({ kind, manager }) => (kind === 'HTTPRoute' && manager === 'helm' ? 20_000 : 0) });
    await world.run(1_000);
    world.createRelease('web', SPEC);
    world.editWeights('store', 'helm', { v1: 7, v2: 3 });
    await untilState(world, 'blocked', 15_000);
    expect(world.status('web')?.message).toContain('CanaryAlreadyHasTraffic');
    await world.run(120_000);
    expect(world.weights('store')).toEqual({ v1: 7, v2: 3 });
    expect(world.journal.routeWrites()).toEqual([]);
    world.editWeights('store', 'kubectl-edit', { v1: 8, v2: 0 });
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 8 });
  });

  test('a home patch that an operator which leads no more wrote to a settled route is cleaned, and the object is let go', async () => {
    const world = await startStory();
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(5_000);
    const mark = `web/${world.status('web')?.release?.id}/home`;
    // Guarded by names only, because home must never fail.
    world.guardian.tolerated.add(11);
    world.editRoute('store', 'glidepath', (route) => ({
      ...route,
      metadata: { ...route.metadata, annotations: { ...route.metadata.annotations, [RELEASE_ANNOTATION]: mark } },
      spec: { ...route.spec, rules: [buildRule({ v1: 10_000, v2: 0 })] },
    }));
    world.guardian.tolerated.clear();
    await world.run(5_000);
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop' });
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    expect(world.api.get({ kind: 'CanaryRelease', namespace: NAMESPACE, name: 'web' })?.metadata.finalizers).toEqual([]);
    expect(world.route('store').metadata.managedFields?.map(({ manager }) => manager)).not.toContain('glidepath');
    const writes = world.journal.routeWrites().length;
    await world.run(1_200_000);
    expect(world.journal.routeWrites()).toHaveLength(writes);
  });

  test('a stray mark goes alone where people have given the routes other weights since', async () => {
    const world = await startStory();
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(5_000);
    world.editRoute('store', 'kubectl-edit', (route) => ({
      ...route,
      metadata: { ...route.metadata, annotations: { ...route.metadata.annotations, [RELEASE_ANNOTATION]: 'web/0123456789' } },
    }));
    world.editWeights('store', 'kubectl-edit', { v1: 70, v2: 30 });
    await world.run(5_000);
    expect(world.route('store').metadata.annotations).toEqual({ 'example.org/team': 'shop' });
    expect(world.weights('store')).toEqual({ v1: 70, v2: 30 });
  });

  test('rule 13: a Fail while blocked goes home', async () => {
    const world = await startStory();
    world.setService('v3', {});
    world.gateway.refused.set('store', 'UnsupportedValue');
    await untilState(world, 'blocked');
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack', 60_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
  });

  test('rule 1: home that is refused is tried again every second without limit, and nothing is committed before it', async () => {
    const world = await startStory();
    world.faults = ({ verb, lane }) => (verb === 'patch' && lane === 'home' ? instead('GLIDEPATH_E_FORBIDDEN') : undefined);
    world.abort('web');
    await world.run(300_000);
    expect(world.journal.calls.filter(({ lane }) => lane === 'home').length).toBeGreaterThan(250);
    expect(world.status('web')?.state).toBe('stage.analyzing');
    world.faults = () => undefined;
    await untilState(world, 'rolledBack', 2_000);
  });

  test('rule 1: two routes of which one refuses: the other is home at once', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 1, v2: 0 })]);
    world.createRelease('web', SPEC);
    await untilState(world, 'stage.analyzing');
    world.faults = ({ lane, target }) => (lane === 'home' && target.endsWith('other') ? instead('GLIDEPATH_E_SERVER') : undefined);
    world.setVersion('v2', { errorRatio: 1 });
    await world.until('store is home', () => shareOf(world) === 0, 30_000);
    world.faults = () => undefined;
    await untilState(world, 'rolledBack', 5_000);
  });

  test('rule 11: a recorded route that is deleted blocks; the release can still be aborted', async () => {
    const world = await startStory({}, { lagMs: 300 });
    world.api.delete({ kind: 'HTTPRoute', namespace: NAMESPACE, name: 'store' }, 'kubectl-delete');
    await untilState(world, 'blocked', 5_000);
    world.abort('web');
    await untilState(world, 'rolledBack', 5_000);
  });

  test('rule 11: a namespace that goes away, routes first, is let go', async () => {
    const world = await startStory({}, { lagMs: 300 });
    world.api.delete({ kind: 'HTTPRoute', namespace: NAMESPACE, name: 'store' }, 'namespace-controller');
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 10_000);
  });

  test('rule 11: a cluster whose Gateway API is uninstalled is let go', async () => {
    const world = await startStory();
    world.servedKinds = [];
    world.deleteRelease('web');
    await world.until('gone', () => world.release('web') === undefined, 10_000);
  });

  test('rule 3: our managedFields entry goes even if the gateway writes its status in the same moment', async () => {
    const world = await startStory();
    let races = 2;
    world.faults = ({ verb, body }) => {
      if (races === 0 || verb !== 'patch' || !JSON.stringify(body).includes('managedFields')) return undefined;
      races -= 1;
      return instead('GLIDEPATH_E_GUARD');
    };
    await untilState(world, 'promoted');
    await world.run(1_000);
    expect(races).toBe(0);
    expect(world.route('store').metadata.managedFields?.map(({ manager }) => manager)).not.toContain('glidepath');
  });

  test('a Service that is deleted takes its canary home', async () => {
    const world = await startStory();
    world.api.delete({ kind: 'Service', namespace: NAMESPACE, name: 'v2' }, 'kubectl-delete');
    await untilState(world, 'rolledBack', 5_000);
  });

  test('the release is deleted and created again: the new object starts afresh', async () => {
    const world = await startStory({}, { lagMs: 100 });
    await untilState(world, 'promoted');
    await world.run(1_000);
    world.deleteRelease('web');
    world.createRelease('web', SPEC);
    world.setService('v1', { hashes: ['v1-2'] });
    await world.until('judged', () => world.status('web')?.state === 'stage.analyzing');
    expect(world.share('store', 'v2', 'v1')).toBe(10);
  });
});

describe('an API server with moods', () => {
  const CODES = ['GLIDEPATH_E_SERVER', 'GLIDEPATH_E_NETWORK', 'GLIDEPATH_E_CONFLICT', 'GLIDEPATH_E_GUARD'] as const;
  const moods = (every: number, when: Fault['when']) => {
    let calls = 0;
    return ({ verb }: { readonly verb: string }): Fault | undefined => {
      calls += 1;
      if (calls % every !== 0 || verb === 'readRoute' || verb === 'readRelease') return undefined;
      const code = CODES[calls % CODES.length] ?? 'GLIDEPATH_E_SERVER';
      const fits =
        code === 'GLIDEPATH_E_CONFLICT' ? verb === 'status' : code === 'GLIDEPATH_E_GUARD' ? verb === 'patch' && when === 'instead' : true;
      return { when, error: new GlidepathError(fits ? code : 'GLIDEPATH_E_SERVER', 'a mood of the test', { retryable: true }) };
    };
  };

  test.each([
    [2, 'instead'],
    [3, 'instead'],
    [2, 'afterwards'],
    [3, 'afterwards'],
    [5, 'afterwards'],
  ] as const)('rules 1 to 4: every %i. write fails (%s), the endings are the same', async (every, when) => {
    const good = buildStore();
    good.faults = moods(every, when);
    good.createRelease('web', SPEC);
    await untilState(good, 'promoted');
    await good.run(30_000);
    expect(good.weights('store')).toEqual({ v1: 0, v2: 1 });
    expect(good.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 100]);
    const bad = buildStore();
    bad.faults = moods(every, when);
    bad.setVersion('v2', { errorRatio: 1 });
    bad.createRelease('web', SPEC);
    await untilState(bad, 'rolledBack');
    await bad.run(30_000);
    expect(bad.weights('store')).toEqual({ v1: 1, v2: 0 });
  });

  test.each([50, 700, 5_000])('rules 1 to 4: watches that are %i ms late change no ending', async (lagMs) => {
    const good = await startStory({}, { lagMs });
    await untilState(good, 'promoted');
    expect(good.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 100]);
    const bad = await startStory({}, { lagMs });
    bad.setVersion('v2', { errorRatio: 1 });
    await untilState(bad, 'rolledBack');
    await bad.run(30_000);
    expect(bad.weights('store')).toEqual({ v1: 1, v2: 0 });
    expect(reasonsOf(bad)).not.toContain('RouteDrift');
  });

  test('rule 5: two operators at once, both late: no raise of either comes after home', async () => {
    const world = await startStory({}, { lagMs: (change) => (change.kind === 'CanaryRelease' ? 2_000 : 0) });
    world.startOperator();
    await world.run(30_000);
    // What the late one writes downwards is harmless; it may come after the finalizer went.
    world.guardian.tolerated.add(11);
    world.abort('web');
    await untilState(world, 'rolledBack', 60_000);
    await world.run(60_000);
    expect(shareOf(world)).toBe(0);
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10]);
  });
});
