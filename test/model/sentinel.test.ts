// The sentinel through the whole reconciler: a canary that is young and fails goes home by the gateway's own counters, whenever
// Prometheus scrapes. It proves nothing, and what it cannot read costs nothing.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { HEALTHY } from '../fakes/memory/traffic.ts';
import type { WorldSettings } from '../fakes/memory/world.ts';
import { shareOf, startStory, untilState } from '../fixtures/story.ts';

const STAGES: Partial<SpecInput> = {
  stages: [
    { weight: 25, duration: '5m' },
    { weight: 50, duration: '5m' },
  ],
};
const COMPARED: Partial<SpecInput> = { ...STAGES, analysis: { comparison: { mode: 'Enforce' }, minRequests: 20 } };
const CHECKED: Partial<SpecInput> = {
  ...STAGES,
  analysis: { checks: [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback' }] },
};
/** Scrapes so seldom that only the sentinel can be what acts. */
const WORLD: WorldSettings = { rps: 50, scrapeMs: 60_000, sentinel: true };

/** A story whose canary answers half of its requests with errors from its first weight on. */
async function startBad(change: Partial<SpecInput>, settings: WorldSettings = WORLD) {
  const world = await startStory(change, settings);
  world.setVersion('v2', { ...HEALTHY, errorRatio: 0.5 });
  return world;
}

const untilHome = (world: Awaited<ReturnType<typeof startStory>>, mostMs?: number) =>
  world.until('home', () => shareOf(world) === 0, mostMs);

describe('a canary that fails while it is young', () => {
  test('a check of onBreach Rollback acts within four seconds although Prometheus scrapes once a minute', async () => {
    const world = await startBad(CHECKED);
    expect(await untilHome(world)).toBeLessThan(4_000);
    await untilState(world, 'rolledBack');
    const { release, rejected } = world.status('web') ?? {};
    expect(release?.reason).toBe('ErrorRatio');
    expect(release?.reasonMessage).toMatch(
      /^errors [0-9.]+% \(limit <= 1%\) over \d+ canary requests, counted at projectcontour\/envoy-a in \ds$/,
    );
    expect(rejected?.[0]?.reason).toBe('ErrorRatio');
  });

  test('the comparison alone acts within seven seconds, and the status says what was seen where and when', async () => {
    const world = await startBad(COMPARED);
    const began = world.clock.now();
    expect(await untilHome(world)).toBeLessThan(7_000);
    await untilState(world, 'rolledBack');
    const seen = world.status('web')?.release?.sentinel;
    expect(seen).toMatchObject({ check: 'comparison', targets: ['projectcontour/envoy-a'] });
    expect(seen?.canary.serverErrors).toBeGreaterThan(8);
    expect(seen?.serving).toMatchObject({ serverErrors: 0 });
    expect(Date.parse(seen?.to ?? '')).toBeGreaterThan(began);
    expect(world.status('web')?.release?.reasonMessage).toMatch(/^worse than serving: canary [0-9.]+% errors, serving 0%, /);
  });

  test('a check that wants two evaluations in a row waits the interval between them', async () => {
    const checks = [{ name: 'errors', metric: 'ErrorRatio', max: '1%', onBreach: 'Rollback', consecutive: 2 }] as const;
    const world = await startBad({ ...STAGES, analysis: { checks: [...checks] } });
    const took = await untilHome(world);
    expect(took).toBeGreaterThan(9_000);
    expect(took).toBeLessThan(13_000);
  });

  test('a young canary is watched again at its next weight', async () => {
    const world = await startStory(
      {
        stages: [
          { weight: 10, duration: '20s' },
          { weight: 50, duration: '10m' },
        ],
        analysis: { ...CHECKED.analysis, minRequests: 1 },
      },
      { ...WORLD, scrapeMs: 5_000 },
    );
    await world.until('50%', () => shareOf(world) === 50);
    world.setVersion('v2', { ...HEALTHY, errorRatio: 0.5 });
    expect(await untilHome(world)).toBeLessThan(4_000);
  });

  test('an operator that starts again watches from nothing, and finds it again', async () => {
    const world = await startStory(COMPARED, WORLD);
    world.operators[0]?.kill();
    world.setVersion('v2', { ...HEALTHY, errorRatio: 0.5 });
    await world.run(10_000);
    world.startOperator();
    expect(await untilHome(world)).toBeLessThan(8_000);
  });

  test('a pod of the gateway that is away costs nothing but a note in a condition', async () => {
    const world = await startStory(COMPARED, WORLD);
    world.counters.pods = ['projectcontour/envoy-a', 'projectcontour/envoy-b'];
    world.counters.away.set('projectcontour/envoy-b', 'did not answer within 1000 ms');
    world.setScrapeOutage(true);
    await world.run(70_000);
    const condition = () => world.status('web')?.conditions?.find(({ type }) => type === 'MetricsAvailable');
    expect(condition()).toMatchObject({
      status: 'True',
      message: 'metrics source Contour; sentinel: 1 of 2 gateway pods not read: projectcontour/envoy-b did not answer within 1000 ms',
    });
    world.setVersion('v2', { ...HEALTHY, errorRatio: 0.5 });
    expect(await untilHome(world)).toBeLessThan(12_000);
  });
});

describe('what the sentinel does not do', () => {
  test.each([1, 2, 3, 4, 5, 6])('a canary that is as good as serving is never found failing (world %i)', async (seed) => {
    const world = await startStory(COMPARED, { ...WORLD, rps: 40 * seed, scrapeMs: 15_000 });
    for (const service of ['v1', 'v2'])
      world.setVersion(service, { ...HEALTHY, errorRatio: [0, 0.001, 0.01, 0.05, 0.2, 0.5][seed - 1] ?? 0 });
    await world.run(600_000);
    expect(world.status('web')?.release?.sentinel).toBeUndefined();
    expect(world.status('web')?.release?.outcome).not.toBe('RolledBack');
  });

  test('the sentinel proves nothing: without a scrape the weight stays where it is', async () => {
    const world = await startStory({ ...STAGES, analysis: { minRequests: 1 } }, WORLD);
    world.setScrapeOutage(true);
    await world.run(400_000);
    expect(shareOf(world)).toBe(25);
    expect(world.status('web')?.release?.passInStage).toBeUndefined();
  });

  test('with Off in the spec, or without the setting of the operator, nothing is asked', async () => {
    for (const [change, settings] of [
      [{ ...COMPARED, analysis: { ...COMPARED.analysis, sentinel: 'Off' } }, WORLD],
      [COMPARED, { ...WORLD, sentinel: false }],
    ] as const) {
      const world = await startBad(change, settings);
      await world.run(20_000);
      expect(world.counters.asked).toEqual([]);
      expect(shareOf(world)).toBe(25);
    }
  });

  test('after the first Pass of a stage nothing is asked any more, and one second is the shortest distance of two questions', async () => {
    const world = await startStory(
      { ...COMPARED, analysis: { ...COMPARED.analysis, minRequests: 1 } },
      { ...WORLD, scrapeMs: 5_000, rps: 400 },
    );
    await world.until('a Pass', () => world.status('web')?.release?.passInStage === true);
    await world.run(2_000);
    const { asked } = world.counters;
    const before = asked.length;
    expect(before).toBeGreaterThan(5);
    await world.run(60_000);
    expect(asked).toHaveLength(before);
    const gaps = asked.slice(1).map(({ atMs }, index) => atMs - (asked[index]?.atMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    expect(world.counters.mostOpen).toBe(1);
    expect(asked[0]).toMatchObject({ port: 8_002 });
    expect(decodeURIComponent(asked[0]?.path ?? '')).toBe(
      '/stats/prometheus?filter=^cluster\\.(shop_v2_80|shop_v1_80)\\.upstream_rq_[0-9]+$',
    );
  });
});
