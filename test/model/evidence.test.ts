// What the judge sees and does not see: no traffic, no Prometheus, no scrape, old evidence. None of it is the release's fault.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { buildStore, reasonsOf, shareOf, specWith, startStory, untilState } from '../fixtures/story.ts';

const SHORT = [
  { weight: 10, duration: '1m', timeout: '10m' },
  { weight: 50, duration: '2m', timeout: '10m' },
];

describe('no traffic', () => {
  const inconclusive = (then: 'Pause' | 'Promote' | 'Rollback'): Partial<SpecInput> => ({
    stages: SHORT,
    analysis: { minRequests: 20, window: '20s', onInconclusive: then },
  });

  test('rule 6: is Inconclusive, never 0 errors: nothing is raised, and Pause asks a person', async () => {
    const world = await startStory(inconclusive('Pause'), { rps: 0 });
    expect(await untilState(world, 'paused')).toBeGreaterThan(590_000);
    expect(world.status('web')?.verdict).toBe('Inconclusive');
    expect(shareOf(world)).toBe(10);
    world.command('web', 'resume');
    await untilState(world, 'stage.analyzing', 1_000);
    world.setTraffic(50);
    await untilState(world, 'promoted');
  });

  test('Rollback takes it home after the timeout', async () => {
    const world = await startStory(inconclusive('Rollback'), { rps: 0 });
    await untilState(world, 'rolledBack');
    expect(world.status('web')?.release?.reason).toBe('Inconclusive');
  });

  test('rule 2: Promote needs one Pass in the stage; without it a person is asked', async () => {
    const world = await startStory(inconclusive('Promote'), { rps: 0 });
    await untilState(world, 'paused');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10]);
  });

  test('rule 2: Promote goes on after one Pass, and the event says why', async () => {
    const world = await startStory(inconclusive('Promote'));
    await world.run(35_000);
    expect(world.status('web')?.verdict).toBe('Pass');
    world.setTraffic(0);
    await world.until('50%', () => shareOf(world) === 50, 700_000);
    expect(world.journal.events.filter(({ note }) => note.includes('onInconclusive is Promote'))).toHaveLength(1);
    await untilState(world, 'paused');
  });

  test('rule 2: too few requests are no Pass', async () => {
    const world = await startStory({ stages: SHORT, analysis: { minRequests: 1_000 } }, { rps: 2 });
    await untilState(world, 'paused');
    expect(shareOf(world)).toBe(10);
  });

  test('a gateway that nobody scrapes any more proves nothing', async () => {
    const world = await startStory({ stages: SHORT });
    await world.run(30_000);
    world.setScrapeOutage(true);
    await untilState(world, 'paused');
    expect(shareOf(world)).toBe(10);
    expect(world.status('web')?.verdict).toBe('Inconclusive');
  });

  test('a warning of a partial answer is no Pass', async () => {
    const world = await startStory({ stages: SHORT });
    world.prometheus.mode = 'warns';
    await untilState(world, 'paused');
    expect(shareOf(world)).toBe(10);
  });
});

