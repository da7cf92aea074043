// The comparison through the whole reconciler: a canary that is worse goes home, one that is as good earns its raises, an incident
// of both versions is nobody's fault, and a restart forgets nothing.

import { describe, expect, test } from 'vitest';
import type { SpecInput } from '../../src/api/release.ts';
import { HEALTHY } from '../fakes/memory/traffic.ts';
import { buildStore, reasonsOf, shareOf, SPEC, startStory, untilState } from '../fixtures/story.ts';

const COMPARED: Partial<SpecInput> = {
  analysis: { minRequests: 20, comparison: { mode: 'Enforce', riskBudget: '2%' } },
  stages: [
    { weight: 10, duration: '1m' },
    { weight: 50, duration: '2m' },
  ],
};

describe('the comparison', () => {
  test('the comparison promotes a canary that is as good as serving, although serving breaks the limit of a check', async () => {
    const world = await startStory(COMPARED, { rps: 200 });
    for (const service of ['v1', 'v2']) world.setVersion(service, { ...HEALTHY, errorRatio: 0.009 });
    await untilState(world, 'promoted');
    expect(world.status('web')?.history?.[0]?.outcome).toBe('Promoted');
  });

  test('the comparison rolls back a canary that is worse than serving, although it keeps every limit', async () => {
    const world = await startStory(
      { ...COMPARED, analysis: { ...COMPARED.analysis, checks: [{ name: 'errors', metric: 'ErrorRatio', max: '10%' }] } },
      { rps: 200 },
    );
    world.setVersion('v2', { ...HEALTHY, errorRatio: 0.05 });
    await untilState(world, 'rolledBack');
    const status = world.status('web');
    expect(status?.release?.reason).toBe('ErrorRatio');
    expect(status?.release?.reasonMessage).toMatch(/worse than serving: canary [0-9.]+% errors, serving 0%/);
    expect(status?.rejected?.[0]?.reason).toBe('ErrorRatio');
  });

  test('an incident of both versions holds the weight and rolls nothing back', async () => {
    const world = await startStory(COMPARED, { rps: 200 });
    await world.run(20_000);
    for (const service of ['v1', 'v2']) world.setVersion(service, { ...HEALTHY, errorRatio: 0.2 });
    await world.run(60_000);
    expect(shareOf(world)).toBe(10);
    expect(world.status('web')?.checks?.find(({ name }) => name === 'errors')?.verdict).toBe('Fail');
    for (const service of ['v1', 'v2']) world.setVersion(service, HEALTHY);
    await untilState(world, 'promoted');
  });

  test('a limit that the canary breaks and serving keeps takes it home, in the stage in which it turns', async () => {
    const world = await startStory(
      {
        stages: [
          { weight: 10, duration: '3m' },
          { weight: 50, duration: '10m' },
        ],
        analysis: {
          minRequests: 20,
          comparison: { mode: 'Enforce' },
          checks: [{ name: 'p99', metric: 'Latency', quantile: '0.99', max: '500ms' }],
        },
      },
      { rps: 200 },
    );
    await world.until('50%', () => shareOf(world) === 50);
    await world.run(30_000);
    world.setVersion('v2', { ...HEALTHY, slowRatio: 1 });
    expect(await untilState(world, 'rolledBack')).toBeLessThan(60_000);
    expect(world.status('web')?.release).toMatchObject({ reason: 'Latency', rejects: true });
  });

  test('a limit that both versions break holds, and the status says why, what is next and when', async () => {
    const world = await startStory(
      {
        stages: [{ weight: 50, duration: '3m' }],
        analysis: {
          minRequests: 20,
          comparison: { mode: 'Enforce' },
          checks: [{ name: 'p99', metric: 'Latency', quantile: '0.99', max: '500ms' }],
        },
      },
      { rps: 200 },
    );
    for (const service of ['v1', 'v2']) world.setVersion(service, { ...HEALTHY, slowRatio: 0.1 });
    await world.run(5 * 60_000);
    expect(shareOf(world)).toBe(50);
    expect(world.status('web')?.message).toMatch(
      /p99 .* \(limit <= 500ms\) over \d+ canary requests, held, because serving breaks the limit, too: a rollback would not help; promotion waits for a Pass: no limit may be broken for 3m; without one at \S+ the release pauses/,
    );
  });

  test('a gateway that ignores the weight is held and told', async () => {
    const world = await startStory(COMPARED, { rps: 200 });
    world.traffic.honoursWeights = false;
    await world.run(120_000);
    expect(shareOf(world)).toBe(10);
    expect(world.status('web')?.conditions?.find(({ type }) => type === 'TrafficSplitMismatch')?.status).toBe('True');
    expect(reasonsOf(world)).toContain('TrafficSplitMismatch');
    expect(world.status('web')?.verdict).toBe('Inconclusive');
  });

  test('rule 5: a restart comes to the same evidence', async () => {
    const evidence = async (restart: boolean) => {
      const world = await startStory({ ...COMPARED, stages: [{ weight: 10, duration: '10m' }] }, { rps: 100 });
      world.setVersion('v1', { ...HEALTHY, errorRatio: 0.01 });
      world.setVersion('v2', { ...HEALTHY, errorRatio: 0.012 });
      await world.run(200_000);
      if (restart) {
        world.operators[0]?.kill();
        await world.run(40_000);
        world.startOperator();
      } else await world.run(40_000);
      await world.run(60_000);
      // A pause is written at once, with what the last look said.
      world.editSpec('web', (spec) => ({ ...spec, paused: true }));
      await untilState(world, 'paused');
      return world.status('web')?.checks?.find(({ name }) => name === 'comparison');
    };
    const undisturbed = await evidence(false);
    expect(undisturbed?.requests).toBeGreaterThan(1_000);
    const restarted = await evidence(true);
    expect(restarted?.message).toBe(undisturbed?.message);
  });

  test('the time of the next step is never told from a handful of requests, nor from an old count and a later clock', async () => {
    const world = await startStory(
      {
        stages: [
          { weight: 10, duration: '1m' },
          { weight: 50, duration: '1m' },
        ],
        analysis: { minRequests: 5, comparison: { mode: 'Enforce' } },
      },
      { rps: 30, scrapeMs: 30_000 },
    );
    const began = world.clock.now();
    const told: number[] = [];
    const read = () => {
      const [, clock] = /at (\d\d:\d\d:\d\d)Z at the earliest/.exec(world.status('web')?.message ?? '') ?? [];
      if (clock !== undefined) told.push(Date.parse(`${new Date(began).toISOString().slice(0, 10)}T${clock}Z`) - began);
    };
    world.api.onChange(read);
    await world.until('50%', () => shareOf(world) === 50);
    expect(told.length).toBeGreaterThan(1);
    expect(Math.max(...told) - Math.min(...told)).toBeLessThan(30_000);
  });

  test('too little traffic is told with the sum, and a person may let it go on', async () => {
    const world = await startStory(
      {
        stages: [
          { weight: 10, duration: '1m', timeout: '10m' },
          { weight: 50, duration: '1m', timeout: '10m' },
        ],
        analysis: { minRequests: 5, onInconclusive: 'Approve', comparison: { mode: 'Enforce', riskBudget: '0.5%' } },
      },
      { rps: 2 },
    );
    await untilState(world, 'stage.awaitingApproval');
    const told = world.journal.events.find(({ reason }) => reason === 'ApprovalNeeded');
    expect(told?.note).toMatch(/\d+ of \d+ canary requests after \d+m at [0-9.]+\/s: raise this stage's weight to \d+, approve/);
    expect(shareOf(world)).toBe(10);
    world.command('web', 'approve', 1);
    await world.until('50%', () => shareOf(world) === 50);
  });

  test('little traffic is told before the first weight: stages that were not written begin with more of it, and ten requests may fail', async () => {
    const world = buildStore({ rps: 1 });
    await world.run(20 * 60_000);
    world.createRelease('web', { services: SPEC.services });
    await untilState(world, 'stage.analyzing');
    expect(shareOf(world)).toBe(20);
    expect(world.status('web')).toMatchObject({ progress: '1/2', release: { requestRate: expect.stringMatching(/^(0\.99\d|1)\/s$/) } });
    const told = world.journal.events.find(({ reason }) => reason === 'LittleTraffic');
    expect(told?.note).toBe(
      'serving had 1 requests/s in the half hour before; little traffic: the default stages are 20% for 5m, 50% for 10m',
    );
    await untilState(world, 'promoted', 40 * 60_000);
    expect(world.status('web')?.history?.[0]?.outcome).toBe('Promoted');
  });

  test('a stage that cannot prove anything at the present rate says so before it begins', async () => {
    const world = buildStore({ rps: 1 });
    await world.run(20 * 60_000);
    world.createRelease('web', {
      services: SPEC.services,
      stages: [{ weight: 5, duration: '2m' }, { weight: 25 }],
      analysis: { comparison: { riskBudget: '0.5%' } },
    });
    await untilState(world, 'stage.analyzing');
    const reasons = reasonsOf(world);
    expect(reasons.indexOf('LittleTraffic')).toBeGreaterThan(-1);
    expect(reasons.indexOf('LittleTraffic')).toBeLessThan(reasons.indexOf('WeightShifted'));
    const told = world.journal.events.find(({ reason }) => reason === 'LittleTraffic');
    expect(told?.note).toMatch(
      /stage 1 \(5%\) expects \d+ canary requests by its timeout of 30m, a Pass needs 210: give it weight 15 or a timeout of/,
    );
  });

  test('rule 5: a restart keeps the stages that were chosen when the release began', async () => {
    const world = buildStore({ rps: 1 });
    await world.run(20 * 60_000);
    world.createRelease('web', { services: SPEC.services });
    await untilState(world, 'stage.analyzing');
    world.traffic.rps = 50;
    world.operators[0]?.kill();
    await world.run(60_000);
    world.startOperator();
    await world.run(60_000);
    expect(shareOf(world)).toBe(20);
    expect(world.status('web')?.progress).toBe('1/2');
  });
});
