// Whole releases from the first write to the last: promoted, rolled back, and what they leave behind.

import { describe, expect, test } from 'vitest';
import { FIELD_MANAGER, FINALIZER, RELEASE_ANNOTATION } from '../../src/api/names.ts';
import { buildRule } from '../fakes/memory/gateway.ts';
import { buildStore, reasonsOf, shareOf, SPEC, specWith, startStory, untilState } from '../fixtures/story.ts';
import type { MemoryWorld } from '../fakes/memory/world.ts';

/** Rules 3 and 11: nothing of us stays on the route, and no finalizer on the release. */
function expectNothingLeft(world: MemoryWorld): void {
  const { annotations, managedFields } = world.route('store').metadata;
  expect(annotations).toEqual({ 'example.org/team': 'shop' });
  expect((managedFields ?? []).map(({ manager }) => manager)).not.toContain(FIELD_MANAGER);
  expect(world.release('web')?.metadata.finalizers ?? []).not.toContain(FINALIZER);
}

describe('a good release', () => {
  test('rule 2: is raised stage by stage, each served in full, and promoted', async () => {
    const world = await startStory();
    expect(shareOf(world)).toBe(10);
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ from, to }) => [from, to])).toEqual([
      [0, 10],
      [10, 50],
      [50, 100],
    ]);
    const [first, second, third] = world.guardian.raises.map(({ atMs }) => atMs);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(120_000);
    expect(reasonsOf(world)).toEqual([
      'ReleaseStarted',
      'WeightShifted',
      'StageStarted',
      'WeightShifted',
      'StageStarted',
      'WeightShifted',
      'Promoted',
    ]);
  });

  test('rule 3: a promotion leaves the original weight on the new version and nothing of ours', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(1_000);
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
    expectNothingLeft(world);
    expect(world.status('web')).toMatchObject({ phase: 'Promoted', serving: { service: 'v2', revision: 'v2-1' }, weight: 0 });
    expect(world.status('web')?.proven?.[0]?.revision).toBe('v2-1');
    expect(world.status('web')?.history?.[0]).toMatchObject({ outcome: 'Promoted', maxWeight: 100 });
  });

  test('rule 3: while no release runs nothing is re-asserted', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(1_000);
    const calls = world.journal.calls.length;
    world.editWeights('store', 'argocd-controller', { v1: 1, v2: 1 });
    await world.run(3_600_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 1 });
    expect(world.journal.calls.slice(calls).filter(({ verb }) => verb !== 'status')).toEqual([]);
  });

  test('an idle release costs no write and no query', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    await world.run(70_000);
    const [calls, asked] = [world.journal.calls.length, world.prometheus.asked];
    await world.run(24 * 3_600_000);
    expect([world.journal.calls.length, world.prometheus.asked]).toEqual([calls, asked]);
  });

  test('after a promotion the roles have swapped: new pods behind the former version are the next canary', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    world.setService('v1', { hashes: ['v1-2'] });
    await untilState(world, 'stage.analyzing');
    expect(world.share('store', 'v2', 'v1')).toBe(10);
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    expect(world.status('web')?.serving).toEqual({ service: 'v1', revision: 'v1-2' });
    expectNothingLeft(world);
  });

  test('rule 1: home after the roles swapped is the Service that serves, not the first one of the spec', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    world.setVersion('v1', { errorRatio: 1 });
    world.setService('v1', { hashes: ['v1-2'] });
    await untilState(world, 'rolledBack');
    expect(world.weights('store')).toEqual({ v1: 0, v2: 1 });
    expect(world.status('web')?.serving?.service).toBe('v2');
  });

  test('new Services in the list are the next pair: the one that serves stays', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    world.setService('v3', {});
    world.editRoute('store', 'kubectl-client-side-apply', (route) => ({
      ...route,
      spec: { ...route.spec, rules: [buildRule({ v2: 1, v3: 0 })] },
    }));
    world.editSpec('web', (spec) => ({ ...spec, services: [{ name: 'v2' }, { name: 'v3' }] }));
    await untilState(world, 'stage.analyzing');
    expect(world.share('store', 'v2', 'v3')).toBe(10);
    await untilState(world, 'promoted');
    expect(world.weights('store')).toEqual({ v2: 0, v3: 1 });
  });

  test('a new spec.revision releases the other Service', async () => {
    const world = await startStory({ revision: '1.0' });
    await untilState(world, 'promoted');
    world.editSpec('web', (spec) => ({ ...spec, revision: '1.1' }));
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')?.release?.revision).toBe('1.1');
    expect(world.share('store', 'v2', 'v1')).toBe(10);
  });

  test('bake: all traffic is watched with the way back kept open, then the route is left as it stays', async () => {
    const world = await startStory({ promotion: { bake: '10m' } });
    await untilState(world, 'promoting.baking');
    expect(shareOf(world)).toBe(100);
    expect(world.route('store').metadata.annotations?.[RELEASE_ANNOTATION]).toBeDefined();
    expect(await untilState(world, 'promoted')).toBeGreaterThanOrEqual(600_000);
    expectNothingLeft(world);
  });
});