describe('Prometheus is away', () => {
  const unavailable = (then: 'Pause' | 'Reduce' | 'Rollback'): Partial<SpecInput> => ({
    analysis: { minRequests: 20, onUnavailable: { after: '5m', then } },
  });

  test('no weight is written before Prometheus answers', async () => {
    const world = buildStore();
    world.prometheus.mode = 'down';
    world.createRelease('web', specWith({}));
    await world.run(600_000);
    expect(world.weights('store')).toEqual({ v1: 1, v2: 0 });
    world.prometheus.mode = 'up';
    await untilState(world, 'promoted');
  });

  test('rule 6: it is held, the time away is not served, and it goes on by itself', async () => {
    const world = await startStory();
    await world.run(20_000);
    world.prometheus.mode = 'down';
    await world.run(240_000);
    expect([shareOf(world), world.status('web')?.verdict]).toEqual([10, 'Unavailable']);
    world.prometheus.mode = 'up';
    expect(await world.until('50%', () => shareOf(world) === 50)).toBeGreaterThan(25_000);
    await untilState(world, 'promoted');
  });

  test('Pause', async () => {
    const world = await startStory(unavailable('Pause'));
    world.prometheus.mode = 'down';
    expect(await untilState(world, 'paused')).toBeLessThan(320_000);
    world.prometheus.mode = 'up';
    world.command('web', 'resume');
    await untilState(world, 'promoted');
  });

  test('Reduce: back to the weight of the first stage, and on from there when it answers', async () => {
    const world = await startStory(unavailable('Reduce'));
    await world.until('50%', () => shareOf(world) === 50);
    await untilState(world, 'stage.analyzing');
    world.prometheus.mode = 'down';
    await world.until('10%', () => shareOf(world) === 10, 320_000);
    await world.run(600_000);
    expect([shareOf(world), world.status('web')?.state]).toEqual([10, 'stage.analyzing']);
    world.prometheus.mode = 'up';
    await untilState(world, 'promoted');
    expect(reasonsOf(world)).toContain('MetricsUnavailable');
    expect(reasonsOf(world)).not.toContain('RouteDrift');
  });

  test('Rollback goes home, and the revision is not to blame', async () => {
    const world = await startStory(unavailable('Rollback'));
    world.prometheus.mode = 'hangs';
    await untilState(world, 'rolledBack', 330_000);
    expect(world.status('web')?.release?.reason).toBe('MetricsUnavailable');
    expect(world.status('web')?.rejected ?? []).toEqual([]);
  });

  test('rule 1: while Prometheus hangs, abort and lost endpoints go home at once', async () => {
    const world = await startStory();
    world.prometheus.mode = 'hangs';
    await world.run(12_000);
    world.setService('v2', { ready: 0 });
    expect(await world.until('home', () => shareOf(world) === 0)).toBe(0);
  });

  test('a slow Prometheus still proves a good release, and evidence of a stage before counts in no later one', async () => {
    const world = await startStory({ analysis: { minRequests: 20, interval: '2s', window: '30s' } });
    world.prometheus.latencyMs = 4_000;
    await untilState(world, 'promoted');
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10, 50, 100]);
  });

  test('rule 2: a look from before a stage is no Pass in it', async () => {
    const world = await startStory({
      stages: [
        { weight: 10, duration: '1m' },
        { weight: 50, duration: '0s', minRequests: 1 },
      ],
    });
    await world.run(44_000);
    world.prometheus.latencyMs = 9_000;
    await world.until('50%', () => shareOf(world) === 50);
    await untilState(world, 'stage.analyzing');
    const began = world.clock.now();
    await untilState(world, 'promoting.rollingOut');
    expect(world.clock.now() - began).toBeGreaterThan(9_000);
  });
});

describe('what may be judged', () => {
  test('Observe: bad verdicts are reported and never acted on', async () => {
    const world = buildStore();
    world.setVersion('v2', { errorRatio: 1 });
    world.createRelease('web', specWith({ analysis: { mode: 'Observe' } }));
    await world.until('told', () => world.status('web')?.verdict === 'Fail');
    await untilState(world, 'promoted');
  });

  test('Off: no query is asked, time alone counts, and a condition says so', async () => {
    const world = buildStore();
    world.prometheus.mode = 'down';
    world.createRelease('web', specWith({ analysis: { mode: 'Off' } }));
    await untilState(world, 'promoted');
    expect(world.prometheus.asked).toBe(0);
    expect(world.status('web')?.conditions?.find(({ type }) => type === 'AnalysisEnforced')).toMatchObject({
      status: 'False',
      reason: 'AnalysisOff',
    });
  });

  test('rule 1: also with analysis Off an empty canary goes home', async () => {
    const world = buildStore();
    world.createRelease('web', specWith({ analysis: { mode: 'Off' } }));
    await untilState(world, 'stage.analyzing');
    world.setService('v2', { ready: 0 });
    await untilState(world, 'rolledBack', 1_000);
  });

  test('a check with onBreach Hold stops raises while it fails and rolls nothing back', async () => {
    const checks = [{ name: 'errors', metric: 'ErrorRatio' as const, max: '1%', onBreach: 'Hold' as const }];
    const world = await startStory({ analysis: { minRequests: 20, checks } });
    world.setVersion('v2', { errorRatio: 0.3 });
    await world.run(600_000);
    expect([shareOf(world), world.status('web')?.state]).toEqual([10, 'stage.analyzing']);
    world.setVersion('v2', { errorRatio: 0 });
    await untilState(world, 'promoted');
  });

  test('rule 5: an operator that was away reads what it missed before it raises anything', async () => {
    const world = await startStory();
    await world.run(40_000);
    expect(world.status('web')?.verdict).toBe('Pass');
    world.operators[0]?.kill();
    world.setVersion('v2', { errorRatio: 1 });
    await world.run(120_000);
    world.startOperator();
    await untilState(world, 'rolledBack', 30_000);
    expect(world.guardian.raises.map(({ to }) => to)).toEqual([10]);
  });

  test('a stage that is judged anew after a Fail serves its whole duration again', async () => {
    const checks = [{ name: 'errors', metric: 'ErrorRatio' as const, max: '1%', consecutive: 20 }];
    const world = await startStory({ analysis: { minRequests: 20, window: '10s', checks } });
    await world.run(30_000);
    world.setVersion('v2', { errorRatio: 0.5 });
    await world.run(30_000);
    world.setVersion('v2', { errorRatio: 0 });
    expect(await world.until('50%', () => shareOf(world) === 50)).toBeGreaterThan(59_000);
  });
});
