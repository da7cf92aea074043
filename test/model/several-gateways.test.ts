// One release behind two gateways of different kinds: each is read by its own source, and what they counted is summed.

import { describe, expect, test } from 'vitest';
import { buildRoute, buildRule } from '../fakes/memory/gateway.ts';
import { MemoryWorld, type WorldSettings } from '../fakes/memory/world.ts';
import { shareOf, specWith, untilState } from '../fixtures/story.ts';

type Spec = Parameters<typeof specWith>[0];

const EDGE = { name: 'edge' };
const TRAEFIK_EDGE = { name: 'edge-traefik' };

/** The route `store` on Contour's Gateway and Traefik's, 50 requests a second by either. */
async function startBoth(change: Spec = {}, traefik: NonNullable<WorldSettings['traefik']> = { rps: 50, scrapeMs: 5_000 }) {
  const world = new MemoryWorld({ traefik });
  world.setService('v1', {});
  world.setService('v2', {});
  const route = buildRoute('store', [buildRule({ v1: 1, v2: 0 })]);
  world.api.create({ ...route, spec: { ...route.spec, parentRefs: [EDGE, TRAEFIK_EDGE] } }, 'kubectl');
  world.startOperator();
  await world.run(2_000);
  world.createRelease('web', specWith(change));
  await untilState(world, 'stage.analyzing');
  return world;
}

/** Traefik's clients alone meet a canary like this. */
function behaveAtTraefik(world: MemoryWorld, behaviour: Parameters<NonNullable<MemoryWorld['besides']>['setVersion']>[1]): void {
  world.besides?.advanceTo(world.clock.now());
  world.besides?.setVersion('v2', behaviour);
}

const conditionOf = (world: MemoryWorld, type: string) => world.status('web')?.conditions?.find((one) => one.type === type);
const COMPARED = { analysis: { comparison: { mode: 'Enforce' } } } as const satisfies Spec;
const SLOW_LIMIT = { analysis: { checks: [{ name: 'p95', metric: 'Latency', quantile: '0.95', max: '1200ms' }] } } satisfies Spec;

describe('a release behind two gateways', () => {
  test('a release behind two gateways is promoted on what both have counted, and shows it apart', async () => {
    const world = await startBoth(COMPARED);
    await world.run(40_000);
    const { measured } = world.status('web') ?? {};
    expect(measured?.sources?.map(({ source }) => source)).toEqual(['Contour', 'Traefik']);
    const sum = (of: 'canaryRequests' | 'servingRequests') => (measured?.sources ?? []).reduce((total, one) => total + one[of], 0);
    expect([sum('canaryRequests'), sum('servingRequests')]).toEqual([measured?.canaryRequests, measured?.servingRequests]);
    expect(measured?.share).toMatch(/^(9|10)\.\d%$/);
    expect(conditionOf(world, 'MetricsAvailable')).toMatchObject({ message: 'metrics source Contour and Traefik' });
    expect(conditionOf(world, 'MetricsHazards')?.message).toMatch(/SeveralGateways.*Traefik: the default buckets/);
    await untilState(world, 'promoted', 30 * 60_000);
  });

  test('requests of both gateways count once each: the stage has as many as the canary was sent', async () => {
    const world = await startBoth({ stages: [{ weight: 10, duration: '20m' }] });
    await world.run(600_000);
    const sent = world.traffic.countsOf('v2').requests + (world.besides?.countsOf('v2').requests ?? 0);
    const counted = world.status('web')?.release?.stageRequests ?? 0;
    // The status is written at least once a minute, and 10 requests a second were sent since.
    expect(sent - counted).toBeGreaterThanOrEqual(0);
    expect(sent - counted).toBeLessThanOrEqual(750);
  });

  test.each([
    ['at Contour', (world: MemoryWorld) => world.setVersion('v2', { errorRatio: 0.5 })],
    ['at Traefik', (world: MemoryWorld) => behaveAtTraefik(world, { errorRatio: 0.5 })],
  ])('a canary behind two gateways that fails half of its requests %s is rolled back', async (_where, fail) => {
    const world = await startBoth(COMPARED);
    fail(world);
    await untilState(world, 'rolledBack', 5 * 60_000);
    expect(shareOf(world)).toBe(0);
  });
});

describe('latency behind two gateways', () => {
  test('latency is judged by the buckets of each gateway, and the worse decides: a canary that is slow at Traefik alone is rolled back', async () => {
    const world = await startBoth(SLOW_LIMIT);
    behaveAtTraefik(world, { slowRatio: 0.5 });
    await untilState(world, 'rolledBack', 5 * 60_000);
    expect(world.status('web')?.release?.failedCheck?.message).toMatch(/^p95 .* at Traefik /);
  });

  test('a canary that is quick at both is promoted, although the gateways share hardly a bound', async () => {
    const world = await startBoth({ analysis: { ...SLOW_LIMIT.analysis, comparison: { mode: 'Enforce' } } });
    await untilState(world, 'promoted', 30 * 60_000);
  });
});

describe('gateways that are scraped at different intervals', () => {
  test('the slowest gateway decides when a release is evaluated, and it is promoted', async () => {
    const world = await startBoth(COMPARED, { rps: 50, scrapeMs: 30_000 });
    await world.run(90_000);
    expect(world.status('web')?.release?.scrapeIntervalMs).toBe(30_000);
    await untilState(world, 'promoted', 60 * 60_000);
  });

  test('a gateway that is not scraped any more holds the weight: what it would count is missing', async () => {
    const world = await startBoth(COMPARED);
    await world.run(30_000);
    if (world.besides !== undefined) world.besides.scrapeOutage = true;
    await world.run(10 * 60_000);
    expect(world.status('web')?.state).not.toBe('promoted');
    expect(world.status('web')?.checks?.[0]).toMatchObject({
      verdict: 'Inconclusive',
      message: expect.stringContaining('no new sample from Traefik'),
    });
  });

  test('a canary that fails at the gateway that is still scraped is rolled back all the same', async () => {
    const world = await startBoth(COMPARED);
    await world.run(30_000);
    if (world.besides !== undefined) world.besides.scrapeOutage = true;
    await world.run(90_000);
    world.setVersion('v2', { errorRatio: 0.5 });
    await untilState(world, 'rolledBack', 5 * 60_000);
  });
});

describe('a mesh beside a gateway', () => {
  test('a route that a mesh serves as well is judged by the gateway alone, and that is a condition', async () => {
    const world = new MemoryWorld();
    world.gateway.controllers.set('web', 'linkerd.io/policy-controller');
    world.setService('v1', {});
    world.setService('v2', {});
    const route = buildRoute('store', [buildRule({ v1: 1, v2: 0 })]);
    const parentRefs = [EDGE, { group: '', kind: 'Service', name: 'web' }];
    world.api.create({ ...route, spec: { ...route.spec, parentRefs } }, 'kubectl');
    world.startOperator();
    await world.run(2_000);
    world.createRelease('web', specWith(COMPARED));
    await untilState(world, 'stage.analyzing');
    expect(conditionOf(world, 'MetricsAvailable')).toMatchObject({ message: 'metrics source Contour' });
    expect(conditionOf(world, 'MetricsHazards')?.message).toContain('Linkerd is not read');
    await untilState(world, 'promoted', 30 * 60_000);
  });
});