describe('a bad release', () => {
  test.each([
    ['errors', { errorRatio: 0.2 }, undefined, 'ErrorRatio'],
    ['latency', { slowRatio: 0.3 }, [{ name: 'p99', metric: 'Latency', quantile: '0.99', max: '500ms' }], 'Latency'],
    ['rate', { errorRatio: 0 }, [{ name: 'traffic', metric: 'RequestRate', min: '400/s' }], 'RequestRate'],
  ] as const)('rule 1: bad %s take it home and reject the revision', async (_name, behaviour, checks, reason) => {
    const world = buildStore();
    world.setVersion('v2', behaviour);
    world.createRelease('web', specWith(checks === undefined ? {} : { analysis: { checks: [...checks] } }));
    await untilState(world, 'rolledBack');
    await world.run(3_600_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    expectNothingLeft(world);
    expect(world.status('web')?.rejected?.[0]).toMatchObject({ revision: 'v2-1', reason });
    expect(world.status('web')?.history?.[0]).toMatchObject({ outcome: 'RolledBack', maxWeight: 10, reason });
    expect(reasonsOf(world).slice(-2)).toEqual(['RollbackStarted', 'RolledBack']);
  });

  test('an own query that breaks its limit takes it home', async () => {
    const checks = [{ name: 'orders', query: 'sum(rate(orders_total{service="$(canary)"}[$(window)]))', min: '0.1' }];
    const world = buildStore();
    world.prometheus.own.set('orders_total{service="v2"}', () => (world.status('web')?.release?.stageIndex === 1 ? 0.01 : 5));
    world.createRelease('web', specWith({ analysis: { checks } }));
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('Query');
    expect(world.status('web')?.release?.maxWeight).toBe(50);
  });

  test('consecutive: so many looks in a row must fail', async () => {
    const world = await startStory({ analysis: { checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', consecutive: 3 }] } });
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reasonMessage).toContain('3 looks in a row');
  });

  test('rule 1: from the failing look to home no time passes, and home is the first write', async () => {
    const world = await startStory();
    await world.run(30_000);
    world.setVersion('v2', { errorRatio: 1 });
    const calls = world.journal.calls.length;
    await untilState(world, 'rolledBack');
    const [first] = world.journal.calls
      .slice(calls)
      .filter(({ verb, body }) => verb === 'patch' || (verb === 'status' && JSON.stringify(body).includes('rollingBack')));
    expect(first).toMatchObject({ verb: 'patch', lane: 'home' });
  });

  test('a rejected revision is not tried again by itself; new pods are', async () => {
    const world = await startStory();
    world.setVersion('v2', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    await world.run(7_200_000);
    expect(world.status('web')?.state).toBe('rolledBack');
    world.setVersion('v2', { errorRatio: 0 });
    world.setService('v2', { hashes: ['v2-2'] });
    await untilState(world, 'promoted');
    expect(world.status('web')?.history?.map(({ outcome }) => outcome)).toEqual(['Promoted', 'RolledBack']);
  });

  test('rule 13: a Fail in the bake goes home from 100%', async () => {
    const world = await startStory({ promotion: { bake: '10m' } });
    await untilState(world, 'promoting.baking');
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 120_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
  });

  test('rule 1: a canary with weight and no ready endpoint goes home at once', async () => {
    const world = await startStory();
    world.setService('v2', { ready: 0, hashes: [] });
    expect(await world.until('home', () => shareOf(world) === 0)).toBe(0);
    await untilState(world, 'rolledBack');
    expect(reasonsOf(world)).toContain('CanaryEmpty');
  });

  test('rule 12: a new revision in mid-release goes home first, then starts at stage 1', async () => {
    const world = await startStory();
    await world.until('50%', () => shareOf(world) === 50);
    const first = world.status('web')?.release?.id;
    world.setService('v2', { hashes: ['v2-2'] });
    await untilState(world, 'stage.analyzing');
    expect(world.status('web')?.release?.id).not.toBe(first);
    expect(world.guardian.shares.map(({ percent }) => percent)).toEqual([10, 50, 0, 0, 10]);
    expect(world.status('web')?.rejected ?? []).toEqual([]);
    expect(world.status('web')?.history?.[0]).toMatchObject({ outcome: 'RolledBack', reason: 'Superseded' });
  });

  test('rule 12: other Services in mid-release take the recorded ones home', async () => {
    const world = await startStory();
    world.setService('v3', {});
    world.editRoute('store', 'kubectl-client-side-apply', (route) => ({
      ...route,
      spec: {
        ...route.spec,
        rules: (route.spec.rules ?? []).map((rule) => ({
          ...rule,
          backendRefs: [...(rule.backendRefs ?? []), { name: 'v3', port: 80, weight: 0 }],
        })),
      },
    }));
    world.editSpec('web', (spec) => ({ ...spec, services: [{ name: 'v1' }, { name: 'v3' }] }));
    await world.until(
      'v3 is judged',
      () => world.status('web')?.release?.canary.service === 'v3' && world.status('web')?.state === 'stage.analyzing',
    );
    expect(world.weights('store')['v2']).toBe(0);
    expect(world.share('store', 'v1', 'v3')).toBe(10);
  });

  test('the history says how many requests of the canary failed', async () => {
    const world = await startStory();
    await world.run(31_000);
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack');
    const counted = world.status('web')?.history?.[0]?.failedRequests ?? 0;
    expect(counted).toBeGreaterThan(3);
    expect(counted).toBeLessThan(60);
    world.setService('v2', { hashes: ['v2-2'] });
    world.setVersion('v2', { errorRatio: 0 });
    await untilState(world, 'promoted');
    expect(world.status('web')?.history?.[0]).toMatchObject({ outcome: 'Promoted', failedRequests: expect.any(Number) });
  });

  test("a release that begins in the canary's own rolling update waits for its end, and only the new revision is rejected", async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    world.setService('v1', { hashes: ['v1-1', 'v1-2'] });
    await untilState(world, 'preparing');
    await world.run(120_000);
    expect(world.status('web')?.state).toBe('preparing');
    expect(world.status('web')?.message).toContain('of one template');
    expect(world.status('web')?.release?.revision).toBe('v1-2');
    world.setService('v1', { hashes: ['v1-2'] });
    await untilState(world, 'stage.analyzing');
    await world.run(11_000);
    world.setVersion('v1', { errorRatio: 1 });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.rejected).toMatchObject([{ revision: 'v1-2', templateHashes: ['v1-2'] }]);
    expect(world.status('web')?.history?.[0]?.revision).toBe('v1-2');
  });

  test('a release that is aborted in the rolling update is not begun again when the update ends', async () => {
    const world = await startStory();
    await untilState(world, 'promoted');
    world.setService('v1', { hashes: ['v1-1', 'v1-2'] });
    await untilState(world, 'preparing');
    world.abort('web');
    await untilState(world, 'rolledBack');
    await world.run(30_000);
    world.setService('v1', { hashes: ['v1-2'] });
    await world.run(30_000);
    expect(world.status('web')?.state).toBe('rolledBack');
    expect(world.status('web')?.rejected).toMatchObject([{ revision: 'v1-2', templateHashes: ['v1-2'] }]);
  });

  test('rule 12: new pods of the serving version are no release', async () => {
    const world = await startStory();
    world.setService('v1', { hashes: ['v1-2'] });
    await untilState(world, 'promoted');
    expect(world.status('web')?.history).toHaveLength(1);
  });

  test('a healthy release of the default manifest is promoted', async () => {
    const world = buildStore();
    world.createRelease('web', { services: SPEC.services });
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([5, 25, 50, 100]);
  });
});

describe('several routes and rules', () => {
  test('rules 3 and 4: foreign backends keep their exact share in every rule at every write', async () => {
    const world = buildStore();
    world.createRoute('other', [
      buildRule({ v1: 3, beta: 2, v2: 0 }, 'api'),
      buildRule({ static: 7 }),
      buildRule({ v2: 0, v1: 7, x: 11, y: 13 }),
    ]);
    world.createRelease('web', SPEC);
    await untilState(world, 'stage.analyzing');
    expect(world.share('other', 'v1', 'v2', 0)).toBe(10);
    expect(world.share('other', 'v1', 'v2', 2)).toBe(10);
    expect(world.weights('other', 1)).toEqual({ static: 7 });
    await untilState(world, 'promoted');
    expect([world.weights('other', 0), world.weights('other', 2)]).toEqual([
      { v1: 0, beta: 2, v2: 3 },
      { v2: 7, v1: 0, x: 11, y: 13 },
    ]);
  });

  test('rules 3 and 4: after a rollback every rule says what it said before', async () => {
    const world = buildStore();
    world.createRoute('other', [buildRule({ v1: 3, beta: 2, v2: 0 })]);
    world.createRelease('web', SPEC);
    await untilState(world, 'stage.analyzing');
    world.abort('web');
    await untilState(world, 'rolledBack');
    expect([world.weights('store'), world.weights('other')]).toEqual([
      { v1: 1, v2: 0 },
      { v1: 3, beta: 2, v2: 0 },
    ]);
  });

  test('rule 8: of two releases on one route the older drives, the other is Blocked and says so', async () => {
    const world = buildStore();
    world.createRelease('web', SPEC);
    await world.run(1_500);
    world.createRelease('also', SPEC);
    await world.until('blocked', () => world.status('also')?.phase === 'Blocked', 120_000);
    expect(world.status('also')?.message).toContain('canaryrelease/web');
    await untilState(world, 'promoted');
    expect(new Set(world.guardian.raises.map(({ mark }) => mark.split('/')[0]))).toEqual(new Set(['web']));
  });

  test('rule 1: one cause for many: every route is home before any release commits', async () => {
    const world = buildStore({ maxConcurrent: 2 });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) {
      world.setService(`${name}1`, {});
      world.setService(`${name}2`, {});
      world.createRoute(name, [buildRule({ [`${name}1`]: 1, [`${name}2`]: 0 })]);
      world.createRelease(name, { ...SPEC, services: [{ name: `${name}1` }, { name: `${name}2` }] });
    }
    await world.until('all are judged', () => names.every((name) => world.status(name)?.state === 'stage.analyzing'));
    await world.run(25_000);
    for (const name of names) world.setVersion(`${name}2`, { errorRatio: 1 });
    const calls = world.journal.calls.length;
    await world.until('all are rolled back', () => names.every((name) => world.status(name)?.state === 'rolledBack'));
    const after = world.journal.calls.slice(calls);
    const lastHome = after.findLastIndex(({ lane }) => lane === 'home');
    const firstOther = after.findIndex(({ lane, body }) => lane !== 'home' && JSON.stringify(body ?? '').includes('rollingBack'));
    expect(after.filter(({ lane }) => lane === 'home')).toHaveLength(names.length);
    expect(lastHome).toBeLessThan(firstOther);
  });
});
